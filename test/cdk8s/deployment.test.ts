import assert from "node:assert/strict";
import { LABEL } from "../../src/fleet/names.js";
import { fleetOf, memberOf, membersOf, model } from "../support/members.js";
import { type Synthesized, workloadsOf } from "./synthesized.js";

const FRAUD = (revision: string) => `
name: acme.fraud.v1
revisions: { r1: ${revision} }`;

const server = (workloads: Synthesized, name?: string) => workloads.pod(name).containers[0]!;
const argument = (workloads: Synthesized, name: string) => {
  const args = server(workloads).args!;
  return args[args.indexOf(name) + 1];
};

describe("a revision's Deployment", () => {
  const workloads = workloadsOf(memberOf(FRAUD(model("r1"))));
  const deployment = workloads.one("Deployment");

  it("serves one revision alone, to callers on other machines", () => {
    assert.equal(deployment.metadata!.name, "acme-fraud-v1-r1");
    assert.deepEqual(server(workloads).args!.slice(0, 5), ["serve", "--host", "0.0.0.0", "--only", "acme.fraud.v1/r1"]);
    assert.match(server(workloads).image!, /^localhost\/payments\/acme-fraud-v1:r1-5e884898da28-/);
  });

  it("chooses its own pods, and no other revision's", () => {
    const two = workloadsOf(
      memberOf(`
name: acme.fraud.v1
revisions: { r1: ${model("r1")}, r2: ${model("r2")} }
traffic: { r1: 100 }`),
    );
    const chosenBy = (name: string) => {
      const wanted = Object.entries(two.one("Deployment", name).spec!.selector.matchLabels!);
      return two
        .all("Deployment")
        .filter(({ spec }) => wanted.every(([key, value]) => spec!.template.metadata!.labels![key] === value))
        .map(({ metadata }) => metadata!.name);
    };
    for (const name of ["acme-fraud-v1-r1", "acme-fraud-v1-r2"]) assert.deepEqual(chosenBy(name), [name]);
  });

  it("never has fewer pods than before while it is rolled out", () => {
    assert.equal(deployment.spec!.strategy!.rollingUpdate!.maxUnavailable, 0);
    assert.equal(deployment.spec!.strategy!.rollingUpdate!.maxSurge, "25%");
  });

  it("gives a roll-out longer than a model may take to load", () => {
    const { periodSeconds, failureThreshold } = server(workloads).startupProbe!;
    assert(periodSeconds! * failureThreshold! >= 300);
    assert(deployment.spec!.progressDeadlineSeconds! > periodSeconds! * failureThreshold!);
  });

  it("leaves the number of pods to the autoscaler, and says it where it is fixed", () => {
    assert.equal(deployment.spec!.replicas, undefined);
    const fixed = workloadsOf(memberOf(FRAUD(model("r1", "replicas: { min: 3, max: 3 }"))));
    assert.equal(fixed.one("Deployment").spec!.replicas, 3);
    assert.deepEqual(fixed.all("HorizontalPodAutoscaler"), []);
  });

  it("takes no number of pods from a Rollout that has taken its pods over", () => {
    const member = memberOf(
      `${FRAUD(model("r1", "replicas: { min: 3, max: 3 }"))}
delivery: { engine: argo }`,
      "telemetry: { prometheus: { scraper: monitoring/prometheus, address: http://prometheus.monitoring:9090 } }",
    );
    assert.equal(workloadsOf(member).one("Deployment").spec!.replicas, undefined);
  });

  it("spreads its pods over nodes and zones, and prefers that to nothing", () => {
    const constraints = workloads.pod().topologySpreadConstraints!;
    assert.deepEqual(
      constraints.map(({ topologyKey, whenUnsatisfiable }) => [topologyKey, whenUnsatisfiable]),
      [
        ["kubernetes.io/hostname", "ScheduleAnyway"],
        ["topology.kubernetes.io/zone", "ScheduleAnyway"],
      ],
    );
  });

  it("asks for all the memory that it may use, and for the processors that the fleet file says", () => {
    const resources = "resources: { cpu: 1.5, cpuRequest: 100m, memory: 1Gi }";
    const { requests, limits } = server(workloadsOf(memberOf(FRAUD(model("r1", resources))))).resources!;
    assert.deepEqual([requests!.memory, limits!.memory], ["1Gi", "1Gi"]);
    assert.deepEqual([requests!.cpu, limits!.cpu], ["100m", "1500m"]);
  });

  it("tells the server its tuning, so that it changes without another image", () => {
    const tuning = "batching: { maxSize: 32, maxDelay: 2ms }, queue: { size: 9 }, workers: 2";
    const { env } = server(workloadsOf(memberOf(FRAUD(model("r1", tuning)))));
    assert.deepEqual(Object.fromEntries(env!.map(({ name, value }) => [name, value])), {
      FLOTILLA_BATCHING_MAX_SIZE: "32",
      FLOTILLA_BATCHING_MAX_DELAY: "2ms",
      FLOTILLA_BATCHING_PADDING: "none",
      FLOTILLA_QUEUE_SIZE: "9",
      FLOTILLA_WORKERS: "2",
      FLOTILLA_THREADS: "auto",
      FLOTILLA_STREAMS: '{"idle":"5m","drain":"10s","perCaller":256}',
    });
  });

  it("tells the server the limits of its streams, and the key by the name of its secret alone", () => {
    const streams = "streams: { idle: 90s, maxMessages: 1000, maxBytes: 1Gi, secret: fraud-streams }";
    const { env } = server(workloadsOf(memberOf(`${FRAUD(model("r1"))}\n${streams}`)));
    const [told, key] = env!.slice(-2);
    assert.equal(
      told!.value,
      '{"idle":"90s","drain":"10s","perCaller":256,"maxMessages":1000,"maxBytes":"1073.741824M"}',
    );
    assert.deepEqual(key, {
      name: "FLOTILLA_STREAM_KEY",
      valueFrom: { secretKeyRef: { name: "fraud-streams", key: "key" } },
    });
  });

  it("waits for its streams as long as they may take to end", () => {
    const pod = workloadsOf(memberOf(`${FRAUD(model("r1"))}\nstreams: { drain: 2m }`)).pod();
    assert.equal(pod.terminationGracePeriodSeconds, 11 + 120 + 10 + 9);
  });

  it("pulls by the fleet's secrets, and names none where there are none", () => {
    const pulls = workloadsOf(memberOf(FRAUD(model("r1")), "images: { pullSecrets: [registry] }"));
    assert.deepEqual(pulls.pod().imagePullSecrets, [{ name: "registry" }]);
    assert.equal(workloads.pod().imagePullSecrets, undefined);
  });

  it("changes no other revision's when one changes", () => {
    const fleet = (workers: number) =>
      membersOf(
        fleetOf([
          `
name: acme.fraud.v1
revisions: { r1: ${model("r1", `workers: ${workers}`)}, r2: ${model("r2")} }
traffic: { r1: 100 }`,
        ]),
      );
    const [before, after] = [workloadsOf(...fleet(1)), workloadsOf(...fleet(2))];
    const changed = before.objects.filter((object, index) => {
      return JSON.stringify(object) !== JSON.stringify(after.objects[index]);
    });
    assert.deepEqual(
      changed.map(({ kind, metadata }) => `${kind} ${metadata!.name}`),
      ["Deployment acme-fraud-v1-r1"],
    );
  });
});

describe("how a pod ends", () => {
  const ending = (fields: string) => {
    const workloads = workloadsOf(memberOf(`${FRAUD(model("r1"))}\n${fields}`));
    const preStop = server(workloads).lifecycle!.preStop!;
    return {
      preStop,
      drainSeconds: Number(argument(workloads, "--drain-timeout")),
      graceSeconds: workloads.pod().terminationGracePeriodSeconds!,
      annotations: workloads.one("Deployment").spec!.template.metadata!.annotations!,
    };
  };

  for (const deadline of ["200ms", "90s", "10m"]) {
    it(`is later than preStop, drain and the workers' end together, with a deadline of ${deadline}`, () => {
      const { preStop, drainSeconds, graceSeconds } = ending(`deadline: ${deadline}`);
      const closeSeconds = 10;
      assert(graceSeconds > preStop.sleep!.seconds + drainSeconds + closeSeconds);
    });
  }

  it("gives a call that was taken the time that any call of its contract has, and at least 30 s", () => {
    assert.equal(ending("deadline: 200ms").drainSeconds, 30);
    assert.equal(ending("deadline: 90500ms").drainSeconds, 91);
    assert.equal(ending("methods: { Predict: { deadline: 2m } }").drainSeconds, 120);
  });

  it("does not wait for streams, which end by themselves", () => {
    assert.equal(ending("methods: { PredictStream: { deadline: 120m } }").drainSeconds, 30);
  });

  it("waits without a shell, which the image does not have", () => {
    const { preStop } = ending("");
    assert.deepEqual(Object.keys(preStop), ["sleep"]);
    assert(preStop.sleep!.seconds > 10, "longer than Istio collects changes");
  });

  it("has a sidecar that starts before the server and ends after it", () => {
    const { annotations, preStop, drainSeconds } = ending("");
    assert.equal(annotations["sidecar.istio.io/nativeSidecar"], "true");
    const config = JSON.parse(annotations["proxy.istio.io/config"]!);
    assert.equal(config.holdApplicationUntilProxyStarts, true);
    assert.equal(config.proxyMetadata.EXIT_ON_ZERO_ACTIVE_CONNECTIONS, "true");
    assert(parseInt(config.proxyMetadata.MINIMUM_DRAIN_DURATION, 10) >= preStop.sleep!.seconds);
    assert(parseInt(config.terminationDrainDuration, 10) >= preStop.sleep!.seconds + drainSeconds);
  });
});

describe("a pod's labels", () => {
  const labelsOf = (contract: string, revision: string) =>
    workloadsOf(memberOf(contract)).one("Deployment", `acme-fraud-v1-${revision}`).spec!.template.metadata!.labels!;
  const guards = (labels: Record<string, string>) =>
    Object.keys(labels).filter((key) => key.startsWith("guard.flotilla.dev/"));
  const CONTRACT = `
name: acme.fraud.v1
revisions: { r0: ${model("r0")}, r1: ${model("r1")}, r2: ${model("r2")} }
traffic: { r1: 90, r2: 10 }`;
  const GUARDED = `${CONTRACT}\nfallback: { revision: r0 }`;

  it("let the fallback's pods answer for every revision, and the others for themselves", () => {
    assert.deepEqual(guards(labelsOf(GUARDED, "r0")), [
      "guard.flotilla.dev/r0",
      "guard.flotilla.dev/r1",
      "guard.flotilla.dev/r2",
    ]);
    assert.deepEqual(guards(labelsOf(GUARDED, "r1")), ["guard.flotilla.dev/r1"]);
    assert.equal(labelsOf(GUARDED, "r0")[LABEL.tier], "fallback");
    assert.equal(labelsOf(GUARDED, "r1")[LABEL.tier], "primary");
  });

  it("stay as they are when the contract gets a fallback, but for the fallback's own", () => {
    for (const revision of ["r1", "r2"]) assert.deepEqual(labelsOf(CONTRACT, revision), labelsOf(GUARDED, revision));
  });

  it("say contract, revision and version", () => {
    const labels = labelsOf(CONTRACT, "r1");
    assert.equal(labels["flotilla.dev/contract"], "acme.fraud.v1");
    assert.equal(labels["flotilla.dev/revision"], "r1");
    assert.equal(labels.version, "r1");
  });
});
