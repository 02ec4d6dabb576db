// Diagnoses samples of tumours with the typed client. From the repository's folder, while `make serve` runs:
//   npx tsx docs/examples/typescript/predict.ts [host:port]
import { readFile } from "node:fs/promises";
import {
  findingToJSON,
  PredictRequest,
  TumorServiceClient,
} from "../../../generated/ts/acme/tumor/v1/tumor_service.js";
import { connect } from "../../../src/client/connect.js";

const tumors = connect(TumorServiceClient, process.argv[2] ?? "localhost:8500", { deadlineMs: 2000 });

const json = JSON.parse(await readFile("models/tumor/samples/request.json", "utf8"));
const { diagnoses } = await tumors.predict(PredictRequest.fromJSON(json));
for (const { label, malignantProbability } of diagnoses) {
  console.log(findingToJSON(label), malignantProbability.toFixed(3));
}
tumors.close();
