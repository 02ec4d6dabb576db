import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/free-port.js";

/** Where metrics are served, and the labels that whatever finds the pods would give them. */
export interface Target {
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** A series' newest value. */
export interface Sample {
  readonly metric: Record<string, string>;
  /** Epoch seconds, and the number as text. */
  readonly value: readonly [number, string];
}

interface RuleGroups {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly name: string;
      readonly lastError?: string;
      readonly alerts: readonly { readonly labels: Record<string, string> }[];
    }[];
  }[];
}

const START_LIMIT_MS = 30_000;

/** A Prometheus of its own, which scrapes and evaluates every second. */
export class Prometheus {
  readonly #process: ChildProcess;
  readonly #address: string;

  private constructor(process: ChildProcess, address: string) {
    this.#process = process;
    this.#address = address;
  }

  /** @param folder for its files; the rules lie there as `*.rules.yaml` */
  static async start(folder: string, targets: readonly Target[]): Promise<Prometheus> {
    const config = path.join(folder, "prometheus.yml");
    // YAML holds JSON.
    writeFileSync(config, JSON.stringify(configOf(folder, targets)));
    const port = await freePort();
    const flags = [`--config.file=${config}`, `--storage.tsdb.path=${path.join(folder, "data")}`];
    const process = spawn("prometheus", [...flags, `--web.listen-address=127.0.0.1:${port}`], { stdio: "ignore" });
    const prometheus = new Prometheus(process, `http://127.0.0.1:${port}`);
    await prometheus.#ready();
    return prometheus;
  }

  /** The series that a query gives now. @throws Error with what Prometheus says of it */
  async query(expr: string): Promise<readonly Sample[]> {
    const { result } = await this.#get<{ result: Sample[] }>(`query?${new URLSearchParams({ query: expr })}`);
    return result;
  }

  /** The alerts whose condition holds, whether or not for long enough, as `name contract revision`. */
  async activeAlerts(): Promise<string[]> {
    const rules = (await this.#get<RuleGroups>("rules")).groups.flatMap((group) => group.rules);
    for (const { name, lastError } of rules) if (lastError) throw new Error(`${name}: ${lastError}`);
    return rules.flatMap(({ name, alerts }) =>
      alerts.map(({ labels }) => [name, labels.contract, labels.revision].filter(Boolean).join(" ")),
    );
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.kill();
    await ended;
  }

  async #ready(): Promise<void> {
    const limitMs = Date.now() + START_LIMIT_MS;
    for (;;) {
      const answer = await fetch(`${this.#address}/-/ready`).catch(() => undefined);
      if (answer?.ok) return;
      if (this.#process.exitCode !== null) throw new Error(`prometheus ended with ${this.#process.exitCode}`);
      if (Date.now() > limitMs) throw new Error(`prometheus was not ready within ${START_LIMIT_MS} ms`);
      await sleep(100);
    }
  }

  async #get<Data>(what: string): Promise<Data> {
    const answer = (await (await fetch(`${this.#address}/api/v1/${what}`)).json()) as { data: Data; error?: string };
    if (answer.error) throw new Error(`${what}: ${answer.error}`);
    return answer.data;
  }
}

function configOf(folder: string, targets: readonly Target[]): object {
  return {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [path.join(folder, "*.rules.yaml")],
    scrape_configs: [
      {
        job_name: "pods",
        static_configs: targets.map(({ port, labels }) => ({ targets: [`127.0.0.1:${port}`], labels })),
      },
    ],
  };
}
