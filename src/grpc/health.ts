import type { Server, ServerWritableStream, ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import type { Contract } from "../contract/contract.js";
import { Fault } from "../contract/fault.js";
import { LIVENESS_SERVICE } from "../fleet/names.js";
import type { Repository } from "../serving/inference.js";

/** What several servers behind one port know of each other: callers do not choose which of them they come to. */
export interface HealthOfAll {
  /** Full names of the services that do not serve in one of them at least. */
  readonly down: ReadonlySet<string>;
  /** Is told which do not serve in this one. */
  tell(services: readonly string[]): void;
}

type Watch = ServerWritableStream<unknown, unknown>;

/**
 * `grpc.health.v1.Health`: overall (""), and for each service by its full name. A contract's service serves while the
 * revision that calls get without asking for one is ready. The liveness service serves whenever it is asked: a server that
 * loads its models or drains is not to be started anew.
 */
export class Health {
  readonly #implementation = new HealthImplementation();
  readonly #repository: Repository;
  readonly #services: ReadonlyMap<string, string | undefined>;
  readonly #all: HealthOfAll | undefined;
  readonly #watches = new Set<Watch>();
  #draining = false;

  /**
   * @param options.others full names of the services that serve as long as the server does
   * @param options.all of several servers behind one port: a service serves where it does in all of them
   */
  constructor(
    repository: Repository,
    contracts: readonly Contract[],
    { others, all }: { readonly others: readonly string[]; readonly all?: HealthOfAll | undefined },
  ) {
    this.#repository = repository;
    this.#all = all;
    this.#services = new Map([
      ...["", ...others].map((service) => [service, undefined] as const),
      ...contracts.map((contract) => [contract.service, contract.name] as const),
    ]);
    this.#implementation.setStatus(LIVENESS_SERVICE, "SERVING");
    this.update();
  }

  /** Looks at the models anew. To be called when the state of one has changed. */
  update(): void {
    const down = new Set([...this.#services.keys()].filter((service) => !this.#serves(service)));
    // One that drains gets no more callers: its health is no longer that of all.
    if (!this.#draining) this.#all?.tell([...down]);
    for (const service of this.#services.keys()) {
      const isDown = this.#draining || down.has(service) || this.#all?.down.has(service);
      this.#implementation.setStatus(service, isDown ? "NOT_SERVING" : "SERVING");
    }
  }

  /** From now on nothing serves, but for the liveness service. */
  drain(): void {
    this.#draining = true;
    this.update();
  }

  /** Ends the open `Watch` calls: they would keep a server from shutting down. */
  endWatches(): void {
    for (const watch of this.#watches) watch.end();
  }

  addToServer(server: Server): void {
    this.#implementation.addToServer({
      addService: (definition: ServiceDefinition, implementation: UntypedServiceImplementation) => {
        const watch = implementation.watch as (call: Watch) => void;
        server.addService(definition, { ...implementation, watch: (call: Watch) => this.#watch(call, watch) });
      },
    } as Server);
  }

  #watch(call: Watch, watch: (call: Watch) => void): void {
    this.#watches.add(call);
    call.on("close", () => this.#watches.delete(call));
    call.on("cancelled", () => this.#watches.delete(call));
    watch(call);
  }

  #serves(service: string): boolean {
    const contract = this.#services.get(service);
    return contract === undefined ? this.#repository.ready : this.#isReady(contract);
  }

  #isReady(contract: string): boolean {
    try {
      return this.#repository.find(contract).state === "READY";
    } catch (error) {
      if (error instanceof Fault) return false;
      throw error;
    }
  }
}
