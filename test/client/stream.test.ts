import assert from "node:assert/strict";
import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import { CallError } from "../../src/client/call-error.js";
import { type Connection, connect } from "../../src/client/connect.js";
import { gate } from "./listen.js";
import { startTextServer, TEXT_SERVICE, type TextHandlers } from "./text-server.js";

type Talk = ServerDuplexStream<string, string>;

describe("a stream", () => {
  const open: { close(): void }[] = [];
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });

  const connectTo = async (handlers: TextHandlers): Promise<Connection<typeof TEXT_SERVICE>> => {
    const server = await startTextServer(handlers);
    const connection = connect({ service: TEXT_SERVICE }, server.target);
    open.push(connection, server);
    return connection;
  };

  it("of both sides takes answers while it sends", async () => {
    const texts = await connectTo({ talk: echo });
    const answers: string[] = [];
    const next = gates(3);
    async function* requests() {
      for (const [i, text] of ["a", "b", "c"].entries()) {
        // Each request waits for the answer to the one before.
        if (i > 0) await next[i - 1]!.opened;
        yield text;
      }
    }
    for await (const answer of texts.talk(requests())) {
      answers.push(answer);
      next[answers.length - 1]!.open();
    }
    assert.deepEqual(answers, ["a", "b", "c"]);
  });

  it("of requests alone gives one answer", async () => {
    const texts = await connectTo({
      take: (call, done) => {
        const all: string[] = [];
        call.on("data", (text: string) => all.push(text));
        call.on("end", () => done(null, all.join("+")));
      },
    });
    assert.equal(await texts.take(["a", "b", "c"]), "a+b+c");
  });

  it("of answers alone takes one request", async () => {
    const texts = await connectTo({
      give: (call) => {
        for (const letter of call.request) call.write(letter);
        call.end();
      },
    });
    assert.deepEqual(await collect(texts.give("xyz")), ["x", "y", "z"]);
  });

  it("gives the answers before an error, then the error", async () => {
    const texts = await connectTo({
      talk: (call) => {
        call.write("first");
        call.write("second");
        call.emit("error", { code: status.ABORTED, details: "enough" });
      },
    });
    const answers: string[] = [];
    const error = await failure(
      (async () => {
        for await (const answer of texts.talk([])) answers.push(answer);
      })(),
    );
    assert.deepEqual(answers, ["first", "second"]);
    assert.deepEqual([error.code, error.details], [status.ABORTED, "enough"]);
  });

  it("that is left is cancelled at the server, and its source ended", async () => {
    const cancelled = gate();
    const ended = gate();
    const texts = await connectTo({
      talk: (call) => {
        call.on("cancelled", () => cancelled.open());
        echo(call);
      },
    });
    async function* requests() {
      try {
        for (;;) yield "again";
      } finally {
        ended.open();
      }
    }
    for await (const answer of texts.talk(requests())) {
      assert.equal(answer, "again");
      break;
    }
    await cancelled.opened;
    await ended.opened;
  });

  it("whose source throws is cancelled at the server, and throws the same", async () => {
    const arrived = gate();
    const cancelled = gate();
    const texts = await connectTo({
      talk: (call) => {
        call.on("cancelled", () => cancelled.open());
        call.once("data", () => arrived.open());
      },
    });
    const fault = new Error("the microphone is gone");
    async function* requests() {
      yield "a";
      await arrived.opened;
      throw fault;
    }
    await assert.rejects(collect(texts.talk(requests())), fault);
    await cancelled.opened;
  });

  it("that the server ends well ends, however much there was to send", async () => {
    const ended = gate();
    const texts = await connectTo({
      talk: (call) => {
        call.once("data", () => {
          call.write("enough");
          call.end();
        });
      },
    });
    async function* requests() {
      try {
        for (;;) yield "x".repeat(10_000);
      } finally {
        ended.open();
      }
    }
    assert.deepEqual(await collect(texts.talk(requests())), ["enough"]);
    await ended.opened;
  });

  it("reads its source no faster than the server takes it", async () => {
    const started = gate<Talk>();
    const texts = await connectTo({ talk: (call) => started.open(call) });
    const text = "x".repeat(100_000);
    const total = 200;
    let sent = 0;
    function* requests() {
      for (; sent < total; sent++) yield text;
    }
    const answers = collect(texts.talk(requests()));
    const call = await started.opened;
    // Nothing reads at the server yet: flow control fills up, and the source has to stand still.
    const stalledAt = await settled(() => sent);
    assert(stalledAt < total / 2, `${stalledAt} of ${total} messages sent to a server that reads none`);
    let received = 0;
    call.on("data", () => received++);
    call.on("end", () => call.end());
    await answers;
    assert.equal(received, total);
  });

  it("does not begin before its first answer is asked for", async () => {
    let calls = 0;
    const texts = await connectTo({
      talk: (call) => {
        calls++;
        call.end();
      },
      unary: (call, done) => done(null, call.request),
    });
    const stream = texts.talk([]);
    await texts.unary("a call that comes after");
    assert.equal(calls, 0);
    await collect(stream);
    assert.equal(calls, 1);
  });
});

function echo(call: Talk): void {
  call.on("data", (text: string) => call.write(text));
  call.on("end", () => call.end());
}

function gates(count: number) {
  return Array.from({ length: count }, () => gate());
}

/** A figure once it has stood still for a while. */
async function settled(read: () => number): Promise<number> {
  for (let before = -1; ; ) {
    const now = read();
    if (now === before) return now;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function collect<Message>(messages: AsyncIterable<Message>): Promise<Message[]> {
  const all: Message[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

async function failure(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    () => assert.fail("the call went well"),
    (reason: unknown) => reason,
  );
  assert(error instanceof CallError, String(error));
  return error;
}
