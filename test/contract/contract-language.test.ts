import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { loadContract } from "../../src/contract/contract.js";
import { DATATYPES } from "../../src/contract/datatype.js";
import { listType, shapedType, valueType } from "../../src/contract/proto-types.js";
import { buildWithBuf } from "../support/buf-workspace.js";

const TEXT = readFileSync("docs/contract-language.md", "utf8");

/** The .proto examples of the page, those without a head under a package of their own. */
function examples(): { name: string; text: string; whole: boolean }[] {
  return [...TEXT.matchAll(/^```proto\n(.*?)^```$/gms)].map(([, body], index) => {
    const whole = body!.includes("service ");
    const name = /^package (.*);$/m.exec(body!)?.[1];
    if (name) return { name, text: body!, whole };
    const imports = ["options", ...(body!.includes("Tensor ") ? ["tensor"] : [])];
    const head = [
      'syntax = "proto3";',
      "",
      `package acme.example${index}.v1;`,
      "",
      ...imports.map((file) => `import "flotilla/v1/${file}.proto";`),
    ];
    return { name: `acme.example${index}.v1`, text: `${head.join("\n")}\n\n${body}`, whole };
  });
}

describe("docs/contract-language.md", () => {
  it("shows contracts that buf takes, and that the server reads", () => {
    const found = examples();
    assert.equal(found.length, 5);
    const image = buildWithBuf(found);
    for (const { name, whole } of found) if (whole) assert(loadContract(image, name).signature, name);
  });

  it("names for each datatype the types that `flotilla add` writes, first in each cell", () => {
    const rows = TEXT.split("\n")
      .map((line) => line.split(" | "))
      .filter((cells) => cells.length === 5 && DATATYPES.some((datatype) => datatype === cells[1]));
    assert.equal(rows.length, DATATYPES.length);
    for (const [, name, one, many, shaped] of rows) {
      const datatype = DATATYPES.find((each) => each === name)!;
      const first = (cell: string | undefined) => /`([^`]+)`/.exec(cell ?? "")?.[1];
      const list = listType(datatype, "varint").type;
      assert.equal(first(one), valueType(datatype, "varint")?.type ?? "bytes", name);
      assert.equal(first(many), list === "bytes" ? list : `repeated ${list}`, name);
      assert.equal(first(shaped), shapedType(datatype).type, name);
    }
  });
});
