import { setTimeout as delay } from "node:timers/promises";
import type { ConsumerOptions, SASLOptions } from "@platformatic/kafka";
import type { SaslMechanism } from "../fleet/spec.js";
import { MountedSecret } from "./mounted-secret.js";

/** How a Kafka is reached. */
export interface KafkaAccess {
  /** Brokers that are asked for all others, `host:port`. */
  readonly brokers: readonly string[];
  /** Name of the client, for the brokers' operators. */
  readonly name: string;
  /**
   * A mounted secret: `username` and `password`, which are read at each connection, so that they may change; and `ca.crt`,
   * `tls.crt`, `tls.key`.
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

/** How long a client waits for the broker to know that it leaves. */
const CLOSE_MS = 3000;
/** About two seconds: what fails longer is begun anew, with other clients. */
const RETRIES = 8;
/** A transaction has to wait for the end of the one before it, some milliseconds. */
const FIRST_RETRY_MS = 10;
const MAX_RETRY_MS = 500;

/**
 * What clients of Kafka are told.
 * @throws Error where the folder of the credentials holds none
 */
export function kafkaOptions({ brokers, name, credentials, tls = false, sasl }: KafkaAccess): KafkaClientOptions {
  const secret = new MountedSecret(credentials);
  if (credentials !== undefined && !["username", "ca.crt", "tls.crt"].some((key) => secret.has(key)))
    throw new Error(`${credentials}: expected username and password, ca.crt, or tls.crt; there is none of them`);
  const user: SASLOptions = {
    mechanism: sasl ?? "SCRAM-SHA-512",
    username: secret.text("username"),
    password: secret.text("password"),
  };
  return {
    clientId: name.replaceAll(" ", "-"),
    bootstrapBrokers: [...brokers],
    retries: RETRIES,
    retryDelay: (_client, _operation, attempt) => Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempt - 1)),
    ...(secret.has("username") && { sasl: user }),
    ...(tls && { tls: { ca: secret.bytes("ca.crt"), cert: secret.bytes("tls.crt"), key: secret.bytes("tls.key") } }),
  };
}

/** Closes a client that is done with, whatever has become of its broker: one that can't be reached is not waited for. */
export async function closeQuietly(client: { close(force: boolean): unknown }): Promise<void> {
  const limit = new AbortController();
  // Where it fails, it is gone already, or its connections are.
  const closed = Promise.resolve().then(() => client.close(true));
  void closed.catch(() => {}).finally(() => limit.abort());
  await delay(CLOSE_MS, undefined, { signal: limit.signal }).catch(() => {});
}
