import assert from "node:assert/strict";
import { DIGEST, findingsOfText } from "./sample.js";

const NATS = "{ nats: { servers: [nats://nats.messaging:4222] } }";
const MONITORED = "{ nats: { servers: [nats://nats.messaging:4222], monitoring: nats.messaging:8222 } }";

/** What a bridge has besides its name. */
interface Fields {
  readonly name?: string;
  readonly from?: string;
  readonly to?: string;
  readonly dead?: string;
  readonly more?: string;
}

function bridge({ name = "scores", from = "in.>", to = "out.scored", dead = "out.dead", more = "" }: Fields): string {
  const places = `from: { stream: IN, subject: "${from}" }, to: { subject: ${to} }, deadLetter: { subject: ${dead} }`;
  return `{ name: ${name}, contract: acme.fraud.v1, ${places}${more && `, ${more}`} }`;
}

/** What is found in a fleet with some bridges, without its place in the text. */
function findings(bridges: readonly string[], broker: string | null = NATS): string[] {
  const text = `apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: payments }
spec:
  contracts:
    - { name: acme.fraud.v1, revisions: { r1: { model: r1.onnx, sha256: ${DIGEST} } } }
${broker === null ? "" : `  broker: ${broker}\n`}  bridges:
${bridges.map((one) => `    - ${one}\n`).join("")}`;
  return findingsOfText(text).map((finding) => finding.replace(/^fleet\.yaml:\d+:\d+: /, ""));
}

const B = "spec.bridges[0]";

/** A promise, bridges that break it, and what is found. */
const BROKEN: readonly [string, readonly Fields[], string][] = [
  [
    "each has a name of its own, which is its consumer's",
    [{}, { from: "on.>", to: "up.scored", dead: "up.dead" }],
    "spec.bridges[1].name: spec.bridges[0] has the same name; give one of the two another name",
  ],
  [
    "it does not take its own predictions",
    [{ to: "in.scored" }],
    `${B}.to.subject: in.scored is among what the bridge takes, in.>: its events would go round for ever; publish to a subject that in.> does not hold`,
  ],
  [
    "it does not take its own dead letters",
    [{ from: "in.*", dead: "in.dead" }],
    `${B}.deadLetter.subject: in.dead is among what the bridge takes, in.*: its events would go round for ever; publish to a subject that in.* does not hold`,
  ],
  [
    "predictions and dead letters lie apart",
    [{ dead: "out.scored" }],
    `${B}.deadLetter.subject: predictions and what could not be predicted would both be in out.scored; give deadLetter a subject of its own`,
  ],
  [
    "its predictions don't come back by way of others",
    [
      { name: "a", from: "one.*", to: "two.x", dead: "dead.a" },
      { name: "b", from: "two.*", to: "three.x", dead: "dead.b" },
      { name: "c", from: "three.*", to: "one.x", dead: "dead.c" },
    ],
    `${B}.to: by way of spec.bridges[2] its predictions come back to it: events would go round for ever; publish the predictions of one of the two elsewhere`,
  ],
  [
    "waits grow up to the longest",
    [{ more: "retries: { backoff: 1m }" }],
    `${B}.retries: backoff is 1m, above the longest wait of 30s; write maxBackoff: 1m or more`,
  ],
  [
    "a window can be filled",
    [{ more: "window: { maxSize: 65 }" }],
    `${B}.window.maxSize: never fills: no more than 64 events are taken at a time; write maxInFlight: 65 or more`,
  ],
  [
    "something starts its first pod",
    [{ more: "replicas: { min: 0, max: 1 }" }],
    `${B}.replicas: nothing would ever start a pod; write scaleOnLag: 1000, or min: 1`,
  ],
  [
    "something adds pods where there may be more",
    [{ more: "replicas: { min: 1, max: 3 }" }],
    `${B}.replicas: nothing adds pods above min, which is 1; write scaleOnLag: 1000`,
  ],
  [
    "the most pods are no fewer than the fewest",
    [{ more: "replicas: { min: 3, max: 2 }" }],
    `${B}.replicas: min is 3, above max, which is 2; write max: 3 or more`,
  ],
  [
    "one pod alone takes events that have an order",
    [{ more: "orderBy: partitionkey, replicas: { min: 2 }" }],
    `${B}.replicas: several pods would take events of one key side by side, and orderBy is "partitionkey"; write replicas: { min: 1, max: 1 }, or give each part of the subjects a bridge of its own`,
  ],
  [
    "KEDA knows whom to ask for the lag",
    [{ more: "scaleOnLag: 100" }],
    `${B}.scaleOnLag: KEDA does not know where to ask how many events wait; write spec.broker.nats.monitoring: nats.messaging:8222`,
  ],
  [
    "its subject is one that NATS takes",
    [{ from: "in.>.x" }],
    `${B}.from.subject: expected a subject, got "in.>.x"; write it as payments.created or payments.>`,
  ],
  [
    "it publishes to one subject",
    [{ to: '"out.*"' }],
    `${B}.to.subject: expected a subject without wildcards, got "out.*"; write it as payments.scored`,
  ],
];

describe("a bridge of a fleet file", () => {
  for (const [promise, bridges, expected] of BROKEN) {
    it(`is refused unless ${promise}`, () => {
      assert.deepEqual(findings(bridges.map(bridge)), [expected]);
    });
  }

  it("is refused where the contract is none of the fleet's, with the one that was meant", () => {
    const other = bridge({}).replace("acme.fraud.v1", "acme.frad.v1");
    assert.deepEqual(findings([other]), [
      `${B}.contract: no contract is called "acme.frad.v1"; did you mean acme.fraud.v1?`,
    ]);
  });

  it("is refused where the fleet has no broker", () => {
    assert.deepEqual(findings([bridge({})], null), [
      "spec.bridges: the fleet has no broker; write spec.broker: { nats: { servers: [nats://nats.messaging:4222] } } or { kafka: { brokers: [kafka.messaging:9092] } }",
    ]);
  });

  it("may lead to another one that leads elsewhere, and be scaled by its lag from no pod on", () => {
    const chain = [
      { name: "a", from: "one.*", to: "two.x", dead: "dead.a", more: "scaleOnLag: 100, replicas: { min: 0 }" },
      { name: "b", from: "two.*", to: "three.x", dead: "dead.b" },
    ];
    assert.deepEqual(findings(chain.map(bridge), MONITORED), []);
  });

  it("names its servers with the scheme, and not as another kind of broker does", () => {
    const [wrong] = findings([bridge({})], "{ nats: { servers: [nats.messaging] } }");
    assert.match(
      wrong!,
      /servers\[0\]: expected a server, got "nats\.messaging"; write it as nats:\/\/nats\.messaging:4222/,
    );
  });

  describe("with Kafka", () => {
    const KAFKA = "{ kafka: { brokers: [kafka.messaging:9092] } }";
    const topics = (from: string, to: string, more = "") =>
      `{ name: scores, contract: acme.fraud.v1, from: { topic: ${from} }, to: { topic: ${to} }, deadLetter: { topic: dead }${more} }`;

    it("names topics, and may have several pods though events have an order", () => {
      const more = ", orderBy: partitionkey, scaleOnLag: 100, replicas: { max: 4 }";
      assert.deepEqual(findings([topics("in", "out", more)], KAFKA), []);
    });

    it("names no subjects, and with NATS no topics", () => {
      assert.deepEqual(findings([bridge({})], KAFKA), [
        `${B}.from: the broker is Kafka: expected topic, got stream and subject; write topic: payments`,
        `${B}.to: the broker is Kafka: expected topic, got subject; write topic: payments`,
        `${B}.deadLetter: the broker is Kafka: expected topic, got subject; write topic: payments`,
      ]);
      const [wrong] = findings([topics("in", "out")], NATS);
      assert.equal(
        wrong,
        `${B}.from: the broker is NATS: expected stream and subject, got topic; write stream: PAYMENTS, subject: payments`,
      );
    });

    it("publishes to another topic than it takes events from", () => {
      assert.deepEqual(findings([topics("in", "in")], KAFKA), [
        `${B}.to.topic: in is among what the bridge takes, in: its events would go round for ever; publish to another topic`,
      ]);
    });

    it("has one broker, which is told a user only where a secret says who", () => {
      assert.deepEqual(findings([topics("in", "out")], "{ kafka: { brokers: [kafka], sasl: PLAIN } }"), [
        "spec.broker.kafka.sasl: nobody says which user it is; write secret: kafka-credentials, with username and password in it",
      ]);
      const both = "{ nats: { servers: [nats://nats] }, kafka: { brokers: [kafka] } }";
      assert.deepEqual(findings([topics("in", "out")], both), [
        "spec.broker: a fleet has one broker; leave out nats or kafka",
      ]);
      assert.match(findings([], "{}").join(), /^spec.broker: no kind of broker is named/);
    });
  });
});
