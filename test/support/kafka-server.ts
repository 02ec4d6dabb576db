import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Admin } from "@platformatic/kafka";
import { ROOT } from "./contract-fixture.js";
import { freePort } from "./free-port.js";

const JARS = path.join(ROOT, ".tools/kafka");
const JAVA = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", path.join(JARS, "*")];

/** Whether `make tools` has fetched a Kafka, and there is a Java for it. */
export const HAS_KAFKA = existsSync(path.join(JARS, ".stamp")) && spawnSync("java", ["-version"]).status === 0;

/** A real Kafka of one process, its topics on disk: who is killed and started again has them still. */
export class KafkaServer {
  readonly port: number;
  readonly #folder = mkdtempSync(path.join(tmpdir(), "flotilla-kafka-"));
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(): Promise<KafkaServer> {
    const server = new KafkaServer(await freePort());
    writeFileSync(server.#config, properties(server.port, await freePort(), server.#folder));
    const id = Buffer.alloc(16, 1).toString("base64url");
    execFileSync("java", [...JAVA, "kafka.tools.StorageTool", "format", "-t", id, "-c", server.#config], {
      stdio: "ignore",
    });
    await server.raise();
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts it again, and waits until it answers. */
  async raise(): Promise<void> {
    this.#process = spawn("java", [...JAVA, "kafka.Kafka", this.#config], { stdio: "ignore" });
    const admin = new Admin({ clientId: "tests", bootstrapBrokers: [this.address], retries: 0 });
    while (!(await admin.listTopics().catch(() => undefined))) {
      if (this.#process.exitCode !== null) throw new Error(`kafka ended with ${this.#process.exitCode}`);
      await delay(200);
    }
    await admin.close();
  }

  async kill(): Promise<void> {
    const child = this.#process!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #config(): string {
    return path.join(this.#folder, "server.properties");
  }
}

/** One replica of everything; who is dead is found out soon. */
function properties(port: number, controllerPort: number, folder: string): string {
  const broker = `PLAINTEXT://127.0.0.1:${port}`;
  return Object.entries({
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    listeners: `${broker},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": broker,
    "log.dirs": path.join(folder, "logs"),
    "auto.create.topics.enable": false,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500,
    "group.initial.rebalance.delay.ms": 0,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}
