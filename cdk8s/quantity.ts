import { k8s } from "cdk8s-plus-28";

const UNITS = ["Ti", "Gi", "Mi", "Ki"] as const;

/** Processors as Kubernetes writes them: `2`, or in thousandths, `500m`. */
export function processors(count: number): k8s.Quantity {
  const thousandths = Math.max(1, Math.round(count * 1000));
  return k8s.Quantity.fromString(thousandths % 1000 === 0 ? String(thousandths / 1000) : `${thousandths}m`);
}

/** Bytes as Kubernetes writes them, in the largest unit that keeps them whole: `512Mi`. */
export function bytes(count: number): k8s.Quantity {
  for (const [index, unit] of UNITS.entries()) {
    const size = 2 ** (10 * (UNITS.length - index));
    if (count % size === 0) return k8s.Quantity.fromString(`${count / size}${unit}`);
  }
  return k8s.Quantity.fromString(String(count));
}
