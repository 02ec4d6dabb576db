import { Command, InvalidArgumentError, Option } from "commander";
import { parseLatency } from "../fleet/latency-profile.js";
import { PORT } from "../fleet/names.js";
import { type Stub, startStub } from "../testing/start-stub.js";
import { parseErrors } from "../testing/stub-profile.js";
import { onStderr } from "./colors.js";
import { endSignal } from "./end-signal.js";
import { invocation } from "./invocation.js";
import { listening } from "./listening.js";
import { parsePort } from "./number-options.js";

interface StubCommandOptions {
  readonly root: string;
  readonly host: string;
  readonly port: number;
  readonly golden: boolean;
  readonly revision?: string;
  readonly recording?: readonly string[];
  readonly otherwise: "generate" | "refuse";
  readonly seed: number;
  readonly latency?: string;
  readonly errors?: string;
}

const HELP = `
A request that is known from a recording or a golden case gets that answer. Another one gets an answer that fits the
contract and means nothing, the same one each time; or NOT_FOUND with --otherwise refuse. What the contract refuses is
refused. Trailers say \`flotilla-revision: stub\`. Health and reflection are served; Ctrl-C ends.

Examples:
  flotilla stub acme.tumor.v1
  flotilla stub acme.tumor.v1 acme.digits.v1 --latency p50=20ms,p99=200ms --errors UNAVAILABLE=2%
  flotilla stub acme.tumor.v1 --recording recorded.binpb --otherwise refuse`;

/** `flotilla stub`: serves contracts with no models. */
export function createStubCommand(): Command {
  return new Command("stub")
    .description("Serve contracts with no models behind them, so that callers can be tested without.")
    .argument("<contracts...>", "acme.fraud.v1")
    .option("--root <folder>", "folder that holds proto/, and models/ with the golden cases", ".")
    .option("--host <address>", "address to listen on; 0.0.0.0 for callers on other machines", "127.0.0.1")
    .option("--port <port>", "port to listen on; 0 for any free one", parsePort, PORT.grpc)
    .option("--no-golden", "leave the golden cases out")
    .option("--revision <name>", "whose golden answers count (default: those of all, or else of the first)")
    .option("--recording <file>", "answers of `flotilla record`; may be repeated", (file, files: string[] = []) => [
      ...files,
      file,
    ])
    .addOption(
      new Option("--otherwise <what>", "what requests get that no answer is known for")
        .choices(["generate", "refuse"])
        .default("generate"),
    )
    .option("--seed <number>", "of generated answers, times and errors", parseSeed, 1)
    .option("--latency <profile>", "20ms, 20ms..80ms, or p50=20ms,p99=200ms", refused(parseLatency))
    .option("--errors <profile>", "of the calls: UNAVAILABLE=2%,RESOURCE_EXHAUSTED=1%", refused(parseErrors))
    .addHelpText("after", HELP)
    .action(stub);
}

async function stub(contracts: readonly string[], options: StubCommandOptions): Promise<void> {
  const { recording, ...rest } = options;
  const started = await listening(options.port, "--port", () =>
    startStub(contracts, { ...rest, recordings: recording ?? [] }),
  );
  const ending = endSignal();
  announce(started, contracts, options);
  await ending;
  await started.close();
}

function announce({ target, known }: Stub, contracts: readonly string[], { otherwise }: StubCommandOptions): void {
  process.stdout.write(`${target}\n`);
  const others = otherwise === "generate" ? "others are made up" : "others are refused";
  const lines = [
    `no model behind ${contracts.join(", ")}: answers to ${known} requests are known, ${others}; Ctrl-C ends`,
    `${invocation()} call ${contracts[0]} --target ${target} --template`,
  ];
  process.stderr.write(`${onStderr.dim(lines.join("\n"))}\n`);
}

/** A text that is read later on, and looked at now: what is wrong with it is wrong usage. */
function refused(parse: (text: string) => unknown): (text: string) => string {
  return (text) => {
    try {
      parse(text);
      return text;
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!Number.isInteger(seed) || seed < 0) throw new InvalidArgumentError("expected a whole number, 0 or more");
  return seed;
}
