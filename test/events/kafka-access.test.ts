import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { inspect } from "node:util";
import { Admin } from "@platformatic/kafka";
import { kafkaOptions } from "../../src/events/kafka-access.js";
import { HAS_KAFKA, KafkaServer } from "../support/kafka-server.js";

const USER = { username: "bridge", password: "not easily guessed" };

describe("a Kafka that asks for TLS and a password", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-credentials-"));
  const file = (name: string) => path.join(folder, name);
  let server: KafkaServer;

  before(async function () {
    if (!HAS_KAFKA) this.skip();
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    const files = ["-keyout", file("server.key"), "-out", file("ca.crt")];
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", ...files, ...subject], {
      stdio: "ignore",
    });
    const [certificate, key] = [file("ca.crt"), file("server.key")].map((name) => readFileSync(name, "utf8").trim());
    server = await KafkaServer.start({ ...USER, certificate: certificate!, key: key! });
  });
  beforeEach(() => {
    for (const [name, text] of Object.entries(USER)) writeFileSync(file(name), `${text}\n`);
  });
  after(async () => {
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Connects, and asks which topics there are. */
  async function ask(): Promise<void> {
    const access = { brokers: [`127.0.0.1:${server.guardedPort}`], name: "tests", credentials: folder, tls: true };
    const admin = new Admin({ ...kafkaOptions(access), retries: 0 });
    try {
      await admin.listTopics();
    } finally {
      await admin.close();
    }
  }

  it("lets in who has the secret's password, and nobody else", async () => {
    await ask();
    writeFileSync(file("password"), "wrong");
    await assert.rejects(ask(), saysSomewhere(/authentication/i));
  });

  it("is not spoken to where its certificate is of nobody that the secret names", async () => {
    const other = ["-keyout", file("other.key"), "-out", file("ca.crt"), "-subj", "/CN=other"];
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...other], { stdio: "ignore" });
    await assert.rejects(ask(), saysSomewhere(/self.signed certificate/));
  });
}).timeout(120_000);

/** Whether an error says something, itself or by a cause. */
function saysSomewhere(text: RegExp) {
  return (error: Error) => text.test(inspect(error, { depth: 9 }));
}

describe("kafkaOptions()", () => {
  it("refuses a folder that holds no credentials", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "flotilla-credentials-"));
    const access = { brokers: ["kafka:9092"], name: "tests", credentials: folder };
    assert.throws(() => kafkaOptions(access), /expected username and password, ca\.crt, or tls\.crt; there is none/);
    rmSync(folder, { recursive: true });
  });
});
