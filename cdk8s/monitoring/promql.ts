/** Pieces of PromQL. What they return is text, and each is a whole expression that others may be built around. */

/** One condition on a label: `contract="acme.fraud.v1"`. */
export type Matcher = string;

export function is(label: string, value: string): Matcher {
  return `${label}=${JSON.stringify(value)}`;
}

export function isNot(label: string, value: string): Matcher {
  return `${label}!=${JSON.stringify(value)}`;
}

/** @param values without characters that mean something in a regular expression */
export function isOneOf(label: string, values: readonly string[]): Matcher {
  return `${label}=~${JSON.stringify(values.join("|"))}`;
}

/** The series of a metric. */
export function series(metric: string, matchers: readonly Matcher[]): string {
  return `${metric}{${matchers.join(", ")}}`;
}

/** How fast counters grow, per second and in sum for each value of `by`. @param window as Prometheus writes durations */
export function rate(counters: string, { window, by }: { window: string; by: readonly string[] }): string {
  return `sum${grouping(by)}(rate(${counters}[${window}]))`;
}

/** How much counters grew, in sum for each value of `by`. @param window as Prometheus writes durations */
export function increase(counters: string, { window, by }: { window: string; by: readonly string[] }): string {
  return `sum${grouping(by)}(increase(${counters}[${window}]))`;
}

/** What part of the calls is of some kind. Nothing where there were no calls, or none of the kind. */
export function share(part: string, whole: string): string {
  return `${part} / ${whole}`;
}

/** A quantile of a histogram, for each value of `by`. @param histogram name of the metric without `_bucket` */
export function quantile(
  q: number,
  histogram: string,
  { matchers, window, by }: { matchers: readonly Matcher[]; window: string; by: readonly string[] },
): string {
  const buckets = rate(series(`${histogram}_bucket`, matchers), { window, by: ["le", ...by] });
  return `histogram_quantile(${q}, ${buckets})`;
}

/** The mean of a histogram's values, for each value of `by`. @param histogram name of the metric without `_sum` */
export function mean(
  histogram: string,
  { matchers, window, by }: { matchers: readonly Matcher[]; window: string; by: readonly string[] },
): string {
  const sum = rate(series(`${histogram}_sum`, matchers), { window, by });
  return share(sum, rate(series(`${histogram}_count`, matchers), { window, by }));
}

/** Per cent as a number from 0 to 1, without what floating point adds to it. */
export function fraction(percent: number): number {
  return Number((percent / 100).toPrecision(12));
}

function grouping(by: readonly string[]): string {
  return by.length === 0 ? "" : ` by (${by.join(", ")}) `;
}
