import type { Hop } from "../client/hop.js";
import { Fault } from "../contract/fault.js";
import type { CompositionSettings } from "../serving/composition-settings.js";
import type { MessageWork, ModelState, Outcome, Work } from "../serving/inference.js";
import { type Message, MessageCodec } from "../serving/message-codec.js";
import type { ModelObserver, StartedModel } from "../serving/started-model.js";
import { StatisticsRecorder } from "../serving/statistics.js";
import { MadeHops } from "../telemetry/made-hops.js";
import { toFault } from "./call-fault.js";
import { Callees } from "./callees.js";
import { ComposedCall } from "./composed-call.js";
import { checkDigest, type LoadedComposition, loadComposition } from "./load-composition.js";
import { codeName } from "./method-names.js";

/** What a composition needs beside its settings. */
export interface CompositionHost {
  readonly observer: ModelObserver;
  /** Told of each call that it made, once that is over. */
  readonly onHop: (hop: Hop) => void;
  /** Told of what network and proxies added to all the calls that one call set off. */
  readonly onChain: (contract: string, revision: string, overheadMs: number) => void;
}

/** What answers, once it is loaded. */
interface Loaded {
  readonly composition: LoadedComposition;
  readonly callees: Callees;
  readonly codec: MessageCodec;
}

/** A revision that answers by calling other contracts. Its code runs on this thread, and waits for them most of the time. */
export class ComposedModel implements StartedModel {
  readonly contract: string;
  readonly revision: string;
  readonly signature = undefined;
  readonly maxBatchRows = 1;
  readonly statistics = new StatisticsRecorder();
  readonly queueSize: number;
  state: ModelState = "LOADING";
  problem: string | undefined;
  digest: string | undefined;
  readonly #settings: CompositionSettings;
  readonly #host: CompositionHost;
  readonly #label: string;
  readonly #settled: Promise<void>;
  readonly #idle: (() => void)[] = [];
  #loaded: Loaded | undefined;
  #open = 0;
  #closing = false;

  constructor(settings: CompositionSettings, host: CompositionHost) {
    this.contract = settings.contract;
    this.revision = settings.revision;
    this.queueSize = settings.queueSize;
    this.#label = `${settings.contract}/${settings.revision}`;
    this.#settings = settings;
    this.#host = host;
    this.#settled = this.#load();
  }

  /** Calls that are open: none waits for a worker, they wait for those that the composition calls. */
  get waiting(): number {
    return this.#open;
  }

  settled(): Promise<void> {
    return this.#settled;
  }

  submit(work: Work, deadlineMs: number, settle: (outcome: Outcome) => void): () => void {
    const refusal = this.#refusal(work, deadlineMs);
    if (refusal !== undefined) {
      queueMicrotask(() => settle({ ok: false, fault: refusal }));
      return () => {};
    }
    const { reserveMs } = this.#settings;
    const call = new ComposedCall(work as MessageWork, { reserveMs, deadlineMs: this.#deadline(deadlineMs) });
    const startMs = performance.now();
    this.#open += 1;
    this.#host.observer.onSubmit(this);
    this.#answer(work as MessageWork, call).then((outcome) => {
      call.end();
      this.#over(outcome, performance.now() - startMs);
      settle(outcome);
    });
    return () => call.cancel();
  }

  async unload(): Promise<void> {
    if (this.state !== "FAILED") this.#setState("UNLOADED");
    await this.close();
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#settled;
    if (this.#open > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#loaded?.callees.close();
  }

  async #load(): Promise<void> {
    const { module, sha256, service, callees } = this.#settings;
    try {
      const digest = await checkDigest(module, sha256);
      const composition = await loadComposition(module.path);
      const missing = service!.methods.filter(({ name }) => composition.methods[codeName(name)] === undefined);
      if (missing.length > 0) throw new Error(`it does not answer ${missing.map(({ name }) => name).join(", ")}`);
      this.#loaded = {
        composition,
        codec: new MessageCodec(service!.image),
        callees: new Callees({ from: this.contract, clients: composition.clients, callees, onHop: this.#host.onHop }),
      };
      this.digest = digest;
      this.#setState("READY");
    } catch (error) {
      this.problem = (error as Error).message;
      this.#setState("FAILED");
    }
  }

  #refusal(work: Work, deadlineMs: number): Fault | undefined {
    if (this.state !== "READY" || this.#closing) {
      const standing =
        this.state === "FAILED"
          ? "not served: it could not be loaded; the server's log says why"
          : "not ready; try again";
      return new Fault("NOT_READY", `${this.#label} is ${standing}`);
    }
    if (work.kind !== "message")
      return new Fault("UNSUPPORTED", `${this.#label} is a composition, which has no tensors`);
    if (deadlineMs - this.#settings.reserveMs <= Date.now()) {
      return new Fault("DEADLINE", `${this.#label}: no time was left for the calls that it makes; it was not begun`);
    }
    if (this.#open < this.queueSize) return undefined;
    const { count, totalMs } = this.statistics.success;
    const retryAfterMs = Math.max(1, count === 0 ? 0 : totalMs / count);
    return new Fault("OVERLOADED", `${this.#label}: ${this.#open} calls are open, as many as may be; try again`, {
      retryAfterMs,
    });
  }

  /** Of a caller that sets none the contract's own. */
  #deadline(deadlineMs: number): number {
    return Number.isFinite(deadlineMs) ? deadlineMs : Date.now() + this.#settings.deadlineMs;
  }

  async #answer(work: MessageWork, call: ComposedCall): Promise<Outcome> {
    const startMs = performance.now();
    const made = new MadeHops();
    try {
      const response = await call.run(() => this.#respond(work, call, made));
      const timing = { queueMs: 0, batchMs: 0, inferMs: performance.now() - startMs };
      this.#host.onChain(this.contract, this.revision, made.overheadMs);
      return { ok: true, kind: "message", response, timing, hops: made.summaries };
    } catch (error) {
      return { ok: false, fault: toFault(this.#label, error) };
    }
  }

  async #respond(work: MessageWork, call: ComposedCall, made: MadeHops): Promise<Uint8Array<ArrayBuffer>> {
    const { composition, callees, codec } = this.#loaded!;
    const request = decode(codec, work);
    const clients = callees.clientsFor(call.parent, made.add);
    const method = composition.methods[codeName(work.method)]!;
    return codec.encode(work.responseType, (await method(request, clients, call.told)) as Message);
  }

  #over(outcome: Outcome, totalMs: number): void {
    this.#open -= 1;
    this.statistics.call(outcome, totalMs);
    this.#host.observer.onCall(this, outcome);
    if (this.#open === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #setState(state: ModelState): void {
    this.state = state;
    this.#host.observer.onState(this);
  }
}

function decode(codec: MessageCodec, { requestType, request }: MessageWork): Message {
  try {
    return codec.decode(requestType, request);
  } catch (error) {
    throw new Fault("INVALID_INPUT", (error as Error).message);
  }
}
