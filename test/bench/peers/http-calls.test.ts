import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { HttpCalls } from "../../../bench/peers/http-calls.js";

const BODY = Buffer.from([1, 2, 3]);

describe("HttpCalls", () => {
  let server: Server;
  let url: string;

  before(async () => {
    server = createServer(async (request, response) => {
      const body = await buffer(request);
      if (request.url === "/broken") response.writeHead(500).end("out of order");
      else if (request.url === "/half")
        response.writeHead(200, { "content-length": 9 }).write("half", () => response.socket?.destroy());
      else if (request.url !== "/silent") response.end(body.reverse());
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const call = async (to: string, timeoutMs = 60_000) => {
    let answer: Buffer | undefined;
    const options = { contentType: "application/octet-stream", body: BODY, timeoutMs };
    const calls = new HttpCalls(to, {
      ...options,
      onAnswer: (bytes) => {
        answer = bytes;
      },
    });
    const code = await new Promise<string>((resolve) => calls.make(resolve));
    calls.close();
    return { code, answer, failure: calls.failure };
  };

  it("post the body and hand the answer over", async () => {
    assert.deepEqual(await call(url), { code: "OK", answer: Buffer.from([3, 2, 1]), failure: undefined });
  });

  it("name the status and the text of a refusal", async () => {
    const { failure } = await call(`${url}/broken`);
    assert.deepEqual(failure, { code: "HTTP 500", details: "out of order" });
  });

  it("fail where the server hangs up half-way", async () => {
    const { code, answer } = await call(`${url}/half`);
    assert.notEqual(code, "OK");
    assert.equal(answer, undefined);
  });

  it("fail where no answer comes", async () => {
    assert.match((await call(`${url}/silent`, 50)).failure!.details, /no answer in 50 ms/);
  });

  it("fail where nobody listens", async () => {
    assert.equal((await call("http://127.0.0.1:1")).code, "ECONNREFUSED");
  });
});
