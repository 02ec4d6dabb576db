import { InvalidArgumentError } from "commander";
import { SIZE_PATTERN, toBytes } from "../fleet/units.js";

/**
 * Reads a whole number above 0.
 * @throws InvalidArgumentError
 */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError("expected a whole number above 0");
  return count;
}

/**
 * Reads a number, 0 or more.
 * @throws InvalidArgumentError
 */
export function parseLimit(text: string): number {
  const limit = Number(text);
  if (text.trim() === "" || !(limit >= 0)) throw new InvalidArgumentError("expected a number, 0 or more");
  return limit;
}

/**
 * Reads a share in per cent, above 0.
 * @throws InvalidArgumentError
 */
export function parsePercent(text: string): number {
  const percent = Number(text);
  if (!(percent > 0 && percent <= 100)) throw new InvalidArgumentError("expected per cent, above 0 and at most 100");
  return percent;
}

/**
 * Reads a number above 0.
 * @throws InvalidArgumentError
 */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("expected a positive number");
  return value;
}

/**
 * Reads a port, 0 for any free one.
 * @throws InvalidArgumentError
 */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new InvalidArgumentError("expected a port from 0 to 65535");
  return port;
}

/**
 * Reads a size above 0, as the fleet file writes them: `512Mi`, `2Gi`; `2GiB` is the same.
 * @returns bytes
 * @throws InvalidArgumentError
 */
export function parseSize(text: string): number {
  const size = text.replace(/B$/, "");
  const bytes = SIZE_PATTERN.test(size) ? toBytes(size) : 0;
  if (bytes <= 0) throw new InvalidArgumentError("expected a size above 0, such as 512Mi or 2Gi");
  return bytes;
}
