import http from "node:http";
import https from "node:https";
import { Duplex, PassThrough } from "node:stream";
import { KubeConfig, PortForward } from "@kubernetes/client-node";
import { ClusterError } from "./cluster-error.js";

/** Which cluster, and how patient to be with it. */
export interface ConnectOptions {
  /** Path of a kubeconfig; by default what kubectl takes: the variable KUBECONFIG, then ~/.kube/config. */
  readonly kubeconfig?: string | undefined;
  /** Context of the kubeconfig; by default its current one. */
  readonly context?: string | undefined;
  /** How long one answer may take. */
  readonly timeoutMs: number;
}

export interface ClusterRequest {
  readonly method: "GET" | "PATCH" | "POST" | "DELETE";
  /** `/api/v1/namespaces/models`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
}

export interface ClusterResponse {
  /** HTTP's. */
  readonly status: number;
  readonly body: unknown;
}

/** A port that a pod listens on. */
export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

type Options = https.RequestOptions & { readonly headers: http.OutgoingHttpHeaders };

/** Connections that one client keeps open. */
const CONNECTIONS = 16;
/** What the client library falls back to where it finds no configuration. */
const NO_CONFIGURATION = "http://localhost:8080";

/**
 * The API server of one context. Objects go through as they are: the client library's typed calls would drop fields that
 * its models do not know.
 */
export class Cluster {
  /** Name of the context. */
  readonly context: string;
  /** The context's namespace, which commands work in unless they are told another. */
  readonly namespace: string;
  /** Name of the context's user in the kubeconfig. */
  readonly user: string;
  readonly #config: KubeConfig;
  readonly #server: string;
  readonly #timeoutMs: number;
  #agent: http.Agent | undefined;

  /**
   * Reads the kubeconfig. Nothing is asked of the cluster yet.
   * @throws ClusterError where there is none, or no such context
   */
  constructor({ kubeconfig, context, timeoutMs }: ConnectOptions) {
    this.#config = readConfig(kubeconfig);
    if (context !== undefined) chooseContext(this.#config, context);
    const server = this.#config.getCurrentCluster()?.server;
    if (server === undefined || server === NO_CONFIGURATION) {
      throw new ClusterError("no cluster is configured; set KUBECONFIG, or give --kubeconfig and --context");
    }
    this.context = this.#config.getCurrentContext();
    this.namespace = this.#config.getContextObject(this.context)?.namespace ?? "default";
    this.user = this.#config.getCurrentUser()?.name ?? "unknown";
    this.#server = server.replace(/\/+$/, "");
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Asks the API server. An answer that is an error is an answer.
   * @throws ClusterError where there is no answer
   */
  async request(request: ClusterRequest): Promise<ClusterResponse> {
    const { method, path, query = {}, body, contentType = "application/json" } = request;
    const url = new URL(`${this.#server}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const options = await this.#options();
    options.method = method;
    options.headers.accept = "application/json";
    if (body !== undefined) options.headers["content-type"] = contentType;
    try {
      return await send(url, options, body === undefined ? undefined : JSON.stringify(body));
    } catch (error) {
      const message = `${this.#server} of context ${this.context}: ${this.#reason(error as Error)}`;
      throw new ClusterError(message, { unanswered: true });
    }
  }

  /**
   * Connects to a port of a pod, as `kubectl port-forward` does: through the API server and the node to the pod's own
   * loopback, past its sidecar and all network policies. It takes the right to forward ports.
   * @throws ClusterError
   */
  async connectPod({ namespace, pod, port }: PodPort): Promise<Duplex> {
    const [received, errors, sent] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const forward = new PortForward(this.#config);
    const what = `port ${port} of pod ${namespace}/${pod}`;
    try {
      const socket = await forward.portForward(namespace, pod, [port], received, errors, sent);
      return podConnection(socket as WebSocket, { received, errors, sent, what });
    } catch (error) {
      throw new ClusterError(`${what}: ${forwardReason(error, namespace)}`);
    }
  }

  /** Lets the connections go. */
  close(): void {
    this.#agent?.destroy();
  }

  /** Credentials anew each time, as some expire; the connections are kept. */
  async #options(): Promise<Options> {
    const options: Options = { headers: {}, signal: AbortSignal.timeout(this.#timeoutMs) };
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (error) {
      throw new ClusterError(`context ${this.context}: no credentials: ${(error as Error).message}`, {
        unanswered: true,
      });
    }
    this.#agent ??= keptOpen(options.agent as http.Agent);
    options.agent = this.#agent;
    return options;
  }

  #reason(error: Error): string {
    if (error.name === "AbortError" || error.name === "TimeoutError") {
      return `no answer in ${this.#timeoutMs / 1000} s; is the cluster reachable from here?`;
    }
    // A name with several addresses fails with one error for each, and an empty message.
    const { message, code } = error as NodeJS.ErrnoException;
    return `can't be reached: ${message || code}`;
  }
}

function readConfig(file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    // What the library says of a file that is empty, or something else.
    const reason = error instanceof TypeError ? "it is no kubeconfig" : (error as Error).message;
    throw new ClusterError(`the kubeconfig can't be read: ${reason}`);
  }
  return config;
}

function chooseContext(config: KubeConfig, context: string): void {
  if (config.getContextObject(context) === null) {
    const names = config.getContexts().map(({ name }) => name);
    throw new ClusterError(`the kubeconfig has no context ${context}; it has ${names.join(", ") || "none"}`);
  }
  config.setCurrentContext(context);
}

interface PodStreams {
  readonly received: PassThrough;
  readonly errors: PassThrough;
  readonly sent: PassThrough;
  readonly what: string;
}

/** One stream of what is sent and what is received; it ends with the socket. */
function podConnection(socket: WebSocket, { received, errors, sent, what }: PodStreams): Duplex {
  const connection = Duplex.from({ readable: received, writable: sent });
  errors.on("data", (text: Buffer) => connection.destroy(new ClusterError(`${what}: ${text.toString("utf8").trim()}`)));
  socket.onclose = () => received.end();
  connection.once("close", () => socket.close());
  return connection;
}

/** The library gives the event of a socket that was refused. */
function forwardReason(error: unknown, namespace: string): string {
  const message = (error as { message?: string }).message ?? String(error);
  if (!message.includes("403")) return message;
  return `you may not; ask for the right that \`kubectl auth can-i create pods/portforward -n ${namespace}\` looks for`;
}

/** The library's agents close a connection after each request, and a thousand contracts take tens of thousands. */
function keptOpen(agent: http.Agent): http.Agent {
  return Object.assign(agent, { keepAlive: true, maxSockets: CONNECTIONS });
}

function send(url: URL, options: https.RequestOptions, body: string | undefined): Promise<ClusterResponse> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "http:" ? http : https).request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString("utf8")) });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** What is no JSON comes from a proxy on the way; its text says the most. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.trim().slice(0, 200) };
  }
}
