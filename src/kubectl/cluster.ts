import http from "node:http";
import https from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
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
  readonly method: "GET" | "PATCH";
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
