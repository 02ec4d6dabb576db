import { AwsClient } from "aws4fetch";

/** Keys of an S3-compatible store. */
export interface StoreKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of keys that hold for a while. */
  readonly sessionToken: string | undefined;
}

/** Which store, and as whom. */
export interface StoreOptions {
  /** `https://s3.example.com`. */
  readonly endpoint: string;
  readonly region: string;
  /** Undefined: without a signature. */
  readonly keys: StoreKeys | undefined;
}

/** One object of a store. */
export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
}

/** Where to go on with an object whose beginning is there. */
export interface Resumption {
  /** Bytes that are there. */
  readonly offset: number;
  /** The object's version that they are of. */
  readonly etag: string;
}

/** An object on its way. */
export interface ObjectBody {
  readonly body: ReadableStream<Uint8Array>;
  /** Of the body's first byte in the object. */
  readonly offset: number;
  /** Of the object as a whole; undefined where the store does not say. */
  readonly totalBytes: number | undefined;
  readonly etag: string | undefined;
}

/** The store says no: asking again will not help. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** The way to the store broke, or the store is busy: asking again may help. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

const BUSY = new Set([408, 429]);

/** Reads objects of an S3-compatible store, by path-style addresses, which every such store knows. */
export class ObjectStore {
  readonly #endpoint: string;
  readonly #client: AwsClient | undefined;

  constructor({ endpoint, region, keys }: StoreOptions) {
    this.#endpoint = endpoint.replace(/\/+$/, "");
    this.#client = keys && new AwsClient({ ...keys, sessionToken: keys.sessionToken!, service: "s3", region });
  }

  /**
   * Begins to read an object, or goes on with it where it is still the same one.
   * @throws StoreError, InterruptedError
   */
  async read(object: ObjectName, from: Resumption | undefined, signal: AbortSignal): Promise<ObjectBody> {
    const response = await this.#get(object, from, signal);
    const { status } = response;
    // The object is another one by now, or has no more bytes than are there.
    if (from !== undefined && (status === 412 || status === 416)) {
      await response.body?.cancel();
      return this.read(object, undefined, signal);
    }
    if (!response.ok) throw await refusal(response, `${formatObject(object)} at ${this.#endpoint}`, this.#client);
    return toBody(response);
  }

  async #get(object: ObjectName, from: Resumption | undefined, signal: AbortSignal): Promise<Response> {
    const url = `${this.#endpoint}/${objectPath(object)}`;
    const signed = await this.#client?.sign(url);
    // Not part of the signature: proxies on the way may write them anew.
    const headers = new Headers(signed?.headers);
    headers.set("accept-encoding", "identity");
    if (from !== undefined) {
      headers.set("range", `bytes=${from.offset}-`);
      headers.set("if-match", from.etag);
    }
    try {
      return await fetch(url, { headers, signal, redirect: "manual" });
    } catch (error) {
      throw interruption(error, this.#endpoint);
    }
  }
}

/** `s3://bucket/key`. */
export function formatObject({ bucket, key }: ObjectName): string {
  return `s3://${bucket}/${key}`;
}

/** The object's path-style address below its store's, encoded as the signature wants it. */
export function objectPath({ bucket, key }: ObjectName): string {
  return [bucket, ...key.split("/")].map(encode).join("/");
}

/** What broke the way to the store, from what `fetch` or its body threw. */
export function interruption(error: unknown, from: string): InterruptedError {
  if (error instanceof InterruptedError) return error;
  const { message, cause } = error as Error & { cause?: { message?: string; code?: string } };
  // fetch's own message is "fetch failed"; an attempt at several addresses leaves a code alone.
  return new InterruptedError(`${from}: ${cause?.message || cause?.code || message}`, { cause: error });
}

/** Everything but letters, digits and four signs. */
function encode(part: string): string {
  return encodeURIComponent(part).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function toBody(response: Response): ObjectBody {
  const { headers, status } = response;
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "");
  const offset = status === 206 && range ? Number(range[1]) : 0;
  const length = headers.get("content-length");
  const totalBytes = range ? Number(range[2]) : length === null ? undefined : Number(length);
  return { body: response.body!, offset, totalBytes, etag: headers.get("etag") ?? undefined };
}

async function refusal(response: Response, what: string, signed: unknown): Promise<Error> {
  const { status } = response;
  const text = await response.text().catch(() => "");
  const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? "";
  const said = `${status}${code === "" ? "" : ` ${code}`}`;
  if (status >= 500 || BUSY.has(status)) return new InterruptedError(`${what}: the store answers ${said}`);
  return new StoreError(`${what}: the store answers ${said}; ${advice(status, code, signed !== undefined)}`);
}

function advice(status: number, code: string, signed: boolean): string {
  // Some stores answer 404 to keys that they don't know.
  if (status === 404 && (code === "" || code.startsWith("NoSuch"))) return "check the bucket and the key";
  if (status >= 300 && status < 400) return "the bucket is elsewhere: check the endpoint and the region";
  if (!signed) return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to keys that may read it";
  return "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, the region, what the keys may read, and this machine's clock";
}
