import assert from "node:assert/strict";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";
import { slowModel } from "../support/onnx-builder.js";
import { RawClient, startTestServer, type TestServer } from "../support/server.js";
import { SLOW } from "../wire/contracts.js";

const CONTRACT = "test.slow.v1";
const LABELS = `{contract="${CONTRACT}",revision="r1"}`;

describe("the metrics of a model", () => {
  let server: TestServer;
  let client: RawClient;
  let request: Buffer;

  before(async () => {
    const contract = compileContract(CONTRACT, SLOW);
    request = new JsonCodec(contract.image).encode(`${CONTRACT}.PredictRequest`, { iterations: ["200"], x: [1] });
    server = await startTestServer([{ contract, revisions: { r1: slowModel() }, settings: { queueSize: 7 } }]);
    client = new RawClient(server.address);
  });
  after(async () => {
    client.close();
    await server.close();
  });

  const scrape = () => server.metrics.registry.metrics();

  it("say at each scrape how many calls wait, and how many may", async () => {
    assert.match(await scrape(), new RegExp(`^flotilla_requests_waiting${LABELS} 0$`, "m"));
    const calls = Array.from({ length: 4 }, () => client.unary(`/${CONTRACT}.SlowService/Predict`, request));
    await untilInFlight(4);
    const text = await scrape();
    // One is run, and one has been handed out to be run next.
    assert.ok(text.includes(`flotilla_requests_waiting${LABELS} 2\n`), text);
    assert.ok(text.includes(`flotilla_queue_size${LABELS} 7\n`), text);
    await Promise.all(calls);
    assert.match(await scrape(), new RegExp(`^flotilla_requests_waiting${LABELS} 0$`, "m"));
  });

  it("count workers that died from zero, so that the first one is seen", async () => {
    assert.match(await scrape(), new RegExp(`^flotilla_worker_restarts_total${LABELS} 0$`, "m"));
  });

  async function untilInFlight(calls: number): Promise<void> {
    while (!(await scrape()).includes(`flotilla_requests_in_flight${LABELS} ${calls}\n`)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});
