import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type ClientDuplexStream, credentials, status } from "@grpc/grpc-js";
import {
  ServerReflectionClient,
  ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../../generated/ts/grpc/reflection/v1/reflection.js";
import { ServerReflectionClient as AlphaClient } from "../../generated/ts/grpc/reflection/v1alpha/reflection.js";
import { type ReflectionOptions, reflectionServices } from "../../src/grpc/reflection.js";
import type { ListeningServer } from "../client/listen.js";
import { ROOT } from "../support/contract-fixture.js";
import { echoImage, startEchoServer } from "./echo-server.js";

type Question = Partial<ServerReflectionRequest>;
type Stream = ClientDuplexStream<ServerReflectionRequest, ServerReflectionResponse>;

const ECHO_FILE = "test/echo/v1/contract.proto";
const IMPORTS = [
  "flotilla/v1/options.proto",
  "flotilla/v1/tensor.proto",
  "google/protobuf/any.proto",
  "google/protobuf/descriptor.proto",
  "google/protobuf/timestamp.proto",
];

describe("server reflection", () => {
  let server: ListeningServer;
  let client: ServerReflectionClient;
  let alpha: AlphaClient;
  const open: { close(): void }[] = [];

  beforeEach(async () => {
    server = await startEchoServer();
    client = new ServerReflectionClient(server.target, credentials.createInsecure());
    alpha = new AlphaClient(server.target, credentials.createInsecure());
    open.push(client, alpha, server);
  });
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });

  /** A server of other images, or with other options, and a client of it. */
  const serve = async (images: readonly Uint8Array[], options: ReflectionOptions = {}) => {
    const other = await startEchoServer(images, options);
    const asking = new ServerReflectionClient(other.target, credentials.createInsecure());
    open.push(asking, other);
    return asking;
  };

  const ask = async (question: Question) => (await askAll(client.serverReflectionInfo(), [question]))[0]!;

  it("lists every service of its images once, in alphabetical order", async () => {
    const flotilla = readFileSync(path.join(ROOT, "generated/flotilla.binpb"));
    const listing = await serve([echoImage(), flotilla, echoImage()]);
    const [answer] = await askAll(listing.serverReflectionInfo(), [{ listServices: "" }]);
    const names = answer!.listServicesResponse!.service.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)].sort());
    for (const expected of [
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "inference.GRPCInferenceService",
      "test.echo.v1.EchoService",
    ]) {
      assert(names.includes(expected), expected);
    }
  });

  it("lists only what is served, and still describes the rest", async () => {
    const asking = await serve([echoImage()], { isServed: () => false });
    const [list, file] = await askAll(asking.serverReflectionInfo(), [
      { listServices: "" },
      { fileContainingSymbol: "test.echo.v1.EchoService" },
    ]);
    assert.deepEqual(list!.listServicesResponse!.service, []);
    assert.equal(fileNames(file!)[0], ECHO_FILE);
  });

  it("finds the file of every kind of symbol", async () => {
    const symbols = {
      service: "test.echo.v1.EchoService",
      method: "test.echo.v1.EchoService.EchoStream",
      message: "test.echo.v1.EchoMessage",
      "nested message": "test.echo.v1.EchoMessage.Inner",
      "map entry": "test.echo.v1.EchoMessage.CountsEntry",
      field: "test.echo.v1.EchoMessage.at",
      oneof: "test.echo.v1.EchoMessage.choice",
      enum: "test.echo.v1.Mood",
      "enum value": "test.echo.v1.MOOD_GOOD",
      "nested enum": "test.echo.v1.EchoMessage.Inner.Level",
      "nested enum's value": "test.echo.v1.EchoMessage.Inner.LEVEL_HIGH",
      extension: "test.echo.v1.note",
      "nested extension": "test.echo.v1.EchoMessage.nested_note",
    };
    const answers = await askAll(
      client.serverReflectionInfo(),
      Object.values(symbols).map((fileContainingSymbol) => ({ fileContainingSymbol })),
    );
    const found = Object.fromEntries(Object.keys(symbols).map((kind, i) => [kind, fileNames(answers[i]!)[0]]));
    assert.deepEqual(found, Object.fromEntries(Object.keys(symbols).map((kind) => [kind, ECHO_FILE])));
  });

  it("sends a file with all that it imports, itself first, each once", async () => {
    const [first, ...rest] = fileNames(await ask({ fileByFilename: ECHO_FILE }));
    assert.equal(first, ECHO_FILE);
    assert.deepEqual(rest.sort(), IMPORTS);
  });

  it("keeps custom options, and leaves out buf's own notes", async () => {
    const { fileDescriptorResponse } = await ask({ fileByFilename: ECHO_FILE });
    const file = fromBinary(FileDescriptorProtoSchema, fileDescriptorResponse!.fileDescriptorProto[0]!);
    const source = fromBinary(FileDescriptorSetSchema, echoImage()).file.find(({ name }) => name === ECHO_FILE)!;
    assert(
      source.$unknown!.some(({ no }) => no === 8042),
      "buf writes a note: else this test says nothing",
    );
    assert.deepEqual(file.$unknown ?? [], []);
    const options = file.messageType[0]!.field.find(({ name }) => name === "values")!.options!;
    assert.deepEqual(
      options.$unknown!.map(({ no }) => no),
      [51201],
    );
    assert.deepEqual(file.messageType, source.messageType);
    assert.deepEqual(file.service, source.service);
  });

  it("finds extensions by number, and all numbers of a message", async () => {
    const answers = await askAll(client.serverReflectionInfo(), [
      { fileContainingExtension: { containingType: "test.echo.v1.EchoMessage", extensionNumber: 101 } },
      { fileContainingExtension: { containingType: "google.protobuf.FieldOptions", extensionNumber: 51202 } },
      { allExtensionNumbersOfType: "test.echo.v1.EchoMessage" },
      { allExtensionNumbersOfType: "google.protobuf.FieldOptions" },
      { allExtensionNumbersOfType: "test.echo.v1.Lonely" },
    ]);
    assert.equal(fileNames(answers[0]!)[0], ECHO_FILE);
    assert.equal(fileNames(answers[1]!)[0], "flotilla/v1/options.proto");
    assert.deepEqual(
      answers.slice(2).map(({ allExtensionNumbersResponse }) => allExtensionNumbersResponse),
      [
        { baseTypeName: "test.echo.v1.EchoMessage", extensionNumber: [100, 101] },
        { baseTypeName: "google.protobuf.FieldOptions", extensionNumber: [51201, 51202, 51203, 51204] },
        { baseTypeName: "test.echo.v1.Lonely", extensionNumber: [] },
      ],
    );
  });

  it("answers NOT_FOUND to what it does not know, and goes on", async () => {
    const answers = await askAll(client.serverReflectionInfo(), [
      { fileByFilename: "../etc/passwd" },
      { fileContainingSymbol: "test.echo.v1.Nobody" },
      { fileContainingSymbol: "constructor" },
      { fileContainingExtension: { containingType: "test.echo.v1.EchoMessage", extensionNumber: 102 } },
      { fileContainingExtension: { containingType: "test.echo.v1.Nobody", extensionNumber: 100 } },
      { allExtensionNumbersOfType: "test.echo.v1.Nobody" },
      { listServices: "" },
    ]);
    const last = answers.pop()!;
    for (const { errorResponse, originalRequest } of answers) {
      assert.equal(errorResponse?.errorCode, status.NOT_FOUND, JSON.stringify(originalRequest));
    }
    assert.match(answers[1]!.errorResponse!.errorMessage, /symbol "test\.echo\.v1\.Nobody"/);
    assert.equal(last.listServicesResponse!.service.length, 1);
  });

  it("answers INVALID_ARGUMENT to a request that asks nothing", async () => {
    assert.equal((await ask({})).errorResponse!.errorCode, status.INVALID_ARGUMENT);
  });

  it("says the same in v1alpha as in v1", async () => {
    const questions: Question[] = [
      { host: "somewhere", listServices: "" },
      { fileContainingSymbol: "test.echo.v1.EchoMessage" },
      { allExtensionNumbersOfType: "test.echo.v1.EchoMessage" },
      { fileByFilename: "nope" },
      {},
    ];
    assert.deepEqual(
      await askAll(alpha.serverReflectionInfo(), questions),
      await askAll(client.serverReflectionInfo(), questions),
    );
  });

  it("answers in order, many questions at once included", async () => {
    const questions = Array.from({ length: 500 }, (_, i) => ({ host: String(i), fileByFilename: ECHO_FILE }));
    const answers = await askAll(client.serverReflectionInfo(), questions);
    assert.deepEqual(
      answers.map(({ validHost, originalRequest }) => [validHost, originalRequest?.host]),
      questions.map(({ host }) => [host, host]),
    );
  });

  it("takes the first of several files of one name", async () => {
    const changed = fromBinary(FileDescriptorSetSchema, echoImage());
    changed.file.find(({ name }) => name === ECHO_FILE)!.messageType[0]!.name = "Renamed";
    const asking = await serve([echoImage(), toBinary(FileDescriptorSetSchema, changed)]);
    const [kept, ignored] = await askAll(asking.serverReflectionInfo(), [
      { fileContainingSymbol: "test.echo.v1.EchoMessage" },
      { fileContainingSymbol: "test.echo.v1.Renamed" },
    ]);
    assert.equal(fileNames(kept!)[0], ECHO_FILE);
    assert.equal(ignored!.errorResponse!.errorCode, status.NOT_FOUND);
  });

  it("refuses an image without its imports, naming both files", () => {
    const { file } = fromBinary(FileDescriptorSetSchema, echoImage());
    const alone = create(FileDescriptorSetSchema, { file: file.filter(({ name }) => name === ECHO_FILE) });
    assert.throws(
      () => reflectionServices([toBinary(FileDescriptorSetSchema, alone)]),
      /test\/echo\/v1\/contract\.proto imports flotilla\/v1\/options\.proto/,
    );
  });

  it("ends an idle stream once the server drains", async () => {
    const draining = new AbortController();
    const asking = await serve([echoImage()], { draining: draining.signal });
    const stream = asking.serverReflectionInfo();
    stream.write(ServerReflectionRequest.fromPartial({ listServices: "" }));
    await once(stream, "data");
    stream.resume();
    const over = once(stream, "status");
    draining.abort();
    assert.equal((await over)[0].code, status.OK);
  });
});

async function askAll(stream: Stream, questions: readonly Question[]): Promise<ServerReflectionResponse[]> {
  for (const question of questions) stream.write(ServerReflectionRequest.fromPartial(question));
  stream.end();
  const answers: ServerReflectionResponse[] = [];
  for await (const answer of stream) answers.push(answer);
  return answers;
}

function fileNames({ fileDescriptorResponse, errorResponse }: ServerReflectionResponse): string[] {
  assert(fileDescriptorResponse, errorResponse?.errorMessage);
  return fileDescriptorResponse.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}
