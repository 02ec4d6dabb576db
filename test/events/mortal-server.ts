import { ScriptedServer } from "./scripted-server.js";

/** The scored fleet's contract by a server that dies of x = 66: `node mortal-server.js FOLDER PORT`. */
const [folder = "", port = ""] = process.argv.slice(2);
await ScriptedServer.start(
  folder,
  async (xs) => {
    if (xs.includes(66)) process.kill(process.pid, "SIGKILL");
    return xs.map((x) => 2 * x);
  },
  Number(port),
);
process.stdout.write("up\n");
