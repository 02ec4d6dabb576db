import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DIGEST, FleetFolder, findingsOfText, fleetOf } from "./sample.js";

/** A contract with revisions r1 and r2, and the lines given. */
function fleetWith(...lines: string[]): string {
  const revisions = ["r1", "r2"].map((name) => `  ${name}: { model: ${name}.onnx, sha256: ${DIGEST} }`);
  return fleetOf(["name: acme.fraud.v1", "revisions:", ...revisions, ...lines].join("\n"));
}

function revisionWith(fields: string): string {
  return fleetOf(`name: acme.fraud.v1\nrevisions:\n  r1: { model: r1.onnx, sha256: ${DIGEST}, ${fields} }`);
}

/** The same with a Prometheus and an ingress. */
function measured(text: string): string {
  const prometheus = "telemetry: { prometheus: { scraper: monitoring/prometheus, address: http://prometheus:9090 } }";
  const ingress = "ingress: { via: istio, host: models.example.com, tls: { secret: tls } }";
  return text.replace("spec:\n", `spec:\n  ${prometheus}\n  ${ingress}\n`);
}

/** A contract with revisions r1 and r2 in a fleet with releases. */
function releasedFleet(releases: string, ...lines: string[]): string {
  return `${fleetWith(ALL_TO_R1, ...lines)}  releases: ${releases}\n`;
}

const ALL_TO_R1 = "traffic: { r1: 100 }";
const C = "spec.contracts[0]";

/** A promise, a file that breaks it, with a ^ wherever a finding is to point, and the findings without their places. */
const BROKEN: readonly [string, string, string][] = [
  [
    "shares add up to 100",
    fleetWith("traffic: ^{ r1: 80, r2: 10 }"),
    `${C}.traffic: adds up to 90, expected 100; give r2 20 instead of 10`,
  ],
  [
    "an excess of shares is taken from one that has it",
    fleetWith("traffic: ^{ r1: 100, r2: 10 }"),
    `${C}.traffic: adds up to 110, expected 100; give r2 0 instead of 10`,
  ],
  [
    "several revisions say their traffic",
    fleetWith().replace("name: acme", "^name: acme"),
    `${C}: traffic is missing, and the contract has several revisions; write traffic: { r1: 100, r2: 0 }`,
  ],
  [
    "traffic is not empty",
    fleetWith("traffic: ^{}"),
    `${C}.traffic: adds up to 0, expected 100; make the shares add up to 100`,
  ],
  [
    "shares are whole numbers",
    fleetWith("traffic: { r1: ^99.5, r2: ^0.5 }"),
    `${C}.traffic.r1: expected a whole number from 0 to 100, got 99.5\n${C}.traffic.r2: expected a whole number from 0 to 100, got 0.5`,
  ],
  [
    "traffic goes to revisions",
    fleetWith("traffic: { r1: 90, ^r3: 10 }"),
    `${C}.traffic.r3: no revision is called "r3"; did you mean r1?`,
  ],
  [
    "a shadow is a revision",
    fleetWith(ALL_TO_R1, "shadow: { revision: ^r22, percent: 1 }"),
    `${C}.shadow.revision: no revision is called "r22"; did you mean r2?`,
  ],
  [
    "a shadow has no traffic",
    fleetWith("traffic: { r1: 50, r2: 50 }", "shadow: { revision: ^r2, percent: 1 }"),
    `${C}.shadow.revision: r2 gets 50% of the traffic, and a copy on top; leave one of the two out`,
  ],
  [
    "a cohort asks for a revision",
    fleetWith(ALL_TO_R1, "cohorts: { beta: ^main }"),
    `${C}.cohorts.beta: no revision is called "main"; the contract has r1, r2`,
  ],
  [
    "a cohort's shares add up to 100",
    fleetWith(ALL_TO_R1, "cohorts: { beta: ^{ r1: 80, r2: 10 } }"),
    `${C}.cohorts.beta: adds up to 90, expected 100; give r2 20 instead of 10`,
  ],
  [
    "a cohort's shares go to revisions",
    fleetWith(ALL_TO_R1, "cohorts: { beta: { r1: 80, ^r3: 20 } }"),
    `${C}.cohorts.beta.r3: no revision is called "r3"; did you mean r1?`,
  ],
  [
    "a revision's name is text",
    fleetWith(ALL_TO_R1, "cohorts: { beta: ^1.10 }"),
    `${C}.cohorts.beta: expected a revision's name of letters, digits, points, hyphens and underscores, at most 63, got 1.10, which YAML reads as the number 1.1; write it in quotes: "1.10"`,
  ],
  [
    "a fallback is reached within the deadline",
    fleetWith(ALL_TO_R1, "deadline: 200ms", "fallback: { revision: r2, when: { latencyOver: ^80ms } }"),
    `${C}.fallback.when.latencyOver: the fallback is the third try, after 160ms of 200ms; give at most 66ms, or a longer deadline`,
  ],
  [
    "a contract calls contracts of the fleet",
    fleetWith(ALL_TO_R1, "calls: [^acme.frode.v1]"),
    `${C}.calls[0]: no contract is called "acme.frode.v1"; did you mean acme.fraud.v1?`,
  ],
  [
    "no contract calls itself",
    fleetWith(ALL_TO_R1, "calls: [^acme.fraud.v1]"),
    `${C}.calls[0]: acme.fraud.v1 leads back to "acme.fraud.v1": a call could go round for ever; take one of the calls out`,
  ],
  [
    "whom a composition calls is done before its own time is over",
    fleetOf(
      `name: acme.fraud.v1\ndeadline: 1s\nrevisions: { r1: { module: m.ts, sha256: ${DIGEST} } }\ncalls: [^acme.risk.v1]`,
    ).replace(
      /$/,
      `    - { name: acme.risk.v1, deadline: 1s, revisions: { r1: { model: m.onnx, sha256: ${DIGEST} } } }\n`,
    ),
    `${C}.calls[0]: acme.risk.v1 may take 1s, and of the deadline of 1s it has 980ms; give this contract a deadline of 1020ms or more, or acme.risk.v1 a shorter one`,
  ],
  [
    "a revision is a model or a composition",
    fleetOf(`name: acme.fraud.v1\nrevisions: { r1: ^{ sha256: ${DIGEST} } }`),
    `${C}.revisions.r1: names neither a model nor a module; write model: with its .onnx file, or module: with a composition's`,
  ],
  [
    "a revision is not both a model and a composition",
    fleetOf(`name: acme.fraud.v1\nrevisions: { r1: { model: m.onnx, module: ^m.ts, sha256: ${DIGEST} } }`),
    `${C}.revisions.r1.module: a revision is a model or a composition of other contracts, this one names both; leave model or module out, or make two revisions`,
  ],
  [
    "a composition has no settings of a model",
    fleetOf(`name: acme.fraud.v1\nrevisions: { r1: { module: m.ts, sha256: ${DIGEST}, workers: ^2 } }`),
    `${C}.revisions.r1.workers: does nothing for a composition; leave it out`,
  ],
  [
    "a contract is let in where there is an ingress",
    fleetWith(ALL_TO_R1, "ingress: ^true"),
    `${C}.ingress: the fleet has no ingress; write spec.ingress: { via: istio, host: …, tls: { secret: … } }`,
  ],
  [
    "an engine knows where to ask how the new state does, and Prometheus gets to know it",
    fleetWith(ALL_TO_R1, "delivery: ^^{ engine: argo }"),
    `${C}.delivery: the engine does not know where to ask how the new state does; write spec.telemetry.prometheus.address: http://prometheus.monitoring:9090
${C}.delivery: nobody may read the metrics that the new state is judged by; write spec.telemetry.prometheus.scraper: monitoring/prometheus`,
  ],
  [
    "one revision has the traffic that an engine shifts",
    measured(fleetWith("traffic: { r1: 50, r2: 50 }", "delivery: ^{ engine: argo }")),
    `${C}.delivery: 2 revisions have traffic, and an engine shifts it between states of one; give one revision 100, or leave delivery out`,
  ],
  [
    "no revision is called what an engine's Deployment is",
    measured(
      fleetOf(`name: a.b.v1\nrevisions: { ^live: { model: m.onnx, sha256: ${DIGEST} } }\ndelivery: { engine: argo }`),
    ),
    `${C}.revisions.live: what an engine rolls out is called live in the cluster; give the revision another name`,
  ],
  [
    "an engine finds new pods by their names, which are not cut",
    measured(
      fleetOf(
        `name: acme.${"long".repeat(7)}.v1\nrevisions: { r1: { model: m.onnx, sha256: ${DIGEST} } }\ndelivery: ^{ engine: flagger }`,
      ),
    ),
    `${C}.delivery: acme-${"long".repeat(7)}-v1-live has 41 characters, and the names of its pods would be cut; give the contract a name that makes it 38 at most`,
  ],
  [
    "Flagger has one revision, and neither cohorts nor an ingress",
    measured(fleetWith(ALL_TO_R1, "cohorts: { beta: r1 }", "ingress: true", "delivery: ^^^{ engine: flagger }")),
    `${C}.delivery: Flagger would take the pods of all 2 revisions for those of one; leave one revision, or write engine: argo
${C}.delivery: Flagger's routes know no cohorts; leave cohorts out, or write engine: argo
${C}.delivery: Flagger's routes are not the ingress'; leave ingress out, or write engine: argo`,
  ],
  [
    "no pod asks for more than it may use",
    revisionWith("resources: ^{ cpu: 500m, cpuRequest: 1 }"),
    `${C}.revisions.r1.resources: asks for 1 processors and may use 0.5; lower cpuRequest or raise cpu`,
  ],
  [
    "no revision has the name of a subset that stands for a revision and its fallback",
    fleetOf(
      [
        "name: acme.fraud.v1",
        "revisions:",
        ...["r0", "r1", "^r1-or-r0"].map((name) => `  ${name}: { model: m.onnx, sha256: ${DIGEST} }`),
      ]
        .concat(ALL_TO_R1, "fallback: { revision: r0 }")
        .join("\n"),
    ),
    `${C}.revisions.r1-or-r0: the mesh has a subset of this name; give the revision another name`,
  ],
  [
    "a source is one place",
    revisionWith("source: ^{ claim: models, image: models:1, path: m.onnx }"),
    `${C}.revisions.r1.source: expected exactly one of image, claim and s3, got a mapping`,
  ],
  [
    "a source stays in its volume",
    revisionWith("source: { claim: models, path: ^../m.onnx }"),
    `${C}.revisions.r1.source.path: expected a path inside of the volume that ends in .onnx, got "../m.onnx"`,
  ],
  [
    "a fallback is a revision",
    fleetWith(ALL_TO_R1, "fallback: { revision: ^r0 }"),
    `${C}.fallback.revision: no revision is called "r0"; did you mean r1?`,
  ],
  [
    "a fallback does not fall back to itself",
    fleetWith(ALL_TO_R1, "fallback: { revision: ^r1 }"),
    `${C}.fallback.revision: r1 gets 100% of the traffic, so it can't be its fallback; take r1 out of the traffic, or fall back to another revision`,
  ],
  [
    "a fallback comes before the deadline",
    fleetWith(ALL_TO_R1, "deadline: 100ms", "fallback: { revision: r2, when: { latencyOver: ^100ms } }"),
    `${C}.fallback.when.latencyOver: 100ms is not shorter than the deadline of 100ms; shorten it, or give a longer deadline`,
  ],
  [
    "all tries fit into the deadline",
    fleetWith(ALL_TO_R1, "deadline: 100ms", "retries: ^{ attempts: 2, perTry: 50ms }"),
    `${C}.retries: 3 tries of 50ms take 150ms, longer than the deadline of 100ms; give perTry at most 33ms, or a longer deadline`,
  ],
  [
    "a delay has a batch to wait for",
    revisionWith("batching: { maxDelay: ^2ms }"),
    `${C}.revisions.r1.batching.maxDelay: does nothing, as maxSize is 1; give a maxSize above 1, such as 16`,
  ],
  [
    "filling up has a batch to do it in",
    revisionWith("batching: { padding: ^{ values: { x: 0 } } }"),
    `${C}.revisions.r1.batching.padding: does nothing, as maxSize is 1; give a maxSize above 1, such as 16`,
  ],
  [
    "a batch is full before the deadline",
    revisionWith("batching: { maxSize: 8, maxDelay: ^1m }"),
    `${C}.revisions.r1.batching.maxDelay: calls would wait 1m, not shorter than the deadline of 5s; shorten maxDelay; a few milliseconds are usual`,
  ],
  [
    "the fewest replicas are not more than the most",
    revisionWith("replicas: ^{ min: 4, max: 3 }"),
    `${C}.revisions.r1.replicas: min 4 is more than max 3; raise max or lower min`,
  ],
  [
    "a known key in the wrong place is told its place",
    fleetWith(ALL_TO_R1, "^replicas: { min: 1 }"),
    `${C}.replicas: unknown key; it belongs in spec.defaults or spec.contracts[].revisions.<name> or spec.bridges[]`,
  ],
  [
    "durations have a unit",
    fleetWith(ALL_TO_R1, "deadline: ^200"),
    `${C}.deadline: expected a duration above zero, at most 1440m, got 200; write it as 200ms, 2s or 1m`,
  ],
  [
    "durations are not zero where zero makes no sense",
    fleetWith(ALL_TO_R1, "deadline: ^0s"),
    `${C}.deadline: expected a duration above zero, at most 1440m, got "0s"; write it as 200ms, 2s or 1m`,
  ],
  [
    "sizes have a unit",
    revisionWith("resources: { memory: ^512 }"),
    `${C}.revisions.r1.resources.memory: expected a size with its unit, got 512; write it as 512Mi or 2Gi`,
  ],
  [
    "processors are more than none",
    revisionWith("resources: { cpu: ^0 }"),
    `${C}.revisions.r1.resources.cpu: expected processors, from 1m to 1024, got 0; write them as 1, 0.5 or 500m`,
  ],
  [
    "a release holds revisions that are there",
    releasedFleet("{ new: { acme.fraud.v1: ^r3 } }"),
    'spec.releases.new["acme.fraud.v1"]: no revision is called "r3"; did you mean r1?',
  ],
  [
    "a release holds contracts of the fleet",
    releasedFleet("{ new: { acme.fraud.v1: r2, ^acme.frode.v1: r1 } }"),
    'spec.releases.new["acme.frode.v1"]: no contract is called "acme.frode.v1"; did you mean acme.fraud.v1?',
  ],
  [
    "a release holds each contract once",
    releasedFleet("{ new: { acme.fraud.v1: r2, ^acme.fraud.v1: r1 } }"),
    'spec.releases.new["acme.fraud.v1"]: is written twice in the same mapping; leave one of the two out',
  ],
  [
    "a release holds something",
    releasedFleet("{ new: ^{} }"),
    "spec.releases.new: expected revisions by contract, got a mapping; write { acme.ocr.v1: r2 }",
  ],
  [
    "a release's name is text",
    releasedFleet("{ ^1.10: { acme.fraud.v1: r2 } }"),
    'spec.releases: expected text as a key, got 1.10, which YAML reads as the number 1.1; write it in quotes: "1.10"',
  ],
  [
    "a release holds those that its contracts call",
    releasedFleet("{ new: { ^acme.fraud.v1: r2 } }")
      .replace(
        "  releases",
        `    - { name: acme.ask.v1, calls: [acme.fraud.v1], revisions: { r1: { model: m.onnx, sha256: ${DIGEST} } } }\n  releases`,
      )
      .replace("^acme.fraud.v1: r2", "^acme.ask.v1: r1"),
    'spec.releases.new["acme.ask.v1"]: acme.ask.v1 calls acme.fraud.v1, which the release does not hold; add acme.fraud.v1: … to new',
  ],
  [
    "a contract's package is the fleet's own",
    fleetOf(`name: ^google.fraud.v1\nrevisions: { r1: { model: m.onnx, sha256: ${DIGEST} } }`),
    `${C}.name: expected a package that is not others', got "google.fraud.v1"; begin it with a domain of your own, such as acme.fraud.v1`,
  ],
  [
    "a contract has a revision",
    fleetOf("name: acme.fraud.v1\nrevisions: ^{}"),
    `${C}.revisions: expected at least one revision, got a mapping; run \`flotilla add\``,
  ],
];

/** Findings at the places that ^ marks in a text. */
function placed(marked: string, findings: readonly string[]): string[] {
  const parts = marked.split("^");
  return findings.map((finding, index) => {
    const lines = parts
      .slice(0, index + 1)
      .join("")
      .split("\n");
    return `fleet.yaml:${lines.length}:${lines.at(-1)!.length + 1}: ${finding}`;
  });
}

describe("a fleet file", () => {
  for (const [promise, text, expected] of BROKEN) {
    it(`is refused unless ${promise}`, () => {
      assert.deepEqual(findingsOfText(text.replaceAll("^", "")), placed(text, expected.split("\n")));
    });
  }

  function twoContracts(one: string, other: string): string {
    const [first, second] = [one, other].map((entry) => {
      const [name, revision] = entry.split("/");
      return `name: ${name}\nrevisions: { ${revision}: { model: m.onnx, sha256: ${DIGEST} } }`;
    });
    return `${fleetOf(first!)}    - ${second!.replace("name: ", "name: ^").replace("\n", "\n      ")}\n`;
  }

  it("is refused where two contracts have the same name", () => {
    const text = twoContracts("acme.fraud.v1/r1", "acme.fraud.v1/r2");
    const expected =
      "spec.contracts[1].name: spec.contracts[0] has the same name; put the revisions under one of the two, or give a new version";
    assert.deepEqual(findingsOfText(text.replace("^", "")), placed(text, [expected]));
  });

  it("is refused where two revisions would have the same name in the cluster", () => {
    const text = twoContracts("a.v1/v2-x", "a.v1.v2/x");
    const expected =
      "spec.contracts[1].name: a.v1.v2/x and a.v1/v2-x would both be called a-v1-v2-x in the cluster; give one of the revisions another name";
    assert.deepEqual(findingsOfText(text.replace("^", "")), placed(text, [expected]));
  });
});

describe("a fleet file's paths", () => {
  const inside = "expected a path inside of the fleet file's folder";
  const copy = "copy the file in and write its path relative to the fleet file";
  const cases: readonly [string, string][] = [
    ["../r1.onnx", `${inside}, got "..", which leads out of folders: "../r1.onnx"; ${copy}`],
    ["models/../../r1.onnx", `${inside}, got "..", which leads out of folders: "models/../../r1.onnx"; ${copy}`],
    ["/etc/r1.onnx", `${inside}, got the absolute path "/etc/r1.onnx"; ${copy}`],
    ["C:/r1.onnx", `${inside}, got the absolute path "C:/r1.onnx"; ${copy}`],
    ["models\\r1.onnx", '"models\\\\r1.onnx" holds a backslash; write it with slashes: "models/r1.onnx"'],
  ];
  for (const [model, expected] of cases) {
    it(`can't be ${model}`, () => {
      const text = fleetOf(`name: acme.fraud.v1\nrevisions: { r1: { model: '${model}', sha256: ${DIGEST} } }`);
      assert.deepEqual(findingsOfText(text), [`fleet.yaml:7:33: ${C}.revisions.r1.model: ${expected}`]);
    });
  }

  function findingsWithLinks(model: string, links: Record<string, string>): string[] {
    const folder = new FleetFolder(fleetOf(`name: a.b.v1\nrevisions: { r1: { model: ${model}, sha256: ${DIGEST} } }`));
    const outside = new FleetFolder("no fleet");
    try {
      writeFileSync(join(outside.root, "r1.onnx"), "");
      for (const [link, target] of Object.entries(links)) {
        mkdirSync(dirname(join(folder.root, link)), { recursive: true });
        symlinkSync(target.replace("OUTSIDE", outside.root), join(folder.root, link));
      }
      return folder.findings().map((finding) => finding.replaceAll(outside.root, "OUTSIDE"));
    } finally {
      folder.remove();
      outside.remove();
    }
  }

  it("can't leave the folder by a link to a file", () => {
    assert.deepEqual(findingsWithLinks("r1.onnx", { "r1.onnx": "OUTSIDE/r1.onnx" }), [
      `fleet.yaml:7:33: ${C}.revisions.r1.model: ${inside}, got "r1.onnx", a link to "OUTSIDE/r1.onnx"; ${copy}`,
    ]);
  });

  it("can't leave the folder by a link on the way, whether or not the file is there", () => {
    for (const name of ["r1.onnx", "absent.onnx"]) {
      assert.match(findingsWithLinks(`models/${name}`, { models: "OUTSIDE" })[0] ?? "", /a link to "OUTSIDE/);
    }
  });

  it("can't go in circles", () => {
    assert.match(
      findingsWithLinks("a.onnx", { "a.onnx": "b.onnx", "b.onnx": "a.onnx" })[0] ?? "",
      /can't be followed: ELOOP/,
    );
  });

  it("may follow links inside of the folder, and through node_modules to wherever packages are kept", () => {
    assert.deepEqual(findingsWithLinks("a.onnx", { "a.onnx": "models/b.onnx" }), []);
    assert.deepEqual(findingsWithLinks("node_modules/p/r1.onnx", { "node_modules/p": "OUTSIDE" }), []);
  });

  it("may name a model that is not there, as a server serves the others", () => {
    assert.deepEqual(findingsWithLinks("models/deep/absent.onnx", {}), []);
  });
});
