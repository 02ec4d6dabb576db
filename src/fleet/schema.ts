import { z } from "zod";
import { CONTRACT_NAME, checkContractName } from "../contract/contract-name.js";
import { clusterFields, DeliverySchema, SourceSchema } from "./schema-cluster.js";
import { BridgeSchema, BrokerSchema } from "./schema-events.js";
import { CallersSchema, CircuitBreakerSchema, MESH_DEFAULTS, MethodsSchema, ObjectivesSchema } from "./schema-mesh.js";
import { StreamsSchema } from "./schema-streams.js";
import { StubSchema } from "./schema-stub.js";
import {
  CohortName,
  count,
  duration,
  label,
  path,
  percent,
  ReleaseName,
  RevisionName,
  resources,
  word,
} from "./schema-values.js";

export { RevisionName };

/**
 * The fleet file's format. Each `meta` is what editors show, through docs/fleet.schema.json. Each error text says what
 * was expected and, after a semicolon, what to write; schema-findings.ts adds what came instead.
 */

/** How modules end. */
const MODULES = [".ts", ".js", ".mjs"] as const;

/** What a field is where the file does not say. Shown to editors, applied by resolve.ts. */
export const DEFAULTS = {
  namespace: "default",
  deadline: "5s",
  cpu: 1,
  memory: "512Mi",
  replicasMin: 2,
  replicasMax: 10,
  cpuUtilization: 70,
  batchingMaxSize: 1,
  batchingMaxDelay: "0ms",
  paddingAxis: 1,
  queueSize: 256,
  workers: 1,
  reserve: "20ms",
} as const;

const Resources = resources({ cpu: DEFAULTS.cpu, memory: DEFAULTS.memory });

const Replicas = z
  .strictObject({
    min: count(1, 10_000).optional().meta({ description: "Fewest pods.", default: DEFAULTS.replicasMin }),
    max: count(1, 10_000).optional().meta({ description: "Most pods.", default: DEFAULTS.replicasMax }),
    cpuUtilization: count(1, 100).optional().meta({
      description: "Per cent of the processors in use above which pods are added.",
      default: DEFAULTS.cpuUtilization,
    }),
    inFlight: count(1, 100_000).optional().meta({
      description:
        "Calls at a time per pod above which pods are added. Needs an adapter that serves flotilla_requests_in_flight as a custom metric. By default the processors alone decide.",
    }),
  })
  .meta({ description: "How many pods a revision has." });

const PADDING_ERROR = "expected the model's inputs and numbers; write values: { input_ids: 0, attention_mask: 0 }";
const Padding = z
  .strictObject({
    axis: count(1, 16).optional().meta({
      description: "Dimension that calls may differ in, from 0: 1 is the first after the rows.",
      default: DEFAULTS.paddingAxis,
    }),
    values: z
      .record(z.string(), z.number(PADDING_ERROR), PADDING_ERROR)
      .refine((values) => Object.keys(values).length > 0, PADDING_ERROR)
      .meta({ description: "What each input is filled up with, by its name." }),
  })
  .meta({
    description:
      "Lets calls of other lengths share a run: all are filled up to the longest. For models that tell filling from data, as by an attention mask.",
  });

const Batching = z
  .strictObject({
    maxSize: count(1, 65_536).optional().meta({
      description: "Rows that one run of the model may hold. 1: calls are not joined.",
      default: DEFAULTS.batchingMaxSize,
    }),
    maxDelay: duration("zero or more").optional().meta({
      description: "How long the first call of a batch waits for company. 0ms: only calls that wait anyway are joined.",
      default: DEFAULTS.batchingMaxDelay,
    }),
    padding: Padding.optional(),
  })
  .meta({ description: "How calls are joined into one run of the model." });

const Queue = z
  .strictObject({
    size: count(1, 1_000_000).optional().meta({
      description: "Calls that may wait for the model before more are refused with RESOURCE_EXHAUSTED.",
      default: DEFAULTS.queueSize,
    }),
  })
  .meta({ description: "Where calls wait for the model." });

/** What `spec.defaults` may set for every revision, and each revision for itself. */
const tuning = {
  batching: Batching.optional(),
  queue: Queue.optional(),
  workers: count(1, 256).optional().meta({
    description: "Worker threads, each with its own copy of the model: runs that go on at the same time.",
    default: DEFAULTS.workers,
  }),
  threads: count(1, 1024).optional().meta({
    description:
      "Threads that one run uses. By default as many as the process may use processors, shared by its workers.",
  }),
  resources: Resources.optional(),
  replicas: Replicas.optional(),
};

const deadline = duration("above zero").optional().meta({
  description: "How long a call may take where its caller does not say: 200ms, 2s, 1m.",
  default: DEFAULTS.deadline,
});

const SHA256_ERROR = "expected a sha256 as 64 hexadecimal digits; write what `sha256sum` prints for the model";
const sha256 = z
  .string(SHA256_ERROR)
  .regex(/^[0-9a-fA-F]{64}$/, SHA256_ERROR)
  .transform((digest) => digest.toLowerCase());

/** One immutable model, or composition of other contracts, that serves a contract. */
export const RevisionSchema = z
  .strictObject({
    model: path("a model", [".onnx"])
      .optional()
      .meta({
        description: "Path of the model, relative to the fleet file and inside its folder.",
        examples: ["models/fraud/r1.onnx"],
      }),
    module: path("a module", MODULES)
      .optional()
      .meta({
        description:
          "In place of a model, a composition: path of the module that answers by calling the contracts of `calls`.",
        examples: ["models/ocr/r1.ts"],
      }),
    sha256: sha256.meta({
      description:
        "Digest that the model's file, or the composition's sources, must have. What has another one is not served.",
    }),
    bundled: sha256.optional().meta({
      description: "Digest of the composition as one file. `flotilla package` writes it into images; leave it out.",
    }),
    image: word(/^[\w.:/@-]+$/, 500, "expected an image with a tag or a digest")
      .optional()
      .meta({
        description:
          "The revision's container image. By default <repository>/<contract>:<revision>-<digest>-<version>.",
      }),
    source: SourceSchema.optional(),
    licence: word(/\S/, 100, "expected the model's licence, at most 100 letters")
      .optional()
      .meta({
        description: "The model's licence, for the register of models: an SPDX identifier, or the words of a contract.",
        examples: ["Apache-2.0"],
      }),
    ...tuning,
  })
  .meta({ description: "One immutable model, or composition, that serves the contract. A new one is a new revision." });

const shares = z.record(RevisionName, count(0, 100), "expected shares by revision; write { r1: 100 }");

/** Revision by share of the calls. */
export const TrafficSchema = shares.meta({
  description: "Per cent of the calls that each revision gets. Adds up to 100. With one revision it gets all.",
  examples: [{ r1: 90, r2: 10 }],
});

/** A copy of the traffic. */
export const ShadowSchema = z
  .strictObject({
    revision: RevisionName,
    percent: percent("above zero").meta({
      description: "Per cent of the calls that are copied.",
    }),
  })
  .meta({ description: "A revision that gets a copy of the calls, and whose answers nobody sees." });

/** Revision, or shares of several, by cohort. */
export const CohortsSchema = z
  .record(
    CohortName,
    z.union([RevisionName, shares]).meta({ description: "A revision, or per cent by revision, adding up to 100." }),
    "expected revisions by cohort; write { beta: r2 } or { beta: { r1: 80, r2: 20 } }",
  )
  .meta({
    description: "Who answers callers that send the header x-flotilla-cohort with the cohort's name.",
    examples: [{ beta: "r2" }, { beta: { r1: 80, r2: 20 } }],
  });

/** Who answers when the others don't. */
export const FallbackSchema = z
  .strictObject({
    revision: RevisionName,
    when: z
      .strictObject({
        latencyOver: duration("above zero").optional().meta({
          description: "A call that takes longer counts as failed. By default only errors count.",
        }),
        consecutiveErrors: count(1, 10_000).optional().meta({
          description: "Failed calls in a row after which a pod gets no more calls for a while.",
          default: MESH_DEFAULTS.consecutiveErrors,
        }),
      })
      .optional()
      .meta({ description: "What counts as failing." }),
  })
  .meta({ description: "The revision that answers when those with traffic are too slow or fail." });

/** How a failed call is tried again. */
export const RetriesSchema = z
  .strictObject({
    attempts: count(0, 10).meta({
      description: "How often a failed call is tried again. As in Istio, the first try is not counted.",
    }),
    perTry: duration("above zero").meta({ description: "How long each try may take." }),
    budget: percent("above zero").optional().meta({
      description:
        "Most retries at a time, in per cent of the calls that are open (Istio 1.28 or newer). By default a fixed number.",
    }),
  })
  .meta({
    description: "How a call that failed without being answered is tried again, by the mesh. Never for streams.",
  });

const CONTRACT_ERROR =
  "expected a protobuf package of words in lower case that ends in a version; write it as acme.fraud.v1";

const ContractName = word(CONTRACT_NAME, 200, CONTRACT_ERROR).refine(
  (name) => !CONTRACT_NAME.test(name) || checkContractName(name) === undefined,
  { error: "expected a package that is not others'; begin it with a domain of your own, such as acme.fraud.v1" },
);

/** One contract and what serves it. */
export const ContractSchema = z
  .strictObject({
    name: ContractName.meta({
      description: "The contract: a protobuf package that ends in a version.",
      examples: ["acme.fraud.v1", "acme.fraud.v2beta1"],
    }),
    owner: word(/\S/, 253, "expected who answers for the contract, at most 253 letters").optional().meta({
      description: "Who answers for the contract: a team, a mail address, a channel.",
    }),
    purpose: word(/\S/, 500, "expected what the contract is for, at most 500 letters")
      .optional()
      .meta({
        description: "What its answers are for, and what they are not for: for the register of models.",
        examples: ["Sorts reports for a second look. Decides nothing by itself."],
      }),
    callers: CallersSchema.optional(),
    calls: z.array(ContractName, "expected a list of contracts").optional().meta({
      description:
        "Contracts of this fleet that the contract's own code calls. They let it in; no others are in its reach.",
      default: [],
    }),
    reserve: duration("zero or more").optional().meta({
      description:
        "What a composition keeps of each call's deadline for itself: those it calls have to be done that much sooner.",
      default: DEFAULTS.reserve,
    }),
    methods: MethodsSchema.optional(),
    streams: StreamsSchema.optional(),
    transform: path("a module", MODULES)
      .optional()
      .meta({
        description:
          "Module that turns a request into tensors and tensors into the response, relative to the fleet file.",
        examples: ["models/digits/transform.ts"],
      }),
    example: path("a request as JSON", [".json"])
      .optional()
      .meta({
        description: "A request in protobuf JSON that shows how the contract is called, relative to the fleet file.",
        examples: ["models/fraud/example.json"],
      }),
    deadline,
    revisions: z
      .record(RevisionName, RevisionSchema, "expected revisions by name; write r1: { model: …, sha256: … }")
      .refine((revisions) => Object.keys(revisions).length > 0, "expected at least one revision; run `flotilla add`")
      .meta({ description: "Models, or compositions, that serve the contract, by name.", minProperties: 1 }),
    traffic: TrafficSchema.optional(),
    shadow: ShadowSchema.optional(),
    cohorts: CohortsSchema.optional(),
    fallback: FallbackSchema.optional(),
    retries: RetriesSchema.optional(),
    circuitBreaker: CircuitBreakerSchema.optional(),
    warmUp: duration("zero or more").optional().meta({
      description: "How long a new pod gets a share that rises to the others'. 0ms: its full share at once.",
      default: MESH_DEFAULTS.warmUp,
    }),
    objectives: ObjectivesSchema.optional(),
    sampling: percent("zero or more").optional().meta({
      description: "Per cent of the contract's calls that are traced. By default the fleet's.",
    }),
    ingress: z.boolean("expected true or false").optional().meta({
      description: "Callers outside the mesh reach the contract by the fleet's ingress.",
      default: false,
    }),
    delivery: DeliverySchema.optional(),
    stub: StubSchema.optional(),
  })
  .meta({ description: "One contract and what serves it." });

const RELEASE_ERROR = "expected revisions by contract; write { acme.ocr.v1: r2 }";

/** Sets of revisions that belong together. */
export const ReleasesSchema = z
  .record(
    ReleaseName,
    z
      .record(ContractName, RevisionName, RELEASE_ERROR)
      .refine((revisions) => Object.keys(revisions).length > 0, RELEASE_ERROR)
      .meta({ description: "The revision of each contract of the release.", minProperties: 1 }),
    "expected releases by name; write 2026-11: { acme.ocr.v1: r2 }",
  )
  .meta({
    description:
      "Revisions that belong together, by the name of their release. A call with the header x-flotilla-release is answered by these, along the whole chain, or refused.",
    examples: [{ "2026-11": { "acme.ocr.v1": "r2", "acme.ocr_detector.v1": "r1" } }],
  });

const NO_CONTRACTS = "expected at least one contract; run `flotilla add`";

/** `spec.defaults`. */
export const DefaultsSchema = z
  .strictObject({ deadline, ...tuning })
  .meta({ description: "What contracts and revisions have where they don't say otherwise." });

/** The whole file. */
export const FleetSchema = z
  .strictObject({
    apiVersion: z.literal("flotilla.dev/v1", 'expected "flotilla.dev/v1"; write apiVersion: flotilla.dev/v1').meta({
      description: "Version of this format.",
    }),
    kind: z.literal("Fleet", 'expected "Fleet"; write kind: Fleet').meta({ description: "Always Fleet." }),
    metadata: z
      .strictObject({
        name: label("a name").meta({ description: "Name of the fleet.", examples: ["payments"] }),
        namespace: label("a namespace").optional().meta({
          description: "Kubernetes namespace that the fleet lives in.",
          default: DEFAULTS.namespace,
        }),
      })
      .meta({ description: "What the fleet is called." }),
    spec: z
      .strictObject({
        ...clusterFields,
        defaults: DefaultsSchema.optional(),
        contracts: z.array(ContractSchema, "expected a list of contracts").min(1, NO_CONTRACTS).meta({
          description: "The fleet's contracts.",
        }),
        releases: ReleasesSchema.optional(),
        broker: BrokerSchema.optional(),
        bridges: z.array(BridgeSchema, "expected a list of bridges").optional().meta({
          description: "What turns events into calls of the contracts, and their answers into events.",
          default: [],
        }),
      })
      .meta({ description: "What the fleet serves." }),
  })
  .meta({ title: "Flotilla fleet", description: "A fleet of models, served by contract. See docs/fleet-file.md." });

/** The file's data once its format has been checked: durations in milliseconds, sizes in bytes. */
export type FleetFile = z.output<typeof FleetSchema>;
export type ContractFile = z.output<typeof ContractSchema>;
export type RevisionFile = z.output<typeof RevisionSchema>;
