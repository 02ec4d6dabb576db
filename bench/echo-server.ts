import { readFileSync } from "node:fs";
import { Server, ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import { rawMethod } from "../src/grpc/raw-method.js";

/**
 * A bare grpc-js server: whatever comes, it answers with the bytes of a file. What any server on grpc-js costs.
 *
 *     echo-server.js <path of the method> <file with the answer>
 */
const [method = "", answerFile = ""] = process.argv.slice(2);
const answer = readFileSync(answerFile);
setLogVerbosity(3);
const server = new Server({ "grpc.max_receive_message_length": -1 });
server.addService(
  { call: rawMethod(method) },
  { call: (_call: unknown, callback: (error: null, message: Buffer) => void) => callback(null, answer) },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(JSON.stringify({ address: `127.0.0.1:${port}` }));
});
process.on("SIGTERM", () => process.exit(0));
