import assert from "node:assert/strict";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { type GrpcCallOptions, GrpcCalls } from "../../bench/grpc-calls.js";
import { rawMethod } from "../../src/grpc/raw-method.js";

const BODY = Buffer.from([1, 2, 3]);
type Answer = sendUnaryData<Buffer>;

describe("GrpcCalls", () => {
  let server: Server;
  let address: string;

  before(async () => {
    server = new Server({ "grpc.max_receive_message_length": -1 });
    const methods = { reverse: rawMethod("/t/Reverse"), refuse: rawMethod("/t/Refuse"), hush: rawMethod("/t/Hush") };
    server.addService(methods, {
      reverse: ({ request }: ServerUnaryCall<Buffer, Buffer>, done: Answer) =>
        done(null, Buffer.from(request).reverse()),
      refuse: (_call: unknown, done: Answer) => done({ code: status.RESOURCE_EXHAUSTED, details: "full: 100 %" }),
      hush: () => {},
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    address = `127.0.0.1:${port}`;
  });
  after(() => server.forceShutdown());

  const call = async (path: string, { to = address, ...more }: Partial<GrpcCallOptions> & { to?: string } = {}) => {
    let answer: Buffer | undefined;
    const onAnswer = (bytes: Buffer) => {
      answer = bytes;
    };
    const calls = new GrpcCalls(to, { path, requests: [BODY], connections: 1, onAnswer, ...more });
    const code = await new Promise<string>((resolve) => calls.make(resolve));
    calls.close();
    return { code, answer, failure: calls.failure };
  };

  it("send the request and hand the answer over", async () => {
    assert.deepEqual(await call("/t/Reverse"), { code: "OK", answer: Buffer.from([3, 2, 1]), failure: undefined });
  });

  it("carry more at a time than sockets and windows hold", async () => {
    const requests = [Buffer.alloc(1_200_000, 1), Buffer.alloc(1_200_000, 2)];
    const calls = new GrpcCalls(address, { path: "/t/Reverse", requests, connections: 1 });
    const codes = new Set<string>();
    const caller = async () => {
      for (let made = 0; made < 10; made++) codes.add(await new Promise<string>((end) => calls.make(end)));
    };
    await Promise.all(Array.from({ length: 32 }, caller));
    calls.close();
    assert.deepEqual(codes, new Set(["OK"]));
  });

  it("name the code and the text of a refusal", async () => {
    const { code, failure } = await call("/t/Refuse");
    assert.equal(code, "RESOURCE_EXHAUSTED");
    assert.deepEqual(failure, { code: "RESOURCE_EXHAUSTED", details: "full: 100 %" });
  });

  it("know one refusal from the next", async () => {
    const calls = new GrpcCalls(address, { path: "/t/Refuse", requests: [BODY], connections: 1 });
    const codes = await Promise.all(Array.from({ length: 3 }, () => new Promise<string>((end) => calls.make(end))));
    calls.close();
    assert.deepEqual(codes, Array(3).fill("RESOURCE_EXHAUSTED"));
    assert.equal((await call("/t/Missing")).code, "UNIMPLEMENTED");
  });

  it("fail where no answer comes", async () => {
    const { code } = await call("/t/Hush", { silenceMs: 50 });
    assert.equal(code, "UNAVAILABLE");
  });

  it("fail where nobody listens", async () => {
    const { code, answer } = await call("/t/Reverse", { to: "127.0.0.1:1" });
    assert.equal(code, "UNAVAILABLE");
    assert.equal(answer, undefined);
  });
});
