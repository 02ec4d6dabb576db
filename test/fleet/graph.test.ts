import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fleetGraph } from "../../src/fleet/graph.js";
import { toMermaid } from "../../src/fleet/graph-mermaid.js";
import { toSvg } from "../../src/fleet/graph-svg.js";
import { loadFleet } from "../../src/fleet/load.js";

describe("fleetGraph()", () => {
  const graph = fleetGraph(loadFleet("fleet.yaml"));

  it("leads from callers to contracts, and from a composition to those whom it calls, with what they may take", () => {
    const from = (name: string) =>
      graph.edges.filter((edge) => edge.from === name).map(({ to, budgetMs }) => [to, budgetMs]);
    assert.deepEqual(from("acme.ocr.v1"), [
      ["acme.ocr_detector.v1", 5000],
      ["acme.ocr_recognizer.v1", 5000],
    ]);
    assert.deepEqual(from("telephony/recorder"), [["acme.voice.v1", undefined]]);
    assert.equal(graph.contracts.find(({ contract }) => contract === "acme.ocr.v1")!.kind, "composition");
  });

  it("is drawn in Mermaid with an arrow for each edge", () => {
    assert.equal(toMermaid(graph).split(" -->").length - 1, graph.edges.length);
  });

  it("is drawn as an SVG with a box for each contract to the right of those who call it", () => {
    const svg = toSvg(graph);
    assert.equal(svg.split('<path d="M').length - 2, graph.edges.length);
    const xOf = (name: string) => Number(new RegExp(`<text x="([\\d.]+)"[^>]*>${name}<`).exec(svg)![1]);
    for (const { from, to } of graph.edges) assert(xOf(from) < xOf(to), `${from} is not left of ${to}`);
  });

  it("leads from a bridge to the contract that it calls, and says what it takes and publishes", () => {
    const events = fleetGraph(loadFleet("fleet.options.yaml"));
    assert.deepEqual(events.bridges, [{ name: "bridge tumor-scores", from: "scans.taken", to: "scans.scored" }]);
    assert(events.edges.some(({ from, to }) => from === "bridge tumor-scores" && to === "acme.tumor.v1"));
    assert.match(toMermaid(events), /n\d+>"bridge tumor-scores<br\/>scans\.taken to scans\.scored"\]/);
    assert.match(toSvg(events), /scans\.taken to scans\.scored/);
  });

  it("is the picture of the documentation", () => {
    assert.equal(
      readFileSync("docs/graph.svg", "utf8"),
      toSvg(graph),
      "run `flotilla graph --output svg -o docs/graph.svg`",
    );
  });
});
