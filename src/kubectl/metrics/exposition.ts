/** One value of a metric. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPES: Readonly<Record<string, string>> = { "\\n": "\n", '\\"': '"', "\\\\": "\\" };

/**
 * Reads metrics in Prometheus' text format. What is no sample is left out.
 * @param names the metrics that are wanted; the series of a histogram have names of their own
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function parseExposition(text: string, names: ReadonlySet<string>): Sample[] {
  return text.split("\n").flatMap((line) => {
    const found = LINE.exec(line);
    if (found === null || !names.has(found[1]!)) return [];
    const [, name, labels = "", value] = found;
    return [{ name: name!, labels: parseLabels(labels), value: toNumber(value!) }];
  });
}

function parseLabels(text: string): Record<string, string> {
  const pairs = [...text.matchAll(LABEL)].map(([, name, value]) => {
    return [name!, value!.replace(/\\[n"\\]/g, (escaped) => ESCAPES[escaped]!)];
  });
  return Object.fromEntries(pairs);
}

/** `+Inf` is no number of JavaScript's. */
function toNumber(text: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  return text === "-Inf" ? Number.NEGATIVE_INFINITY : Number(text);
}
