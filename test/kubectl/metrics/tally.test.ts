import assert from "node:assert/strict";
import { parseExposition } from "../../../src/kubectl/metrics/exposition.js";
import { callsOf, faultPercent, latencyMs } from "../../../src/kubectl/metrics/figures.js";
import { TALLIED, Tally } from "../../../src/kubectl/metrics/tally.js";
import { Metrics } from "../../../src/telemetry/metrics.js";

const CONTRACT = "acme.fraud.v1";

/** A pod whose server counts as the real one does. */
class Pod {
  readonly #metrics = new Metrics();

  constructor(
    readonly process: string,
    readonly revision: string,
  ) {}

  answers(count: number, code = "OK", seconds = 0.002): this {
    const model = { contract: CONTRACT, revision: this.revision };
    for (let call = 0; call < count; call++) {
      const figures = this.#metrics.models.of(model);
      figures.answered("Predict", code);
      figures.duration.observe(seconds);
    }
    return this;
  }

  async samples() {
    return { process: this.process, samples: parseExposition(await this.#metrics.registry.metrics(), TALLIED) };
  }
}

async function samplesOf(...pods: readonly Pod[]) {
  return Promise.all(pods.map((pod) => pod.samples()));
}

describe("a tally of pods' metrics", () => {
  it("counts what was answered since it began, not before", async () => {
    const pod = new Pod("a", "r1").answers(100);
    const tally = new Tally();
    tally.add(await samplesOf(pod));
    tally.add(await samplesOf(pod.answers(7).answers(3, "INTERNAL")));
    const figures = tally.of(CONTRACT).get("r1")!;
    assert.equal(callsOf(figures), 10);
    assert.equal(faultPercent(figures), 30);
  });

  it("adds pods of a revision up, and counts all of one that came later", async () => {
    const first = new Pod("a", "r1").answers(100);
    const tally = new Tally();
    tally.add(await samplesOf(first));
    tally.add(await samplesOf(first.answers(5), new Pod("b", "r1").answers(4)));
    assert.equal(callsOf(tally.of(CONTRACT).get("r1")!), 9);
  });

  it("keeps what a pod counted that is gone, and counts on where its server started again", async () => {
    const tally = new Tally();
    const first = new Pod("a/0", "r1").answers(100);
    tally.add(await samplesOf(first));
    tally.add(await samplesOf(first.answers(5)));
    tally.add(await samplesOf(new Pod("a/1", "r1").answers(2)));
    assert.equal(callsOf(tally.of(CONTRACT).get("r1")!), 7);
  });

  it("tells quantiles of the window's calls alone", async () => {
    const pod = new Pod("a", "r1").answers(1000, "OK", 4);
    const tally = new Tally();
    tally.add(await samplesOf(pod));
    tally.add(await samplesOf(pod.answers(100, "OK", 0.002)));
    const figures = tally.of(CONTRACT).get("r1")!;
    assert(latencyMs(0.5, figures)! > 1 && latencyMs(0.99, figures)! <= 2.5, `${latencyMs(0.99, figures)}`);
  });

  it("has nothing of a contract that was not called", () => assert.equal(new Tally().of(CONTRACT).size, 0));
});
