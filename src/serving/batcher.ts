import { Fault } from "../contract/fault.js";
import type { Tensor } from "../contract/tensor.js";
import type { Admission } from "./admission.js";
import { isJoinable, rowsOf } from "./batch.js";
import type { MessageWork, Outcome, TensorWork, Timing, Work } from "./inference.js";
import { type Answer, processClockMs } from "./messages.js";
import { joinCalls, type Padding, type PaddingSettings, sharingKey, splitCalls } from "./padding.js";
import type { Job, JobResult } from "./pool.js";
import type { RunTimes } from "./statistics.js";

/** Where jobs go: a `WorkerPool`. */
export interface Runner {
  /** Whether some job would be taken now. */
  readonly idle: boolean;
  /** Whether one would be, now, that `work` is the first of, with so many more rows. */
  takes(work: Work, moreRows: number): boolean;
  /** Whether jobs are run on this thread: then it is worth while to wait for what else has come in. */
  readonly near: boolean;
  readonly readyWorkers: number;
  run(job: Job): Promise<JobResult>;
}

/** How calls are joined. */
export interface BatchingSettings {
  /** Rows that one run may hold; 1: every call runs alone. */
  readonly maxRows: number;
  /** How long the first call of a batch waits for company. */
  readonly maxDelayMs: number;
  /** How calls of other lengths may share a run; undefined: they don't. */
  readonly padding?: PaddingSettings | undefined;
}

/** What a batcher tells its owner. */
export interface BatcherEvents {
  /** A call ended, `totalMs` after it came. */
  onCall(outcome: Outcome, totalMs: number): void;
  /** A run of `rows` rows for `calls` calls ended. */
  onRun(rows: number, calls: number, times: RunTimes): void;
}

const DEADLINE_TOLERANCE_MS = 5;
/** What is left of a deadline beside the run: timers are late by some, and an answer has a way to its caller. */
const AROUND_RUN_MS = 5;

/** Batches that may wait for company while one behind them is looked for: each look goes over all calls that wait. */
const MAX_HELD = 16;

/** One call, from admission to settling. */
interface Call {
  readonly work: Work;
  readonly rows: number;
  /** Calls of one key can share a run; empty where it runs alone. */
  key: string;
  readonly deadlineMs: number;
  readonly admittedMs: number;
  /** Undefined once the call is settled: it is settled once, whatever happens to its batch mates. */
  settle: ((outcome: Outcome) => void) | undefined;
  /** What it was handed out as, where nobody shares it. */
  job: Job | undefined;
  /**
   * It shares no run: no calls of its model do, its tensors differ in their rows, or it is run again by itself: its batch
   * failed, of which only the call that is at fault is to fail, or would have waited for it.
   */
  alone: boolean;
  /** The number of the pump that can't hand it out: its batch waits for company, or nobody is free for it. */
  passedIn: number;
}

/**
 * Holds the calls that wait for a model and hands them to its workers, several as one run where they fit together.
 *
 * A batch goes out as soon as a worker is idle and the batch is full, or its first call has waited `maxDelayMs`, or
 * waiting longer would cost one of its calls its deadline; what comes behind it does not wait for it.
 */
export class Batcher {
  readonly #runner: Runner;
  readonly #admission: Admission;
  #settings: BatchingSettings;
  readonly #events: BatcherEvents;
  #padding: Padding | undefined;
  /** Calls in the order they came, none of them settled. */
  #waiting: Call[] = [];
  #running = 0;
  #pumps = 0;
  /** When the last run that is settled ended. */
  #endedMs = 0;
  #isPumping = false;
  #timer: NodeJS.Timeout | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: { runner: Runner; admission: Admission; settings: BatchingSettings; events: BatcherEvents }) {
    this.#runner = options.runner;
    this.#admission = options.admission;
    this.#settings = options.settings;
    this.#events = options.events;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Takes a call on, or refuses it with OVERLOADED or DEADLINE. `settle` is called once, after this returned.
   * @returns gives the call up: CANCELLED unless it is settled
   */
  submit(work: Work, deadlineMs: number, settle: (outcome: Outcome) => void): () => void {
    const load = { waiting: this.#waiting.length, workers: this.#runner.readyWorkers, nowMs: Date.now(), deadlineMs };
    const refusal = this.#admission.refusal(load);
    const call = toCall(work, deadlineMs, settle);
    if (this.#settings.maxRows > 1) this.#joinable(call);
    if (refusal) {
      queueMicrotask(() => this.#settle(call, { ok: false, fault: refusal }));
      return () => {};
    }
    this.#waiting.push(call);
    this.#pumpSoon();
    return () => {
      // gRPC says of every call that it is over; nearly all have been settled by then.
      if (call.settle) this.#giveUp(call, givenUp(deadlineMs));
    };
  }

  #joinable(call: Call): void {
    const { work } = call;
    call.alone = work.kind === "tensors" && !isJoinable(work.inputs);
    if (!call.alone) call.key = keyOf(work, this.#padding);
  }

  /** Once for all calls that have come in together. */
  #pumpSoon(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    const pump = () => {
      this.#isPumping = false;
      this.pump();
    };
    if (this.#runner.near && this.#settings.maxRows > 1) setImmediate(pump);
    else queueMicrotask(pump);
  }

  /** Hands out what can go out now, whatever before it has to wait. To be called when a worker becomes idle. */
  pump(): void {
    let soonestMs = Number.POSITIVE_INFINITY;
    this.#pumps += 1;
    for (let held = 0; held < MAX_HELD && this.#runner.idle; ) {
      const head = this.#nextLive();
      if (!head) break;
      const batch = this.#gather(head);
      const waitMs = this.#waitMs(batch);
      if (waitMs <= 0) {
        this.#dispatch(batch);
        continue;
      }
      soonestMs = Math.min(soonestMs, waitMs);
      for (const call of batch) call.passedIn = this.#pumps;
      held += 1;
    }
    if (soonestMs < Number.POSITIVE_INFINITY) this.#wake(soonestMs);
  }

  /** From now on every call runs alone: the model turned out not to take several. */
  disable(): void {
    this.#settings = { maxRows: 1, maxDelayMs: 0 };
  }

  /** From now on calls of other lengths share runs, too; to be called before the first call. */
  pad(padding: Padding | undefined): void {
    this.#padding = padding;
  }

  /** Settles everything that waits with `fault`. */
  flush(fault: Fault): void {
    for (const call of [...this.#waiting]) this.#giveUp(call, fault);
  }

  /** Resolves when nothing waits and nothing runs. */
  drained(): Promise<void> {
    if (this.#waiting.length + this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#onEmpty;
      this.#onEmpty = () => {
        before?.();
        resolve();
      };
    });
  }

  /** The first call that can still be in time, that somebody is free for, and whose batch is not held back. */
  #nextLive(): Call | undefined {
    for (let index = 0; index < this.#waiting.length; ) {
      const call = this.#waiting[index]!;
      if (call.passedIn !== this.#pumps) {
        const late = this.#admission.late(Date.now(), call.deadlineMs);
        if (late) {
          this.#giveUp(call, late);
          continue;
        }
        if (this.#runner.takes(call.work, 0)) return call;
        call.passedIn = this.#pumps;
      }
      index += 1;
    }
    return undefined;
  }

  /** The first call and those behind it that can share its run. */
  #gather(head: Call): Call[] {
    const { maxRows } = this.#settings;
    const batch = [head];
    if (head.alone) return batch;
    let rows = head.rows;
    for (let index = this.#waiting.indexOf(head) + 1; index < this.#waiting.length && rows < maxRows; index++) {
      const call = this.#waiting[index]!;
      if (call.alone || call.key !== head.key || rows + call.rows > maxRows) continue;
      if (!this.#runner.takes(head.work, rows + call.rows - head.rows)) continue;
      batch.push(call);
      rows += call.rows;
    }
    return batch;
  }

  /** How much longer a batch may wait for company. */
  #waitMs(batch: readonly Call[]): number {
    const { maxRows, maxDelayMs } = this.#settings;
    const rows = batch.reduce((sum, call) => sum + call.rows, 0);
    if (maxRows === 1 || maxDelayMs === 0 || rows >= maxRows || batch[0]!.alone) return 0;
    const ageMs = processClockMs() - batch[0]!.admittedMs;
    const nowMs = Date.now();
    const runMs = this.#admission.estimate.meanMs + AROUND_RUN_MS;
    const slackMs = Math.min(...batch.map((call) => call.deadlineMs - nowMs - runMs));
    return Math.min(maxDelayMs - ageMs, slackMs);
  }

  #wake(waitMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.pump(), waitMs);
  }

  async #dispatch(batch: readonly Call[]): Promise<void> {
    const calls = batch.length === 1 ? batch : this.#inTime(batch);
    this.#take(calls);
    this.#running += 1;
    const dispatchedMs = processClockMs();
    try {
      const job = toJob(calls, this.#padding);
      if (calls.length === 1) calls[0]!.job = job;
      const result = await this.#runner.run(job);
      this.#finish(calls, result, dispatchedMs);
    } catch (error) {
      this.#fail(calls, error);
    }
    this.#running -= 1;
    this.#checkEmpty();
  }

  /** Those of a batch that can still be in time; of the first that has been seen. */
  #inTime(batch: readonly Call[]): Call[] {
    const nowMs = Date.now();
    for (const call of batch.slice(1)) {
      const late = this.#admission.late(nowMs, call.deadlineMs);
      if (late) this.#giveUp(call, late);
    }
    return batch.filter((call) => call.settle);
  }

  /** Takes calls that are dispatched out of those that wait. Mostly they are the first ones. */
  #take(calls: readonly Call[]): void {
    if (calls.length === 1 && this.#waiting[0] === calls[0]) {
      this.#waiting.shift();
      return;
    }
    if (calls.every((call, index) => this.#waiting[index] === call)) {
      this.#waiting.splice(0, calls.length);
      return;
    }
    const taken = new Set(calls);
    this.#waiting = this.#waiting.filter((call) => !taken.has(call));
  }

  #finish(calls: readonly Call[], result: JobResult, handedMs: number): void {
    const { startMs, endMs } = result.span;
    const inferMs = endMs - startMs;
    // A worker may have been handed it while it ran another: until that one's end it waited as it would have in the queue.
    const dispatchedMs = Math.max(handedMs, Math.min(this.#endedMs, startMs));
    this.#endedMs = endMs;
    this.#admission.estimate.observe(inferMs);
    const settledMs = processClockMs();
    const batchMs = Math.max(0, settledMs - dispatchedMs - inferMs);
    this.#tellRuns(calls, result, { dispatchedMs, startMs, endMs, settledMs });
    const split = result.kind === "ran" ? splitCalls(result.outputs, calls.map(inputsOf), this.#padding) : undefined;
    for (let index = 0; index < calls.length; index++) {
      const call = calls[index]!;
      const timing = { queueMs: dispatchedMs - call.admittedMs, batchMs, inferMs };
      const answer = result.kind === "answered" ? result.answers[index] : undefined;
      if (result.kind === "ran") this.#settle(call, tensorOutcome(split?.[index], timing));
      else if (answer) this.#settle(call, messageOutcome(answer, timing));
      else this.#runAlone([call]);
    }
  }

  #tellRuns(calls: readonly Call[], result: JobResult, times: RunTimes): void {
    if (result.kind === "ran") {
      const rows = calls.reduce((sum, call) => sum + call.rows, 0);
      this.#events.onRun(rows, calls.length, times);
      return;
    }
    // A transform may split its requests over several runs: their time is counted with the first.
    result.runs.forEach((rows, index) => {
      this.#events.onRun(rows, index === 0 ? calls.length : 0, times);
    });
  }

  #fail(calls: readonly Call[], error: unknown): void {
    const fault = error instanceof Fault ? error : new Fault("RUN_FAILED", "the run failed", { cause: error });
    if (fault.reason !== "RUN_FAILED" || calls.length === 1) {
      for (const call of calls) this.#settle(call, { ok: false, fault });
      return;
    }
    this.#runAlone(calls);
  }

  /** Those of a run's calls that are not settled are run again, each by itself. */
  #runAlone(calls: readonly Call[]): void {
    const again = calls.filter((call) => call.settle);
    for (const call of again) call.alone = true;
    this.#waiting.unshift(...again);
    queueMicrotask(() => this.pump());
  }

  /** Settles a call without its answer; one that is running goes on, and nobody hears of its result. */
  #giveUp(call: Call, fault: Fault): void {
    const index = this.#waiting.indexOf(call);
    if (index >= 0) this.#waiting.splice(index, 1);
    call.job?.withdraw?.();
    this.#settle(call, { ok: false, fault });
    this.#checkEmpty();
  }

  #settle(call: Call, outcome: Outcome): void {
    const { settle } = call;
    if (!settle) return;
    call.settle = undefined;
    this.#events.onCall(outcome, processClockMs() - call.admittedMs);
    settle(outcome);
  }

  #checkEmpty(): void {
    if (this.#waiting.length + this.#running === 0) this.#onEmpty?.();
  }
}

/** gRPC gives a call up when its deadline passes, too; its timer may be a little early. */
export function givenUp(deadlineMs: number): Fault {
  if (Date.now() < deadlineMs - DEADLINE_TOLERANCE_MS) return new Fault("CANCELLED", "the caller gave the call up");
  return new Fault("DEADLINE", "the deadline passed before the answer");
}

function toCall(work: Work, deadlineMs: number, settle: (outcome: Outcome) => void): Call {
  const rows = work.kind === "tensors" ? rowsOf(work.inputs) : 1;
  return {
    work,
    rows,
    key: "",
    deadlineMs,
    admittedMs: processClockMs(),
    settle,
    job: undefined,
    alone: true,
    passedIn: 0,
  };
}

function keyOf(work: Work, padding: Padding | undefined): string {
  return work.kind === "tensors" ? sharingKey(work.inputs, work.outputs, padding) : `message ${work.requestType}`;
}

function toJob(calls: readonly Call[], padding: Padding | undefined): Job {
  const [first] = calls;
  const notAfterMs = calls.reduce((latest, { deadlineMs }) => Math.max(latest, deadlineMs), 0);
  if (first!.work.kind === "message") {
    const { requestType, responseType } = first!.work;
    const requests = calls.map((call) => (call.work as MessageWork).request);
    return { request: { kind: "answer", requestType, responseType, requests }, notAfterMs };
  }
  const inputs = joinCalls(calls.map(inputsOf), padding);
  return { request: { kind: "run", inputs, outputs: first!.work.outputs }, notAfterMs };
}

function inputsOf({ work }: Call): readonly Tensor[] {
  return (work as TensorWork).inputs;
}

function tensorOutcome(outputs: readonly Tensor[] | undefined, timing: Timing): Outcome {
  if (outputs) return { ok: true, kind: "tensors", outputs, timing };
  const cause =
    "an output's first dimension is not the number of rows of the batch; turn batching off for this revision";
  return { ok: false, fault: new Fault("RUN_FAILED", "the model's outputs can't be told apart by caller", { cause }) };
}

function messageOutcome(answer: Answer, timing: Timing): Outcome {
  if (answer.ok) return { ok: true, kind: "message", response: answer.response, timing };
  return { ok: false, fault: new Fault(answer.reason, answer.message, { cause: answer.cause }) };
}
