import type { Contract } from "../contract/contract.js";
import { Fault } from "../contract/fault.js";
import type { CompositionSettings } from "./composition-settings.js";
import type { Model, ModelStatistics, Outcome, Repository, Wanted, Work } from "./inference.js";
import { loadApart } from "./load-apart.js";
import type { MemoryBudget } from "./memory-budget.js";
import { OnDemandModel } from "./on-demand-model.js";
import { releasedRevision } from "./released-revision.js";
import { type ModelSettings, ServedModel } from "./served-model.js";
import { shorten } from "./shorten.js";
import type { ModelObserver, RevisionSettings, StartedModel } from "./started-model.js";
import { StatisticsRecorder } from "./statistics.js";
import { DEFAULT_STREAMS, type StreamSettings } from "./stream-settings.js";

/** One contract and the models that are to serve it. */
export interface ContractSource {
  readonly name: string;
  /** Undefined in a bare model repository, or where `problem` says why it could not be read. */
  readonly contract: Contract | undefined;
  readonly problem: string | undefined;
  readonly models: readonly SourceSettings[];
  /** The revision for calls that name none. */
  readonly defaultRevision: string;
  /** Revision by release, of the releases that the contract is in. */
  readonly releases: ReadonlyMap<string, string>;
  /** @default what a fleet file has that does not say */
  readonly streams?: StreamSettings;
}

/** How a revision is served: a model, or a composition of other contracts. */
export type SourceSettings = ModelSettings | CompositionSettings;

/** Starts a composition. */
export type Compose = (settings: CompositionSettings, observer: ModelObserver) => StartedModel;

/** Where sources come from: a fleet file or a folder, read anew at each call. */
export type ReadSources = () => Promise<readonly ContractSource[]>;

/** Models that are loaded in one process before they are loaded here: more would keep the first from being ready. */
const MAX_APART = 16;
/** Names that a message lists at most. */
const MAX_LISTED = 10;

interface Served {
  readonly source: ContractSource;
  /** By revision; one that has not been started yet is not there. */
  readonly models: Map<string, StartedModel>;
}

/** All models of one server. */
export class ServedRepository implements Repository {
  readonly #read: ReadSources;
  readonly #observer: ModelObserver;
  readonly #compose: Compose | undefined;
  readonly #budget: MemoryBudget | undefined;
  readonly #onChange: () => void;
  /** Models that are started at a time: loading is work for a whole processor. */
  readonly #startsAtOnce: number;
  #served = new Map<string, Served>();
  readonly #turns = new Map<string, Promise<void>>();
  #started = false;
  #closing = false;

  /**
   * @param options.compose starts compositions; a source may have none without it
   * @param options.budget what the models may take together: they are unloaded and loaded again as calls come
   * @param options.onChange told after models were started, loaded or unloaded
   */
  constructor(options: {
    read: ReadSources;
    observer: ModelObserver;
    startsAtOnce: number;
    compose?: Compose;
    budget?: MemoryBudget;
    onChange?: () => void;
  }) {
    this.#read = options.read;
    this.#observer = options.observer;
    this.#compose = options.compose;
    this.#budget = options.budget;
    this.#onChange = options.onChange ?? (() => {});
    this.#startsAtOnce = options.startsAtOnce;
  }

  get models(): readonly StartedModel[] {
    return [...this.#served.values()].flatMap(modelsInOrder);
  }

  /** Contracts that could be read. */
  get contracts(): readonly Contract[] {
    return [...this.#served.values()].flatMap(({ source }) => source.contract ?? []);
  }

  /** How a contract's streams are served. */
  streamsOf(contract: string): StreamSettings {
    return this.#served.get(contract)?.source.streams ?? DEFAULT_STREAMS;
  }

  get ready(): boolean {
    return this.#started && this.models.some((model) => model.state === "READY");
  }

  /** Reads the sources, so that the contracts are known. The models are started by `start`. */
  async open(): Promise<void> {
    const sources = await this.#read();
    this.#served = new Map(sources.map((source) => [source.name, { source, models: new Map() }]));
  }

  /** Loads and warms every model up. Resolves when each is ready or has failed. */
  async start(): Promise<void> {
    const sources = [...this.#served.values()].map(({ source }) => source);
    const queue = sources.flatMap((source) => source.models.map((settings) => ({ source, settings })));
    const groupSize = Math.min(MAX_APART, Math.ceil(queue.length / this.#startsAtOnce));
    const next = async (): Promise<void> => {
      for (let group = queue.splice(0, groupSize); group.length > 0; group = queue.splice(0, groupSize)) {
        const problems = await tryApart(group.map(({ settings }) => settings));
        for (const { source, settings } of group) {
          if (this.#closing) return;
          const model = this.#create(source, settings, problems.get(settings));
          this.#served.get(source.name)!.models.set(model.revision, model);
          await model.settled();
        }
      }
    };
    await Promise.all(Array.from({ length: this.#startsAtOnce }, next));
    this.#started = !this.#closing;
    this.#onChange();
  }

  find(contract: string, wanted: Wanted = {}): Model {
    const served = this.#served.get(contract);
    if (!served) throw unknownModel(contract, [...this.#served.keys()]);
    const { source, models } = served;
    const revision = releasedRevision(source, wanted) || wanted.revision || source.defaultRevision;
    const model = models.get(revision);
    if (model) return model;
    if (source.models.some((settings) => settings.revision === revision)) {
      throw new Fault("NOT_READY", `${contract}/${revision} is still loading; try again`);
    }
    const known = source.models.map((settings) => settings.revision).join(", ");
    throw new Fault("UNKNOWN_REVISION", `${contract} has no revision "${shorten(revision)}"; it has ${known}`);
  }

  load(contract: string): Promise<void> {
    return this.#inTurn(contract, () => this.#load(contract));
  }

  unload(contract: string): Promise<void> {
    return this.#inTurn(contract, () => this.#unload(contract));
  }

  /** Answers what is held and ends all workers. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#turns.values()].map((turn) => turn.catch(() => {})));
    await Promise.all(this.models.map((model) => model.close()));
  }

  /** Loading and unloading one contract go one after another: of two at once, one would leave its workers behind. */
  #inTurn(contract: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(contract) ?? Promise.resolve()).catch(() => {}).then(work);
    this.#turns.set(contract, turn);
    const forget = () => {
      if (this.#turns.get(contract) === turn) this.#turns.delete(contract);
    };
    turn.then(forget, forget);
    return turn;
  }

  async #load(contract: string): Promise<void> {
    const source = (await this.#read()).find((candidate) => candidate.name === contract);
    if (!source) throw unknownModel(contract, [...this.#served.keys()]);
    if (this.#closing || !this.#started)
      throw new Fault("NOT_READY", `the server is ${this.#closing ? "ending" : "starting"}; try again`);
    const served = this.#served.get(contract);
    const before = served ? modelsInOrder(served) : [];
    const apart = await tryApart(source.models);
    const models = source.models.map((settings) => this.#create(source, settings, apart.get(settings)));
    await Promise.all(models.map((model) => model.settled()));
    const problems = models.flatMap((model) => (model.state === "READY" ? [] : (model.problem ?? "still loading")));
    if (problems.length > 0 && before.some((model) => model.state === "READY")) {
      // What answers is worth more than what does not load.
      await Promise.all(models.map((model) => model.close()));
      for (const model of before) this.#observer.onState(model);
    } else {
      this.#served.set(contract, { source, models: new Map(models.map((model) => [model.revision, model])) });
      this.#onChange();
      await Promise.all(before.map((model) => model.close()));
      for (const model of before)
        if (!models.some(({ revision }) => revision === model.revision)) this.#observer.onGone(model);
    }
    if (problems.length > 0) throw new Fault("NOT_READY", problems.join("\n"));
  }

  async #unload(contract: string): Promise<void> {
    const served = this.#served.get(contract);
    if (!served) throw unknownModel(contract, [...this.#served.keys()]);
    const closed = modelsInOrder(served).map((model) => model.unload());
    this.#onChange();
    await Promise.all(closed);
  }

  /** @param unfit why it must not be loaded in this process */
  #create(source: ContractSource, settings: SourceSettings, unfit: string | undefined): StartedModel {
    const problem = source.problem ?? unfit;
    if (problem === undefined) {
      if ("module" in settings) return this.#compose!(settings, this.#observer);
      return this.#budget
        ? new OnDemandModel(settings, this.#observer, this.#budget)
        : new ServedModel(settings, this.#observer);
    }
    const model = new UnservedModel(settings, problem);
    this.#observer.onState(model);
    return model;
  }
}

/**
 * Loads those models in a process of their own that nobody has looked at: one that ends ONNX Runtime's process would take
 * the others with it.
 * @returns why those that did must not be loaded here
 */
async function tryApart(models: readonly SourceSettings[]): Promise<Map<SourceSettings, string>> {
  const unknown = models.flatMap((settings) => ("worker" in settings && settings.apartFirst ? [settings] : []));
  const problems = await loadApart(unknown.map(({ worker }) => worker));
  return new Map(
    unknown.flatMap((settings) => {
      const problem = problems.get(settings.worker.modelPath);
      return problem ? [[settings, problem.message] as const] : [];
    }),
  );
}

/** A revision that is not served: its contract could not be read, or its model would end the process. */
export class UnservedModel implements StartedModel {
  readonly contract: string;
  readonly revision: string;
  readonly problem: string;
  readonly state = "FAILED";
  readonly signature = undefined;
  readonly digest = undefined;
  readonly maxBatchRows = 1;
  readonly waiting = 0;
  readonly queueSize = 0;
  readonly statistics: ModelStatistics = new StatisticsRecorder();

  constructor({ contract, revision }: RevisionSettings, problem: string) {
    this.contract = contract;
    this.revision = revision;
    this.problem = problem;
  }

  async settled(): Promise<void> {}

  async unload(): Promise<void> {}

  async close(): Promise<void> {}

  submit(_work: Work, _deadlineMs: number, settle: (outcome: Outcome) => void): () => void {
    const fault = new Fault("NOT_READY", `${this.contract}/${this.revision} is not served; the server's log says why`);
    queueMicrotask(() => settle({ ok: false, fault }));
    return () => {};
  }
}

/** In the order of the source: they are started in any. */
function modelsInOrder({ source, models }: Served): StartedModel[] {
  return source.models.flatMap(({ revision }) => models.get(revision) ?? []);
}

function unknownModel(name: string, known: readonly string[]): Fault {
  const listed = known.slice(0, MAX_LISTED).join(", ");
  const more = known.length > MAX_LISTED ? ` and ${known.length - MAX_LISTED} more` : "";
  return new Fault("UNKNOWN_MODEL", `no model "${shorten(name)}"; there are ${listed}${more}`);
}
