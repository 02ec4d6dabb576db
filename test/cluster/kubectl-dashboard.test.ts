import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { browserPath, startBrowser } from "../support/browser.js";
import { type Load, startLoad } from "./support/caller.js";
import { skip } from "./support/measured.js";
import {
  CALLER,
  CONTRACT,
  operatedOrders,
  raiseOperatedFleet,
  resetTraffic,
  sharesNow,
} from "./support/operated-fleet.js";
import { flotillaOk, PluginRun } from "./support/plugin.js";

describe("kubectl flotilla dashboard", function () {
  this.timeout(180_000);
  before(raiseOperatedFleet);
  before(resetTraffic);

  let browser: Browser | undefined;
  let load: Load;
  before(async function () {
    const path = browserPath();
    if (path === undefined) return skip(this, "no Chromium on PATH");
    browser = await startBrowser(path);
    load = startLoad(CALLER, { ...(await operatedOrders()), connections: 2, concurrency: 2 });
  });
  after(async () => {
    await load?.stop();
    await browser?.close();
  });

  it("shows the traffic as it is, and its button moves it, in the operator's name", async () => {
    const run = new PluginRun(["dashboard", CONTRACT]);
    try {
      await run.prints(/^http:\/\/127\.0\.0\.1:\d+\/\?token=\S+\n/);
      const page = await browser!.newPage();
      await page.goto(run.stdout.split("\n")[0]!);
      await page.getByRole("row", { name: /r2 stable 1\/1 100% 100% [1-9]/ }).waitFor();
      await page.getByRole("button", { name: "Promote r3" }).click();
      await page.getByLabel("Why").fill("seen on the page");
      await page.getByRole("button", { name: "Change the traffic" }).click();
      await page.getByRole("row", { name: /r3 stable 1\/1 100% \d/ }).waitFor();
      assert.equal(await sharesNow(), "r3 100");
      const history = JSON.parse(await flotillaOk("history", CONTRACT, "-o", "json"));
      assert.equal(history.at(-1).why, "seen on the page");
    } finally {
      await run.kill();
    }
  });
});
