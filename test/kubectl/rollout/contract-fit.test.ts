import assert from "node:assert/strict";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { contractImage } from "../../../src/fleet/protos.js";
import { lossesOf } from "../../../src/kubectl/rollout/contract-fit.js";
import { ROOT } from "../../support/contract-fixture.js";

const CONTRACT = "acme.tumor.v1";
const SERVICE = `${CONTRACT}.TumorService`;

describe("what callers would miss at a new revision", () => {
  let image: Uint8Array;
  before(async () => {
    image = await contractImage(ROOT, CONTRACT);
  });

  /** The contract's types, where somebody changed its file. */
  const registryOf = (
    change: (file: { messageType: Message[]; service: { method: unknown[] }[] }) => void,
  ): FileRegistry => {
    const set = fromBinary(FileDescriptorSetSchema, image);
    change(set.file.find(({ package: name }) => name === CONTRACT)! as never);
    return createFileRegistry(set);
  };
  interface Message {
    name: string;
    field: { name: string; type: number }[];
  }
  const diagnosis = ({ messageType }: { messageType: Message[] }) =>
    messageType.find(({ name }) => name === "Diagnosis")!;
  const same = () => registryOf(() => undefined);

  it("is nothing where it serves the same", () => assert.deepEqual(lossesOf(SERVICE, same(), same()), []));

  it("is nothing where it serves more", () => {
    const less = registryOf((file) => diagnosis(file).field.pop());
    assert.deepEqual(lossesOf(SERVICE, less, same()), []);
  });

  it("names a field that is gone, one of another type, and a method", () => {
    const without = registryOf((file) => diagnosis(file).field.pop());
    assert.deepEqual(lossesOf(SERVICE, same(), without), ["no field acme.tumor.v1.Diagnosis.malignant_probability"]);
    const other = registryOf((file) => {
      diagnosis(file).field[1]!.type = 1;
    });
    assert.deepEqual(lossesOf(SERVICE, same(), other), [
      "acme.tumor.v1.Diagnosis.malignant_probability is type 1, not type 2",
    ]);
    const dumb = registryOf((file) => file.service[0]!.method.pop());
    assert.deepEqual(lossesOf(SERVICE, same(), dumb), ["no method Predict"]);
  });
});
