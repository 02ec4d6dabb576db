import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { AwsClient } from "aws4fetch";
import { objectPath, type StoreKeys } from "../../src/packaging/object-store.js";
import { ROOT } from "../support/contract-fixture.js";
import { freePort } from "../support/free-port.js";

const PROGRAM = path.join(ROOT, ".tools/versitygw");
const START_TRIES = 100;
const TRY_MS = 50;

/** Keys that the store knows. */
export const KEYS: StoreKeys = {
  accessKeyId: "flotilla-test",
  secretAccessKey: "not a secret of anybody",
  sessionToken: undefined,
};
export const BUCKET = "models";
/** What is in here is everybody's to read, without a signature. */
export const PUBLIC_BUCKET = "public";

/** An S3-compatible store as a process of its own, with two buckets. It checks signatures. */
export class S3Store {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #client = new AwsClient({ ...KEYS, sessionToken: undefined!, service: "s3", region: "us-east-1" });

  private constructor(process: ChildProcess, port: number, folder: string) {
    this.#process = process;
    this.port = port;
    this.#folder = folder;
  }

  static async start(): Promise<S3Store> {
    const folder = mkdtempSync(path.join(tmpdir(), "flotilla-s3-"));
    for (const name of ["objects", "facts"]) mkdirSync(path.join(folder, name));
    const port = await freePort();
    const store = ["posix", "--sidecar", path.join(folder, "facts"), path.join(folder, "objects")];
    const env = { ...process.env, ROOT_ACCESS_KEY: KEYS.accessKeyId, ROOT_SECRET_KEY: KEYS.secretAccessKey };
    const args = ["--quiet", "--port", `127.0.0.1:${port}`, ...store];
    const started = new S3Store(spawn(PROGRAM, args, { env, stdio: "ignore" }), port, folder);
    await started.#ready();
    for (const bucket of [BUCKET, PUBLIC_BUCKET]) await started.#ask("PUT", bucket);
    await started.#publish();
    return started;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async put(key: string, bytes: Uint8Array, bucket = BUCKET): Promise<void> {
    await this.#ask("PUT", objectPath({ bucket, key }), bytes);
  }

  async stop(): Promise<void> {
    const exit = once(this.#process, "exit");
    this.#process.kill();
    await exit;
    rmSync(this.#folder, { recursive: true });
  }

  async #ready(): Promise<void> {
    for (let tries = 0; tries < START_TRIES; tries++) {
      if (await fetch(this.endpoint).then(Boolean, () => false)) return;
      await pause(TRY_MS);
    }
    throw new Error(`${PROGRAM} does not answer at ${this.endpoint}`);
  }

  async #publish(): Promise<void> {
    const statement = {
      Effect: "Allow",
      Principal: "*",
      Action: "s3:GetObject",
      Resource: `arn:aws:s3:::${PUBLIC_BUCKET}/*`,
    };
    const policy = { Version: "2012-10-17", Statement: [statement] };
    await this.#ask("PUT", `${PUBLIC_BUCKET}?policy`, Buffer.from(JSON.stringify(policy)));
  }

  async #ask(method: string, target: string, body?: Uint8Array): Promise<void> {
    const request = body === undefined ? { method } : { method, body: new Uint8Array(body) };
    const response = await this.#client.fetch(`${this.endpoint}/${target}`, request);
    if (!response.ok) throw new Error(`${method} ${target}: ${response.status} ${await response.text()}`);
  }
}

/** Skips the tests around where there is no Go: `make tools` builds the store with it. */
export function needsS3Store(this: Mocha.Context): void {
  if (existsSync(PROGRAM)) return;
  try {
    execFileSync("go", ["version"], { stdio: "ignore" });
  } catch {
    this.skip();
  }
  throw new Error(`${PROGRAM}: not found; \`make tools\` builds it`);
}
