import type { JsonValue } from "@bufbuild/protobuf";
import type { Disagreement } from "./compare-messages.js";

const MAX_VALUE_LENGTH = 60;

/** A disagreement on one line: `diagnoses[3].label: expected "A", got "B"`. */
export function disagreementLine({ path, expected, got, difference, allowed }: Disagreement): string {
  const apart =
    difference === undefined || Number.isNaN(difference)
      ? ""
      : ` (${brief(difference)} apart, ${brief(allowed!)} allowed)`;
  return `${path === "" ? "" : `${path}: `}expected ${shown(expected)}, got ${shown(got)}${apart}`;
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH - 1)}…` : text;
}

function brief(value: number): string {
  return String(Number(value.toPrecision(3)));
}
