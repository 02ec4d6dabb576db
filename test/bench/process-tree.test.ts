import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { killTree, processTree, treeCpuSeconds } from "../../bench/process-tree.js";

describe("a process tree", function () {
  this.timeout(120_000);
  let root: ChildProcess;

  beforeEach(() => {
    // The shell waits for a child that works, for a minute if nobody ends it.
    root = spawn(
      "sh",
      ["-c", `"${process.execPath}" -e 'const end = Date.now() + 6e4; while (Date.now() < end);' & wait`],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
  });
  afterEach(() => killTree(root.pid!));

  it("counts the processor time of those below the process", async () => {
    while (treeCpuSeconds(root.pid!) < 0.2) await delay(20);
    const own = processTree(root.pid!).find(({ pid }) => pid === root.pid);
    assert(own && own.cpuTicks < 20, "the shell itself does nothing");
  });

  it("is ended whole", async () => {
    while (processTree(root.pid!).length < 2) await delay(20);
    // The pipe closes once nobody has it open.
    const closed = once(root, "close");
    killTree(root.pid!);
    await closed;
  });

  it("is empty once the process is gone", async () => {
    const closed = once(root, "close");
    killTree(root.pid!);
    await closed;
    assert.deepEqual(processTree(root.pid!), []);
  });
});
