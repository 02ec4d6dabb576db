/** Durations, sizes and processors as the fleet file writes them. Each pattern is also the JSON Schema's. */

/** `200ms`, `2s`, `1.5s`, `1m`. */
export const DURATION_PATTERN = /^(\d{1,9})(\.\d{1,6})?(ms|s|m)$/;
/** `512Mi`, `2Gi`, `500M`. */
export const SIZE_PATTERN = /^(\d{1,9})(\.\d{1,6})?(Ki|Mi|Gi|Ti|k|M|G|T)$/;
/** `500m`, `1`, `0.5`. */
export const CPU_PATTERN = /^(\d{1,7}m|\d{1,4}(\.\d{1,3})?)$/;

const MS_OF = { ms: 1, s: 1000, m: 60_000 } as const;
const BYTES_OF = {
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
} as const;

/** Milliseconds of a duration that matches the pattern. */
export function toMs(duration: string): number {
  const [, whole, fraction, unit] = DURATION_PATTERN.exec(duration)!;
  // Rounded to the microsecond, so that 0.1s is 100 and not 100.00000000000001.
  return Math.round(Number(`${whole}${fraction ?? ""}`) * MS_OF[unit as keyof typeof MS_OF] * 1000) / 1000;
}

/** Bytes of a size that matches the pattern. */
export function toBytes(size: string): number {
  const [, whole, fraction, unit] = SIZE_PATTERN.exec(size)!;
  return Math.round(Number(`${whole}${fraction ?? ""}`) * BYTES_OF[unit as keyof typeof BYTES_OF]);
}

/** Processors of a number, or of a text that matches the pattern. */
export function toCpu(cpu: string | number): number {
  if (typeof cpu === "number") return cpu;
  return cpu.endsWith("m") ? Number(cpu.slice(0, -1)) / 1000 : Number(cpu);
}

/** Milliseconds as the fleet file writes them, in the largest unit that keeps them whole: `90s`, `2m`, `250ms`. */
export function formatMs(durationMs: number): string {
  if (durationMs > 0 && durationMs % 60_000 === 0) return `${durationMs / 60_000}m`;
  if (durationMs > 0 && durationMs % 1000 === 0) return `${durationMs / 1000}s`;
  return `${durationMs}ms`;
}
