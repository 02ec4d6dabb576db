import path from "node:path";
import { ROOT } from "../support/contract-fixture.js";
import { FleetProcess } from "../support/fleet-process.js";

/** Two contracts of the example fleet, each served by a process of its own. */
export interface ExampleServers {
  /** `host:port` of acme.tumor.v1, a unary contract in record style with two revisions. */
  readonly tumor: string;
  /** `host:port` of acme.voice.v1, a stream that carries state. */
  readonly voice: string;
  end(): Promise<void>;
}

/** Starts them and waits until they are warm. */
export async function startExampleServers(): Promise<ExampleServers> {
  const [tumor, voice] = await Promise.all(["acme.tumor.v1", "acme.voice.v1"].map(start));
  return {
    tumor: tumor!.served.address,
    voice: voice!.served.address,
    end: async () => {
      await Promise.all([tumor!.end(), voice!.end()]);
    },
  };
}

function start(contract: string): Promise<FleetProcess> {
  return FleetProcess.start(path.join(ROOT, "fleet.yaml"), "--only", contract);
}
