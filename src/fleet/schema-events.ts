import { z } from "zod";
import { CONTRACT_NAME } from "../contract/contract-name.js";
import { MethodName } from "./schema-mesh.js";
import { count, duration, label, resources, word } from "./schema-values.js";

/** What the fleet file says of events: the broker that they come from and go to, and the bridges. */

/** Mechanisms of SASL by which a user says to Kafka who it is. */
export const SASL_MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

/** What these fields are where the file does not say. Shown to editors, applied by resolve-events.ts. */
export const EVENT_DEFAULTS = {
  natsPort: 4222,
  natsAccount: "$G",
  kafkaPort: 9092,
  tls: false,
  method: "Predict",
  maxInFlight: 64,
  windowMaxDelay: "20ms",
  attempts: 5,
  backoff: "200ms",
  maxBackoff: "30s",
  format: "json",
  mode: "binary",
  replicasMin: 1,
  replicasMax: 10,
  cpu: 0.5,
  memory: "256Mi",
} as const;

const HOST_AND_PORT = "[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:\\d{1,5})?";
const NATS_ERROR = "expected a server; write it as nats://nats.messaging:4222";
const BOOTSTRAP_ERROR = "expected host and port; write it as kafka.messaging:9092";
const BROKER_ERROR =
  "expected nats: { servers: [nats://nats.messaging:4222] } or kafka: { brokers: [kafka.messaging:9092] }";
const MONITORING_ERROR = "expected host and port; write it as nats.messaging:8222";

const Nats = z
  .strictObject({
    servers: z
      .array(word(new RegExp(`^nats://${HOST_AND_PORT}$`), 270, NATS_ERROR), "expected a list of servers")
      .min(1, "expected at least one server")
      .meta({ description: "Servers of the cluster.", examples: [["nats://nats.messaging:4222"]] }),
    secret: label("a secret's name").optional().meta({
      description:
        "Secret of the namespace with the credentials: user.creds, or token, or username and password; and ca.crt, tls.crt, tls.key. It is mounted, never in a variable.",
    }),
    tls: z.boolean("expected true or false").optional().meta({
      description: "NATS is spoken to over TLS. Its certificate is checked by the secret's ca.crt where it has one.",
      default: EVENT_DEFAULTS.tls,
    }),
    monitoring: word(new RegExp(`^${HOST_AND_PORT}$`), 260, MONITORING_ERROR)
      .optional()
      .meta({
        description: "Where the servers' monitoring answers, for `scaleOnLag`.",
        examples: ["nats.messaging:8222"],
      }),
    account: word(/^[^\s]+$/, 100, "expected an account of NATS")
      .optional()
      .meta({
        description: "Account that the streams are in, for `scaleOnLag`.",
        default: EVENT_DEFAULTS.natsAccount,
      }),
  })
  .meta({ description: "A NATS with JetStream." });

const Kafka = z
  .strictObject({
    brokers: z
      .array(word(new RegExp(`^${HOST_AND_PORT}$`), 260, BOOTSTRAP_ERROR), "expected a list of brokers")
      .min(1, "expected at least one broker")
      .meta({ description: "Brokers that are asked for all others.", examples: [["kafka.messaging:9092"]] }),
    secret: label("a secret's name").optional().meta({
      description:
        "Secret of the namespace with the credentials: username and password; and ca.crt, tls.crt, tls.key. It is mounted, never in a variable.",
    }),
    tls: z.boolean("expected true or false").optional().meta({
      description: "Kafka is spoken to over TLS. Its certificate is checked by the secret's ca.crt where it has one.",
      default: EVENT_DEFAULTS.tls,
    }),
    sasl: z
      .enum(SASL_MECHANISMS, "expected PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
      .optional()
      .meta({ description: "How Kafka is told the secret's username and password. By default it isn't." }),
  })
  .meta({ description: "A Kafka." });

/** Where events come from and go to. */
export const BrokerSchema = z
  .strictObject({ nats: Nats.optional(), kafka: Kafka.optional() }, BROKER_ERROR)
  .meta({ description: "The broker that the bridges take events from and publish predictions to." });

const SUBJECT_ERROR = "expected a subject without wildcards; write it as payments.scored";
const SOURCE_SUBJECT_ERROR = "expected a subject; write it as payments.created or payments.>";
const TOKEN = "[^\\s.*>]+";
const TOPIC_ERROR = "expected a topic; write it as payments-created";

const topic = (description: string) =>
  word(/^[A-Za-z0-9._-]+$/, 249, TOPIC_ERROR)
    .optional()
    .meta({ description, examples: ["payments-created"] });

const From = z
  .strictObject({
    stream: word(/^[A-Za-z0-9_-]+$/, 255, "expected a stream's name; write it as PAYMENTS")
      .optional()
      .meta({
        description: "NATS: stream that the events are in. It has to be there.",
        examples: ["PAYMENTS"],
      }),
    subject: word(new RegExp(`^((${TOKEN}|\\*)\\.)*(${TOKEN}|\\*|>)$`), 255, SOURCE_SUBJECT_ERROR)
      .optional()
      .meta({
        description: "NATS: subject of the events in the stream; * stands for one word, > for all that follow.",
        examples: ["payments.created"],
      }),
    topic: topic("Kafka: topic of the events. It has to be there."),
  })
  .meta({ description: "Where the bridge's events are." });

const target = (description: string) =>
  z
    .strictObject({
      subject: word(new RegExp(`^${TOKEN}(\\.${TOKEN})*$`), 255, SUBJECT_ERROR)
        .optional()
        .meta({
          description: "NATS: subject. A stream has to hold it.",
          examples: ["payments.scored"],
        }),
      topic: topic("Kafka: topic. It has to be there."),
    })
    .meta({ description });

const Window = z
  .strictObject({
    maxSize: count(2, 65_536).meta({ description: "Events that one call may have." }),
    maxDelay: duration("above zero").optional().meta({
      description: "How long the first event waits for others.",
      default: EVENT_DEFAULTS.windowMaxDelay,
    }),
  })
  .meta({
    description: "Events are joined into one call, by number or by time. By default each has a call of its own.",
  });

const Retries = z
  .strictObject({
    attempts: count(1, 1000).optional().meta({
      description: "How often an event is tried again before it goes to `deadLetter`. The first try is not counted.",
      default: EVENT_DEFAULTS.attempts,
    }),
    backoff: duration("above zero").optional().meta({
      description: "How long the second try waits; each further one twice as long as the one before.",
      default: EVENT_DEFAULTS.backoff,
    }),
    maxBackoff: duration("above zero").optional().meta({
      description: "The longest that a try waits.",
      default: EVENT_DEFAULTS.maxBackoff,
    }),
  })
  .meta({ description: "How an event is tried again whose call failed, but may succeed later." });

const Replicas = z
  .strictObject({
    min: count(0, 1000).optional().meta({
      description: "Fewest pods. 0 only with `scaleOnLag`.",
      default: EVENT_DEFAULTS.replicasMin,
    }),
    max: count(1, 1000).optional().meta({
      description: "Most pods. By default `min`; with `scaleOnLag` 10.",
    }),
  })
  .meta({ description: "How many pods the bridge has." });

/** What turns events into calls of a contract, and their answers into events. */
export const BridgeSchema = z
  .strictObject({
    name: label("a bridge's name").meta({
      description: "Name of the bridge, and of its durable consumer or consumer group.",
      examples: ["fraud-scores"],
    }),
    contract: word(CONTRACT_NAME, 200, "expected a contract of the fleet; write it as acme.fraud.v1").meta({
      description: "Contract that is called.",
      examples: ["acme.fraud.v1"],
    }),
    method: MethodName.optional().meta({
      description: "Method that is called; a unary one.",
      default: EVENT_DEFAULTS.method,
    }),
    from: From,
    to: target("Where predictions are published."),
    deadLetter: target("Where events are published that can't be predicted, each with the reason."),
    orderBy: word(/^[a-z0-9]{1,20}$/, 20, "expected an attribute of CloudEvents; write it as partitionkey")
      .optional()
      .meta({
        description: "Attribute of the events that is their key: events of one key are predicted in order.",
        examples: ["partitionkey"],
      }),
    maxInFlight: count(1, 65_536).optional().meta({
      description:
        "Events taken and not yet acknowledged, at most: by the bridge's pods together with NATS, by each with Kafka.",
      default: EVENT_DEFAULTS.maxInFlight,
    }),
    window: Window.optional(),
    retries: Retries.optional(),
    format: z.enum(["json", "protobuf"], "expected json or protobuf").optional().meta({
      description: "Form of the predictions' data: protobuf's JSON mapping, or binary protobuf.",
      default: EVENT_DEFAULTS.format,
    }),
    mode: z.enum(["binary", "structured"], "expected binary or structured").optional().meta({
      description:
        "CloudEvents content mode of the predictions: attributes in headers, or the whole event in the body.",
      default: EVENT_DEFAULTS.mode,
    }),
    resources: resources({ cpu: EVENT_DEFAULTS.cpu, memory: EVENT_DEFAULTS.memory }).optional(),
    replicas: Replicas.optional(),
    scaleOnLag: count(1, 1_000_000_000).optional().meta({
      description: "Events waiting per pod above which pods are added, by KEDA, which the cluster has to have.",
    }),
  })
  .meta({ description: "What turns events into calls of a contract, and their answers into events." });

export type BrokerFile = z.output<typeof BrokerSchema>;
export type BridgeFile = z.output<typeof BridgeSchema>;
