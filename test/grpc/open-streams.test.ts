import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { keepStreamsYoung, OpenStreams } from "../../src/grpc/open-streams.js";

/** As many as are open at a time, and as come in all. */
const OPEN = 32;
const ALL = 20_000;

describe("OpenStreams", () => {
  it("holds what was set until it is deleted", () => {
    const streams = new OpenStreams<string>();
    assert.equal(streams.set(1, "a").set(3, "b").set(1, "c").size, 2);
    assert.equal(streams.get(1), "c");
    assert.equal(streams.delete(1), true);
    assert.equal(streams.delete(1), false);
    assert.equal(streams.get(1), undefined);
    assert.equal(streams.size, 1);
  });

  it("goes through all, though each is deleted meanwhile", () => {
    const streams = new OpenStreams<number>();
    for (let id = 1; id < 100; id += 2) streams.set(id, id);
    const seen: number[] = [];
    streams.forEach((stream) => {
      seen.push(stream);
      streams.delete(stream);
    });
    assert.equal(seen.length, 50);
    assert.equal(streams.size, 0);
  });

  it("does not make old what has ended", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as (options?: { type: "minor" }) => void;
    const grownBytes = (streams: OpenStreams<number[]> | Map<number, number[]>) => {
      for (let id = 0; id < OPEN; id++) streams.set(id, Array(100).fill(id));
      collect();
      const before = oldBytes();
      for (let id = OPEN; id < ALL; id++) {
        streams.set(id, Array(100).fill(id));
        streams.delete(id - OPEN);
        if (id % 1000 === 0) collect({ type: "minor" });
      }
      return oldBytes() - before;
    };
    const bytes = ALL * 100 * 8;
    assert.ok(grownBytes(new Map()) > bytes / 4, "V8 no longer makes them old: a Map does");
    assert.ok(grownBytes(new OpenStreams()) < bytes / 50);
  });
});

describe("keepStreamsYoung", () => {
  let server: Http2Server;
  let client: ClientHttp2Session;
  afterEach(() => {
    client.destroy();
    server.close();
  });

  const opened = async (): Promise<ServerHttp2Session> => {
    server = createServer((_request, response) => response.end("answer"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    client.on("error", () => {});
    const [session] = (await once(server, "session")) as [ServerHttp2Session];
    return session;
  };
  const bodyOf = async () => Buffer.concat(await client.request({ ":path": "/" }).toArray()).toString();

  it("changes a session of this version of Node, which serves on", async () => {
    const session = await opened();
    assert.equal(keepStreamsYoung(session), true);
    assert.deepEqual(await Promise.all([bodyOf(), bodyOf(), bodyOf()]), ["answer", "answer", "answer"]);
    assert.equal(keepStreamsYoung(session), false, "it was changed before");
  });

  it("lets a session end once its streams have", async () => {
    const session = await opened();
    keepStreamsYoung(session);
    const [body] = await Promise.all([bodyOf(), once(session, "stream").then(() => session.close())]);
    assert.equal(body, "answer");
    if (!session.destroyed) await once(session, "close");
  });

  it("lets a session end its streams", async () => {
    const session = await opened();
    keepStreamsYoung(session);
    client.request({ ":path": "/" }).on("error", () => {});
    const [stream] = (await once(session, "stream")) as [ServerHttp2Stream];
    session.destroy();
    if (!stream.closed) await once(stream, "close");
    assert.equal(stream.destroyed, true);
  });
});

function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === "old_space")!.space_used_size;
}
