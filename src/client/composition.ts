import type { Calls, MethodShape } from "./connect.js";
import type { FanOutOptions, Part } from "./fan-out.js";

/** What a composition is told of the call that it answers. */
export interface CompositionCall {
  /** Aborted once the caller has given up, its time is over, or it has been answered. */
  readonly signal: AbortSignal;
  /** When the calls that it makes have to be over: absolute epoch milliseconds, the contract's `reserve` taken off. */
  readonly deadlineMs: number;
  /**
   * Makes calls for each item, some at a time. A call that fails is a part that is missing, for the code to say so in its
   * answer; the others go on.
   * @throws whatever `work` threw that is no failed call
   */
  fanOut<Item, Result>(
    items: readonly Item[],
    work: (item: Item, index: number) => Promise<Result>,
    options?: Pick<FanOutOptions, "limit">,
  ): Promise<Part<Result>[]>;
}

/**
 * A contract's answers made of other contracts' answers: the default export of the module that a revision names by
 * `module:`. It runs on the server's own thread, so that heavy work belongs into a model or a transform.
 *
 * Messages are plain objects, as ts-proto's types have them. The clients pass on the trace, the cohort, the pins and the
 * release of the call that is being answered; no call outlasts what is left of its time, and all end with it. A call that fails throws
 * CallError; where the code lets it through, the caller gets its code and what it says.
 *
 * `Service` is the contract's own service and `Callees` are those that it calls, by the names of their clients: the types
 * `OcrServiceService` that ts-proto makes. The module imports types alone of them.
 */
export interface Composition<Service extends object, Callees extends Record<string, object>> {
  /** The contract that each client calls. All of `calls` in the fleet file, and no others. */
  readonly clients: { readonly [Name in keyof Callees]: string };
  /** Answers to the service's methods. Of a stream each message is answered on its own. */
  readonly methods: Answers<Service, { readonly [Name in keyof Callees]: Calls<Callees[Name]> }>;
}

/** The answer to each method of a service. */
export type Answers<Service, Clients> = {
  readonly [Name in keyof Service]: Service[Name] extends MethodShape<infer Request, infer Response>
    ? (request: Request, clients: Clients, call: CompositionCall) => Promise<Response>
    : never;
};
