import path from "node:path";
import { openFleet } from "../../../src/fleet/load.js";
import { runtimeReference } from "../../../src/fleet/names.js";
import type { FleetSpec } from "../../../src/fleet/spec.js";
import { ROOT } from "../../support/contract-fixture.js";

/** The example fleet. */
export const EXAMPLE: FleetSpec = openFleet(path.join(ROOT, "fleet.yaml")).fleet;

/** The image that the tests' programs run in: the fleet's runtime image. */
export const RUNTIME_IMAGE: string = process.env.FLOTILLA_TEST_IMAGE ?? runtimeReference(EXAMPLE.images);
