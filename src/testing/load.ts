import { setTimeout as delay } from "node:timers/promises";
import { dueTimes, type Gaps, gapOf, type LoadStage, steadyStage } from "./load-profile.js";
import { type LoadFigures, LoadTally } from "./load-tally.js";

/** When calls are made. */
export type Arrivals =
  /** Each of some callers makes its next call once it has the answer to the one before. */
  | { readonly kind: "closed"; readonly callers: number; readonly durationMs: number }
  /** Calls come at a rate, whether those before them are answered or not: at equal gaps, or as strangers come. */
  | { readonly kind: "open"; readonly stages: readonly LoadStage[]; readonly gaps: Gaps };

/** How much load is made, and for how long. */
export interface LoadPlan {
  readonly arrivals: Arrivals;
  /** Calls begun in this time are not counted. They come as those of the first stage begin. */
  readonly warmUpMs: number;
  /** Open calls above which an open loop counts new ones as not sent: the server does not keep up. */
  readonly maxInFlight: number;
}

/** Makes one call; `done` is to be called once, with the gRPC code's name. */
export type MakeCall = (done: (code: string) => void) => void;

/** Told how it goes, so that a server's figures can be taken at the same times. */
export interface LoadEvents {
  onBegin?(): Promise<void> | void;
  /** At the end of a stage: its figures so far, without the calls that are open. */
  onStageEnd?(stage: StageFigures): Promise<void> | void;
  onEnd?(): Promise<void> | void;
  /** About ten times a second. */
  onProgress?(progress: LoadProgress): void;
  /** Ends the load early; what was counted until then is the result. */
  readonly signal?: AbortSignal;
}

/** How far a run is. */
export interface LoadProgress {
  readonly elapsedMs: number;
  readonly totalMs: number;
  /** The stage's name; a closed loop has one stage, with no name. */
  readonly stage: string;
}

/** What came of the calls that were due in a stage. */
export interface StageFigures extends LoadFigures {
  readonly stage: LoadStage;
}

/** What came of all: of calls that were due within the plan's time. */
export interface LoadResult extends LoadFigures {
  /** In their order, as far as the run went. A closed loop has none. */
  readonly stages: readonly StageFigures[];
  /** Whether it was ended early. */
  readonly isCut: boolean;
}

const PROGRESS_MS = 100;
/** How often an open loop that waits looks whether its time has begun, or is over. */
const LOOK_MS = 5;
/** Calls that an open loop which is behind makes before it lets answers in. */
const BURST = 100;

/** Makes calls as planned and times them. Resolves once every call is answered. */
export async function runLoad(plan: LoadPlan, makeCall: MakeCall, events: LoadEvents = {}): Promise<LoadResult> {
  const load = new Load(plan, makeCall);
  const loop = load.run();
  try {
    await pause(plan.warmUpMs, events.signal);
    await events.onBegin?.();
    load.begin();
    for (let index = 0; index < load.stages.length && !events.signal?.aborted; index++) {
      await untilStageEnds(load, index, events);
      await events.onStageEnd?.(load.stageFigures(index));
    }
  } finally {
    load.end();
  }
  await events.onEnd?.();
  await loop;
  return load.result(events.signal?.aborted ?? false);
}

async function untilStageEnds(load: Load, index: number, { signal, onProgress }: LoadEvents): Promise<void> {
  for (let restMs = load.restMs(index); restMs > 0 && !signal?.aborted; restMs = load.restMs(index)) {
    await pause(Math.min(restMs, PROGRESS_MS), signal);
    onProgress?.(load.progress(index));
  }
}

/** Waits, or not so long where it is told to end. */
async function pause(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(waitMs, undefined, { signal }).catch((error) => {
    if (!signal?.aborted) throw error;
  });
}

class Load {
  readonly stages: readonly LoadStage[];
  readonly #totalMs: number;
  readonly #plan: LoadPlan;
  readonly #makeCall: MakeCall;
  readonly #tallies: readonly LoadTally[];
  /** When each stage ends, from the begin of the first. */
  readonly #ends: readonly number[];
  #beganMs = Number.POSITIVE_INFINITY;
  #endedMs = Number.POSITIVE_INFINITY;
  #inFlight = 0;
  #onIdle = () => {};

  constructor(plan: LoadPlan, makeCall: MakeCall) {
    const { arrivals } = plan;
    this.stages = arrivals.kind === "open" ? arrivals.stages : [steadyStage("", 0, arrivals.durationMs)];
    this.#plan = plan;
    this.#makeCall = makeCall;
    this.#tallies = this.stages.map(() => new LoadTally());
    let endMs = 0;
    this.#ends = this.stages.map(({ durationMs }) => {
      endMs += durationMs;
      return endMs;
    });
    this.#totalMs = endMs;
  }

  progress(index: number): LoadProgress {
    const elapsedMs = Math.min(this.#totalMs, performance.now() - this.#beganMs);
    return { elapsedMs, totalMs: this.#totalMs, stage: this.stages[index]!.name };
  }

  /** Time until a stage ends. */
  restMs(index: number): number {
    return this.#beganMs + this.#ends[index]! - performance.now();
  }

  begin(): void {
    this.#beganMs = performance.now();
  }

  /** Calls that are due later than now, or than the plan ends, are not made. */
  end(): void {
    this.#endedMs = Math.min(performance.now(), this.#beganMs + this.#totalMs);
  }

  /** Makes calls until the end. Resolves once each is answered. */
  async run(): Promise<void> {
    const { arrivals } = this.#plan;
    if (arrivals.kind === "closed") return this.#runClosed(arrivals.callers);
    const gap = gapOf(arrivals.gaps);
    const warming = steadyStage("", arrivals.stages[0]!.fromRate, Number.POSITIVE_INFINITY);
    await this.#send(performance.now(), dueTimes([warming], gap), () => Math.min(this.#beganMs, this.#endedMs));
    await this.#send(this.#beganMs, dueTimes(arrivals.stages, gap), () => this.#endedMs);
    if (this.#inFlight > 0)
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
  }

  #runClosed(callers: number): Promise<void> {
    return new Promise((resolve) => {
      let open = callers;
      const next = (): void => {
        if (performance.now() >= this.#endedMs) {
          open -= 1;
          if (open === 0) resolve();
        } else this.#call(performance.now(), next);
      };
      for (let caller = 0; caller < callers; caller++) next();
    });
  }

  /** Makes the calls that are due before `untilMs`, which may become known meanwhile. */
  async #send(fromMs: number, dues: Iterable<number>, untilMs: () => number): Promise<void> {
    let burst = 0;
    for (const due of dues) {
      const dueMs = fromMs + due;
      // Timers count whole milliseconds: all calls that have become due meanwhile go out together.
      for (let waitMs = dueMs - performance.now(); waitMs > 0 || burst >= BURST; waitMs = dueMs - performance.now()) {
        if (dueMs >= untilMs()) return;
        await delay(Math.min(Math.max(0, waitMs), LOOK_MS));
        burst = 0;
      }
      if (dueMs >= untilMs()) return;
      burst += 1;
      if (this.#inFlight < this.#plan.maxInFlight) this.#call(dueMs);
      else this.#tallyAt(dueMs)?.countNotSent();
    }
  }

  #call(dueMs: number, then?: () => void): void {
    const sentMs = performance.now();
    this.#inFlight += 1;
    this.#makeCall((code) => {
      const endedMs = performance.now();
      this.#inFlight -= 1;
      this.#tallyAt(dueMs)?.count(code, { dueMs, sentMs, endedMs });
      this.#tallyAt(endedMs)?.countAnswer();
      then?.();
      if (this.#inFlight === 0) this.#onIdle();
    });
  }

  /** Who counts what happens at a time; nobody before the first stage and after the last. */
  #tallyAt(atMs: number): LoadTally | undefined {
    if (atMs < this.#beganMs || atMs >= this.#endedMs) return undefined;
    const index = this.#ends.findIndex((endMs) => atMs < this.#beganMs + endMs);
    return this.#tallies[index];
  }

  stageFigures(index: number): StageFigures {
    const stage = this.stages[index]!;
    const beginMs = this.#ends[index]! - stage.durationMs;
    const lastedMs = Math.min(stage.durationMs, Math.min(this.#endedMs, performance.now()) - this.#beganMs - beginMs);
    return { ...this.#tallies[index]!.figures(lastedMs / 1e3, false), stage };
  }

  result(isCut: boolean): LoadResult {
    const total = new LoadTally();
    for (const tally of this.#tallies) total.add(tally);
    const lastedMs = this.#endedMs - this.#beganMs;
    const isClosed = this.#plan.arrivals.kind === "closed";
    const begun = this.stages.filter((stage, index) => this.#ends[index]! - stage.durationMs < lastedMs);
    const stages = isClosed ? [] : begun.map((_, index) => this.stageFigures(index));
    return { ...total.figures(lastedMs / 1e3, isClosed), stages, isCut };
  }
}
