import { Command, InvalidArgumentError } from "commander";
import { formatBytes } from "../packaging/byte-size.js";
import { fetchModel } from "../packaging/fetch-model.js";
import { formatObject, type ObjectName, ObjectStore, type StoreKeys } from "../packaging/object-store.js";
import { TransferProgress } from "./transfer-progress.js";

interface FetchCommandOptions {
  readonly endpoint: string;
  readonly region: string;
  readonly sha256: string;
  readonly to: string;
}

const HELP = `
Keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN where they need one, of the environment;
without them the store is asked without a signature. The file is there only once it is whole and has its digest; where
the connection breaks, fetching goes on from there. Files that the model keeps weights in are fetched from beside it.

Example:
  flotilla fetch s3://models/fraud/r1.onnx --endpoint https://s3.example.com --sha256 f3c4… --to /models/model.onnx`;

/** `flotilla fetch`: a model from an S3-compatible store, for the init container of a pod. */
export function createFetchCommand(): Command {
  return new Command("fetch")
    .description("Fetch a model from an S3-compatible store.")
    .argument("<object>", "the model: s3://bucket/key.onnx", parseObject)
    .requiredOption("--endpoint <address>", "where the store is: https://s3.example.com", parseEndpoint)
    .option("--region <region>", "region of the bucket", "us-east-1")
    .requiredOption("--sha256 <digest>", "digest that the model must have", parseDigest)
    .requiredOption("--to <file>", "where the model shall be")
    .addHelpText("after", HELP)
    .action(fetchObject);
}

async function fetchObject(object: ObjectName, { endpoint, region, sha256, to }: FetchCommandOptions): Promise<void> {
  const store = new ObjectStore({ endpoint, region, keys: keysOf(process.env) });
  const begunMs = performance.now();
  const progress = new TransferProgress();
  try {
    const bytes = await fetchModel(
      { store, object, sha256, target: to },
      { observe: (name) => progress.observe(name), signal: endSignal() },
    );
    progress.end();
    const seconds = ((performance.now() - begunMs) / 1e3).toFixed(1);
    const done = bytes === 0 ? "was there already" : `${formatBytes(bytes)} in ${seconds} s`;
    process.stdout.write(`${formatObject(object)} -> ${to}: ${done}\n`);
  } finally {
    progress.end();
  }
}

/** Told to end, the process has to: the first one of a container is not ended by signals that it does not listen to. */
function endSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => controller.abort(new Error(`ended by ${signal}`)));
  }
  return controller.signal;
}

function keysOf(environment: NodeJS.ProcessEnv): StoreKeys | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  if (!accessKeyId && !secretAccessKey) return undefined;
  if (!accessKeyId || !secretAccessKey) {
    const missing = accessKeyId ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID";
    throw new Error(`${missing} is not set, and the other one of the two keys is: set both, or none`);
  }
  return { accessKeyId, secretAccessKey, sessionToken: environment.AWS_SESSION_TOKEN || undefined };
}

function parseObject(text: string): ObjectName {
  const parts = /^s3:\/\/([^/]+)\/(.+)$/.exec(text);
  if (!parts) throw new InvalidArgumentError("expected a bucket and a key: s3://bucket/key.onnx");
  return { bucket: parts[1]!, key: parts[2]! };
}

function parseEndpoint(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError("expected an address: https://s3.example.com");
  return text;
}

function parseDigest(text: string): string {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new InvalidArgumentError("expected 64 hexadecimal digits");
  return text.toLowerCase();
}
