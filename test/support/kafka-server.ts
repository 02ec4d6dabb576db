import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Admin } from "@platformatic/kafka";
import { ROOT } from "./contract-fixture.js";
import { endProcess } from "./end-process.js";
import { freePort } from "./free-port.js";

const JARS = path.join(ROOT, ".tools/kafka");
const JAVA = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", path.join(JARS, "*")];

/** Whether `make tools` has fetched a Kafka, and there is a Java for it. */
export const HAS_KAFKA = existsSync(path.join(JARS, ".stamp")) && spawnSync("java", ["-version"]).status === 0;

/** What a guarded port asks for. */
export interface KafkaGuard {
  readonly username: string;
  readonly password: string;
  /** Its certificate for 127.0.0.1 and the key to it, as PEM. */
  readonly certificate: string;
  readonly key: string;
}

/** A real Kafka of one process, its topics on disk: who is killed and started again has them still. */
export class KafkaServer {
  readonly port: number;
  /** Where TLS and a password are asked for. */
  readonly guardedPort: number;
  readonly #folder = mkdtempSync(path.join(tmpdir(), "flotilla-kafka-"));
  #process: ChildProcess | undefined;

  private constructor(port: number, guardedPort: number) {
    this.port = port;
    this.guardedPort = guardedPort;
  }

  /** @param guard who is let in, at a port of its own; the tests' own port asks nobody */
  static async start(guard?: KafkaGuard): Promise<KafkaServer> {
    const server = new KafkaServer(await freePort(), await freePort());
    writeFileSync(server.#config, properties(server, await freePort(), server.#folder, guard));
    const id = Buffer.alloc(16, 1).toString("base64url");
    const user = guard ? ["-S", `SCRAM-SHA-512=[name=${guard.username},password=${guard.password}]`] : [];
    execFileSync("java", [...JAVA, "kafka.tools.StorageTool", "format", "-t", id, "-c", server.#config, ...user], {
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
    await endProcess(this.#process!, "SIGKILL");
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
function properties(
  { port, guardedPort }: Pick<KafkaServer, "port" | "guardedPort">,
  controllerPort: number,
  folder: string,
  guard: KafkaGuard | undefined,
): string {
  const broker = `PLAINTEXT://127.0.0.1:${port}${guard ? `,SASL_SSL://127.0.0.1:${guardedPort}` : ""}`;
  return Object.entries({
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
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
    ...(guard && guarding(guard)),
  })
    .map(([name, value]) => `${name}=${String(value).replaceAll("\n", "\\n")}\n`)
    .join("");
}

function guarding({ certificate, key }: KafkaGuard): Readonly<Record<string, string>> {
  return {
    "sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config":
      "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.certificate.chain": certificate,
    "ssl.keystore.key": key,
  };
}
