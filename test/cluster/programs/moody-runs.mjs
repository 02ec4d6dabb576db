// Gives the model's runs moods: moody-model.mjs has Node load this before the server's own code. A run that is slow or fails
// is then all that differs from any other server. A slow one keeps no thread: other calls don't wait for it.
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";

let turn = 0;

/** Fails in even measure, not by chance: 30 per cent is 3 of every 10. */
function fails(percent) {
  const before = Math.floor((turn * percent) / 100);
  turn++;
  return Math.floor((turn * percent) / 100) > before;
}

if (isMainThread) {
  const { NearRunner } = await import("/app/dist/src/serving/near-runner.js");
  const { run } = NearRunner.prototype;
  NearRunner.prototype.run = async function (job) {
    const { failPercent, delayMs } = JSON.parse(readFileSync(process.env.MOOD, "utf8"));
    if (delayMs > 0) await delay(delayMs);
    if (fails(failPercent)) throw new Error("the model is in a bad mood");
    return run.call(this, job);
  };
}
