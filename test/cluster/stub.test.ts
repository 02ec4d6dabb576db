import assert from "node:assert/strict";
import { call } from "./support/caller.js";
import { LISTED, raiseCallers, STRANGER } from "./support/callers.js";
import { binomial } from "./support/chance.js";
import { fleetObjects } from "./support/fleet-objects.js";
import { liveMembers, liveOrders, MODEL } from "./support/live-fleet.js";
import { measured } from "./support/measured.js";
import { removeNamespaces } from "./support/namespace.js";
import { raise } from "./support/stage.js";
import { eventually } from "./support/waiting.js";

const NAMESPACE = "flotilla-test-stub";
const FAILED_PERCENT = 10;

describe("18 a contract that is a stub", function () {
  this.timeout(400_000);

  before(async () => {
    // A code that the mesh never tries again: of others callers see fewer.
    const stub = { latency: "1ms", errors: new Map([["INVALID_ARGUMENT", FAILED_PERCENT]]), golden: false };
    const members = (await liveMembers(NAMESPACE))
      .filter(({ contract }) => contract.name === MODEL)
      .map((member) => ({ ...member, contract: { ...member.contract, stub } }));
    await raiseCallers();
    await raise({ namespaces: [NAMESPACE], objects: fleetObjects(members), callers: [] });
  });
  // Nobody else needs its pods, and a node holds only so many sidecars.
  after(() => removeNamespaces([NAMESPACE]));

  it("answers by its models' Service and routes, and fails as often as its profile says", async function () {
    const orders = await liveOrders(MODEL, NAMESPACE);
    await eventually(
      "the stub answers",
      () => call(LISTED, { ...orders, calls: 20 }),
      ({ revisions }) => (revisions.stub ?? 0) > 0,
    );
    const calls = 300;
    const { codes, revisions, details } = await call(LISTED, { ...orders, calls, connections: 2 });
    const { least, most } = binomial(calls, FAILED_PERCENT / 100);
    measured(this, `${codes.INVALID_ARGUMENT} of ${calls} calls failed, expected ${least} to ${most}`);
    assert.deepEqual(Object.keys(codes).sort(), ["INVALID_ARGUMENT", "OK"], JSON.stringify(details));
    assert(codes.INVALID_ARGUMENT! >= least && codes.INVALID_ARGUMENT! <= most);
    assert(revisions.stub! >= codes.OK!);
  });

  it("lets nobody in whom its models would not let in", async () => {
    const { codes } = await call(STRANGER, { ...(await liveOrders(MODEL, NAMESPACE)), calls: 5 });
    assert.deepEqual(codes, { PERMISSION_DENIED: 5 });
  });
});
