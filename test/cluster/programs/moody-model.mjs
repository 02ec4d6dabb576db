// A real server with its image's own model, in the name of another revision, whose runs have moods (moody-runs.mjs): slow or
// broken on demand, with the server's own contract, metrics and trailers. Its mood is set by HTTP on 127.0.0.1:8600, as
// moody-server.mjs has it:
//   PUT {"failPercent": 30, "delayMs": 0}     GET -> the mood
import { spawn } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const { CONTRACT, REVISION } = process.env;
const FLEET = "/tmp/fleet";
const MOOD = "/tmp/mood.json";
const CALM = { failPercent: 0, delayMs: 0 };

cpSync("/app/fleet", FLEET, { recursive: true });
const file = readFileSync(`${FLEET}/fleet.yaml`, "utf8");
writeFileSync(`${FLEET}/fleet.yaml`, file.replace(/( *revisions:\n *)\S+:/, `$1${REVISION}:`));
const tell = (mood) => writeFileSync(MOOD, JSON.stringify({ ...CALM, ...mood }));
tell({});

createServer(async (request, response) => {
  if (request.method === "PUT") {
    let text = "";
    for await (const chunk of request) text += chunk;
    tell(JSON.parse(text));
  }
  response.end(JSON.stringify({ mood: JSON.parse(readFileSync(MOOD, "utf8")) }));
}).listen(8600, "127.0.0.1");

const args = ["serve", "--host", "0.0.0.0", "--only", `${CONTRACT}/${REVISION}`];
const server = spawn(process.execPath, ["/app/dist/src/bin/container.js", ...args], {
  cwd: FLEET,
  env: { ...process.env, MOOD, NODE_OPTIONS: "--import /app/programs/moody-runs.mjs" },
  stdio: "inherit",
});
process.on("SIGTERM", () => server.kill("SIGTERM"));
server.on("exit", (code) => process.exit(code ?? 1));
