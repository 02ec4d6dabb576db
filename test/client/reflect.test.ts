import assert from "node:assert/strict";
import { Server, status } from "@grpc/grpc-js";
import { CallError } from "../../src/client/call-error.js";
import { openChannel } from "../../src/client/connect.js";
import { Reflection } from "../../src/client/reflect.js";
import { reflectionServices } from "../../src/grpc/reflection.js";
import { echoImage, startEchoServer } from "../wire/echo-server.js";
import { type ListeningServer, listen } from "./listen.js";

describe("Reflection", () => {
  const open: { close(): void }[] = [];
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });

  const reflect = (server: ListeningServer): Reflection => {
    const channel = openChannel(server.target);
    open.push(channel.client, server);
    return new Reflection(channel, { deadlineMs: 5000 });
  };

  it("learns a service's methods, types and options from its server", async () => {
    const reflection = reflect(await startEchoServer());
    assert.deepEqual(await reflection.services(), ["test.echo.v1.EchoService"]);
    const registry = await reflection.describe("test.echo.v1.EchoService");
    const methods = registry.getService("test.echo.v1.EchoService")!.methods;
    assert.deepEqual(
      methods.map(({ name, methodKind }) => `${name} ${methodKind}`),
      ["Echo unary", "EchoStream bidi_streaming"],
    );
    assert(registry.getMessage("google.protobuf.Timestamp"));
    assert(registry.getExtension("flotilla.v1.tensor"));
  });

  it("turns to v1alpha where a server knows no v1", async () => {
    const server = new Server();
    const [, alpha] = reflectionServices([echoImage()]);
    server.addService(alpha!.definition, alpha!.implementation);
    const reflection = reflect(await listen(server));
    assert.deepEqual(await reflection.services(), ["test.echo.v1.EchoService"]);
    assert((await reflection.describe("test.echo.v1.Mood")).getEnum("test.echo.v1.Mood"));
  });

  it("says UNIMPLEMENTED where a server has no reflection", async () => {
    const reflection = reflect(await listen(new Server()));
    assert.equal((await failure(reflection.services())).code, status.UNIMPLEMENTED);
  });

  it("says NOT_FOUND for what the server does not know", async () => {
    const error = await failure(reflect(await startEchoServer()).describe("test.echo.v1.Nobody"));
    assert.equal(error.code, status.NOT_FOUND);
    assert.match(error.details, /test\.echo\.v1\.Nobody/);
  });
});

async function failure(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    () => assert.fail("the question was answered"),
    (reason: unknown) => reason,
  );
  assert(error instanceof CallError, String(error));
  return error;
}
