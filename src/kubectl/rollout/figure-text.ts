import { SERVER_FAULT_CODES } from "../../telemetry/fault-codes.js";
import type { Figures } from "../metrics/figures.js";

/** `3.2 ms`; three digits tell enough. `-` where there is none. */
export function ms(milliseconds: number | undefined): string {
  return milliseconds === undefined ? "-" : `${Number(milliseconds.toPrecision(3))} ms`;
}

/** `0.12%`; `-` where there is none. */
export function percent(value: number | undefined): string {
  return value === undefined ? "-" : `${Number(value.toFixed(value < 1 ? 2 : 1))}%`;
}

/** `4 610`: Prometheus' growths are no whole numbers. */
export function count(calls: number): string {
  return String(Math.round(calls)).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** ` (INTERNAL 12, UNAVAILABLE 3)`: the codes that calls failed with; empty where none did. */
export function codesText({ codes }: Figures): string {
  const found = SERVER_FAULT_CODES.filter((code) => (codes.get(code) ?? 0) > 0);
  return found.length === 0 ? "" : ` (${found.map((code) => `${code} ${count(codes.get(code)!)}`).join(", ")})`;
}
