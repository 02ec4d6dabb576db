// Looks again and again, and draws what came. The words in the tables say all that the picture and the charts show.
import { offer, token } from "./actions.js";
import { ContractCharts } from "./charts.js";
import { drawPicture } from "./picture.js";

const HEAD = ["Revision", "Role", "Pods", "Weight", "Seen", "Calls/s", "Errors", "p50", "p99", ""];
const PAUSE_MS = 500;

const fleet = document.querySelector("#fleet");
const state = document.querySelector("#state");
/** What is on the page, by contract. */
const sections = new Map();

/** Colour of a revision: by its place, so that it keeps it. */
export function colorOf(index) {
  return `var(--s${Math.min(index, 4)})`;
}

/** An element with text or children. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function number(value, unit, digits = 1) {
  return value === undefined || value === null ? "–" : `${Number(value.toFixed(digits))}${unit}`;
}

/** Three digits of a time tell enough. */
function time(value) {
  return value === undefined || value === null ? "–" : `${Number(value.toPrecision(3))} ms`;
}

class Section {
  constructor({ contract, namespace }) {
    this.picture = element("figure");
    this.table = element("div", { class: "table" });
    this.rollout = element("div");
    this.buttons = element("div", { class: "buttons" });
    this.facts = element("p", { class: "note" });
    const charts = element("div", { class: "charts" });
    const id = `contract-${contract.replaceAll(".", "-")}`;
    this.root = element(
      "section",
      { "aria-labelledby": id },
      element("h2", { id }, `${contract} in ${namespace}`),
      this.rollout,
      element("div", { class: "columns" }, this.picture, element("div", {}, this.table, this.facts, this.buttons)),
      charts,
    );
    fleet.append(this.root);
    this.charts = new ContractCharts(charts, contract);
  }

  show(status) {
    drawPicture(this.picture, status, colorOf);
    // Whoever is at a button keeps it.
    const focused = document.activeElement?.dataset?.act;
    this.table.replaceChildren(this.#table(status));
    this.#facts(status);
    this.#rollout(status.rollout);
    this.buttons.replaceChildren(offer({ verb: "rollback", status }, "Roll back…"));
    if (focused) this.root.querySelector(`[data-act="${CSS.escape(focused)}"]`)?.focus();
    this.charts.add(status.revisions, colorOf);
  }

  #table(status) {
    const rows = status.revisions.map((revision, index) => {
      const swatch = element("span", {
        class: "swatch",
        style: `background: ${colorOf(index)}`,
        "aria-hidden": "true",
      });
      const cells = [
        revision.role === "idle" ? "–" : revision.role,
        `${revision.ready}/${revision.wanted}`,
        number(revision.weight, "%"),
        number(revision.seen, "%"),
        number(revision.rate, ""),
        number(revision.errors, "%", 2),
        time(revision.p50),
        time(revision.p99),
      ];
      const promote =
        revision.weight === 100 ? "" : offer({ verb: "promote", status, revision: revision.revision }, "Promote…");
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, swatch, revision.revision),
        ...cells.map((text) => element("td", {}, text)),
        element("td", {}, promote),
      );
    });
    const head = element("tr", {}, ...HEAD.map((title) => element("th", { scope: "col" }, title)));
    const caption = element("caption", {}, `Revisions of ${status.contract}`);
    return element("table", {}, caption, element("thead", {}, head), element("tbody", {}, ...rows));
  }

  #facts({ shadow, cohorts, releases, fallback, problem }) {
    const facts = [
      shadow && `${shadow.revision} gets copies of ${shadow.percent}% of the calls.`,
      ...Object.entries(cohorts).map(([cohort, weights]) => {
        const shares = weights.map(({ revision, percent }) => (percent === 100 ? revision : `${revision} ${percent}%`));
        return `Cohort ${cohort} gets ${shares.join(", ")}.`;
      }),
      ...Object.entries(releases).map(([release, revision]) => `Release ${release} has ${revision}.`),
      fallback && `${fallback.revision} ${fallback.active ? "answers for others" : "stands by"}.`,
      problem && `No figures: ${problem}`,
    ];
    this.facts.textContent = facts.filter(Boolean).join(" ");
  }

  #rollout(rollout) {
    if (!rollout) return this.rollout.replaceChildren();
    const { revision, phase, percent, step, steps, why } = rollout;
    const running = phase === "Progressing";
    const text = `Roll-out of ${revision}: ${phase}${running ? `, ${percent}%, step ${step} of ${steps.length}` : ""}${why ? `. ${why}` : ""}`;
    const label = element("span", { class: phase === "Failed" ? "failed" : "" }, text);
    const bar = element("progress", { max: "100", value: String(percent), "aria-label": `Roll-out of ${revision}` });
    this.rollout.replaceChildren(...(running ? [bar, " "] : []), label);
  }
}

async function look() {
  const response = await fetch("/api/fleet", { headers: { authorization: `Bearer ${token}` } });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error);
  document.querySelector("#where").textContent = `cluster ${body.context}`;
  for (const status of body.contracts) {
    const key = `${status.namespace}/${status.contract}`;
    if (!sections.has(key)) sections.set(key, new Section(status));
    sections.get(key).show(status);
  }
  return body.contracts.length;
}

/** Only what changes is said: a screen reader would not come to rest otherwise. */
function say(text, bad) {
  if (state.textContent !== text) state.textContent = text;
  state.classList.toggle("bad", bad);
}

for (;;) {
  try {
    const count = await look();
    say(count === 0 ? "There are no contracts here." : `Live, ${count} contract${count === 1 ? "" : "s"}`, false);
  } catch (error) {
    say(`Not up to date: ${error.message}`, true);
  }
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
