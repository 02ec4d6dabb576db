import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { ConsumerOptions, SASLOptions } from "@platformatic/kafka";

/** Mechanisms of SASL by which a user says who it is. */
export const SASL_MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

/** How a Kafka is reached. */
export interface KafkaAccess {
  /** Brokers that are asked for all others, `host:port`. */
  readonly brokers: readonly string[];
  /** Name of the client, for the brokers' operators. */
  readonly name: string;
  /**
   * A mounted secret: `username` and `password`; and `ca.crt`, `tls.crt`, `tls.key`. The first two are read at each
   * connection, the others whenever clients are made anew.
   */
  readonly credentials?: string | undefined;
  readonly tls?: boolean | undefined;
  /** Where the secret has a username. @default SCRAM-SHA-512 */
  readonly sasl?: SaslMechanism | undefined;
}

/** What every client of Kafka is told. */
export type KafkaClientOptions = Pick<
  ConsumerOptions<unknown, unknown, unknown, unknown>,
  "clientId" | "bootstrapBrokers" | "retries" | "retryDelay" | "sasl" | "tls"
>;

/** What fails is soon begun anew, with other clients: these try it only so often. */
const RETRIES = 3;
const RETRY_MS = 300;

/**
 * What clients of Kafka are told.
 * @throws Error where the folder of the credentials holds none
 */
export function kafkaOptions({ brokers, name, credentials, tls = false, sasl }: KafkaAccess): KafkaClientOptions {
  const file = (key: string) => (credentials === undefined ? undefined : path.join(credentials, key));
  const has = (key: string) => credentials !== undefined && existsSync(file(key)!);
  const read = (key: string) => (has(key) ? readFileSync(file(key)!) : undefined);
  if (credentials !== undefined && !["username", "ca.crt", "tls.crt"].some(has))
    throw new Error(`${credentials}: expected username and password, ca.crt, or tls.crt; there is none of them`);
  const text = (key: string) => () => readFileSync(file(key)!, "utf8").trim();
  const user: SASLOptions = {
    mechanism: sasl ?? "SCRAM-SHA-512",
    username: text("username"),
    password: text("password"),
  };
  return {
    clientId: name.replaceAll(" ", "-"),
    bootstrapBrokers: [...brokers],
    retries: RETRIES,
    retryDelay: RETRY_MS,
    ...(has("username") && { sasl: user }),
    ...(tls && { tls: { ca: read("ca.crt"), cert: read("tls.crt"), key: read("tls.key") } }),
  };
}

/** Closes a client that is done with, whatever has become of its broker. */
export async function closeQuietly(client: { close(force: boolean): unknown }): Promise<void> {
  try {
    await client.close(true);
  } catch {
    // It is gone, or its connections are.
  }
}
