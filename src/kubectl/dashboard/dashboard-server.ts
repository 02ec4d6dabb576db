import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ASSETS, assetOf } from "./assets.js";

/** What the page asks for. Errors come to it as their messages. */
export interface DashboardData {
  /** What there is to show, as JSON. */
  look(): Promise<unknown>;
  /** Does, or with `dryRun` plans, what a button asks for; what comes back is shown. */
  act(request: ActRequest): Promise<unknown>;
}

/** A button that was pressed. */
export interface ActRequest {
  readonly verb: "promote" | "rollback";
  readonly namespace: string;
  readonly contract: string;
  readonly revision?: string;
  readonly why?: string;
  /** Plan alone: what would change is shown before anybody confirms it. */
  readonly dryRun: boolean;
  /** What was shown; nothing else may be done. */
  readonly expected?: string;
}

/** A page on this machine's loopback. */
export interface Dashboard {
  /** With the token that it takes. */
  readonly url: string;
  close(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";
const TOKEN_BYTES = 24;
const LARGEST_BODY = 16_384;
/** Nothing from elsewhere, no framing, no inline script. Styles: uPlot sets sizes by them. */
const HEADERS = {
  "content-security-policy":
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

/**
 * Serves the dashboard on the loopback. Whoever has no token gets the page's files, which are everybody's, and nothing else.
 * @param port 0 for any free one
 */
export async function startDashboard(data: DashboardData, port: number): Promise<Dashboard> {
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  let host = "";
  const server = createServer((request, response) => {
    answer(request, response, { data, token, host }).catch((error: Error) => {
      send(response, 500, { error: error.message });
    });
  });
  server.listen(port, LOOPBACK);
  await once(server, "listening");
  host = `${LOOPBACK}:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}/?token=${token}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

interface Served {
  readonly data: DashboardData;
  readonly token: string;
  /** `127.0.0.1:40123`. */
  readonly host: string;
}

async function answer(request: IncomingMessage, response: ServerResponse, served: Served): Promise<void> {
  // A page from elsewhere may have its name lead to the loopback: then it would say its own name here.
  if (request.headers.host !== served.host) return send(response, 403, { error: "ask for 127.0.0.1" });
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  const asset = ASSETS[path];
  if (request.method === "GET" && asset !== undefined) {
    response.writeHead(200, { ...HEADERS, "content-type": asset.type }).end(assetOf(asset));
    return;
  }
  if (!hasToken(request, served.token))
    return send(response, 401, { error: "the address that was printed has a token" });
  if (request.method === "GET" && path === "/api/fleet") return send(response, 200, await served.data.look());
  if (request.method === "POST" && path === "/api/act") {
    return send(response, 200, await served.data.act(JSON.parse(await bodyOf(request)) as ActRequest));
  }
  send(response, 404, { error: `nothing at ${path}` });
}

/** In a header, which no form and no link of another page can set. */
function hasToken({ headers }: IncomingMessage, token: string): boolean {
  const given = Buffer.from(headers.authorization ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > LARGEST_BODY) throw new Error("the request is too large");
  }
  return text;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { ...HEADERS, "content-type": "application/json" }).end(JSON.stringify(body));
}
