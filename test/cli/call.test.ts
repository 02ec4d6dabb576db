import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { type ListeningServer, listen } from "../client/listen.js";
import { ROOT } from "../support/contract-fixture.js";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { scaleModel } from "../support/onnx-builder.js";
import { SCALE } from "../wire/contracts.js";
import { startEchoServer } from "../wire/echo-server.js";

const FLOTILLA = path.join(ROOT, "dist/src/bin/flotilla.js");

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe("flotilla call", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "flotilla-call-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  describe("to a server it has never seen", () => {
    let echo: ListeningServer;

    before(async () => {
      echo = await startEchoServer();
    });
    after(() => echo.close());

    const callEcho = (request: string, ...options: string[]) =>
      flotilla("test.echo.v1/Echo", request, "--target", echo.target, ...options);
    const echoed = async (request: unknown, ...options: string[]) => {
      const { code, stdout, stderr } = await callEcho(JSON.stringify(request), "--output", "json", ...options);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout);
    };

    it("maps JSON both ways: enums by name, 64-bit integers as text, bytes in base64, well-known types", async () => {
      const message = {
        at: "2026-11-23T12:30:00.250Z",
        counts: { b: "9007199254740993" },
        inners: { 7: { name: "seven", level: "LEVEL_HIGH" } },
        values: [0.1, -1.5, 16777216],
        blob: "AAEC",
        mood: "MOOD_GOOD",
        any: { "@type": "type.googleapis.com/test.echo.v1.EchoMessage.Inner", name: "inside" },
        exact: 0.1,
        "[test.echo.v1.note]": "extended",
      };
      assert.deepEqual(await echoed(message), message);
    });

    it("prints 32-bit floats as short as they can be, and doubles as they are", async () => {
      const { values, exact } = await echoed({
        values: [0.1, 1 / 3, 16777217, 1e-7, 3e38, 1.17549435e-38],
        exact: 1 / 3,
      });
      assert.deepEqual(values, [0.1, 0.33333334, 16777216, 1e-7, 3e38, 1.1754944e-38]);
      assert.equal(exact, 1 / 3);
    });

    it("reads files for fields of type bytes, relative to the JSON file that names them", async () => {
      mkdirSync(path.join(folder, "deep"));
      writeFileSync(path.join(folder, "deep", "blob.bin"), Buffer.from([1, 2, 250]));
      writeFileSync(path.join(folder, "deep", "request.json"), JSON.stringify({ blob: "@blob.bin" }));
      const file = path.join(folder, "deep", "request.json");
      const fromFile = await callEcho(`@${file}`, "--output", "json");
      assert.deepEqual(JSON.parse(fromFile.stdout).blob, "AQL6", fromFile.stderr);
      const inline = await callEcho(JSON.stringify({ blob: "@deep/blob.bin" }), "--output", "json");
      assert.deepEqual(JSON.parse(inline.stdout).blob, "AQL6", inline.stderr);
      assert.equal((await echoed({ text: "@deep/blob.bin" })).text, "@deep/blob.bin");
    });

    it("reads a request from stdin", async () => {
      const { stdout, stderr } = await flotilla("test.echo.v1/Echo", "-", "--target", echo.target, "--output", "json", {
        stdin: '{"text": "from stdin"}',
      });
      assert.equal(JSON.parse(stdout).text, "from stdin", stderr);
    });

    it("takes a service's full name, and a method in any case", async () => {
      const { stdout } = await flotilla("test.echo.v1.EchoService/echo", '{"text":"x"}', "--target", echo.target);
      assert.match(stdout, /text +x/);
    });

    it("answers a stream line by line, as the lines come", async () => {
      const child = start("test.echo.v1/EchoStream", "-", "--target", echo.target, "--output", "json");
      const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
      for (const text of ["one", "two", "three"]) {
        // The next line is not written before the answer to the last has come.
        child.stdin!.write(`${JSON.stringify({ text })}\n`);
        assert.equal(JSON.parse((await lines.next()).value!).text, text);
      }
      child.stdin!.end();
      assert.equal((await once(child, "exit"))[0], 0);
    });

    it("ends when its call has failed, even where stdin stays open", async () => {
      const child = start("test.echo.v1/EchoStream", "-", "--target", echo.target);
      child.stdin!.write("{\n");
      assert.equal((await once(child, "exit"))[0], 1);
    });

    it("takes a stream's messages from a file of lines, a JSON array, or one message", async () => {
      const messages = [{ text: "a" }, { text: "b" }];
      const file = path.join(folder, "messages.ndjson");
      writeFileSync(file, messages.map((message) => JSON.stringify(message)).join("\n"));
      for (const [request, expected] of [
        [`@${file}`, ["a", "b"]],
        [JSON.stringify(messages), ["a", "b"]],
        ['{"text": "c"}', ["c"]],
      ] as const) {
        const ended = await flotilla("test.echo.v1/EchoStream", request, "--target", echo.target, "--output", "json");
        const texts = ended.stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line).text);
        assert.deepEqual(texts, expected, ended.stderr);
      }
    });

    it("prints a request to fill in, without a call", async () => {
      const ended = await flotilla("test.echo.v1/Echo", "--template", "--target", echo.target);
      const template = JSON.parse(ended.stdout);
      assert.deepEqual(template, {
        at: "2026-01-31T12:00:00Z",
        counts: { key: 0 },
        inners: { 1: { name: "", level: "LEVEL_HIGH" } },
        values: [0, 0, 0],
        text: "",
        mood: "MOOD_GOOD",
        any: {},
        exact: 0,
      });
      await echoed({ ...template, any: undefined });
    });

    const refused: readonly [what: string, args: readonly string[], code: number, message: RegExp][] = [
      ["JSON that is none", ["test.echo.v1/Echo", "{"], 1, /the request is no JSON/],
      ["an unknown field", ["test.echo.v1/Echo", '{"txt": 1}'], 1, /does not fit test\.echo\.v1\.EchoMessage: .*"txt"/],
      ["a value of the wrong type", ["test.echo.v1/Echo", '{"exact": "x"}'], 1, /EchoMessage\.exact/],
      ["a file that is not there", ["test.echo.v1/Echo", "@nowhere.json"], 1, /nowhere\.json: there is no such file/],
      ["bytes that are not there", ["test.echo.v1/Echo", '{"blob": "@gone"}'], 1, /gone: there is no such file/],
      ["a broken line of a stream", ["test.echo.v1/EchoStream", "-"], 1, /stdin line 2 is no JSON/],
      ["an unknown contract", ["test.other.v1", "{}"], 1, /no contract "test\.other\.v1"; there is test\.echo\.v1/],
      ["an unknown method", ["test.echo.v1", "{}"], 1, /has no method "Predict"; it has Echo, EchoStream/],
      ["no name of a contract", ["test.echo.v1:Echo", "{}"], 2, /expected a contract or contract\/method/],
      ["a bad deadline", ["test.echo.v1", "{}", "--deadline", "5"], 2, /expected a duration/],
      ["a bad header", ["test.echo.v1", "{}", "--metadata", "x"], 2, /expected name=value/],
      ["a certificate without its key", ["test.echo.v1", "{}", "--cert", "x"], 1, /--cert and --key belong together/],
    ];
    for (const [what, args, code, message] of refused) {
      it(`refuses ${what} with exit code ${code}, and says why`, async () => {
        const ended = await flotilla(...args, "--target", echo.target, { stdin: "{}\n{\n" });
        assert.match(ended.stderr, message);
        assert.equal(ended.code, code);
        assert.doesNotMatch(ended.stderr, /\n\s+at /, "no stack");
      });
    }
  });

  it("says in a sentence that nothing listens, or that there is no such host", async () => {
    const echo = await startEchoServer();
    echo.close();
    const refused = await flotilla("test.echo.v1", "--target", echo.target);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, new RegExp(`nothing listens at ${echo.target}: start a server with`));
    const unknown = await flotilla("test.echo.v1", "--target", "no-such-host.invalid");
    assert.match(unknown.stderr, /no-such-host\.invalid:8500: there is no host of that name/);
    assert.equal(unknown.code, 1);
  });

  it("says what to do where the server has no reflection", async () => {
    const bare = await listen(new Server());
    const ended = await flotilla("test.echo.v1", "--target", bare.target);
    bare.close();
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /does not say what it serves .*--local/);
  });

  it("speaks TLS, and shows its own certificate where asked for it", async function () {
    const { key, cert } = certificate(folder) ?? this.skip();
    const read = (file: string) => readFileSync(file);
    const both = ServerCredentials.createSsl(read(cert), [{ private_key: read(key), cert_chain: read(cert) }], true);
    const server = await listen(new Server(), both);
    const target = server.target.replace("127.0.0.1", "localhost");
    const spoke = await flotilla("a.v1", "--target", target, "--ca", cert, "--cert", cert, "--key", key);
    // The handshake is done: what is missing is a service behind it.
    assert.match(spoke.stderr, /no reflection/);
    const nameless = await flotilla("a.v1", "--target", target, "--ca", cert);
    assert.match(nameless.stderr, /UNAVAILABLE/);
    const trustless = await flotilla("a.v1", "--target", target, "--tls");
    assert.match(trustless.stderr, /UNAVAILABLE.*self.signed/i);
    server.close();
  });

  describe("to a fleet", () => {
    let fleetFolder: string;
    let fleet: FleetProcess;

    before(async () => {
      const revisions = { r1: scaleModel({ factor: 2 }), r2: scaleModel({ factor: 10 }) };
      fleetFolder = writeFleet({ "test.scale.v1": { body: SCALE, revisions } });
      fleet = await FleetProcess.start(fleetFolder);
    });
    after(async () => {
      await fleet.end();
      removeFleet(fleetFolder);
    });

    const call = (...args: (string | Input)[]) => flotilla(...args, "--target", fleet.served.address);

    it("prints the answer on stdout, revision and timing on stderr", async () => {
      const { code, stdout, stderr } = await call("test.scale.v1", '{"x": [1, 2, 3]}');
      assert.equal(code, 0, stderr);
      assert.equal(stdout, "FIELD  VALUE\ny      [2, 4, 6]\n");
      assert.match(
        stderr,
        /^test\.scale\.v1 r1 answered in [\d.]+ ms \(server [\d.]+ ms: queue [\d.]+, batch [\d.]+, infer [\d.]+, codec [\d.]+; overhead [\d.]+ ms\)\n$/,
      );
    });

    it("asks for a revision, and prints pure JSON", async () => {
      const { stdout, stderr } = await call(
        "test.scale.v1",
        '{"x": [1, 2, 3]}',
        "--revision",
        "r2",
        "--output",
        "json",
      );
      assert.deepEqual(JSON.parse(stdout), { y: [10, 20, 30] });
      assert.match(stderr, /test\.scale\.v1 r2 answered/);
      const asked = await call("test.scale.v1", '{"x": [1, 2, 3]}', "--metadata", "flotilla-revision=r2");
      assert.match(asked.stderr, /r2 answered/);
    });

    it("streams", async () => {
      const { stdout } = await call("test.scale.v1/PredictStream", '[{"x": [1, 2, 3]}, {"x": [4, 5, 6]}]');
      assert.equal(stdout, "y [2, 4, 6]\ny [8, 10, 12]\n");
    });

    it("says the code and the server's words of a refusal, exit code 1", async () => {
      const { code, stdout, stderr } = await call("test.scale.v1", '{"x": [1]}');
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(stderr, /^error: INVALID_ARGUMENT: .*"x".*got 1/);
      assert.match((await call("test.scale.v1", '{"x": []}', "--revision", "r9")).stderr, /NOT_FOUND: .*r9/);
    });

    it("reads the contract from .proto files with --local", async () => {
      const local = ["--local", "--proto-root", fleetFolder];
      const { stdout, stderr } = await call("test.scale.v1", '{"x": [1, 2, 3]}', ...local);
      assert.match(stdout, /\[2, 4, 6\]/, stderr);
      assert.match((await call("test.scale.v1.ScaleService/Predict", "{}", ...local)).stderr, /INVALID_ARGUMENT/);
      assert.match((await call("test.none.v1", "{}", ...local)).stderr, /test\.none\.v1/);
    });
  });

  interface Input {
    readonly stdin: string;
  }

  function start(...args: string[]): ChildProcess {
    return spawn(process.execPath, [FLOTILLA, "call", ...args], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: "1" },
    });
  }

  /** Runs `flotilla call` to its end. */
  async function flotilla(...args: (string | Input)[]): Promise<Ended> {
    const input = args.find((arg) => typeof arg !== "string");
    const child = start(...args.filter((arg) => typeof arg === "string"));
    let stdout = "";
    let stderr = "";
    child.stdout!.on("data", (chunk) => (stdout += chunk));
    child.stderr!.on("data", (chunk) => (stderr += chunk));
    if (input) child.stdin!.end(input.stdin);
    const [code] = await once(child, "close");
    return { code, stdout, stderr };
  }
});

/** A certificate for localhost, signed by itself; undefined where there is no openssl to make it. */
function certificate(folder: string): { key: string; cert: string } | undefined {
  const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  try {
    execFileSync("openssl", [...args, ...name, "-keyout", key, "-out", cert], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  return { key, cert };
}
