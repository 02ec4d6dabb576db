import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { type FoundMethod, findInImage } from "../../src/client/find-method.js";
import { contractImage } from "../../src/fleet/protos.js";
import { rawMethod } from "../../src/grpc/raw-method.js";
import { reflectionServices } from "../../src/grpc/reflection.js";
import { CONTRACT } from "./scored-fleet.js";

/** How a call ends that is not answered. */
export interface Refusal {
  readonly code: status;
  /** When to come again: what an overloaded server says. */
  readonly pushbackMs?: number;
}

/** Each call's `x` to its `y`, or to a refusal. */
export type Script = (xs: readonly number[]) => Promise<readonly number[] | Refusal>;

/** A gRPC server of the scored fleet's contract whose answers a test decides. */
export class ScriptedServer {
  readonly #found: FoundMethod;
  readonly #script: Script;
  readonly #server = new Server();
  #port = 0;
  /** What came, call by call. */
  readonly calls: (readonly number[])[] = [];

  private constructor(found: FoundMethod, script: Script) {
    this.#found = found;
    this.#script = script;
  }

  /**
   * @param folder of the scored fleet
   * @param port by default any free one
   */
  static async start(folder: string, script: Script, port = 0): Promise<ScriptedServer> {
    const image = await contractImage(folder, CONTRACT);
    const server = new ScriptedServer(findInImage(image, { contract: CONTRACT, method: "Predict" }), script);
    await server.#listen(image, port);
    return server;
  }

  get target(): string {
    return `127.0.0.1:${this.#port}`;
  }

  close(): void {
    this.#server.forceShutdown();
  }

  async #listen(image: Uint8Array, port: number): Promise<void> {
    const { parent } = this.#found.method;
    const server = this.#server;
    new HealthImplementation({ [parent.typeName]: "SERVING" }).addToServer(server);
    server.addService(
      { predict: rawMethod(`/${parent.typeName}/Predict`) },
      {
        predict: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => void this.#answer(call, done),
      },
    );
    for (const { definition, implementation } of reflectionServices([image]))
      server.addService(definition, implementation);
    this.#port = await new Promise<number>((resolve, reject) => {
      const credentials = ServerCredentials.createInsecure();
      server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
    });
  }

  async #answer({ request }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): Promise<void> {
    const { method } = this.#found;
    const { instances = [] } = toJson(method.input, fromBinary(method.input, request)) as {
      instances?: { x?: number }[];
    };
    const xs = instances.map(({ x = 0 }) => x);
    this.calls.push(xs);
    const made = await this.#script(xs);
    if (!("code" in made)) {
      return done(
        null,
        Buffer.from(toBinary(method.output, fromJson(method.output, { scores: made.map((y) => ({ y })) }))),
      );
    }
    const metadata = new Metadata();
    if (made.pushbackMs !== undefined) metadata.set("grpc-retry-pushback-ms", String(made.pushbackMs));
    done({ code: made.code, details: `${status[made.code]} of ${xs}`, metadata });
  }
}
