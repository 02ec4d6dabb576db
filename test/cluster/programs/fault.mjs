// Does harm to the server of its own pod. Argument: what.
//   worker                 ends the model's worker thread, as a crash of the runtime would
//   memory                 takes memory until the kernel ends the process
// Both go through Node's inspector, which listens on 127.0.0.1 after SIGUSR1.
const [what] = process.argv.slice(2);

async function inspector() {
  process.kill(1, "SIGUSR1");
  for (let tries = 0; tries < 50; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const targets = await fetch("http://127.0.0.1:9229/json")
      .then((answer) => answer.json())
      .catch(() => undefined);
    if (targets) return targets[0].webSocketDebuggerUrl;
  }
  throw new Error("the inspector does not answer");
}

const socket = new WebSocket(await inspector());
await new Promise((resolve, reject) => {
  socket.onopen = resolve;
  socket.onerror = reject;
});
let id = 0;
const send = (method, params) => socket.send(JSON.stringify({ id: ++id, method, params }));

if (what === "worker") {
  socket.onmessage = ({ data }) => {
    const { method, params } = JSON.parse(data);
    if (method !== "NodeWorker.attachedToWorker") return;
    const message = JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression: "process.exit(1)" } });
    send("NodeWorker.sendMessageToWorker", { sessionId: params.sessionId, message });
  };
  send("NodeWorker.enable", { waitForDebuggerOnStart: false });
} else if (what === "memory") {
  const expression = "{ const kept = []; setInterval(() => kept.push(Buffer.alloc(16 * 2 ** 20, 1)), 20); }";
  send("Runtime.evaluate", { expression });
} else throw new Error(`no such fault: ${what}`);
setTimeout(() => process.exit(), 1000);
