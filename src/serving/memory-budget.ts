/** A loaded model, as the budget sees it. */
export interface Tenant {
  /** What it takes now. */
  readonly memoryBytes: number;
  /** Whether it has calls to answer. */
  readonly busy: boolean;
  /** Whether it has to stay: it is being started anew after a crash, or is being evicted. */
  readonly pinned: boolean;
  /** When the last call came, by any clock that all tenants share. */
  readonly lastUsedMs: number;
  /** Takes no more calls, answers those it holds, and lets go of its memory. */
  evict(): Promise<void>;
}

/** A model that is to be loaded. */
export interface LoadRequest {
  /** What it will take, as far as that is known. */
  readonly neededBytes: number;
  /** Whether somebody still waits for it. */
  wanted(): boolean;
  /** @returns the loaded model; undefined where it could not be loaded */
  load(): Promise<Tenant | undefined>;
}

/**
 * What all models of a process may take together. Before one is loaded, those that were used longest ago are unloaded.
 * Models are loaded one after another: so it can be told what each takes, and the budget is kept meanwhile, too. A model
 * that is larger than the whole budget is loaded alone. Where nothing can be unloaded, as all others are being started anew
 * after a crash, it is loaded beyond the budget rather than never.
 */
export class MemoryBudget {
  readonly limitBytes: number;
  readonly #tenants = new Set<Tenant>();
  #turn: Promise<void> = Promise.resolve();

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** What is loaded takes now. */
  get usedBytes(): number {
    let sum = 0;
    for (const { memoryBytes } of this.#tenants) sum += memoryBytes;
    return sum;
  }

  /** Loads a model in its turn, once there is room; not at all where nobody wants it any more. */
  load(request: LoadRequest): Promise<void> {
    const turn = this.#turn.then(() => this.#load(request));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** A tenant is gone. */
  forget(tenant: Tenant): void {
    this.#tenants.delete(tenant);
  }

  async #load({ neededBytes, wanted, load }: LoadRequest): Promise<void> {
    while (wanted() && this.usedBytes + neededBytes > this.limitBytes) {
      const victim = this.#victim();
      if (!victim) break;
      await victim.evict();
    }
    const tenant = wanted() ? await load() : undefined;
    if (tenant === undefined) return;
    this.#tenants.add(tenant);
    await this.#trim(tenant);
  }

  /** What a model takes is only known once it is loaded. */
  async #trim(newest: Tenant): Promise<void> {
    while (this.usedBytes > this.limitBytes) {
      const victim = this.#victim(newest);
      if (!victim) return;
      await victim.evict();
    }
  }

  /** The idle one that was used longest ago; where all have calls, the one of those: it answers them first. */
  #victim(except?: Tenant): Tenant | undefined {
    const candidates = [...this.#tenants].filter((tenant) => tenant !== except && !tenant.pinned);
    return candidates.sort((a, b) => Number(a.busy) - Number(b.busy) || a.lastUsedMs - b.lastUsedMs)[0];
  }
}
