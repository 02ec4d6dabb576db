import { Agent, type IncomingMessage, request } from "node:http";
import type { Failure } from "../../src/client/raw-calls.js";
import type { Calls } from "../round.js";

/** What is posted, over and over. */
export interface HttpCallOptions {
  readonly contentType: string;
  readonly body: Buffer;
  /** Silence after which a call has failed. */
  readonly timeoutMs: number;
  readonly onAnswer?: (answer: Buffer) => void;
}

/** Posts the same body to a URL. Connections are kept; HTTP/1.1 has one for each open call. */
export class HttpCalls implements Calls {
  readonly #url: URL;
  readonly #options: HttpCallOptions;
  readonly #agent = new Agent({ keepAlive: true });
  failure: Failure | undefined;

  constructor(url: string, options: HttpCallOptions) {
    this.#url = new URL(url);
    this.#options = options;
  }

  make(done: (code: string) => void): void {
    const { body, contentType, timeoutMs } = this.#options;
    const headers = { "content-type": contentType, "content-length": body.length };
    let ended = false;
    const end = (code: string, details = "") => {
      if (ended) return;
      ended = true;
      if (code !== "OK") this.failure ??= { code, details };
      done(code);
    };
    const call = request(this.#url, { method: "POST", agent: this.#agent, headers, timeout: timeoutMs }, (answer) =>
      this.#read(answer, end),
    );
    call.once("timeout", () => call.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    call.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? "ERROR", error.message));
    call.end(body);
  }

  close(): void {
    this.#agent.destroy();
  }

  #read(answer: IncomingMessage, end: (code: string, details?: string) => void): void {
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
    answer.once("error", (error) => end("ERROR", error.message));
    answer.once("end", () => {
      const body = Buffer.concat(chunks);
      if (answer.statusCode !== 200) return end(`HTTP ${answer.statusCode}`, body.toString("utf8", 0, 300));
      this.#options.onAnswer?.(body);
      end("OK");
    });
  }
}
