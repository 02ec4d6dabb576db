/** Keys by which Kubernetes' lists know their items, the surest first. */
const ITEM_KEYS = ["name", "mountPath", "containerPort", "port", "topologyKey", "ip", "key", "type"];

type Mapping = Record<string, unknown>;

/**
 * Takes out of an object what its last manifest stated and its new one doesn't: `kubectl apply` removes that, and a
 * server-side dry run keeps it where it was applied without `--server-side`.
 * @param object as it would be otherwise
 * @param last the manifest that was applied last, from the object's annotation
 * @param wanted the new manifest
 * @returns a copy
 */
export function withoutDropped(object: unknown, last: unknown, wanted: unknown): unknown {
  if (isMapping(object) && isMapping(last) && isMapping(wanted)) return droppedKeys(object, last, wanted);
  if (Array.isArray(object) && Array.isArray(last) && Array.isArray(wanted)) return droppedItems(object, last, wanted);
  return object;
}

function droppedKeys(object: Mapping, last: Mapping, wanted: Mapping): Mapping {
  const kept = Object.entries(object).filter(([key]) => !Object.hasOwn(last, key) || Object.hasOwn(wanted, key));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutDropped(value, last[key], wanted[key])]));
}

function droppedItems(object: readonly unknown[], last: readonly unknown[], wanted: readonly unknown[]): unknown[] {
  const key = ITEM_KEYS.find((candidate) => [object, last, wanted].every((list) => isKeyedBy(list, candidate)));
  // Lists without a key are replaced as a whole, by either way to apply.
  if (key === undefined) return [...object];
  const byKey = (list: readonly unknown[]) => new Map((list as Mapping[]).map((item) => [item[key], item]));
  const [before, after] = [byKey(last), byKey(wanted)];
  return (object as Mapping[])
    .filter((item) => !before.has(item[key]) || after.has(item[key]))
    .map((item) => withoutDropped(item, before.get(item[key]), after.get(item[key])));
}

function isKeyedBy(list: readonly unknown[], key: string): boolean {
  const values = list.map((item) => (isMapping(item) ? item[key] : undefined));
  return values.every((value) => value !== undefined) && new Set(values).size === values.length;
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
