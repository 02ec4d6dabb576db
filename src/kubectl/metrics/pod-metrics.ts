import { PORT } from "../../fleet/names.js";
import type { Target } from "../apply-traffic.js";
import { ClusterError } from "../cluster-error.js";
import { concurrently } from "../concurrent.js";
import { type ContractPod, listPods } from "../revision-pods.js";
import { parseExposition } from "./exposition.js";
import type { ContractFigures } from "./figures.js";
import type { PodSamples } from "./growth.js";
import { scrapePod } from "./scrape.js";
import type { MetricsSource, MetricsWindow, Watched } from "./source.js";
import { TALLIED, Tally } from "./tally.js";

/** Pods at a time. */
const CONCURRENCY = 8;
/** What was read less than so long ago is read again for no one. */
const FRESH_MS = 500;

/** Straight from the pods, over forwarded ports: needs no Prometheus, and nothing of the mesh. */
export function podMetrics(target: Target): MetricsSource {
  return {
    name: "the pods' metrics",
    open: async (watched) => {
      const window = new PodWindow(target, watched);
      await window.scrape();
      return window;
    },
  };
}

class PodWindow implements MetricsWindow {
  readonly #tally = new Tally();
  #beganMs = 0;
  #scrapedMs = 0;
  #scraping: Promise<void> | undefined;

  constructor(
    readonly target: Target,
    readonly watched: Watched,
  ) {}

  async read(contract: string): Promise<ContractFigures> {
    if (performance.now() - this.#scrapedMs > FRESH_MS) await this.scrape();
    return { seconds: (this.#scrapedMs - this.#beganMs) / 1e3, revisions: this.#tally.of(contract) };
  }

  /** Several who ask at once wait for one answer. */
  scrape(): Promise<void> {
    this.#scraping ??= this.#scrapeAll().finally(() => {
      this.#scraping = undefined;
    });
    return this.#scraping;
  }

  async #scrapeAll(): Promise<void> {
    const { cluster, resources } = this.target;
    const { namespace, contracts } = this.watched;
    const [only] = contracts.length === 1 ? contracts : [];
    const pods = await listPods(cluster, resources, { namespace, contract: only });
    const failures: ClusterError[] = [];
    const samples = await concurrently(pods, CONCURRENCY, async (pod) => {
      try {
        return [await this.#samplesOf(pod)];
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error;
        // One that is starting, or going, answers nothing; others still do.
        failures.push(error);
        return [];
      }
    });
    if (failures.length > 0 && failures.length === pods.length) throw failures[0]!;
    this.#tally.add(samples.flat());
    this.#scrapedMs = performance.now();
    if (this.#beganMs === 0) this.#beganMs = this.#scrapedMs;
  }

  async #samplesOf({ namespace, name, uid, restarts }: ContractPod): Promise<PodSamples> {
    const text = await scrapePod(this.target.cluster, { namespace, pod: name, port: PORT.metrics });
    return { process: `${uid}/${restarts}`, samples: parseExposition(text, TALLIED) };
  }
}
