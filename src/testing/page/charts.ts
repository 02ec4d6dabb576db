import { quantile, sorted } from "../drift.js";
import { type Html, html } from "./html.js";

type Two<Values> = readonly [baseline: Values, candidate: Values];

const BINS = 24;
const MAX_CATEGORIES = 12;
const LABEL_HEIGHT = 16;

/** How two samples of numbers are distributed, one over the other. */
export function histogram(samples: Two<readonly number[]>, { width = 260, height = 64 } = {}): Html {
  const finite = samples.flat().filter(Number.isFinite);
  if (finite.length === 0) return html`<span class="quiet">no numbers</span>`;
  const [low, high] = [finite.reduce((a, b) => Math.min(a, b)), finite.reduce((a, b) => Math.max(a, b))];
  const span = high - low || 1;
  const binOf = (value: number) => Math.min(BINS - 1, Math.floor(((value - low) / span) * BINS));
  const shares = samples.map((values) =>
    countShares(values.filter(Number.isFinite).map(binOf), BINS),
  ) as unknown as Two<number[]>;
  const top = Math.max(...shares.flat());
  const barWidth = width / BINS;
  const bars = shares.flatMap((bins, side) =>
    bins.map((share, bin) => bar({ x: bin * barWidth, width: barWidth - 1, share: share / top, height, side })),
  );
  const labels = html`<text x="0" y="${height + 13}">${shortNumber(low)}</text>
<text x="${width}" y="${height + 13}" text-anchor="end">${shortNumber(high)}</text>`;
  return svg(width, height + LABEL_HEIGHT, [...bars, axis(width, height), labels]);
}

/** How often each name occurs in two samples: a pair of bars for each. The most frequent come first. */
export function categories(samples: Two<readonly string[]>, { width = 260, height = 64 } = {}): Html {
  const names = mostFrequent(samples.flat());
  const shares = samples.map((values) =>
    names.map((name) => values.filter((value) => value === name).length / Math.max(1, values.length)),
  ) as unknown as Two<number[]>;
  const top = Math.max(...shares.flat(), Number.MIN_VALUE);
  const slot = width / names.length;
  const bars = shares.flatMap((list, side) =>
    list.map((share, index) =>
      bar({ x: index * slot + (side * slot * 0.8) / 2, width: slot * 0.4, share: share / top, height, side }),
    ),
  );
  const longest = Math.max(3, Math.floor(slot / 6.5));
  const labels = names.map(
    (name, index) =>
      html`<text x="${round(index * slot)}" y="${height + 13}">${shorten(name, longest)}<title>${name}</title></text>`,
  );
  return svg(width, height + LABEL_HEIGHT, [...bars, axis(width, height), ...labels]);
}

/** The share of calls that took no longer than a time, for two samples in milliseconds. The last per cent is cut off. */
export function latencyCurves(samples: Two<readonly number[]>, { width = 1000, height = 200 } = {}): Html {
  const ascending = samples.map(sorted) as unknown as Two<number[]>;
  const longest = Math.max(...ascending.map((values) => quantile(values, 0.99)), Number.MIN_VALUE);
  const curves = ascending.map((values, side) => {
    const points = Array.from({ length: 100 }, (_, index) => {
      const share = (index + 1) / 100;
      const x = Math.min(width, (quantile(values, share) / longest) * width);
      return `${round(x)},${round(height - share * height)}`;
    });
    return html`<path class="${sideClass(side)}" d="M0,${height} L${points.join(" L")}"/>`;
  });
  const labels = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      html`<text x="${round(share * width)}" y="${height + 14}" text-anchor="${share === 0 ? "start" : share === 1 ? "end" : "middle"}">${shortNumber(share * longest)} ms</text>`,
  );
  const half = html`<line class="axis" x1="0" y1="${height / 2}" x2="${width}" y2="${height / 2}"/>
<text x="${width}" y="${height / 2 - 4}" text-anchor="end">half of the calls</text>`;
  return svg(width, height + LABEL_HEIGHT, [axis(width, height), half, ...curves, ...labels]);
}

interface Bar {
  readonly x: number;
  readonly width: number;
  /** Of the height. */
  readonly share: number;
  readonly height: number;
  readonly side: number;
}

function bar({ x, width, share, height, side }: Bar): Html {
  const size = share * height;
  return html`<rect class="${sideClass(side)}" x="${round(x)}" y="${round(height - size)}" width="${round(width)}" height="${round(size)}"/>`;
}

function axis(width: number, y: number): Html {
  return html`<line class="axis" x1="0" y1="${y}" x2="${width}" y2="${y}"/>`;
}

function svg(width: number, height: number, parts: readonly Html[]): Html {
  return html`<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">${parts}</svg>`;
}

function sideClass(side: number): string {
  return side === 0 ? "one" : "other";
}

function countShares(bins: readonly number[], count: number): number[] {
  const shares = new Array<number>(count).fill(0);
  for (const bin of bins) shares[bin] = shares[bin]! + 1 / bins.length;
  return shares;
}

function mostFrequent(values: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .slice(0, MAX_CATEGORIES)
    .map(([name]) => name);
}

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function shorten(text: string, length: number): string {
  // The first letters of enum values are mostly the same: what follows tells them apart.
  const words = text.replace(/^[A-Z0-9]+_/, "");
  return words.length > length ? `${words.slice(0, length - 1)}…` : words;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
