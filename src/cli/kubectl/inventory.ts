import { Command, Option } from "commander";
import { REGISTER_SOURCES, type RegisterEntry, takeInventory } from "../../kubectl/inventory.js";
import { formatTable } from "../table.js";
import { type TargetOptions, withTarget, withTargetOptions } from "./target-options.js";

interface InventoryOptions extends TargetOptions {
  readonly allNamespaces?: boolean;
  readonly output: "text" | "json" | "md";
}

const HEAD = ["CONTRACT", "REVISION", "DIGEST", "OWNER", "LICENCE", "WEIGHT", "GOLDEN"];
const DIGEST_LENGTH = 12;

const NOTES = `
A register of the models in use, in the sense of NIST's AI Risk Management Framework (GOVERN 1.6 asks for an inventory;
docs/kubectl.md says which field serves which function). -o md is a document, with the source of each field; -o json has
all fields. What nobody has said is shown as missing: owner, purpose and licence come from the fleet file.

Examples:
  kubectl flotilla inventory -n models
  kubectl flotilla inventory -A -o md > register.md
  kubectl flotilla inventory -o json | jq '.models[] | select(.licence == null) | .contract'`;

/** `kubectl flotilla inventory`. */
export function createInventoryCommand(): Command {
  const command = new Command("inventory")
    .description("List the models in use: whose they are, what they are for, who may call, what they passed.")
    .argument("[contract]", "acme.fraud.v1; by default all of the namespace");
  return withTargetOptions(command)
    .option("-A, --all-namespaces", "look into all namespaces")
    .addOption(new Option("-o, --output <format>", "how to print it").choices(["text", "json", "md"]).default("text"))
    .addHelpText("after", NOTES)
    .action((contract: string | undefined, options: InventoryOptions) => {
      return withTarget(options, async (target, own) => {
        const namespace = options.allNamespaces ? undefined : own;
        const models = await takeInventory(target, { namespace, contract });
        if (models.length === 0)
          throw new Error(`no models ${namespace === undefined ? "in any namespace" : `in namespace ${namespace}`}`);
        process.stdout.write(print(models, options, { context: target.cluster.context, takenAt: new Date() }));
      });
    });
}

interface Taken {
  readonly context: string;
  readonly takenAt: Date;
}

function print(models: readonly RegisterEntry[], { output }: InventoryOptions, { context, takenAt }: Taken): string {
  if (output === "json") return `${JSON.stringify({ context, takenAt, sources: REGISTER_SOURCES, models }, null, 2)}\n`;
  if (output === "md") return markdown(models, { context, takenAt });
  return `${formatTable(HEAD, models.map(cells))}\n`;
}

function cells(entry: RegisterEntry): string[] {
  const { contract, revision, digests, owner, licence, weight, golden } = entry;
  const digest = digests.map((one) => one.slice(0, DIGEST_LENGTH)).join(", ");
  return [
    contract,
    revision,
    digest || "-",
    owner ?? "-",
    licence ?? "-",
    weight === 0 ? "-" : `${weight}%`,
    goldenText(golden),
  ];
}

function goldenText(golden: RegisterEntry["golden"]): string {
  if (golden === undefined) return "-";
  return `${golden.passed} of ${golden.passed + golden.failed} on ${golden.at.slice(0, 10)}`;
}

const FIELDS: readonly (readonly [string, keyof RegisterEntry, (entry: RegisterEntry) => string])[] = [
  ["Owner", "owner", ({ owner }) => owner ?? "**missing**"],
  ["Purpose", "purpose", ({ purpose }) => purpose ?? "**missing**"],
  ["Licence", "licence", ({ licence }) => licence ?? "**missing**"],
  ["Model, sha256", "digests", ({ digests }) => digests.map((digest) => `\`${digest}\``).join(", ") || "no pod"],
  ["Image", "image", ({ image }) => (image === undefined ? "none" : `\`${image}\``)],
  ["Who may call", "callers", ({ callers }) => callers.join(", ") || "nobody"],
  ["Share of the calls", "weight", ({ weight }) => `${weight}%`],
  ["Deployed", "deployed", ({ deployed }) => deployed ?? "unknown"],
  ["Share changed last", "rolledOut", ({ rolledOut }) => rolledOut ?? "not by this plugin"],
  ["Golden cases", "golden", ({ golden }) => goldenText(golden)],
];

function markdown(models: readonly RegisterEntry[], { context, takenAt }: Taken): string {
  const sections = models.map((entry) => {
    const rows = FIELDS.map(([title, , textOf]) => `| ${title} | ${textOf(entry).replaceAll("|", "\\|")} |`);
    return [`## ${entry.contract} ${entry.revision}`, "", "| | |", "|---|---|", ...rows].join("\n");
  });
  const sources = FIELDS.map(([title, field]) => `| ${title} | ${REGISTER_SOURCES[field]} |`);
  const head = `# Models in use\n\nOf the cluster \`${context}\`, taken ${takenAt.toISOString()} by \`kubectl flotilla inventory\`.`;
  const table = ["## Sources", "", "| field | where it is from |", "|---|---|", ...sources].join("\n");
  return `${[head, ...sections, table].join("\n\n")}\n`;
}
