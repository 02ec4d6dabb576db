import { z } from "zod";
import { CALLER, count, duration, label, percent, word } from "./schema-values.js";

/** What the fleet file says of the cluster that the fleet lives in: images, mesh, telemetry, and the way in. */

/** What these fields are where the file does not say. Shown to editors, applied by resolve-cluster.ts. */
export const CLUSTER_DEFAULTS = {
  trustDomain: "cluster.local",
  istioNamespace: "istio-system",
  cni: false,
  discovery: "annotations",
  sampling: 1,
  accessLogs: "errors",
  gatewayLabel: "ingressgateway",
  gatewayAccount: "istio-system/istio-ingressgateway-service-account",
  gatewayClass: "istio",
} as const;

/** The same for `delivery` of a contract. */
export const DELIVERY_DEFAULTS = { steps: [5, 25, 50], interval: "2m" };

const HOST_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
const HOST = new RegExp(`^${HOST_LABEL}(\\.${HOST_LABEL})*$`);
/** A repository as registries name them, without a tag. */
const REPOSITORY = /^[a-z0-9][a-z0-9.-]*(:\d{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;
const TAG_PART = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

const ACCOUNT_ERROR = "expected namespace/serviceaccount; write it as shop/checkout";
/** `namespace/serviceaccount`. */
export const account = word(CALLER, 317, ACCOUNT_ERROR);

const Images = z
  .strictObject({
    repository: word(REPOSITORY, 200, "expected a repository without a tag; write it as registry.example.com/models")
      .optional()
      .meta({
        description:
          "Where the fleet's images are: each contract's are in <repository>/<contract>. By default localhost/<fleet>.",
        examples: ["registry.example.com/models"],
      }),
    version: word(TAG_PART, 32, "expected a word of letters, digits, points, hyphens and underscores, at most 32")
      .optional()
      .meta({
        description:
          "Last part of each image's tag. Give a new one when a transform, a package or the base image has changed: a tag never means something else. By default Flotilla's version.",
      }),
    pullSecrets: z.array(label("a secret's name"), "expected a list of secrets").optional().meta({
      description: "Secrets of the namespace with which images are pulled.",
      default: [],
    }),
  })
  .meta({ description: "The container images that `flotilla package` builds." });

const Mesh = z
  .strictObject({
    trustDomain: word(HOST, 253, "expected a domain").optional().meta({
      description: "Trust domain of the mesh, from which callers' identities come.",
      default: CLUSTER_DEFAULTS.trustDomain,
    }),
    namespace: label("a namespace").optional().meta({
      description: "Namespace that Istio's control plane lives in.",
      default: CLUSTER_DEFAULTS.istioNamespace,
    }),
    cni: z.boolean("expected true or false").optional().meta({
      description:
        "Istio's CNI plugin is installed. The namespace then enforces the Pod Security Standard restricted; without the plugin each pod's sidecar needs NET_ADMIN to begin, and the namespace warns alone.",
      default: CLUSTER_DEFAULTS.cni,
    }),
  })
  .meta({ description: "The Istio of the cluster." });

const Prometheus = z
  .strictObject({
    scraper: account.optional().meta({
      description:
        "Prometheus' own identity, as namespace/serviceaccount. Nobody else can reach the metrics. By default nobody can.",
      examples: ["monitoring/prometheus"],
    }),
    discovery: z.enum(["annotations", "operator"], "expected annotations or operator").optional().meta({
      description:
        "How Prometheus finds the pods and the alerts. annotations: prometheus.io/scrape on the pods, alerts in a ConfigMap. operator: a PodMonitor and a PrometheusRule of the Prometheus operator.",
      default: CLUSTER_DEFAULTS.discovery,
    }),
    address: z
      .string("expected an address; write it as http://prometheus.monitoring:9090")
      .regex(
        /^https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?(\/[\w./-]*)?$/,
        "expected an address; write it as http://prometheus.monitoring:9090",
      )
      .max(300)
      .optional()
      .meta({
        description: "Where Prometheus answers queries, for `delivery`.",
        examples: ["http://prometheus.monitoring:9090"],
      }),
  })
  .meta({ description: "Who reads the fleet's metrics." });

/** Per cent of the calls that are traced. */
export const sampling = percent("zero or more");

const Telemetry = z
  .strictObject({
    prometheus: Prometheus.optional(),
    tracing: z
      .strictObject({
        sampling: sampling.optional().meta({
          description: "Per cent of the calls that are traced; a contract may say another share.",
          default: CLUSTER_DEFAULTS.sampling,
        }),
        provider: label("a provider").optional().meta({
          description: "Extension provider of the mesh that gets the spans. By default the mesh's own default.",
        }),
        collector: account.optional().meta({
          description:
            "Where that provider sends the spans, as namespace/service: the pods' proxies reach it. Not needed where it is in the control plane's namespace.",
          examples: ["observability/otel-collector"],
        }),
      })
      .optional()
      .meta({ description: "Spans of the mesh." }),
    accessLogs: z.enum(["all", "errors", "off"], "expected all, errors or off").optional().meta({
      description:
        "Which calls the sidecars write a line about, with the gRPC status. errors: those that were not answered OK.",
      default: CLUSTER_DEFAULTS.accessLogs,
    }),
    dashboard: z.boolean("expected true or false").optional().meta({
      description: "A Grafana dashboard in a ConfigMap that Grafana's sidecar finds.",
      default: true,
    }),
  })
  .meta({ description: "What is measured and who gets to see it." });

const Ingress = z
  .strictObject({
    via: z.enum(["istio", "gateway-api"], "expected istio or gateway-api").meta({
      description:
        "istio: a Gateway of Istio's on an ingress gateway that is there. gateway-api: a Gateway and GRPCRoutes of the Gateway API; the gateway is made in the fleet's namespace.",
    }),
    host: word(HOST, 253, "expected a host name; write it as models.example.com").meta({
      description: "Name under which callers outside the mesh reach the contracts that say `ingress: true`.",
      examples: ["models.example.com"],
    }),
    tls: z
      .strictObject({
        secret: label("a secret's name").meta({
          description:
            "Secret with the certificate: in the gateway's namespace with istio, in the fleet's with gateway-api.",
        }),
        mutual: z.boolean("expected true or false").optional().meta({
          description: "Callers have to show a certificate of the secret's ca.crt. Only with istio.",
          default: false,
        }),
      })
      .meta({ description: "Calls come in over TLS alone." }),
    gateway: z
      .strictObject({
        label: label("a label's value").optional().meta({
          description: "Value of the label `istio` on the pods of the ingress gateway. Only with istio.",
          default: CLUSTER_DEFAULTS.gatewayLabel,
        }),
        serviceAccount: account.optional().meta({
          description: "Identity of the ingress gateway, as namespace/serviceaccount. Only with istio.",
          default: CLUSTER_DEFAULTS.gatewayAccount,
        }),
        class: label("a GatewayClass").optional().meta({
          description: "GatewayClass of the gateway. Only with gateway-api.",
          default: CLUSTER_DEFAULTS.gatewayClass,
        }),
      })
      .optional()
      .meta({ description: "The gateway." }),
  })
  .meta({ description: "The way in for callers outside the mesh. By default there is none." });

/** Fields of `spec` that say where the fleet lives. */
export const clusterFields = {
  images: Images.optional(),
  mesh: Mesh.optional(),
  telemetry: Telemetry.optional(),
  ingress: Ingress.optional(),
};

const BATCH_PATH = /^[A-Za-z0-9_][\w./-]*$/;
const MODEL_PATH_ERROR = "expected a path inside of the volume that ends in .onnx";
const filePath = z
  .string(MODEL_PATH_ERROR)
  .regex(BATCH_PATH, MODEL_PATH_ERROR)
  .regex(/\.onnx$/, MODEL_PATH_ERROR)
  .refine((path) => !path.split("/").includes(".."), MODEL_PATH_ERROR)
  .max(1024);

const SOURCE_ERROR = "expected exactly one of image, claim and s3";
/** Where a pod gets its model from. */
export const SourceSchema = z
  .strictObject({
    image: word(/^[\w.:/@-]+$/, 500, "expected an image with a tag or a digest")
      .optional()
      .meta({
        description:
          "An OCI image whose files are mounted (Kubernetes 1.33 or newer, with the ImageVolume feature gate).",
      }),
    claim: label("a claim's name").optional().meta({ description: "A PersistentVolumeClaim of the namespace." }),
    s3: word(
      /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/[^\s?#]+\.onnx$/,
      1100,
      "expected a bucket and a key; write s3://bucket/key.onnx",
    )
      .optional()
      .meta({ description: "An object of an S3-compatible store, fetched when a pod starts." }),
    path: filePath.optional().meta({ description: "Path of the .onnx file in the image or the claim." }),
    endpoint: word(/^https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?$/, 300, "expected an address; write https://s3.example.com")
      .optional()
      .meta({ description: "Where the S3-compatible store is." }),
    region: label("a region").optional().meta({ description: "Region of the bucket.", default: "us-east-1" }),
    secret: label("a secret's name").optional().meta({
      description:
        "Secret of the namespace with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Without it the store is asked without a signature.",
    }),
  })
  .refine(
    (source) => [source.image, source.claim, source.s3].filter((one) => one !== undefined).length === 1,
    SOURCE_ERROR,
  )
  .refine((source) => (source.s3 === undefined) === (source.path !== undefined), {
    error: "expected a path with image or claim, and none with s3",
  })
  .refine((source) => (source.s3 === undefined) === (source.endpoint === undefined), {
    error: "expected an endpoint with s3, and none without",
  })
  .meta({ description: "Where a pod gets the model from, checked by its sha256. By default the image holds it." });

/** How a revision is rolled out by an engine of others. */
export const DeliverySchema = z
  .strictObject({
    engine: z.enum(["argo", "flagger"], "expected argo or flagger").meta({
      description: "argo: a Rollout of Argo Rollouts. flagger: a Canary of Flagger. Each has to run in the cluster.",
    }),
    steps: z
      .array(count(1, 100), "expected a list of shares")
      .min(1, "expected at least one share")
      .refine(
        (steps) => steps.every((step, index) => index === 0 || step > steps[index - 1]!),
        "expected rising shares",
      )
      .optional()
      .meta({
        description: "Per cent of the calls that the new state gets, step by step.",
        default: DELIVERY_DEFAULTS.steps,
      }),
    interval: duration("above zero")
      .optional()
      .meta({ description: "How long a step lasts.", default: DELIVERY_DEFAULTS.interval }),
  })
  .meta({
    description:
      "Changes of the revision with all the traffic are rolled out step by step, by an engine that the cluster has.",
  });
