import type { Child } from "./child.js";
import { GrpcCalls } from "./grpc-calls.js";
import type { Calls, Candidate } from "./round.js";

/** Requests to one method, sent in turn. */
export interface Load {
  readonly path: string;
  readonly requests: readonly Buffer[];
}

/** A child under load over one connection. */
export class Loaded implements Candidate {
  constructor(
    readonly name: string,
    readonly child: Child,
    readonly load: Load,
  ) {}

  connect(onAnswer?: (answer: Buffer) => void): Calls {
    return new GrpcCalls(this.child.ready.address, { ...this.load, connections: 1, onAnswer });
  }

  cpuSeconds(): number {
    return this.child.cpuSeconds();
  }
}
