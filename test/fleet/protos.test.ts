import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { loadContract } from "../../src/contract/contract.js";
import { FleetError } from "../../src/fleet/findings.js";
import { contractImage, contractImages, imagePath } from "../../src/fleet/protos.js";
import { ContractFolder, FRAUD_FILE, fraudProto } from "./contract-folder.js";

const FRAUD = "acme.fraud.v1";
const COMMON_FILE = "proto/acme/common/v1/money.proto";
const COMMON = 'syntax = "proto3";\n\npackage acme.common.v1;\n\nmessage Money {\n  int64 units = 1;\n}\n';
const WITH_IMPORT = fraudProto({
  imports: 'import "acme/common/v1/money.proto";',
  more: "message Price {\n  acme.common.v1.Money money = 1;\n}\n",
});

function fileNames(image: Uint8Array): string[] {
  return fromBinary(FileDescriptorSetSchema, image).file.map((file) => file.name);
}

/** The column's type in an image: 1 is double, 2 is float. */
function amountType(image: Uint8Array): number | undefined {
  const files = fromBinary(FileDescriptorSetSchema, image).file;
  const messages = files.find((file) => file.package === FRAUD)?.messageType ?? [];
  return messages.find((message) => message.name === "Transaction")?.field[0]?.type;
}

async function findingsOf(work: Promise<unknown>): Promise<readonly string[]> {
  try {
    await work;
    return [];
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    return error.findings.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`);
  }
}

describe("contractImage()", () => {
  let folder: ContractFolder;
  beforeEach(() => {
    folder = new ContractFolder();
  });
  afterEach(() => folder.remove());

  it("holds the contract and all that it imports, of a fleet without a copy of Flotilla's options", async () => {
    folder.write(FRAUD_FILE, WITH_IMPORT);
    folder.write(COMMON_FILE, COMMON);
    const image = await contractImage(folder.root, FRAUD);
    assert.deepEqual(fileNames(image).toSorted(), [
      "acme/common/v1/money.proto",
      "acme/fraud/v1/fraud.proto",
      "flotilla/v1/options.proto",
      "flotilla/v1/tensor.proto",
      "google/protobuf/descriptor.proto",
    ]);
    assert.deepEqual(loadContract(image, FRAUD).signature?.inputs, [{ name: "X", datatype: "FP32", shape: [-1, 1] }]);
  });

  it("is built of Flotilla's own repository, too", async () => {
    const image = await contractImage(process.cwd(), "acme.tumor.v1");
    assert.equal(loadContract(image, "acme.tumor.v1").service, "acme.tumor.v1.TumorService");
  });

  it("is kept, and not built again while no file is newer", async () => {
    folder.write(FRAUD_FILE, fraudProto(), -60);
    const image = await contractImage(folder.root, FRAUD);
    // Would not compile.
    folder.write(FRAUD_FILE, "nonsense", -60);
    assert.deepEqual(await contractImage(folder.root, FRAUD), image);
  });

  it("is built again once a file of the contract is newer", async () => {
    folder.write(FRAUD_FILE, fraudProto(), -60);
    assert.equal(amountType(await contractImage(folder.root, FRAUD)), 2);
    folder.write(FRAUD_FILE, fraudProto({ amount: "double" }));
    assert.equal(amountType(await contractImage(folder.root, FRAUD)), 1);
  });

  it("is built again once a file is newer that it imports", async () => {
    folder.write(FRAUD_FILE, WITH_IMPORT, -60);
    folder.write(COMMON_FILE, COMMON, -60);
    await contractImage(folder.root, FRAUD);
    folder.write(COMMON_FILE, "nonsense");
    assert.equal((await findingsOf(contractImage(folder.root, FRAUD))).length > 0, true);
  });

  it("is built again once a file is gone, or new", async () => {
    folder.write(FRAUD_FILE, fraudProto(), -60);
    folder.write("proto/acme/fraud/v1/more.proto", 'syntax = "proto3";\npackage acme.fraud.v1;\n', -60);
    assert.equal(fileNames(await contractImage(folder.root, FRAUD)).length, 5);
    rmSync(join(folder.root, "proto/acme/fraud/v1/more.proto"));
    assert.equal(fileNames(await contractImage(folder.root, FRAUD)).length, 4);
    folder.write("proto/acme/fraud/v1/extra.proto", 'syntax = "proto3";\npackage acme.fraud.v1;\n');
    assert.equal(fileNames(await contractImage(folder.root, FRAUD)).length, 5);
  });

  it("is older than any edit that came while it was built, and so built again", async () => {
    folder.write(FRAUD_FILE, fraudProto(), -60);
    const building = contractImage(folder.root, FRAUD);
    folder.write(FRAUD_FILE, fraudProto({ amount: "double" }), 0.001);
    await building;
    const [image, source] = [imagePath(folder.root, FRAUD), join(folder.root, FRAUD_FILE)].map((file) =>
      statSync(file),
    );
    assert(image!.mtimeMs < source!.mtimeMs);
    assert.equal(amountType(await contractImage(folder.root, FRAUD)), 1);
  });

  it("is taken as it is where there are no .proto files, as in a container", async () => {
    folder.write(FRAUD_FILE, fraudProto());
    const image = await contractImage(folder.root, FRAUD);
    rmSync(join(folder.root, "proto"), { recursive: true });
    assert.deepEqual(await contractImage(folder.root, FRAUD), image);
  });

  it("is built again where what was kept is no image", async () => {
    folder.write(FRAUD_FILE, fraudProto(), -60);
    await contractImage(folder.root, FRAUD);
    writeFileSync(imagePath(folder.root, FRAUD), "no image");
    assert.equal(amountType(await contractImage(folder.root, FRAUD)), 2);
  });

  it("is given where it can't be kept", async () => {
    folder.write(FRAUD_FILE, fraudProto());
    folder.write("generated", "a file where the folder would be");
    assert.equal(amountType(await contractImage(folder.root, FRAUD)), 2);
  });

  it("is given while another contract is broken", async () => {
    folder.write(FRAUD_FILE, fraudProto());
    folder.write("proto/acme/broken/v1/broken.proto", "nonsense");
    assert.equal(amountType(await contractImage(folder.root, FRAUD)), 2);
  });

  it("is refused with file, line and column of what does not compile", async () => {
    folder.write(FRAUD_FILE, fraudProto({ amount: "flot" }));
    assert.deepEqual(await findingsOf(contractImage(folder.root, FRAUD)), [
      `${join(folder.root, FRAUD_FILE)}:12:3: cannot find \`flot\` in this scope`,
    ]);
    assert.equal(existsSync(imagePath(folder.root, FRAUD)), false);
  });

  it("is refused where the contract has no files", async () => {
    const missing = `${join(folder.root, "proto/acme/fraud/v1")}:0:0: no .proto files for acme.fraud.v1`;
    assert.deepEqual(await findingsOf(contractImage(folder.root, FRAUD)), [missing]);
    folder.write("proto/acme/fraud/v1/README.md", "");
    assert.deepEqual(await findingsOf(contractImage(folder.root, FRAUD)), [missing]);
  });

  it("is refused where the files are of another package, or garbage", async () => {
    for (const text of [fraudProto().replace("acme.fraud.v1", "acme.other.v1"), "\0\xff garbage"]) {
      folder.write(FRAUD_FILE, text);
      assert.deepEqual(await findingsOf(contractImage(folder.root, FRAUD)), [
        `${join(folder.root, "proto/acme/fraud/v1")}:0:0: no file there says "package acme.fraud.v1;"`,
      ]);
    }
  });

  it("leaves no temporary files, neither when it succeeds nor when it fails", async () => {
    const before = process.env.TMPDIR;
    const temporary = mkdtempSync(join(tmpdir(), "flotilla-tmp-"));
    process.env.TMPDIR = temporary;
    try {
      folder.write(FRAUD_FILE, fraudProto());
      await contractImage(folder.root, FRAUD);
      folder.write(FRAUD_FILE, "nonsense", 60);
      assert.equal((await findingsOf(contractImage(folder.root, FRAUD))).length > 0, true);
      assert.deepEqual(readdirSync(temporary), []);
      assert.deepEqual(readdirSync(join(folder.root, "generated/contracts")), [`${FRAUD}.binpb`]);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
      rmSync(temporary, { recursive: true });
    }
  });
});

describe("contractImages()", () => {
  const names = ["acme.a.v1", "acme.b.v1", "acme.c.v1", "acme.d.v1"];
  const file = (name: string) => `proto/${name.replaceAll(".", "/")}/x.proto`;
  const text = (name: string) => `syntax = "proto3";\npackage ${name};\nmessage X {}\n`;

  it("gives all images, in the order asked for", async () => {
    const folder = new ContractFolder(Object.fromEntries(names.map((name) => [file(name), text(name)])));
    try {
      const images = await contractImages(folder.root, names);
      assert.deepEqual([...images.keys()], names);
      for (const [name, image] of images) assert.deepEqual(fileNames(image), [file(name).replace("proto/", "")]);
    } finally {
      folder.remove();
    }
  });

  it("tells what is wrong with all of them", async () => {
    const folder = new ContractFolder({ [file("acme.a.v1")]: "nonsense", [file("acme.b.v1")]: text("acme.b.v1") });
    try {
      const findings = await findingsOf(contractImages(folder.root, names));
      const files = new Set(
        findings.map((finding) => finding.replace(/:\d.*/, "").replace(`${folder.root}/proto/acme/`, "")),
      );
      assert.deepEqual([...files], ["a/v1/x.proto", "c/v1", "d/v1"]);
    } finally {
      folder.remove();
    }
  });
});
