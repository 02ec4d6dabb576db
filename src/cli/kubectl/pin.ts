import { Command, InvalidArgumentError, Option } from "commander";
import { observe } from "../../kubectl/observe.js";
import { refuseUnready } from "../../kubectl/traffic-plan.js";
import { PIN_HEADER } from "../../telemetry/trace.js";
import { type TargetOptions, withTarget, withTargetOptions } from "./target-options.js";

interface PinOptions extends TargetOptions {
  readonly output: "text" | "json";
}

interface Pin {
  readonly contract: string;
  readonly revision: string;
}

const NOTES = `
A pin is a header of a call: it goes to that revision and no other, whatever the weights are, and is passed on to the
calls that it sets off. This checks that each revision is there and ready, and prints the header. Calls from outside the
mesh have their pins taken off.

Examples:
  kubectl flotilla pin acme.tumor.v1=r2 -n models
  kubectl flotilla pin acme.ocr_detector.v1=r2 acme.ocr_recognizer.v1=r1
  flotilla call acme.tumor.v1 @request.json --metadata "$(kubectl flotilla pin acme.tumor.v1=r2 | sed 's/: /=/')"`;

/** `kubectl flotilla pin`. */
export function createPinCommand(): Command {
  const command = new Command("pin")
    .description("Print the header by which a call goes to certain revisions.")
    .argument("<contract=revision...>", "acme.fraud.v1=r2", addPin);
  return withTargetOptions(command)
    .addOption(new Option("-o, --output <format>", "how to print it").choices(["text", "json"]).default("text"))
    .addHelpText("after", NOTES)
    .action((pins: readonly Pin[], options: PinOptions) => {
      return withTarget(options, async (target, namespace) => {
        for (const { contract, revision } of pins) {
          refuseUnready((await observe(target, { contract, namespace })).situation, revision);
        }
        const value = pins.map(({ contract, revision }) => `${contract}=${revision}`).join(",");
        const json = JSON.stringify({ header: PIN_HEADER, value });
        process.stdout.write(options.output === "json" ? `${json}\n` : `${PIN_HEADER}: ${value}\n`);
      });
    });
}

function addPin(text: string, before: readonly Pin[] = []): Pin[] {
  const [contract, revision, ...more] = text.split("=");
  if (!contract || !revision || more.length > 0) throw new InvalidArgumentError("write it as acme.fraud.v1=r2");
  return [...before, { contract, revision }];
}
