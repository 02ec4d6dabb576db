import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { fleetGraph } from "../fleet/graph.js";
import { toMermaid } from "../fleet/graph-mermaid.js";
import { toSvg } from "../fleet/graph-svg.js";
import { loadFleet } from "../fleet/load.js";
import { fleetFile } from "./fleet-file.js";

const FORMATS = {
  mermaid: toMermaid,
  svg: toSvg,
  json: (graph: object) => `${JSON.stringify(graph, null, 2)}\n`,
} as const;

const EXAMPLES = `
Boxes are contracts with their shares and deadlines; a time at an arrow is the most that a call of that hop may take.

Examples:
  flotilla graph                                     Mermaid, for a README
  flotilla graph --output svg -o docs/graph.svg
  flotilla graph --output json | jq -r '.edges[] | [.from, .to] | @tsv'`;

/** `flotilla graph`: who calls whom, as a picture. */
export function createGraphCommand(): Command {
  return new Command("graph")
    .description("Draw who calls whom in a fleet, by `callers` and `calls` of its file.")
    .argument("[path]", "fleet file, or its folder", "fleet.yaml")
    .addOption(new Option("--output <format>", "what to draw it as").choices(Object.keys(FORMATS)).default("mermaid"))
    .option("-o, --out <file>", "write it into a file (default: stdout)")
    .addHelpText("after", EXAMPLES)
    .action((where: string, { output, out }: { output: keyof typeof FORMATS; out: string | undefined }) => {
      const drawn = FORMATS[output](fleetGraph(loadFleet(fleetFile(where))));
      if (out === undefined) process.stdout.write(drawn);
      else writeFileSync(out, drawn);
    });
}
