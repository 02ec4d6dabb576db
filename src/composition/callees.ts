import type { CallOptions } from "../client/call-options.js";
import { type Connection, connect, type MethodShape } from "../client/connect.js";
import type { Hop } from "../client/hop.js";
import type { Contract } from "../contract/contract.js";
import type { Callee } from "../serving/composition-settings.js";
import { type Message, MessageCodec } from "../serving/message-codec.js";
import { ModelError } from "../serving/model-error.js";
import { codeName } from "./method-names.js";

type Methods = Record<string, MethodShape<Message, Message>>;
type Call = (request: never, options?: CallOptions) => unknown;

/** Connections to the contracts that a composition calls. */
export class Callees {
  /** By the name of the client. */
  readonly #connections: ReadonlyMap<string, { readonly callee: Callee; readonly connection: Connection<Methods> }>;

  /**
   * Connects; whether somebody listens shows when a call is made.
   * @param options.clients contract by the name of its client
   * @throws ModelError where a contract is unknown, or nobody said where it is
   */
  constructor(options: {
    readonly from: string;
    readonly clients: Readonly<Record<string, string>>;
    readonly callees: readonly Callee[];
    readonly onHop: (hop: Hop) => void;
  }) {
    const { from, clients, callees, onHop } = options;
    const found = Object.entries(clients).map(([name, contract]) => ({ name, callee: findCallee(callees, contract) }));
    this.#connections = new Map(
      found.map(({ name, callee: { service, address, ...callee } }) => {
        const connection = connect({ service: methodsOf(service) }, address, { from, onHop });
        return [name, { callee: { service, address, ...callee }, connection }];
      }),
    );
  }

  /** The clients for one call: theirs are made to answer `parent`, and none takes longer than its contract may. */
  clientsFor(parent: NonNullable<CallOptions["parent"]>, onHop: (hop: Hop) => void): object {
    const clients = [...this.#connections].map(([name, { callee, connection }]) => {
      const methods = callee.service!.methods.map(({ name: method, kind }) => {
        const deadlineMs = kind === "unary" ? callee.deadlineMs : undefined;
        const call = connection[codeName(method)] as Call;
        const bound: Call = (request, own) =>
          call(request, { deadlineMs, ...own, parent, onHop: both(onHop, own?.onHop) });
        return [codeName(method), bound];
      });
      return [name, Object.fromEntries(methods)];
    });
    return Object.fromEntries(clients);
  }

  close(): void {
    for (const { connection } of this.#connections.values()) connection.close();
  }
}

function both(first: (hop: Hop) => void, second: ((hop: Hop) => void) | undefined): (hop: Hop) => void {
  return (hop) => {
    first(hop);
    second?.(hop);
  };
}

/** A callee that can be called. */
type Reachable = Callee & { readonly service: Contract; readonly address: string };

function findCallee(callees: readonly Callee[], contract: string): Reachable {
  const callee = callees.find((candidate) => candidate.contract === contract);
  if (callee === undefined) {
    const declared = callees.map((candidate) => candidate.contract).join(", ") || "none";
    throw new ModelError(
      `it calls ${contract}, and the contracts that it may call are ${declared}: add it to \`calls\``,
    );
  }
  if (callee.service === undefined) throw new ModelError(`it calls ${contract}: ${callee.problem}`);
  if (callee.address === undefined) {
    throw new ModelError(
      `it calls ${contract}, which this server does not serve: say where it is with --callee ${contract}=host:port`,
    );
  }
  return callee as Reachable;
}

/** A service as `connect` takes it, its messages plain objects. */
function methodsOf({ methods, image }: Contract): Methods {
  const codec = new MessageCodec(image);
  return Object.fromEntries(
    methods.map(({ name, path, kind, requestType, responseType }) => {
      const streams = kind === "stream";
      const method: MethodShape<Message, Message> = {
        path,
        requestStream: streams,
        responseStream: streams,
        requestSerialize: (message) => Buffer.from(codec.encode(requestType, message).buffer),
        responseDeserialize: (bytes) => codec.decode(responseType, new Uint8Array(bytes)),
      };
      return [codeName(name), method];
    }),
  );
}
