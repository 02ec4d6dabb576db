import type { Histogram } from "prom-client";
import type { Distribution } from "./distribution.js";
import type { FiguresByModel, ModelFigures, ModelLabels } from "./model-figures.js";

type Exported = Awaited<ReturnType<Histogram["get"]>>;
type ExportedValue = Exported["values"][number];

/** A histogram by contract and revision for a registry of prom-client, over figures that are counted elsewhere. */
export class ModelHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = "histogram";
  readonly aggregator = "sum";
  readonly #figures: FiguresByModel;
  readonly #pick: (figures: ModelFigures) => Distribution;

  /** @param options.pick what it shows of a revision's figures */
  constructor(options: {
    name: string;
    help: string;
    figures: FiguresByModel;
    pick: (figures: ModelFigures) => Distribution;
  }) {
    this.name = options.name;
    this.help = options.help;
    this.#figures = options.figures;
    this.#pick = options.pick;
  }

  /** As prom-client's histograms say it: counts are of all values under a bound. Revisions without a value are left out. */
  async get() {
    const values = [...this.#figures].flatMap((figures) => this.#values(this.#pick(figures), figures.labels));
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values };
  }

  #values({ bounds, counts, sum }: Distribution, labels: ModelLabels): ExportedValue[] {
    let count = 0;
    const buckets = counts.map((inBucket, index) => {
      count += inBucket;
      const labelled = { le: bounds[index] ?? "+Inf", ...labels };
      return { labels: labelled, value: count, metricName: `${this.name}_bucket` };
    });
    if (count === 0) return [];
    return [
      ...buckets,
      { labels: { ...labels }, value: sum, metricName: `${this.name}_sum` },
      { labels: { ...labels }, value: count, metricName: `${this.name}_count` },
    ];
  }
}
