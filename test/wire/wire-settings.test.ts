import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { FLAG, FRAME, FRAME_HEAD_BYTES, frame } from "../../src/grpc/http2/frames.js";
import { compileContract } from "../support/contract-fixture.js";
import { callHeaders, grpcMessage, RawConnection } from "../support/http2-frames.js";
import { scaleModel } from "../support/onnx-builder.js";
import { RawClient, startTestServer, type TestServer } from "../support/server.js";
import { SCALE } from "./contracts.js";

const contract = compileContract("test.scale.v1", SCALE);
const contracts = [{ contract, revisions: { r1: scaleModel({ factor: 2 }) } }];

describe("the server's connections", () => {
  let server: TestServer;
  let session: ClientHttp2Session | undefined;
  afterEach(async () => {
    session?.destroy();
    await server.close();
  });

  it("let a caller send a tensor of hundreds of KB without waiting for leave, in few frames", async () => {
    server = await startTestServer(contracts);
    session = connect(`http://${server.address}`);
    const [settings] = await once(session, "remoteSettings");
    assert(settings.initialWindowSize >= 2 ** 20, `a stream may send ${settings.initialWindowSize} bytes`);
    assert(settings.maxFrameSize >= 2 ** 20, `a frame may have ${settings.maxFrameSize} bytes`);
    // The window of the connection comes as an update of its own, with the first call at the latest.
    const stream = session.request({ ":path": "/none" });
    stream.on("error", () => {});
    await once(stream, "close");
    assert(session.state.remoteWindowSize! >= 4 * 2 ** 20, `a connection may send ${session.state.remoteWindowSize}`);
  });

  it("are used no longer than asked, and lose no call over it", async () => {
    server = await startTestServer(contracts, { connections: { maxAgeMs: 300, keepaliveMs: 60_000 } });
    session = connect(`http://${server.address}`);
    const goneAway = once(session, "goaway");
    const client = new RawClient(server.address);
    const codes: number[] = [];
    let over = false;
    goneAway.then(() => {
      over = true;
    });
    while (!over) codes.push((await client.unary("/test.scale.v1.ScaleService/Predict", request())).code);
    const [errorCode] = await goneAway;
    assert.equal(errorCode, 0);
    assert.deepEqual([...new Set(codes)], [0]);
    assert.equal((await client.unary("/test.scale.v1.ScaleService/Predict", request())).code, 0);
    client.close();
  });

  it("end where the caller is gone, and only there", async () => {
    server = await startTestServer(contracts, {
      connections: { maxAgeMs: undefined, keepaliveMs: 100, keepaliveTimeoutMs: 500 },
    });
    session = connect(`http://${server.address}`);
    let pings = 0;
    session.on("ping", () => {
      pings += 1;
    });
    const gone = await RawConnection.open(server.address);
    const told: Buffer[] = [];
    gone.socket.on("data", (chunk) => told.push(chunk));
    // It makes a call, and says nothing after that, whatever it is asked.
    const payload = callHeaders("/test.scale.v1.ScaleService/Predict");
    gone.socket.write(frame(FRAME.headers, { flags: FLAG.endHeaders, stream: 1, payload }));
    gone.socket.write(frame(FRAME.data, { flags: FLAG.endStream, stream: 1, payload: grpcMessage(request()) }));
    await once(gone.socket, "close");
    const types = typesOf(Buffer.concat(told));
    for (const type of [FRAME.data, FRAME.ping]) assert(types.includes(type), `frames of types ${types}`);
    assert(pings > 1 && !session.closed, `${pings} pings to one that answers`);
  });
});

function typesOf(frames: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at < frames.length; at += FRAME_HEAD_BYTES + frames.readUIntBE(at, 3)) types.push(frames[at + 3]!);
  return types;
}

function request(): Buffer {
  const values = Buffer.from(new Float32Array([1, 2, 3]).buffer);
  return Buffer.concat([Buffer.from([0x0a, values.length]), values]);
}
