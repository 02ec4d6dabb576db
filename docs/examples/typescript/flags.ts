// Calls for several users, each in the cohort that a feature flag puts them in. From the repository's folder, while
// `make serve` runs, or in the mesh, where `cohorts: { beta: r2 }` sends cohort beta to r2:
//   npx tsx docs/examples/typescript/flags.ts [host:port]
import { readFile } from "node:fs/promises";
import { OpenFeature } from "@openfeature/server-sdk";
import { PredictRequest, TumorServiceClient } from "../../../generated/ts/acme/tumor/v1/tumor_service.js";
import { connect } from "../../../src/client/connect.js";
import type { Hop } from "../../../src/client/hop.js";
import { cohortFlags, cohortOf } from "./cohorts.js";

await OpenFeature.setProviderAndWait(cohortFlags({ beta: 20 }));
const flags = OpenFeature.getClient();
const tumors = connect(TumorServiceClient, process.argv[2] ?? "localhost:8500", { deadlineMs: 2000 });
const request = PredictRequest.fromJSON(JSON.parse(await readFile("models/tumor/samples/request.json", "utf8")));

for (let clinic = 1; clinic <= 10; clinic++) {
  const user = `clinic-${clinic}`;
  const cohort = await cohortOf(flags, user);
  const onHop = ({ revision }: Hop) => console.log(`${user}: cohort ${cohort ?? "none"}, answered by ${revision}`);
  await tumors.predict(request, { cohort, onHop });
}
tumors.close();
await OpenFeature.close();
