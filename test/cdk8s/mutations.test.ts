import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAllDocuments } from "yaml";
import { type Manifest, type ManifestFile, synthesize } from "../../cdk8s/fleet-app.js";
import { FleetError } from "../../src/fleet/findings.js";
import { parseFleet } from "../../src/fleet/load.js";
import type { FleetSpec } from "../../src/fleet/spec.js";
import { objectKey } from "../../src/kubectl/kube-object.js";
import { mutated } from "../fleet/mutated.js";
import { ROOT } from "../support/contract-fixture.js";
import { membersOf } from "../support/members.js";

const RUNS = 1_500;
/** Fixed, so that a failure is the same for everybody. */
const SEED = 20_261_125;

/** @see https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ */
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
const LABEL_KEY = /^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
/** Kinds whose names are DNS labels. */
const LABEL_NAMED = ["Service", "Namespace"];

/** The manifests of a damaged file; undefined where it does not load. */
function manifestsOf(content: Buffer): { fleet: FleetSpec; files: ManifestFile[] } | undefined {
  let fleet: FleetSpec;
  try {
    fleet = parseFleet(content.toString("utf8"), { file: "fleet.yaml", root: ROOT }).fleet;
  } catch (error) {
    if (error instanceof FleetError) return undefined;
    throw error;
  }
  return { fleet, files: synthesize(fleet, membersOf(fleet)) };
}

function assertNames({ kind, metadata }: Manifest): void {
  const { name, namespace, labels = {} } = metadata as Manifest["metadata"] & { labels?: Record<string, string> };
  const where = `${kind} ${name}`;
  assert.match(name, LABEL_NAMED.includes(kind) ? DNS_LABEL : DNS_SUBDOMAIN, where);
  assert(name.length <= 253, where);
  if (kind !== "Namespace") assert.match(namespace ?? "", DNS_LABEL, where);
  for (const [key, value] of Object.entries(labels)) {
    assert.match(key, LABEL_KEY, where);
    assert.match(value, LABEL_VALUE, where);
  }
}

describe("manifests of a fleet file that was damaged", function () {
  this.timeout(300_000);

  it(`are whole where the file loads: valid YAML, each object once, names that Kubernetes takes (${RUNS} files)`, () => {
    let made = 0;
    fc.assert(
      fc.property(mutated, (content) => {
        const manifests = manifestsOf(content);
        if (manifests === undefined) return;
        made++;
        const { files } = manifests;
        for (const { path, text } of files) {
          assert.match(path, /^([\w.-]+\/)?[\w-]+\.yaml$/);
          for (const document of parseAllDocuments(text, { version: "1.1" })) assert.deepEqual(document.errors, []);
          assert.doesNotMatch(text, /\bundefined\b|\bNaN\b|\[object/);
        }
        const objects = files.flatMap((file) => file.objects);
        objects.forEach(assertNames);
        const keys = objects.map(objectKey);
        assert.deepEqual(
          keys.filter((key, index) => keys.indexOf(key) !== index),
          [],
        );
      }),
      { numRuns: RUNS, seed: SEED },
    );
    // Enough files have loaded, or the property says nothing.
    assert(made > RUNS / 50, `${made} of ${RUNS} files loaded`);
  });
});
