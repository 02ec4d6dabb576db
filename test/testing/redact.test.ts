import assert from "node:assert/strict";
import { createFileRegistry, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createRedactor } from "../../src/testing/redact.js";
import { compileProto } from "../support/contract-fixture.js";

const PROTO = `syntax = "proto3";
package test.patient.v1;
import "flotilla/v1/options.proto";
message Patient {
  string name = 1 [(flotilla.v1.sensitive) = true];
  float age = 2;
  repeated Visit visits = 3;
  map<string, Visit> by_year = 4;
  Patient mother = 5;
  repeated bytes scans = 6 [(flotilla.v1.sensitive) = true];
  oneof contact { string phone = 7 [(flotilla.v1.sensitive) = true]; string ward = 8; }
  bool insured = 9 [(flotilla.v1.sensitive) = false];
}
message Visit { string note = 1 [(flotilla.v1.sensitive) = true]; int32 day = 2; }
message Plain { string text = 1; Plain inner = 2; }`;

describe("createRedactor()", () => {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, compileProto("test.patient.v1", PROTO)));
  const patient = registry.getMessage("test.patient.v1.Patient")!;
  const plain = registry.getMessage("test.patient.v1.Plain")!;

  function redacted(json: JsonValue): JsonValue {
    const bytes = createRedactor(patient, registry)(toBinary(patient, fromJson(patient, json)));
    return toJson(patient, fromBinary(patient, bytes));
  }

  it("leaves out what the contract calls sensitive, in lists, maps and messages inside, and nothing else", () => {
    const visit = { note: "secret", day: 3 };
    const person = {
      name: "secret",
      age: 40,
      visits: [visit, visit],
      byYear: { 2026: visit },
      scans: ["AA=="],
      insured: true,
    };
    const kept = { age: 40, visits: [{ day: 3 }, { day: 3 }], byYear: { 2026: { day: 3 } }, insured: true };
    assert.deepEqual(redacted({ ...person, mother: { ...person, phone: "secret" } }), { ...kept, mother: kept });
    assert.deepEqual(redacted({ ward: "B" }), { ward: "B" });
  });

  it("leaves out fields that the contract does not know: they may hold anything", () => {
    const unknown = Buffer.concat([
      toBinary(patient, fromJson(patient, { age: 1 })),
      Buffer.from([0x9a, 0x06, 1, 0x41]),
    ]);
    assert(!Buffer.from(createRedactor(patient, registry)(unknown)).includes(0x41));
  });

  it("leaves messages as they are, to the byte, where nothing in them is sensitive", () => {
    const bytes = Buffer.from([0x9a, 0x06, 1, 0x41]);
    assert.equal(createRedactor(plain, registry)(bytes), bytes);
  });

  it("refuses bytes that are no message, so that nothing of them is kept", () => {
    assert.throws(() => createRedactor(patient, registry)(Buffer.from([0x0a, 0xff])));
  });
});
