import { once } from "node:events";
import { createConnection } from "node:net";
import { status } from "@grpc/grpc-js";
import { FLAG, FRAME, frame, PREFACE } from "../../src/grpc/http2/frames.js";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { callHeaders, grpcMessage, setting } from "../support/http2-frames.js";
import { scaleModel } from "../support/onnx-builder.js";
import { RawClient } from "../support/server.js";
import { SCALE } from "../wire/contracts.js";
import type { FuzzTarget } from "./targets.js";

const CONTRACT = "test.scale.v1";
const PREDICT = `/${CONTRACT}.ScaleService/Predict`;
const STREAM = `/${CONTRACT}.ScaleService/PredictStream`;
/** After so many connections somebody else makes a call. */
const CALL_EVERY = 25;
/** A connection that says nothing wrong stays open: it is left after a while. */
const QUIET_MS = 20;
const PRIORITY = 2;

/** Connections to a server of its own, whose frames of HTTP/2 and of gRPC are damaged; others are answered meanwhile. */
export function connectionTarget(): FuzzTarget {
  const codec = new JsonCodec(compileContract(CONTRACT, SCALE).image);
  const request = codec.encode(`${CONTRACT}.PredictRequest`, { x: [1, 2, 3] });
  let victim: Promise<Victim> | undefined;
  let made = 0;
  return {
    name: "connections",
    corpus: scripts(request),
    kind: "wire",
    weight: 0.1,
    read: async (input) => {
      victim ??= Victim.start(request);
      const { address, check } = await victim;
      await say(address, input);
      if (++made % CALL_EVERY === 0) await check();
    },
    isRefusal: () => false,
    close: async () => {
      await (await victim)?.close();
    },
  };
}

/** What clients say that is in order: calls, streams, resets, headers in pieces. */
function scripts(request: Buffer): Buffer[] {
  const headers = (path: string, flags: number, stream = 1) =>
    frame(FRAME.headers, { flags, stream, payload: callHeaders(path) });
  const data = (payload: Buffer, flags = 0, stream = 1) => frame(FRAME.data, { flags, stream, payload });
  const message = grpcMessage(request);
  const pieces = callHeaders(PREDICT);
  const open = [PREFACE, frame(FRAME.settings), setting(4, 65_535)];
  return [
    [headers(PREDICT, FLAG.endHeaders), data(message, FLAG.endStream), frame(FRAME.ping, { payload: Buffer.alloc(8) })],
    [headers(STREAM, FLAG.endHeaders), data(message), data(message), data(Buffer.alloc(0), FLAG.endStream)],
    [
      frame(FRAME.headers, { stream: 1, payload: pieces.subarray(0, 40) }),
      frame(FRAME.continuation, { flags: FLAG.endHeaders, stream: 1, payload: pieces.subarray(40) }),
      data(grpcMessage(request, { compressed: true }), FLAG.endStream),
    ],
    [
      ...[1, 3, 5].map((stream) => headers(PREDICT, FLAG.endHeaders, stream)),
      frame(FRAME.reset, { stream: 3, payload: Buffer.from([0, 0, 0, 8]) }),
      frame(FRAME.windowUpdate, { stream: 1, payload: Buffer.from([0, 1, 0, 0]) }),
      frame(PRIORITY, { stream: 5, payload: Buffer.from([0, 0, 0, 1, 16]) }),
      data(grpcMessage(request, { claimed: 2 ** 31 }), 0, 5),
      data(message, FLAG.endStream),
    ],
  ].map((frames) => Buffer.concat([...open, ...frames]));
}

/** Says it, and waits until the server hangs up, or has no more to say. */
async function say(address: string, input: Buffer): Promise<void> {
  const [host, port] = address.split(":");
  const socket = createConnection({ host: host!, port: Number(port) });
  socket.on("error", () => {});
  socket.setTimeout(QUIET_MS, () => socket.destroy());
  socket.resume();
  socket.end(input);
  await once(socket, "close");
}

class Victim {
  readonly address: string;
  readonly #fleet: FleetProcess;
  readonly #folder: string;
  readonly #client: RawClient;
  readonly #request: Buffer;

  private constructor(fleet: FleetProcess, folder: string, request: Buffer) {
    this.address = fleet.served.address;
    this.#fleet = fleet;
    this.#folder = folder;
    this.#client = new RawClient(this.address);
    this.#request = request;
  }

  static async start(request: Buffer): Promise<Victim> {
    const folder = writeFleet({ [CONTRACT]: { body: SCALE, revisions: { r1: scaleModel({ factor: 2 }) } } });
    return new Victim(await FleetProcess.start(folder), folder, request);
  }

  /** @throws Error where a good call is not answered, or the server has had a fault of its own */
  readonly check = async (): Promise<void> => {
    const { code, details } = await this.#client.unary(PREDICT, this.#request, { deadline: Date.now() + 30_000 });
    if (code !== status.OK) throw new Error(`others are not answered: ${status[code]} ${details}`);
    if (/"level":"(error|fatal)"/.test(this.#fleet.log)) throw new Error(`the server has a fault: ${this.#fleet.log}`);
  };

  async close(): Promise<void> {
    this.#client.close();
    await this.#fleet.end();
    removeFleet(this.#folder);
  }
}
