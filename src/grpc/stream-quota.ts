import { isIPv4 } from "node:net";
import type { Metadata } from "@grpc/grpc-js";
import { Fault } from "../contract/fault.js";

/** A call as far as it says who makes it. */
export interface CallerParts {
  readonly metadata: Metadata;
  /** `127.0.0.1:54321`. */
  getPeer(): string;
}

/** Header in which a sidecar says whose certificate it saw. @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert */
const CERTIFICATE_HEADER = "x-forwarded-client-cert";

/**
 * Who makes a call: the identity that the pod's own sidecar vouches for, or else the address that it comes from. A caller
 * from elsewhere could write the header itself, and of several entries all but the sidecar's own, which is the last.
 */
export function callerOf(call: CallerParts): string {
  const address = call.getPeer().replace(/:\d+$/, "");
  if (!isLoopback(address)) return address;
  const header = String(call.metadata.get(CERTIFICATE_HEADER)[0] ?? "");
  const entry = header.slice(header.lastIndexOf(",") + 1);
  return /(?:^|;)URI=([^;,"]+)/.exec(entry)?.[1] ?? address;
}

function isLoopback(address: string): boolean {
  const plain = address.replace(/^\[?(?:::ffff:)?/i, "").replace(/\]$/, "");
  return plain === "::1" || address === "[::1]" || (isIPv4(plain) && plain.startsWith("127."));
}

/** Counts the open streams of each caller. */
export class StreamQuota {
  readonly #label: string;
  readonly #perCaller: number;
  readonly #open = new Map<string, number>();

  /** @param label what is streamed, for messages */
  constructor(label: string, perCaller: number) {
    this.#label = label;
    this.#perCaller = perCaller;
  }

  /**
   * Takes note of a caller's new stream.
   * @returns to be called once, when the stream is over
   * @throws Fault STREAM_LIMIT where the caller has as many as it may have
   */
  enter(caller: string): () => void {
    const open = this.#open.get(caller) ?? 0;
    if (open >= this.#perCaller) {
      const problem = `${this.#label}: ${caller} has ${open} streams open at this server, and may have ${this.#perCaller}`;
      throw new Fault("STREAM_LIMIT", `${problem}: end one, or send more over those that are open`);
    }
    this.#open.set(caller, open + 1);
    return () => this.#leave(caller);
  }

  #leave(caller: string): void {
    const open = this.#open.get(caller)! - 1;
    if (open === 0) this.#open.delete(caller);
    else this.#open.set(caller, open);
  }
}
