// Charts of the last minutes, one line for each revision. uPlot draws; what they show is also in the table.
import uPlot from "./uplot.js";

/** Looks that are kept. */
const MOST = 300;
const CHARTS = [
  { title: "Share of the calls, %", of: ({ seen }) => seen },
  { title: "p99 inside the server, ms", of: ({ p99 }) => p99 },
  { title: "Failed calls, %", of: ({ errors }) => errors },
];
const HEIGHT = 170;

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}

function resolved(color) {
  const probe = document.createElement("span");
  probe.style.color = color;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** The charts of one contract. */
export class ContractCharts {
  #root;
  #contract;
  #plots = [];
  #times = [];
  #series = [];
  #drawn = "";

  constructor(root, contract) {
    this.#root = root;
    this.#contract = contract;
    // Colours are worked out when a chart is made.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#drawn = "";
    });
    new ResizeObserver(() => this.#fit()).observe(root);
  }

  add(revisions, colorOf) {
    this.#times = [...this.#times, Date.now() / 1000].slice(-MOST);
    const looks = this.#times.length;
    for (const [index, revision] of revisions.entries()) {
      this.#series[index] ??= CHARTS.map(() => []);
      for (const [chart, { of }] of CHARTS.entries()) {
        const values = this.#series[index][chart];
        while (values.length < looks - 1) values.push(null);
        this.#series[index][chart] = [...values, of(revision) ?? null].slice(-MOST);
      }
    }
    const names = revisions.map(({ revision }) => revision).join();
    if (this.#drawn !== names) this.#make(revisions, colorOf);
    this.#drawn = names;
    for (const [chart, plot] of this.#plots.entries()) plot.setData(this.#data(chart));
  }

  #data(chart) {
    return [this.#times, ...this.#series.map((values) => values[chart])];
  }

  #make(revisions, colorOf) {
    for (const plot of this.#plots) plot.destroy();
    this.#root.replaceChildren();
    const [ink, grid] = [resolved("var(--faint)"), resolved("var(--line)")];
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid } };
    const series = revisions.map(({ revision }, index) => ({
      label: revision,
      stroke: resolved(colorOf(index)),
      width: 2,
      points: { show: false },
      spanGaps: true,
    }));
    this.#plots = CHARTS.map(({ title }, chart) => {
      const figure = document.createElement("figure");
      figure.setAttribute("role", "img");
      figure.setAttribute(
        "aria-label",
        `${title}, of the revisions of ${this.#contract}, over time. The table has the values now.`,
      );
      this.#root.append(figure);
      const options = {
        title,
        width: this.#width(),
        height: HEIGHT,
        cursor: { show: false },
        legend: { show: false },
        scales: { y: { range: (_, __, most) => [0, Math.max(1, (most ?? 0) * 1.1)] } },
        axes: [{ ...axis, values: (_, times) => times.map(clock), space: 70 }, axis],
        series: [{}, ...series],
      };
      return new uPlot(options, this.#data(chart), figure);
    });
  }

  #width() {
    const columns = Math.max(1, Math.floor(this.#root.clientWidth / 300));
    return Math.max(240, this.#root.clientWidth / Math.min(columns, CHARTS.length) - 16);
  }

  #fit() {
    for (const plot of this.#plots) plot.setSize({ width: this.#width(), height: HEIGHT });
  }
}
