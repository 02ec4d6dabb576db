import assert from "node:assert/strict";
import { pinPattern } from "../../mesh/route-match.js";
import { fullMatch } from "./route-table.js";

describe("pinPattern()", () => {
  const pattern = pinPattern("acme.fraud.v1", "r1");

  for (const header of [
    "acme.fraud.v1=r1",
    "acme.ocr.v1=r2,acme.fraud.v1=r1",
    "acme.fraud.v1=r1,acme.ocr.v1=r2",
    "acme.ocr.v1=r2, acme.fraud.v1 = r1 , acme.voice.v1=r3",
    " acme.fraud.v1=r1 ",
  ]) {
    it(`finds the pin in "${header}"`, () => assert(fullMatch(pattern, header)));
  }

  for (const header of [
    "",
    "r1",
    "acme.fraud.v1",
    "acme.fraud.v1=r2",
    "acme.fraud.v1=r10",
    "acme.fraud.v10=r1",
    "acme.fraud.v1=r1.5",
    "other.acme.fraud.v1=r1",
    "acmeXfraud.v1=r1",
    "acme.fraud.v1==r1",
    "acme.ocr.v1=acme.fraud.v1=r1",
    "acme.ocr.v1=r2;acme.fraud.v1=r1",
    "ACME.FRAUD.V1=r1",
  ]) {
    it(`finds none in "${header}"`, () => assert(!fullMatch(pattern, header)));
  }

  it("takes points in a revision's name for points", () => {
    const dotted = pinPattern("acme.fraud.v1", "2026.11");
    assert(fullMatch(dotted, "acme.fraud.v1=2026.11"));
    assert(!fullMatch(dotted, "acme.fraud.v1=2026x11"));
  });
});
