import { parentPort, workerData } from "node:worker_threads";
import { compareSignatures } from "../contract/compatibility.js";
import type { FaultReason } from "../contract/fault.js";
import { isBatchable } from "../contract/signature.js";
import type { Tensor } from "../contract/tensor.js";
import { transferList } from "./batch.js";
import {
  type AnswerRequest,
  type FromWorker,
  type JobRequest,
  processClockMs,
  type RunRequest,
  type ToWorker,
  type WorkerData,
} from "./messages.js";
import { ModelError } from "./model-error.js";
import type { Padding } from "./padding.js";
import { checkPadding } from "./padding-check.js";
import { rowsAreIndependent } from "./row-check.js";
import { measureCost } from "./run-cost.js";
import { Session } from "./session.js";
import type { Sharing, TransformRunner } from "./transform-runner.js";
import { type WarmUp, warmUp } from "./warm-up.js";

/** What a thread holds once it is ready. */
interface Loaded {
  readonly session: Session;
  readonly transform: TransformRunner | undefined;
  /** What the operator allows, once the model has been seen to take it. */
  readonly sharing: Sharing;
}

/** The entry of a worker thread: one model, one session, one run at a time. */
const { settings, withdrawn } = workerData as WorkerData;
const port = parentPort!;

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

async function load(): Promise<void> {
  const transform = await loadTransform();
  const session = await Session.load(settings, settings.threads);
  checkFit(session, transform);
  const warmth = await warm(session, transform);
  const sharing = await checkSharing(session);
  const measurable = transform === undefined && !session.hasSubgraphs && warmth.inferMs !== undefined;
  const { batchable, padding } = sharing;
  const loaded = { session, transform, sharing: { maxRows: batchable ? settings.maxBatchRows : 1, padding } };
  // One after another: a message may come while the one before still waits for its picture to be decoded.
  let last = Promise.resolve();
  port.on("message", (message: ToWorker) => {
    last = last.then(() => handle(message, loaded));
  });
  send({
    kind: "ready",
    signature: session.signature,
    digest: session.digest,
    modelBytes: session.modelBytes,
    inferMs: warmth.inferMs,
    cost: measurable
      ? await measureCost(settings.signature ?? session.signature, (inputs) => session.run(inputs))
      : undefined,
    batchable,
    padding,
    warning: warmth.warning ?? sharing.warning,
  });
}

/** What reads messages for transforms is only loaded where there is one: every thread holds its own copy. */
async function loadTransform(): Promise<TransformRunner | undefined> {
  if (!settings.transform) return undefined;
  const { TransformRunner } = await import("./transform-runner.js");
  return TransformRunner.load(settings.label, settings.transform);
}

function checkFit(session: Session, transform: TransformRunner | undefined): void {
  const wanted = transform?.signature ?? settings.signature;
  const differences = wanted ? compareSignatures(wanted, session.signature) : [];
  if (differences.length === 0) return;
  throw new ModelError(
    `${settings.modelPath} does not fit the contract:\n${differences.map(({ message }) => `  ${message}`).join("\n")}`,
  );
}

/** Whether calls may share runs, where the operator asks for it. */
async function checkSharing(
  session: Session,
): Promise<{ batchable: boolean; padding?: Padding | undefined; warning?: string | undefined }> {
  if (settings.maxBatchRows === 1) return { batchable: false };
  if (!isBatchable(session.signature)) {
    return { batchable: false, warning: "batching is off: an input or output has a fixed first dimension" };
  }
  const signature = settings.signature ?? session.signature;
  const run = (inputs: readonly Tensor[]) => session.run(inputs);
  if (!(await rowsAreIndependent(signature, run)))
    return { batchable: false, warning: "batching is off: the answer to a row depends on the rows beside it" };
  if (!settings.padding) return { batchable: true };
  const { padding, problem } = await checkPadding(signature, settings.padding, run);
  return { batchable: true, padding, warning: problem && `padding is off: ${problem}` };
}

async function warm(session: Session, transform: TransformRunner | undefined): Promise<WarmUp> {
  // The contract fixes dimensions that the model leaves open.
  const signature = settings.signature ?? session.signature;
  if (!transform || !settings.transform)
    return warmUp(signature, isBatchable(session.signature) ? settings.maxBatchRows : 1, (inputs) =>
      session.run(inputs),
    );
  const { requestType, responseType } = settings.transform;
  const request = transform.exampleRequest(requestType);
  let inferMs: number | undefined;
  for (let round = 0; round < 2; round++) {
    const startMs = processClockMs();
    const { answers } = await transform.answer(
      { kind: "answer", requestType, responseType, requests: [request] },
      {
        run: (inputs) => session.run(inputs),
        sharing: { maxRows: 1, padding: undefined },
        notAfterMs: Number.POSITIVE_INFINITY,
      },
    );
    inferMs = processClockMs() - startMs;
    const [answer] = answers;
    if (!answer?.ok)
      return {
        inferMs: undefined,
        warning: `not warmed up: the transform's example failed: ${answer?.cause ?? answer?.message}`,
      };
  }
  return { inferMs, warning: undefined };
}

async function handle(message: ToWorker, loaded: Loaded): Promise<void> {
  switch (message.kind) {
    case "job":
      return work(message, loaded);
    case "ping":
      return send({ kind: "pong" });
    case "close":
      loaded.session.release();
      end(0);
  }
}

async function work(job: JobRequest, loaded: Loaded): Promise<void> {
  const { request } = job;
  // It may have lain here while the one before it was done.
  if (Atomics.load(withdrawn, job.number & 1) === job.number) return refuse("CANCELLED", "the caller gave the call up");
  if (Date.now() > job.notAfterMs) return refuse("DEADLINE", "the deadline passed before inference; it was not begun");
  return request.kind === "run" ? run(request, loaded.session) : answer(request, job.notAfterMs, loaded);
}

function refuse(reason: FaultReason, problem: string): void {
  send({ kind: "fault", reason, message: `${settings.label}: ${problem}`, cause: undefined });
}

async function run({ inputs, outputs }: RunRequest, session: Session): Promise<void> {
  const startMs = processClockMs();
  try {
    const results = session.run(inputs, outputs);
    send({ kind: "ran", outputs: results, span: { startMs, endMs: processClockMs() } }, transferList(results));
  } catch (error) {
    const message = `${settings.label}: the model failed on this input`;
    send({ kind: "fault", reason: "RUN_FAILED", message, cause: (error as Error).message });
  }
}

async function answer(
  request: AnswerRequest,
  notAfterMs: number,
  { session, transform, sharing }: Loaded,
): Promise<void> {
  const startMs = processClockMs();
  const { answers, runs } = await transform!.answer(request, {
    run: (inputs) => session.run(inputs),
    sharing,
    notAfterMs,
  });
  const transfer = answers.flatMap((item) => (item?.ok ? [item.response.buffer] : []));
  send({ kind: "answered", answers, runs, span: { startMs, endMs: processClockMs() } }, transfer);
}

load().catch((error: unknown) => {
  const problem =
    error instanceof ModelError ? error.message : `${settings.label}: ${(error as Error)?.stack ?? error}`;
  send({ kind: "failed", problem });
  end(1);
});

/** Ends this thread alone. Timers or sockets that a transform left open would keep it, and so the process, alive. */
function end(code: number): void {
  setImmediate(() => process.exit(code));
}
