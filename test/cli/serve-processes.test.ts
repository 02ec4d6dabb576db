import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import path from "node:path";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { scaleModel, slowModel } from "../support/onnx-builder.js";
import { RawClient } from "../support/server.js";
import { SCALE, SLOW } from "../wire/contracts.js";

const PREDICT = "/test.scale.v1.ScaleService/Predict";
const HEALTH = "/grpc.health.v1.Health/Check";
/** By their numbers. */
const STATES = ["UNKNOWN", "SERVING", "NOT_SERVING"];
const VALUES = Buffer.from(new Float32Array([1, 2, 3]).buffer);
const REQUEST = Buffer.concat([Buffer.from([0x0a, VALUES.length]), VALUES]);

describe("flotilla serve --processes", () => {
  let folder: string;
  let fleet: FleetProcess;

  before(() => {
    folder = writeFleet({
      "test.scale.v1": { body: SCALE, revisions: { r1: scaleModel({ factor: 2 }) } },
      "test.slow.v1": { body: SLOW, revisions: { r1: slowModel() } },
    });
  });
  beforeEach(async () => {
    fleet = await FleetProcess.start(folder, "--processes", "2");
  });
  afterEach(() => fleet.end());
  after(() => removeFleet(folder));

  /** One call on a connection of its own. */
  const call = async (request = REQUEST, method = PREDICT) => {
    const client = new RawClient(fleet.served.address);
    const answer = await client.unary(method, request);
    client.close();
    return answer;
  };

  it("answers at one port with every process, and counts all calls on one page", async () => {
    for (let index = 0; index < 6; index++) assert.equal((await call()).code, 0);
    assert.equal(await fleet.metric("flotilla_requests_total"), 6);
    assert.equal(await fleet.metric("flotilla_model_ready"), 2, "one for each of the two models");
    assert.equal(children(fleet.process.pid!).length, 2);
  });

  it("are as many as the environment says, where no option does", async () => {
    const environment = { FLOTILLA_PROCESSES: "3" };
    const more = await FleetProcess.startIn(environment, folder, "--only", "test.scale.v1/r1");
    const asked = await FleetProcess.startIn(environment, folder, "--only", "test.scale.v1/r1", "--processes", "2");
    try {
      assert.deepEqual(
        [more, asked].map(({ process: { pid } }) => children(pid!).length),
        [3, 2],
      );
    } finally {
      await Promise.all([more.end(), asked.end()]);
    }
    await assert.rejects(
      FleetProcess.startIn({ FLOTILLA_PROCESSES: "two" }, folder),
      /'two' from env 'FLOTILLA_PROCESSES'/,
    );
  });

  it("starts a process again that died, and goes on answering meanwhile", async () => {
    const [first] = children(fleet.process.pid!);
    process.kill(first!, "SIGKILL");
    await until(() => /a process died; it will be started again/.test(fleet.log));
    for (let index = 0; index < 4; index++) assert.equal((await call()).code, 0);
    await until(() => children(fleet.process.pid!).length === 2);
  });

  it("leaves no caller hanging whose connection a process was handed and never took", async () => {
    const [stopped] = children(fleet.process.pid!);
    process.kill(stopped!, "SIGSTOP");
    const callers = Array.from({ length: 4 }, () => new Caller(fleet.served.address));
    await until(() => callers.filter(({ greeted }) => greeted).length >= 2);
    // It has not taken what it was dealt, and gets no more.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const later = Array.from({ length: 4 }, () => new Caller(fleet.served.address));
    await until(() => later.every(({ greeted }) => greeted));
    process.kill(stopped!, "SIGKILL");
    assert(callers.some(({ greeted }) => !greeted));
    await Promise.all(callers.filter(({ greeted }) => !greeted).map(({ closed }) => closed));
    for (const caller of [...callers, ...later]) caller.end();
  });

  it("leaves no caller hanging whose connection comes to a process that drains", async () => {
    const [stopped] = children(fleet.process.pid!);
    process.kill(stopped!, "SIGSTOP");
    const callers = Array.from({ length: 4 }, () => new Caller(fleet.served.address));
    await until(() => callers.filter(({ greeted }) => greeted).length >= 2);
    process.kill(stopped!, "SIGTERM");
    process.kill(stopped!, "SIGCONT");
    await Promise.race(callers.map(({ closed }) => closed));
    await until(() => /a process died; it will be started again/.test(fleet.log));
    const answers = await Promise.all(Array.from({ length: 4 }, () => call()));
    assert.deepEqual(
      answers.map(({ code }) => code),
      [0, 0, 0, 0],
    );
    await until(() => callers.every((caller) => caller.greeted || caller.isClosed));
    for (const caller of callers) caller.end();
  });

  it("deals connections out evenly, also those that come all at once, and makes up for those that end", async () => {
    const processes = children(fleet.process.pid!);
    const before = processes.map(sockets);
    const dealt = () => processes.map((pid, index) => sockets(pid) - before[index]!);
    const callers = Array.from({ length: 16 }, () => new Caller(fleet.served.address));
    await until(() => callers.every(({ greeted }) => greeted));
    assert.deepEqual(dealt(), [8, 8]);
    for (const caller of callers.slice(0, 9)) caller.end();
    await until(() => dealt().reduce((sum, count) => sum + count) === 7);
    // Both processes have answered it, and before that have told of the connections that ended.
    await fleet.metric("flotilla_model_ready");
    const others = Array.from({ length: 9 }, () => new Caller(fleet.served.address));
    await until(() => others.every(({ greeted }) => greeted));
    assert.deepEqual(dealt(), [8, 8]);
    for (const caller of [...callers, ...others]) caller.end();
  });

  it("have one health: what is down in one process is down for whoever asks", async () => {
    const health = async (service: string) => {
      const name = Buffer.from(service);
      const { message } = await call(Buffer.concat([Buffer.from([0x0a, name.length]), name]), HEALTH);
      // A process that was ended just now may have been dealt it.
      return message && STATES[message[1]!];
    };
    const healths = async (service: string) => [...new Set([await health(service), await health(service)])];
    assert.deepEqual(await healths("test.scale.v1.ScaleService"), ["SERVING"]);
    const file = path.join(folder, "models/test.scale.v1/r1.onnx");
    const model = readFileSync(file);
    try {
      writeFileSync(file, "another");
      process.kill(children(fleet.process.pid!)[0]!, "SIGKILL");
      await until(async () => (await health("test.scale.v1.ScaleService")) === "NOT_SERVING");
      assert.deepEqual(await healths("test.scale.v1.ScaleService"), ["NOT_SERVING"]);
      assert.deepEqual(await healths("test.slow.v1.SlowService"), ["SERVING"]);
      writeFileSync(file, model);
      process.kill(children(fleet.process.pid!).at(-1)!, "SIGKILL");
      await until(async () => (await health("test.scale.v1.ScaleService")) === "SERVING");
    } finally {
      writeFileSync(file, model);
    }
  });

  it("drains all processes on one signal, loses no call, and ends with 0", async () => {
    // Iterations (1) and values (2) of 600 products: some tenths of a second.
    const slow = Buffer.from([0x0a, 2, 0xd8, 0x04, 0x12, 4, 0, 0, 0x80, 0x3f]);
    const answers = Array.from({ length: 4 }, () => call(slow, "/test.slow.v1.SlowService/Predict"));
    await until(async () => (await fleet.metric("flotilla_requests_in_flight")) === 4);
    const exit = fleet.end();
    assert.deepEqual(
      (await Promise.all(answers)).map(({ code }) => code),
      [0, 0, 0, 0],
    );
    assert.equal(await exit, 0);
  });

  it("refuses to load models by call: only one process would", async () => {
    await assert.rejects(
      FleetProcess.start(folder, "--processes", "2", "--allow-repository-control"),
      /only one would load the model/,
    );
  });
});

/** A connection alone. A server greets with its settings. */
class Caller {
  greeted = false;
  isClosed = false;
  readonly closed: Promise<void>;
  readonly #socket: Socket;

  constructor(address: string) {
    const [host, port] = address.split(":");
    this.#socket = connect(Number(port), host);
    this.closed = new Promise((resolve) => {
      this.#socket.once("close", () => {
        this.isClosed = true;
        resolve();
      });
    });
    // It is reset: that is what is waited for.
    this.#socket.on("error", () => {});
    this.#socket.once("data", () => {
      this.greeted = true;
    });
    this.#socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  }

  end(): void {
    this.#socket.destroy();
  }
}

/** How many sockets a process has open. */
function sockets(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((file) => isSocket(path.join(folder, file))).length;
}

function isSocket(file: string): boolean {
  try {
    return readlinkSync(file).startsWith("socket:");
  } catch (error) {
    // It was closed since it was listed.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Processes that a process has started. */
function children(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
