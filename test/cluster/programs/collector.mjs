// A collector of spans: takes OpenTelemetry's protocol over gRPC as it comes, and gives back the messages since the last
// time, in base64, at GET 127.0.0.1:8600. What they mean is for the tests to read.
import { createServer } from "node:http";
import { Server, ServerCredentials } from "@grpc/grpc-js";

let messages = [];
const identity = (bytes) => bytes;
const server = new Server();
server.register(
  "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
  ({ request }, done) => {
    messages.push(request.toString("base64"));
    done(null, Buffer.alloc(0));
  },
  identity,
  identity,
  "unary",
);
server.bindAsync("0.0.0.0:4317", ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
createServer((_request, response) => {
  response.end(JSON.stringify(messages));
  messages = [];
}).listen(8600, "127.0.0.1");
