import { type Command, InvalidArgumentError, Option } from "commander";
import { SASL_MECHANISMS } from "../fleet/schema-events.js";
import type { SaslMechanism } from "../fleet/spec.js";
import { parseCount } from "./number-options.js";
import { parseDuration, type TlsOptions, withPort, withTlsOptions } from "./target.js";

/** What the commands between a broker and the fleet share. */
export interface EventOptions extends TlsOptions {
  readonly servers: readonly string[];
  readonly credentials?: string;
  readonly brokerTls?: boolean;
  readonly sasl?: SaslMechanism;
  readonly target: string;
  readonly contract: string;
  readonly method: string;
  readonly stream?: string;
  readonly subject: string;
  readonly to: string;
  readonly deadLetter: string;
  readonly orderBy?: string;
  readonly maxInFlight: number;
  readonly windowSize: number;
  readonly windowDelay: number;
  readonly retries: number;
  readonly backoff: number;
  readonly maxBackoff: number;
  readonly format: "json" | "protobuf";
  readonly mode: "binary" | "structured";
  readonly deadline: number;
  readonly ackWait: number;
  readonly drainTimeout: number;
}

/** The command with the options of `EventOptions`. */
export function withEventOptions(command: Command): Command {
  return withTlsOptions(
    command
      .option(
        "--servers <url,…>",
        "servers of NATS, nats://host:port, or brokers of Kafka, kafka://host:port",
        parseServers,
        ["nats://localhost:4222"],
      )
      .option("--credentials <folder>", "user.creds, token, or username and password; ca.crt, tls.crt, tls.key")
      .option("--broker-tls", "speak to the broker over TLS")
      .addOption(
        new Option("--sasl <mechanism>", "how Kafka is told username and password (default: SCRAM-SHA-512)").choices(
          SASL_MECHANISMS,
        ),
      )
      .requiredOption("--contract <name>", "contract that is called, acme.fraud.v1")
      .option("--method <name>", "method that is called; a unary one", "Predict")
      .option("--target <host:port>", "server that is called", withPort, "localhost:8500")
      .option("--stream <name>", "stream of NATS that the events are in")
      .requiredOption("--subject <subject>", "subject of the events in the stream, may have * and >; or topic")
      .requiredOption("--to <subject>", "where predictions are published; a stream has to hold it, or be such a topic")
      .requiredOption("--dead-letter <subject>", "where events are published that can't be predicted")
      .option("--order-by <attribute>", "events of one value of this attribute are predicted in order")
      .option("--max-in-flight <count>", "events that may be taken and not acknowledged", parseCount, 64)
      .option("--window-size <count>", "events that are joined into one call (1: a call for each)", parseCount, 1)
      .option("--window-delay <duration>", "how long the first event waits for others", parseDuration, 20)
      .option("--retries <count>", "tries after the first, where the event may be at fault", parseCount, 5)
      .option(
        "--backoff <duration>",
        "before the second try; twice as long before each further one",
        parseDuration,
        200,
      )
      .option("--max-backoff <duration>", "the longest that a try waits", parseDuration, 30_000)
      .addOption(
        new Option("--format <format>", "of the predictions' data").choices(["json", "protobuf"]).default("json"),
      )
      .addOption(
        new Option("--mode <mode>", "CloudEvents content mode of predictions")
          .choices(["binary", "structured"])
          .default("binary"),
      )
      .option("--deadline <duration>", "how long one call may take", parseDuration, 5000)
      .option("--ack-wait <duration>", "after which a dead bridge's events go to the next one", parseDuration, 10_000)
      .option("--drain-timeout <duration>", "for what is in flight, once it is told to end", parseDuration, 20_000),
  );
}

function parseServers(text: string): string[] {
  const servers = text.split(",").map((server) => server.trim());
  const schemes = new Set(servers.map((server) => /^(nats|kafka):\/\/[^\s/@]+$/.exec(server)?.[1]));
  if (schemes.size > 1 || schemes.has(undefined))
    throw new InvalidArgumentError("expected nats://host:port or kafka://host:port, or several of a kind with commas");
  return servers;
}
