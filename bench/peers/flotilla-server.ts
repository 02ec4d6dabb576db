import type { Child } from "../child.js";
import { startFlotilla } from "../flotilla.js";
import type { Kind } from "../kinds.js";
import { answerOf, type Calls, type Candidate } from "../round.js";
import { openInference, type Wire } from "./wires.js";

/** Flotilla at work on one kind of model. */
export class FlotillaServer implements Candidate {
  readonly workers: number;
  readonly #child: Child;
  readonly #kind: Kind;
  readonly #wire: Pick<Wire, "name" | "connect">;

  private constructor(child: Child, kind: Kind, options: { processes: number; wire: Pick<Wire, "name" | "connect"> }) {
    this.#child = child;
    this.#kind = kind;
    this.workers = options.processes;
    this.#wire = options.wire;
  }

  /** Starts one that is called by Open Inference. */
  static async start(
    folder: string,
    kind: Kind,
    serving: { batching: boolean; processes: number },
  ): Promise<FlotillaServer> {
    const child = await startFlotilla(folder, kind, serving);
    return new FlotillaServer(child, kind, { processes: serving.processes, wire: openInference });
  }

  /** The same server, called otherwise. */
  by(wire: Pick<Wire, "name" | "connect">): FlotillaServer {
    return new FlotillaServer(this.#child, this.#kind, { processes: this.workers, wire });
  }

  get name(): string {
    return `Flotilla, ${this.#wire.name}`;
  }

  connect(onAnswer?: (answer: Buffer) => void): Calls {
    return this.#wire.connect(this.#child.ready.address, this.#kind, onAnswer);
  }

  cpuSeconds(): number {
    return this.#child.cpuSeconds();
  }

  /** The model's last output for the request, by Open Inference. */
  async lastOutput(): Promise<Float32Array> {
    return openInference.lastOutput(await answerOf((onAnswer) => this.by(openInference).connect(onAnswer)));
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}
