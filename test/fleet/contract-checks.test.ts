import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { breakingContracts, lintContracts } from "../../src/fleet/contract-checks.js";
import { type Finding, FleetError } from "../../src/fleet/findings.js";
import { ContractFolder, FRAUD_FILE, fraudProto } from "./contract-folder.js";

const FRAUD = "acme.fraud.v1";
const WITHOUT_RPC = fraudProto().replace("  rpc Predict(PredictRequest) returns (PredictResponse);\n", "");

let folder: ContractFolder;

/** Findings as `line: message`, all of the one contract. */
function lines(findings: readonly Finding[], file = FRAUD_FILE): string[] {
  return findings.map((finding) => {
    assert.equal(finding.file, join(folder.root, file));
    return `${finding.line}: ${finding.message}`;
  });
}

describe("lintContracts()", () => {
  beforeEach(() => {
    folder = new ContractFolder();
  });
  afterEach(() => folder.remove());

  it("finds nothing in a contract that reads as it should", async () => {
    folder.write(FRAUD_FILE, fraudProto());
    assert.deepEqual(await lintContracts(folder.root, [FRAUD]), []);
  });

  it("finds what the STANDARD rules forbid, and which rule", async () => {
    folder.write(FRAUD_FILE, fraudProto({ amount: "float BadName = 2; float" }));
    const expected =
      '12: Field name "BadName" should be lower_snake_case, such as "bad_name". (FIELD_LOWER_SNAKE_CASE)';
    assert.deepEqual(lines(await lintContracts(folder.root, [FRAUD])), [expected]);
  });

  it("goes by the rules of the fleet's own buf.yaml", async () => {
    folder.write(FRAUD_FILE, fraudProto({ amount: "float BadName = 2; float" }));
    folder.write("buf.yaml", "version: v2\nlint: { use: [STANDARD], except: [FIELD_LOWER_SNAKE_CASE] }\n");
    assert.deepEqual(await lintContracts(folder.root, [FRAUD]), []);
  });

  it("looks at the contracts asked for alone", async () => {
    folder.write(FRAUD_FILE, fraudProto());
    folder.write("proto/acme/bad/v1/bad.proto", 'syntax = "proto3";\npackage acme.bad.v1;\nmessage bad {}\n');
    assert.deepEqual(await lintContracts(folder.root, [FRAUD]), []);
    assert.equal((await lintContracts(folder.root, [FRAUD, "acme.bad.v1"])).length, 1);
  });

  it("finds a contract that does not compile, and one that is missing", async () => {
    folder.write(FRAUD_FILE, fraudProto({ amount: "flot" }));
    const findings = await lintContracts(folder.root, [FRAUD, "acme.none.v1"]);
    assert.deepEqual(
      findings.map(({ message }) => message),
      ["no .proto files for acme.none.v1", "cannot find `flot` in this scope"],
    );
  });

  it("finds nothing in the contracts of this repository", async () => {
    assert.deepEqual(await lintContracts(process.cwd(), ["acme.tumor.v1", "acme.voice.v1"]), []);
  });
});

describe("breakingContracts()", () => {
  let released: ContractFolder;
  beforeEach(() => {
    folder = new ContractFolder({ [FRAUD_FILE]: fraudProto() });
    released = new ContractFolder({ [FRAUD_FILE]: fraudProto() });
  });
  afterEach(() => {
    folder.remove();
    released.remove();
  });
  const compare = (against = released.root) => breakingContracts(folder.root, [FRAUD], { against });

  it("finds nothing in what stayed, and in what was added", async () => {
    assert.deepEqual(await compare(), []);
    folder.write(FRAUD_FILE, fraudProto({ amount: "float extra = 2; float", more: "message More {}\n" }));
    assert.deepEqual(await compare(), []);
  });

  it("finds a field that changed its type, where it is now", async () => {
    folder.write(FRAUD_FILE, fraudProto({ amount: "double" }));
    const [finding, ...others] = await compare();
    assert.match(
      lines([finding!])[0]!,
      /^12: Field "1" with name "amount" on message "Transaction" changed type from "float" to "double"/,
    );
    assert.equal(finding!.fix, "callers of the released contract would break: make a new version of the contract");
    assert.deepEqual(others, []);
  });

  it("finds a method that is gone", async () => {
    folder.write(FRAUD_FILE, WITHOUT_RPC);
    assert.match(
      (await compare())[0]?.message ?? "",
      /Previously present RPC "Predict" on service "FraudService" was deleted/,
    );
  });

  it("finds a binding that means something else now", async () => {
    folder.write(FRAUD_FILE, fraudProto().replace("index: 0", "index: 1"));
    const findings = lines(await compare());
    assert.deepEqual(findings, [
      '12: the binding of field "amount" of "Transaction" was column {"tensor":"X","index":0}, and is column {"tensor":"X","index":1}',
    ]);
  });

  it("finds a change of a message that the contract imports", async () => {
    const file = "proto/acme/common/v1/money.proto";
    const money = 'syntax = "proto3";\n\npackage acme.common.v1;\n\nmessage Money {\n  int64 units = 1;\n}\n';
    const importing = fraudProto({
      imports: 'import "acme/common/v1/money.proto";',
      amount: "acme.common.v1.Money money = 2;\n  float",
    });
    for (const where of [folder, released]) where.write(FRAUD_FILE, importing);
    released.write(file, money);
    folder.write(file, money.replace("int64", "string"));
    assert.match(
      lines(await compare(), file).join(),
      /^6: Field "1" with name "units" on message "Money" changed type/,
    );
  });

  it("does not mind what becomes of Flotilla's own options", async () => {
    const options = 'syntax = "proto2";\npackage flotilla.v1;\nimport "google/protobuf/descriptor.proto";\n';
    for (const [where, type] of [
      [folder, "A"],
      [released, "B"],
    ] as const) {
      const bindings = `message ${type} { optional string tensor = 1; optional int32 index = 2; optional string name = 3; }\n`;
      const text = `${options}${bindings}extend google.protobuf.FieldOptions { optional ${type} column = 51202; }\n`;
      where.write("proto/flotilla/v1/options.proto", text);
    }
    assert.deepEqual(await compare(), []);
  });

  it("goes by the rules of the fleet's own buf.yaml", async () => {
    folder.write(FRAUD_FILE, WITHOUT_RPC);
    folder.write("buf.yaml", "version: v2\nbreaking: { use: [WIRE_JSON] }\n");
    assert.deepEqual(await compare(), []);
  });

  it("does not compare a contract that is new, or one that it was not asked for", async () => {
    rmSync(join(released.root, FRAUD_FILE));
    assert.deepEqual(await compare(), []);
    released.write(FRAUD_FILE, fraudProto());
    released.write("proto/acme/other/v1/other.proto", 'syntax = "proto3";\npackage acme.other.v1;\nmessage X {}\n');
    assert.deepEqual(await compare(), []);
  });

  it("finds a contract that does not compile, today or as it was released", async () => {
    folder.write(FRAUD_FILE, fraudProto({ amount: "flot" }));
    assert.deepEqual(lines(await compare()), ["12: cannot find `flot` in this scope"]);
    folder.write(FRAUD_FILE, fraudProto());
    released.write(FRAUD_FILE, "nonsense");
    assert.equal((await compare())[0]?.file, join(released.root, FRAUD_FILE));
  });

  it("compares with a git commit, of a fleet in a folder of its repository, and leaves the repository as it is", async () => {
    const repository = new ContractFolder({ [`fleets/payments/${FRAUD_FILE}`]: fraudProto(), "fleets/other.txt": "" });
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", repository.root, "-c", "user.name=t", "-c", "user.email=t@t", ...args], {
        encoding: "utf8",
      });
    try {
      git("init", "--quiet");
      git("add", ".");
      git("commit", "--quiet", "--message=released");
      git("tag", "released");
      repository.write(`fleets/payments/${FRAUD_FILE}`, "nonsense");
      git("commit", "--quiet", "--all", "--message=broken");
      repository.write(`fleets/payments/${FRAUD_FILE}`, WITHOUT_RPC);
      const root = join(repository.root, "fleets/payments");
      const before = git("status", "--porcelain");
      const findings = await breakingContracts(root, [FRAUD], { against: "released" });
      assert.match(findings[0]?.message ?? "", /RPC "Predict" on service "FraudService" was deleted/);
      assert.equal(findings[0]?.file, join(root, FRAUD_FILE));
      assert.equal((await breakingContracts(root, [FRAUD], { against: "HEAD" }))[0]?.file, `HEAD:${FRAUD_FILE}`);
      assert.equal(git("status", "--porcelain"), before);
    } finally {
      repository.remove();
    }
  });

  it("refuses what is neither a folder nor a commit, and what looks like an option of git", async () => {
    for (const against of ["no-such-commit", "--output=x", ""]) {
      await assert.rejects(compare(against), (error) => {
        assert(error instanceof FleetError);
        assert.match(error.message, /expected a folder with proto\/ in it, or a git commit, branch or tag/);
        return true;
      });
    }
  });
});
