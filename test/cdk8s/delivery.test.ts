import assert from "node:assert/strict";
import { analysisTemplate, rollout } from "../../cdk8s/delivery/argo.js";
import { contractDelivery } from "../../cdk8s/delivery/contract-delivery.js";
import { canary, metricTemplates } from "../../cdk8s/delivery/flagger.js";
import { destinationRule } from "../../mesh/destination-rule.js";
import { ingressVirtualService, virtualService } from "../../mesh/virtual-service.js";
import type { Member } from "../../src/fleet/members.js";
import type { ServiceMethod } from "../../src/fleet/services.js";
import { memberOf, model } from "../support/members.js";
import { metricsOf } from "./monitoring-queries.js";
import { workloadsOf } from "./synthesized.js";

const SPEC = `telemetry: { prometheus: { scraper: monitoring/prometheus, address: http://prometheus.monitoring:9090 } }
ingress: { via: istio, host: models.example.com, tls: { secret: models-tls } }`;

function delivered(engine: string, options: { more?: string; revision?: string } = {}): Member {
  const { more = "", revision = "r1" } = options;
  const text = `name: acme.fraud.v1
deadline: 200ms
revisions: { ${revision}: ${model(revision)} }
objectives: { errorRate: 0.5, p99: 80ms }
delivery: { engine: ${engine}, steps: [5, 50], interval: 2m }
${more}`;
  return memberOf(text, SPEC);
}

/** With the methods given in place of those that tests have otherwise. */
function withMethods(member: Member, methods: readonly ServiceMethod[]): Member {
  return { ...member, service: { ...member.service, methods } };
}

/** The pattern for pods' names in a query. */
function podsOf(query: string): RegExp {
  return new RegExp(`^(${/pod=~"([^"]+)"/.exec(query)![1]})$`);
}

describe("a contract that no engine delivers", () => {
  it("has nothing for one", () => {
    assert.deepEqual(contractDelivery(memberOf(`name: acme.fraud.v1\nrevisions: { r1: ${model("r1")} }`)), []);
  });
});

for (const engine of ["argo", "flagger"]) {
  describe(`what ${engine} rolls out`, () => {
    it("keeps its names and selectors when another revision takes the place of one", () => {
      const [before, after] = ["r1", "r2"].map((revision) => delivered(engine, { revision }));
      const kept = (member: Member) => {
        const workloads = workloadsOf(member);
        const { metadata, spec } = workloads.one("Deployment");
        return {
          name: metadata!.name,
          selector: spec!.selector,
          autoscaler: workloads.one("HorizontalPodAutoscaler").metadata!.name,
          budget: workloads.one("PodDisruptionBudget").spec!.selector,
          subsets: destinationRule(member).spec!.subsets!.filter(({ name }) => ["stable", "canary"].includes(name)),
          delivery: contractDelivery(member).map((object) => object.metadata!.name),
        };
      };
      assert.deepEqual(kept(after!), kept(before!));
    });

    it("is the one Deployment of the contract, and what scales it", () => {
      const member = delivered(engine);
      const workloads = workloadsOf(member);
      const name = workloads.one("Deployment").metadata!.name!;
      if (engine === "argo") {
        const { workloadRef } = rollout(member, member.contract.delivery!).spec;
        assert.deepEqual([workloadRef!.kind, workloadRef!.name], ["Deployment", name]);
        const { kind, name: scaled } = workloads.one("HorizontalPodAutoscaler").spec!.scaleTargetRef;
        assert.deepEqual([kind, scaled], ["Rollout", rollout(member, member.contract.delivery!).metadata!.name]);
      } else {
        const { targetRef, autoscalerRef } = canary(member, member.contract.delivery!).spec;
        assert.deepEqual([targetRef.kind, targetRef.name], ["Deployment", name]);
        assert.equal(autoscalerRef!.name, workloads.one("HorizontalPodAutoscaler").metadata!.name);
      }
    });

    it("names no autoscaler where the number of pods is fixed", () => {
      const fixed = memberOf(
        `name: acme.fraud.v1\nrevisions: { r1: ${model("r1", "replicas: { min: 3, max: 3 }")} }\ndelivery: { engine: ${engine} }`,
        SPEC,
      );
      const { delivery } = fixed.contract;
      if (engine === "argo") assert.equal(rollout(fixed, delivery!).spec.replicas, 3);
      else assert.equal(canary(fixed, delivery!).spec.autoscalerRef, undefined);
    });
  });
}

describe("a roll-out by Argo Rollouts", () => {
  const member = delivered("argo", { more: "ingress: true" });
  const delivery = member.contract.delivery!;
  const { canary: strategy } = rollout(member, delivery).spec.strategy!;

  it("shifts every route that splits the traffic, inside the mesh and from its ingress, and no other", () => {
    const { virtualServices, destinationRule: rule } = strategy!.trafficRouting!.istio!;
    const meshed = [virtualService(member), ingressVirtualService(member, member.fleet.ingress!)];
    const split = meshed.map(({ metadata, spec }) => ({
      name: metadata!.name!,
      routes: spec!.http!.filter(({ route }) => route!.length > 1).map(({ name }) => name!),
    }));
    assert.deepEqual(virtualServices, split);
    assert.ok(split.every(({ routes }) => routes.length > 0));
    const subsets = destinationRule(member).spec!.subsets!.map(({ name }) => name);
    assert.ok(subsets.includes(rule!.stableSubsetName) && subsets.includes(rule!.canarySubsetName));
  });

  it("shifts nothing at an ingress that is not there", () => {
    const inside = delivered("argo");
    const { istio } = rollout(inside, delivery).spec.strategy!.canary!.trafficRouting!;
    assert.equal(istio!.virtualServices!.length, 1);
  });

  it("judges each step before the next", () => {
    assert.deepEqual(
      strategy!.steps!.map(({ setWeight }) => setWeight ?? "judge"),
      [5, "judge", 50, "judge"],
    );
  });

  it("makes a step last as long as the fleet file says", () => {
    for (const { initialDelay, interval, count } of analysisTemplate(member, delivery).spec.metrics!) {
      assert.deepEqual([initialDelay, interval, count], ["30s", "30s", 4]);
    }
  });

  it("holds the new state to what the contract promises", () => {
    const [errors, p99] = analysisTemplate(member, delivery).spec.metrics!;
    assert.ok(judge(errors!.successCondition!, [0.5]) && !judge(errors!.failureCondition!, [0.5]));
    assert.ok(judge(errors!.failureCondition!, [0.6]) && !judge(errors!.successCondition!, [0.6]));
    assert.ok(judge(p99!.successCondition!, [80]) && judge(p99!.failureCondition!, [81]));
  });

  it("counts a time without calls neither as a success nor as a failure", () => {
    for (const { successCondition, failureCondition } of analysisTemplate(member, delivery).spec.metrics!) {
      for (const result of [[], [Number.NaN]]) {
        assert.ok(!judge(successCondition!, result));
        assert.ok(!judge(failureCondition!, result));
      }
    }
  });

  it("looks at the new pods alone, by their names", () => {
    const { name } = rollout(member, delivery).metadata!;
    for (const { provider } of analysisTemplate(member, delivery).spec.metrics!) {
      const query = provider.prometheus!.query!.replaceAll("{{args.pod-hash}}", "6d4b75cb6d");
      assert.ok(metricsOf(query).length > 0);
      assert.match(`${name}-6d4b75cb6d-x7k2p`, podsOf(query));
      assert.doesNotMatch(`${name}-5f9c8d7b4b-x7k2p`, podsOf(query));
    }
  });

  /** The engine's language for conditions and JavaScript agree where these are concerned. */
  function judge(condition: string, result: readonly number[]): boolean {
    return new Function("result", "len", `return ${condition}`)(result, (list: unknown[]) => list.length);
  }
});

describe("a roll-out by Flagger", () => {
  const member = delivered("flagger");
  const delivery = member.contract.delivery!;
  const { spec } = canary(member, delivery);

  it("is judged by gRPC's codes, with the limits that the contract promises", () => {
    const templates = new Map(metricTemplates(member).map(({ metadata, spec }) => [metadata!.name, spec.query]));
    const limits = spec.analysis.metrics.map(({ templateRef, thresholdRange }) => {
      assert.ok(metricsOf(templates.get(templateRef.name)!).length > 0);
      return thresholdRange.max;
    });
    assert.deepEqual(limits, [0.5, 80]);
    assert.match(templates.get(spec.analysis.metrics[0]!.templateRef.name)!, /code=~"[^"]*INTERNAL/);
  });

  it("looks at the new pods alone, not at the copy that has the traffic", () => {
    const { name } = spec.targetRef;
    for (const { spec: template } of metricTemplates(member)) {
      assert.match(`${name}-6d4b75cb6d-x7k2p`, podsOf(template.query));
      assert.doesNotMatch(`${name}-primary-6d4b75cb6d-x7k2p`, podsOf(template.query));
    }
  });

  it("has the Service to itself, under the name that callers know", () => {
    assert.deepEqual(workloadsOf(member).all("Service"), []);
    assert.equal(spec.service.name, "acme-fraud-v1");
    assert.equal(spec.service.appProtocol, "grpc");
  });

  it("finds the Deployment's pods by the label that Flagger looks for", () => {
    const { spec: deployment } = workloadsOf(member).one("Deployment");
    const label = "app.kubernetes.io/name";
    assert.equal(deployment!.selector.matchLabels![label], deployment!.template.metadata!.labels![label]);
  });

  it("cuts no stream short and tries none again, as Flagger has one route for all methods", () => {
    const calls = withMethods(member, [{ name: "Predict", streaming: false }]);
    const { service } = canary(calls, delivery).spec;
    assert.equal(service.timeout, "0.2s");
    assert.notEqual(service.retries.attempts, 0);
    assert.equal(spec.service.timeout, "3600s");
    assert.deepEqual(spec.service.retries, { attempts: 0 });
  });

  it("goes by the steps of the fleet file", () => {
    assert.deepEqual(spec.analysis.stepWeights, [5, 50]);
    assert.equal(spec.analysis.interval, "120s");
  });
});
