import type { JsonValue } from "@bufbuild/protobuf";
import { messageJson } from "../../client/message-json.js";
import type { AnsweredPair } from "../compare-revisions.js";
import { disagreementLine } from "../disagreement-line.js";
import type { FieldComparison, RevisionComparison, RevisionFigures } from "../revision-comparison.js";
import type { Answered } from "../send-call.js";
import { categories, histogram, latencyCurves } from "./charts.js";
import { type Html, html, page } from "./html.js";

/** What a page says besides the comparison itself. */
export interface PageFacts {
  /** Limits that are exceeded, a sentence for each. */
  readonly exceeded: readonly string[];
  /** Where the requests are from. */
  readonly requestsFrom: string;
  readonly takenAt: Date;
  /** What each revision costs besides its calls, a row each: title, baseline, candidate. */
  readonly costs: readonly (readonly [title: string, baseline: string, candidate: string])[];
}

const MAX_JSON_LENGTH = 4000;
const MAX_LINES = 20;

/** A comparison as one HTML file that needs nothing else. */
export function comparisonPage(comparison: RevisionComparison, facts: PageFacts): string {
  const { contract, figures } = comparison;
  const names = [figures[0].revision, figures[1].revision] as const;
  const title = `${contract}: ${names[0]} and ${names[1]}`;
  return page(
    title,
    html`<h1>${title}</h1>
<p class="quiet">${comparison.requests} requests from ${facts.requestsFrom}, ${facts.takenAt.toISOString().slice(0, 16).replace("T", " ")} UTC</p>
${verdict(comparison, facts.exceeded)}
<p><span class="legend"><i class="one"></i>${names[0]}, the baseline</span><span class="legend"><i class="other"></i>${names[1]}, the candidate</span></p>
${tiles(comparison)}
<h2>Answers, field by field</h2>
${fieldTable(comparison.fields)}
<h2>Latency</h2>
<p class="quiet">Share of calls that took no longer than a time, as the caller sees it; the slowest per cent is cut off.</p>
${latencyCurves([figures[0].elapsedMs, figures[1].elapsedMs])}
<h2>Latency and cost</h2>
${costTable(figures, facts.costs)}
<h2>The worst examples</h2>
${examples(comparison)}`,
  );
}

function verdict({ disagreeing, requests }: RevisionComparison, exceeded: readonly string[]): Html {
  if (exceeded.length === 0) {
    return html`<div class="verdict good"><b>Within every limit that was set.</b> ${disagreeing} of ${requests} requests are answered differently.</div>`;
  }
  return html`<div class="verdict bad"><b>Held: more than what is allowed.</b><ul>${exceeded.map((one) => html`<li>${one}</li>`)}</ul></div>`;
}

function tiles({ requests, disagreeing, fields, figures, newFailures }: RevisionComparison): Html {
  const drifts = fields.flatMap(({ drift }) => drift ?? []);
  const worst = (values: readonly number[]) => (values.length === 0 ? "–" : Math.max(...values).toFixed(3));
  const tile = (value: string, what: string) => html`<div class="tile"><b>${value}</b><span>${what}</span></div>`;
  return html`<div class="tiles">
${tile(requests === 0 ? "–" : `${((disagreeing / requests) * 100).toFixed(1)} %`, "of the requests disagree")}
${tile(worst(drifts.map(({ psi }) => psi)), "largest PSI of a field")}
${tile(worst(drifts.flatMap(({ ks }) => ks ?? [])), "largest KS of a field")}
${tile(`${ms(figures[0].p99Ms)} → ${ms(figures[1].p99Ms)}`, "99th percentile, ms")}
${tile(String(newFailures), "requests that fail anew")}
</div>`;
}

function fieldTable(fields: readonly FieldComparison[]): Html {
  const rows = fields.map(
    ({ field, compared, disagreeing, largestDifference, drift, values }) => html`<tr><td><code>${field}</code></td>
<td class="number">${disagreeing} of ${compared}</td>
<td class="number">${number(largestDifference)}</td>
<td class="number">${number(drift?.psi)}</td><td class="number">${number(drift?.ks)}</td>
<td>${chart(values)}</td></tr>`,
  );
  return html`<div class="wide"><table><thead><tr><th>Field</th><th class="number">Disagree</th><th class="number">Largest difference</th>
<th class="number">PSI</th><th class="number">KS</th><th>Distribution</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function chart([baseline, candidate]: FieldComparison["values"]): Html {
  const isText = [...baseline.slice(0, 1), ...candidate.slice(0, 1)].some((value) => typeof value === "string");
  return isText
    ? categories([baseline as string[], candidate as string[]])
    : histogram([baseline as number[], candidate as number[]]);
}

function costTable([one, other]: RevisionComparison["figures"], costs: PageFacts["costs"]): Html {
  const row = (title: string, of: (figures: RevisionFigures) => string): readonly [string, string, string] => [
    title,
    of(one),
    of(other),
  ];
  const rows = [
    row("Calls, failed", ({ calls, failed }) => `${calls}, ${failed}`),
    row("Half of the calls within, ms", ({ p50Ms }) => ms(p50Ms)),
    row("90 % within, ms", ({ p90Ms }) => ms(p90Ms)),
    row("99 % within, ms", ({ p99Ms }) => ms(p99Ms)),
    row("Run of the model, ms", ({ inferMs }) => ms(inferMs)),
    row("Processor time of a call, ms", ({ cpuMs }) => ms(cpuMs)),
    row("Processor hours for a million calls", ({ cpuMs }) => ms((cpuMs * 1e6) / 3.6e6)),
    ...costs,
  ];
  return html`<div class="wide"><table><thead><tr><th></th><th class="number">${one.revision}</th><th class="number">${other.revision}</th></tr></thead>
<tbody>${rows.map(([title, left, right]) => html`<tr><td>${title}</td><td class="number">${left}</td><td class="number">${right}</td></tr>`)}</tbody></table></div>`;
}

function examples({ worst, disagreeing, figures }: RevisionComparison): Html {
  if (worst.length === 0) return html`<p>No request is answered differently.</p>`;
  const shown = worst.map((pair, index) => example(pair, figures, index === 0));
  const rest = disagreeing - worst.length;
  return html`${shown}${rest > 0 ? html`<p class="quiet">and ${rest} more</p>` : html``}`;
}

function example(
  { index, call, answers, disagreements }: AnsweredPair,
  figures: RevisionComparison["figures"],
  open: boolean,
): Html {
  const { method, registry } = call.found;
  const lines = disagreements.slice(0, MAX_LINES).map(disagreementLine);
  const more = disagreements.length - lines.length;
  const requests = call.requests.map((request) => messageJson(method.input, request, registry));
  const answer = ({ messages, error }: Answered) =>
    error
      ? `${error.codeName}: ${error.details}`
      : shown(messages.map((one) => messageJson(method.output, one, registry)));
  return html`<details${open ? html` open` : html``}><summary>Request ${index + 1}: ${disagreements.length} ${disagreements.length === 1 ? "value disagrees" : "values disagree"}</summary>
<pre>${[...lines, ...(more > 0 ? [`and ${more} more`] : [])].join("\n")}</pre>
<p class="quiet">Request</p><pre>${shown(requests)}</pre>
<div class="sides"><div><p class="quiet">${figures[0].revision}</p><pre>${answer(answers[0])}</pre></div>
<div><p class="quiet">${figures[1].revision}</p><pre>${answer(answers[1])}</pre></div></div></details>`;
}

/** A message alone without a list around it. */
function shown(messages: readonly JsonValue[]): string {
  const text = JSON.stringify(messages.length === 1 ? messages[0] : messages, undefined, 2);
  return text.length > MAX_JSON_LENGTH ? `${text.slice(0, MAX_JSON_LENGTH)}… ${text.length} characters in all` : text;
}

function number(value: number | undefined): string {
  return value === undefined ? "–" : String(Number(value.toPrecision(3)));
}

function ms(value: number): string {
  return Number.isNaN(value) ? "–" : String(Number(value.toPrecision(3)));
}
