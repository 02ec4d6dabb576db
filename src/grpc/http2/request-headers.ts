import { Metadata } from "@grpc/grpc-js";
import type { IncomingHeaders } from "../../telemetry/trace.js";
import type { HeaderList } from "./header-decoder.js";

/** What a request begins with. The last one may be missing. @see RFC 9113, section 8.3.1 */
const BEGIN = [":method", ":scheme", ":path", ":authority"];
/** Headers that no request may have, or that say what has to be checked. */
const OUT_OF_THE_ORDINARY = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "content-length",
]);
/** Headers that are about this hop alone. */
const OF_THE_HOP = new Set([
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
  "accept-encoding",
  "te",
  "content-type",
]);

/** @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md (Custom-Metadata) */
const METADATA_NAME = /^[0-9a-z_.-]+$/;
const METADATA_VALUE = /^[ -~]*$/;

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };
/** The longest that Node's timers count. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

const NONE: readonly string[] = [];

/** Headers of a call. */
export class RequestHeaders implements IncomingHeaders {
  readonly #names: readonly string[];
  readonly #values: readonly string[];
  readonly #isWellFormed: boolean;

  constructor({ names, values, isWellFormed }: HeaderList) {
    this.#names = names;
    this.#values = values;
    this.#isWellFormed = isWellFormed;
  }

  get(name: string): readonly string[] {
    const index = this.#names.indexOf(name);
    if (index < 0) return NONE;
    const first = this.#values[index]!;
    if (this.#names.indexOf(name, index + 1) < 0) return [first];
    return this.#values.filter((_, other) => this.#names[other] === name);
  }

  /** What grpc-js makes of them: those that gRPC knows of, and without those that are about this hop alone. */
  toMetadata(): Metadata {
    const metadata = new Metadata();
    for (const [index, name] of this.#names.entries()) {
      const value = this.#values[index]!;
      if (!METADATA_NAME.test(name) || OF_THE_HOP.has(name)) continue;
      if (name.endsWith("-bin")) for (const one of value.split(",")) metadata.add(name, Buffer.from(one, "base64"));
      else if (METADATA_VALUE.test(value)) metadata.add(name, value);
    }
    return metadata;
  }

  /** The path of a plain call of gRPC; undefined for anything that somebody else is to look at. */
  plainPath(): string | undefined {
    const names = this.#names;
    const begin = names.findIndex((name) => name[0] !== ":");
    if (!this.#isWellFormed || begin < 0) return undefined;
    const path = this.#pathOf(begin);
    let isGrpc = false;
    for (let index = begin; index < names.length; index++) {
      const name = names[index]!;
      const value = this.#values[index]!;
      if (name === "content-type") isGrpc = value.startsWith("application/grpc");
      else if (name === "grpc-encoding" && value !== "identity") return undefined;
      else if (name === "te" && value !== "trailers") return undefined;
      else if (name[0] === ":" || OUT_OF_THE_ORDINARY.has(name)) return undefined;
    }
    return isGrpc ? path : undefined;
  }

  /** The path where the first `count` headers are those that a call begins with, each of them once. */
  #pathOf(count: number): string | undefined {
    if (count !== BEGIN.length && count !== BEGIN.length - 1) return undefined;
    const found = BEGIN.map((name) => this.#names.indexOf(name));
    const [method, scheme, path, authority] = found as [number, number, number, number];
    if (method < 0 || scheme < 0 || path < 0 || authority < 0 !== count < BEGIN.length) return undefined;
    return this.#values[method] === "POST" ? this.#values[path] : undefined;
  }

  /**
   * How long the call has; Infinity where it does not say, undefined where it says what can't be.
   * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md (Timeout)
   */
  timeoutMs(): number | undefined {
    const header = this.get("grpc-timeout");
    if (header.length === 0) return Number.POSITIVE_INFINITY;
    const [, count, unit] = TIMEOUT.exec(header[0]!) ?? [];
    if (count === undefined) return undefined;
    const timeoutMs = Number(count) * UNIT_MS[unit!]!;
    return timeoutMs <= MAX_TIMEOUT_MS ? timeoutMs : undefined;
  }
}
