// Sends a signal to the server of a pod from the node, where the kernel lets it through: a container's first process is deaf
// to SIGKILL and SIGSTOP from its own side. Runs in a pod that sees the node's processes.
//   node node-signal.mjs POD-UID SIGNAL
import { readdirSync, readFileSync } from "node:fs";

const [uid, signal] = process.argv.slice(2);
const names = [uid, uid.replaceAll("-", "_")];

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // It has ended.
  }
}

const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
const servers = processes.filter((pid) => {
  const cgroup = read(`/proc/${pid}/cgroup`);
  return names.some((name) => cgroup.includes(name)) && read(`/proc/${pid}/cmdline`).includes("container.js");
});
if (servers.length === 0) throw new Error(`no server of pod ${uid} on this node`);
for (const pid of servers) process.kill(Number(pid), signal);
console.log(servers.join());
