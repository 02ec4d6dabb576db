import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Cluster, type ConnectOptions } from "../../src/kubectl/cluster.js";

describe("a cluster", () => {
  let folder: string;
  const kubeconfig = () => path.join(folder, "config");
  /** A kubeconfig with the contexts `one`, the current one, and `two`. */
  const configure = (server: string) => {
    const cluster = { server, "insecure-skip-tls-verify": true };
    const contexts = ["one", "two"].map((name) => ({ name, context: { cluster: "c", user: "u" } }));
    const config = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "one",
      clusters: [{ name: "c", cluster }],
      users: [{ name: "u", user: { token: "secret" } }],
      contexts,
    };
    writeFileSync(kubeconfig(), JSON.stringify(config));
  };
  const ask = async (options: Partial<ConnectOptions> = {}) => {
    const cluster = new Cluster({ kubeconfig: kubeconfig(), timeoutMs: 10_000, ...options });
    try {
      return await cluster.request({ method: "GET", path: "/api/v1", query: { limit: "1" } });
    } finally {
      cluster.close();
    }
  };
  /** An API server that answers as given, and what it was asked. */
  const serve = async (answer: http.RequestListener) => {
    const server = http.createServer(answer).listen(0, "127.0.0.1");
    await once(server, "listening");
    configure(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return server;
  };

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "flotilla-cluster-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is asked with the context's credentials, and its errors are answers", async () => {
    const server = await serve((request, response) => {
      response.writeHead(403).end(JSON.stringify({ message: `${request.headers.authorization} ${request.url}` }));
    });
    try {
      assert.deepEqual(await ask(), { status: 403, body: { message: "Bearer secret /api/v1?limit=1" } });
    } finally {
      server.close();
    }
  });

  it("gives the words of a proxy that answers in its place", async () => {
    const server = await serve((_, response) => response.writeHead(502).end("<h1>Bad gateway</h1>"));
    try {
      assert.deepEqual(await ask(), { status: 502, body: { message: "<h1>Bad gateway</h1>" } });
    } finally {
      server.close();
    }
  });

  it("that does not answer in time is told with the time and the address", async () => {
    const server = await serve(() => undefined);
    try {
      const told =
        /^http:\/\/127\.0\.0\.1:\d+ of context one: no answer in 0\.2 s; is the cluster reachable from here\?$/;
      await assert.rejects(ask({ timeoutMs: 200 }), (error: Error) => told.test(error.message));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("that nobody listens for is told with its address and the reason", async () => {
    const server = await serve(() => undefined);
    server.close();
    await once(server, "close");
    await assert.rejects(ask(), /of context one: can't be reached: connect ECONNREFUSED/);
  });

  it("is one of the kubeconfig's contexts, and the message lists them", async () => {
    configure("https://127.0.0.1:1");
    await assert.rejects(ask({ context: "three" }), /has no context three; it has one, two$/);
    assert.equal(new Cluster({ kubeconfig: kubeconfig(), context: "two", timeoutMs: 1 }).context, "two");
  });

  it("has to be configured", async () => {
    await assert.rejects(ask({ kubeconfig: path.join(folder, "none") }), /the kubeconfig can't be read: ENOENT/);
    writeFileSync(kubeconfig(), "");
    await assert.rejects(ask(), /the kubeconfig can't be read: it is no kubeconfig/);
    writeFileSync(kubeconfig(), "apiVersion: v1\nkind: Config\n");
    await assert.rejects(ask(), /no cluster is configured; set KUBECONFIG/);
  });
});
