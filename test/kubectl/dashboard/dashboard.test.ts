import assert from "node:assert/strict";
import http from "node:http";
import type { Browser, Page } from "playwright-core";
import { type ActRequest, type Dashboard, startDashboard } from "../../../src/kubectl/dashboard/dashboard-server.js";
import { changesBetween } from "../../../src/kubectl/plan-text.js";
import { contractStatus } from "../../../src/kubectl/status.js";
import { planPromote, planRollback, type Situation } from "../../../src/kubectl/traffic-plan.js";
import { browserPath, startBrowser } from "../../support/browser.js";
import { figures, rolloutOf, window } from "../../support/rollouts.js";
import { routed } from "../../support/routed.js";

/** A contract in the midst of a roll-out; a promote or rollback changes it, and is remembered. */
class Fleet {
  readonly #routed = routed("traffic: { r1: 90, r2: 10 }", "shadow: { revision: r3, percent: 20 }");
  readonly asked: ActRequest[] = [];
  #situation: Situation = {
    ...this.#routed.situation,
    state: { ...this.#routed.situation.state, rollout: rolloutOf({ phase: "Failed", why: "r2 was slow" }) },
  };
  problem: string | undefined;

  readonly look = async () => {
    const objects = { ...this.#routed, contract: "acme.fraud.v1", namespace: "models", ingress: [] };
    const observed = { objects, situation: this.#situation };
    const counted = window(figures({ calls: 900 }), figures({ calls: 100, failed: 3 }));
    return {
      context: "test",
      contracts: [{ ...contractStatus({ observed, pods: [], figures: counted }), callers: ["shop/checkout"] }],
    };
  };

  readonly act = async (request: ActRequest) => {
    this.asked.push(request);
    if (this.problem !== undefined) throw new Error(this.problem);
    const plan =
      request.verb === "promote" ? planPromote(this.#situation, request.revision!) : planRollback(this.#situation);
    const changes = changesBetween(this.#situation.traffic, plan.traffic);
    if (!request.dryRun) this.#situation = { ...this.#situation, traffic: plan.traffic };
    return { changes, notes: plan.notes };
  };
}

describe("the dashboard's server", () => {
  let served: Dashboard;
  let address: URL;
  before(async () => {
    served = await startDashboard(new Fleet(), 0);
    address = new URL(served.url);
  });
  after(() => served.close());

  const ask = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    new Promise<number>((resolve, reject) => {
      const request = http.request(new URL(path, address), { method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      });
      request.on("error", reject);
      request.end(method === "POST" ? "{}" : undefined);
    });
  const bearer = () => ({ authorization: `Bearer ${address.searchParams.get("token")}` });

  it("is on the loopback alone, and answers to no other name", async () => {
    assert.equal(address.hostname, "127.0.0.1");
    assert.equal(await ask("/api/fleet", { ...bearer(), host: "evil.example.com" }), 403);
  });

  it("tells and does nothing without the token", async () => {
    for (const headers of [
      {},
      { authorization: "Bearer wrong" },
      { cookie: `token=${address.searchParams.get("token")}` },
    ]) {
      assert.equal(await ask("/api/fleet", headers as Record<string, string>), 401);
      assert.equal(await ask("/api/act", headers as Record<string, string>, "POST"), 401);
    }
    assert.equal(await ask("/api/fleet", bearer()), 200);
  });

  it("serves its own files and no others", async () => {
    for (const path of ["/", "/page.js", "/uplot.js", "/uplot.css"]) assert.equal(await ask(path), 200, path);
    for (const path of ["/../package.json", "/index.html", "/api/other"])
      assert.notEqual(await ask(path, bearer()), 200, path);
  });
});

describe("the dashboard in a browser", function () {
  this.timeout(60_000);
  let browser: Browser;
  let fleet: Fleet;
  let served: Dashboard;
  let page: Page;
  const problems: string[] = [];
  const foreign: string[] = [];

  before(async function () {
    const path = browserPath();
    if (path === undefined) return this.skip();
    browser = await startBrowser(path);
  });
  after(() => browser?.close());
  beforeEach(async () => {
    fleet = new Fleet();
    served = await startDashboard(fleet, 0);
    page = await browser.newPage();
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => new URL(request.url()).hostname !== "127.0.0.1" && foreign.push(request.url()));
    await page.goto(served.url);
    await page.getByRole("table", { name: "Revisions of acme.fraud.v1" }).waitFor();
  });
  afterEach(async () => {
    await page?.close();
    await served?.close();
  });

  it("shows shares, errors and times of each revision in words, and says nothing to the console", async () => {
    const row = page.getByRole("row", { name: /^r2/ });
    assert.match((await row.textContent()) ?? "", /r2canary1\/110%10%1\.73%1\.75 ms2\.\d+ ms/);
    const picture = page.getByRole("img", {
      name: /Calls of shop\/checkout to acme.fraud.v1 go to r0 0%, r1 90%, r2 10%/,
    });
    assert.equal(await picture.count(), 1);
    assert.equal(await page.getByRole("img", { name: /over time/ }).count(), 3);
    assert.equal(await page.locator("canvas").count(), 3);
    assert.match((await page.getByText("Roll-out of r2").textContent()) ?? "", /Failed. r2 was slow/);
    assert.deepEqual(problems, []);
  });

  it("needs nothing from elsewhere, and keeps the token out of the address", async () => {
    assert.deepEqual(foreign, []);
    assert(!page.url().includes("token"));
    await page.reload();
    await page.getByRole("table").waitFor();
  });

  it("draws lines as wide as the shares", async () => {
    const widths = await page.locator("svg path").evaluateAll((paths) => {
      return paths.map((path) => [path.getAttribute("style") ?? "", path.getAttribute("stroke-dasharray")]);
    });
    const widthOf = (color: string) => {
      const [style] = widths.find(([style]) => style!.includes(color))!;
      return Number(/stroke-width: ([\d.]+)/.exec(style!)![1]);
    };
    assert(widthOf("--s1") > 8 * widthOf("--s2"), JSON.stringify(widths));
    assert.equal(widths.filter(([, dashes]) => dashes !== null).length, 1);
  });

  it("promotes by the keyboard alone, once what would change was shown and confirmed", async () => {
    await page.getByRole("button", { name: "Promote r2" }).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Give r2 all calls of acme.fraud.v1?" });
    await dialog.getByText("r1: 90 → 0").waitFor();
    await dialog.getByText("r2: 10 → 100").waitFor();
    assert.deepEqual(
      fleet.asked.map(({ dryRun }) => dryRun),
      [true],
    );
    await page.keyboard.type("it is better");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "hidden" });
    const { dryRun, verb, revision, why } = fleet.asked.at(-1)!;
    assert.deepEqual(
      { dryRun, verb, revision, why },
      { dryRun: false, verb: "promote", revision: "r2", why: "it is better" },
    );
    await page.getByRole("row", { name: /^r2.*100%/ }).waitFor();
  });

  it("changes nothing where somebody leaves it, and says why where the cluster refuses", async () => {
    await page.getByRole("button", { name: "Roll back" }).click();
    await page.getByText("r1: 90 → 100").waitFor();
    await page.keyboard.press("Escape");
    assert.deepEqual(
      fleet.asked.map(({ dryRun }) => dryRun),
      [true],
    );
    await page.getByRole("button", { name: "Roll back" }).click();
    await page.getByText("r1: 90 → 100").waitFor();
    fleet.problem = "patch VirtualService models/acme-fraud-v1: you may not";
    await page.getByRole("button", { name: "Change the traffic" }).click();
    await page.getByRole("alert").getByText("you may not").waitFor();
    assert(await page.getByRole("dialog").isVisible());
    problems.length = 0;
  });

  it("is dark where that is asked for", async () => {
    const paper = () => page.evaluate("getComputedStyle(document.body).backgroundColor") as Promise<string>;
    await page.emulateMedia({ colorScheme: "light" });
    const light = await paper();
    await page.emulateMedia({ colorScheme: "dark" });
    assert.notEqual(await paper(), light);
  });
});
