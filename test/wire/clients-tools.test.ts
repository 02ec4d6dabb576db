import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { ListeningServer } from "../client/listen.js";
import { type ExampleServers, startExampleServers } from "../clients/example-servers.js";
import { goTool, needsGo, run } from "../clients/programs.js";
import { ROOT } from "../support/contract-fixture.js";
import { startEchoServer } from "./echo-server.js";

const SAMPLES = path.join(ROOT, "models/tumor/samples");

describe("grpcurl, without a .proto", function () {
  this.timeout(60_000);
  let servers: ExampleServers | undefined;
  let echo: ListeningServer | undefined;

  before(needsGo);
  before(async () => {
    servers = await startExampleServers();
    echo = await startEchoServer();
  });
  after(async () => {
    echo?.close();
    await servers?.end();
  });

  const grpcurl = (...args: string[]) => run(goTool("grpcurl"), ["-plaintext", ...args]);

  it("lists the services", async () => {
    const services = (await grpcurl(servers!.tumor, "list")).trim().split("\n");
    for (const service of [
      "acme.tumor.v1.TumorService",
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "inference.GRPCInferenceService",
    ]) {
      assert(services.includes(service), `${service} in ${services}`);
    }
    assert.equal((await grpcurl(servers!.tumor, "list", services[0]!)).trim(), `${services[0]}.Predict`);
  });

  it("describes each service that is listed, bindings included", async () => {
    for (const service of (await grpcurl(servers!.tumor, "list")).trim().split("\n")) {
      assert.match(await grpcurl(servers!.tumor, "describe", service), /is a service:/);
    }
    const sample = await grpcurl(servers!.tumor, "describe", "acme.tumor.v1.Sample");
    assert.match(
      sample,
      /float mean_radius = 1 \[\s*\(\.flotilla\.v1\.column\) = \{ tensor: "X", index: 0, finite: true \}/,
    );
    const voice = await grpcurl(servers!.voice, "describe", "acme.voice.v1.VoiceService");
    assert.match(voice, /option \(\.flotilla\.v1\.state\) = \{\s*input: "state"/);
  });

  it("calls a model, with the revision and timing in the trailers", async () => {
    const request = readFileSync(path.join(SAMPLES, "request.json"), "utf8");
    const header = ["-rpc-header", "flotilla-revision: r2"];
    const args = ["-v", ...header, "-d", request, servers!.tumor, "acme.tumor.v1.TumorService/Predict"];
    const output = await grpcurl(...args);
    const answer = JSON.parse(/Response contents:\n(\{.*?\n\})/s.exec(output)![1]!);
    const expected = JSON.parse(readFileSync(path.join(SAMPLES, "expected.json"), "utf8")).r2;
    assert.deepEqual(labels(answer), labels(expected));
    assert.match(output, /flotilla-revision: r2/);
    assert.match(output, /flotilla-server-timing: queue=.*total=/);
  });

  it("says why a request is refused", async () => {
    await assert.rejects(grpcurl("-d", "{}", servers!.tumor, "acme.tumor.v1.TumorService/Predict"), {
      stderr: /Code: InvalidArgument\n\s+Message: .*instances/,
    });
  });

  it("sends and gets maps, Timestamps, oneofs, enums and extensions", async () => {
    const message = {
      at: "2026-11-23T12:30:00.250Z",
      counts: { a: "1", b: "9007199254740993" },
      inners: { 7: { name: "seven", level: "LEVEL_HIGH" } },
      values: [0.5, -1],
      blob: "AAEC",
      mood: "MOOD_GOOD",
      any: { "@type": "type.googleapis.com/test.echo.v1.Lonely" },
      "[test.echo.v1.note]": "extended",
    };
    const answer = await grpcurl("-d", JSON.stringify(message), echo!.target, "test.echo.v1.EchoService/Echo");
    assert.deepEqual(JSON.parse(answer), message);
  });

  it("describes maps, Timestamps, extensions and nested types", async () => {
    const message = await grpcurl(echo!.target, "describe", "test.echo.v1.EchoMessage");
    assert.match(message, /optional \.google\.protobuf\.Timestamp at = 1;/);
    assert.match(message, /map<string, int64> counts = 2;/);
    assert.match(await grpcurl(echo!.target, "describe", "test.echo.v1.note"), /is an extension/);
    assert.match(await grpcurl(echo!.target, "describe", "test.echo.v1.EchoMessage.Inner.Level"), /is an enum/);
  });
});

describe("ghz, without a .proto", function () {
  this.timeout(60_000);
  let servers: ExampleServers | undefined;

  before(needsGo);
  before(async () => {
    servers = await startExampleServers();
  });
  after(() => servers?.end());

  const ghz = async (...args: string[]) => JSON.parse(await run(goTool("ghz"), ["--insecure", "-O", "json", ...args]));

  it("has 500 calls from 8 workers answered, none failing", async () => {
    const call = ["--call", "acme.tumor.v1.TumorService.Predict", "-D", path.join(SAMPLES, "request.json")];
    const report = await ghz(...call, "-n", "500", "-c", "8", servers!.tumor);
    assert.deepEqual(report.statusCodeDistribution, { OK: 500 });
  });

  it("has streams answered", async () => {
    const chunk = { samples: new Array(512).fill(0.01) };
    const call = ["--call", "acme.voice.v1.VoiceService.PredictStream", "-d", JSON.stringify([chunk, chunk, chunk])];
    const report = await ghz(...call, "-n", "20", "-c", "4", servers!.voice);
    assert.deepEqual(report.statusCodeDistribution, { OK: 20 });
  });
});

function labels({ diagnoses }: { diagnoses: { label: string }[] }): string[] {
  return diagnoses.map(({ label }) => label);
}
