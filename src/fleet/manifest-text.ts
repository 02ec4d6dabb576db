import { toYaml } from "./yaml-writer.js";

/** Keys that come before the others, wherever they are. */
const FIRST = ["apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations"];
const RANKS = new Map(FIRST.map((key, index) => [key, index]));

/** An object of the Kubernetes API as YAML, each mapping's keys in one order: what it is and is called, then by the alphabet. */
export function manifestText(object: object): string {
  return toYaml(inUsualOrder(object));
}

function inUsualOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inUsualOrder);
  if (typeof value !== "object" || value === null) return value;
  const mapping = value as Record<string, unknown>;
  const ordered: Record<string, unknown> = {};
  for (const key of Object.keys(mapping).sort(byRank)) ordered[key] = inUsualOrder(mapping[key]);
  return ordered;
}

function byRank(one: string, other: string): number {
  const difference = (RANKS.get(one) ?? FIRST.length) - (RANKS.get(other) ?? FIRST.length);
  if (difference !== 0) return difference;
  return one < other ? -1 : 1;
}
