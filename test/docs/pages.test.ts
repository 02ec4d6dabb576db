import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { status } from "@grpc/grpc-js";
import { Fault, type FaultReason } from "../../src/contract/fault.js";
import { toCode } from "../../src/grpc/status.js";
import { ROOT } from "../support/contract-fixture.js";
import { architecturePicture, PICTURE } from "./architecture-picture.js";
import { pages } from "./page-commands.js";

/** As the type has them: the compiler holds the list to it. */
const REASONS: Readonly<Record<FaultReason, true>> = {
  INVALID_INPUT: true,
  UNKNOWN_MODEL: true,
  UNKNOWN_REVISION: true,
  OUTSIDE_RELEASE: true,
  OVERLOADED: true,
  TOO_LARGE: true,
  STREAM_LIMIT: true,
  STREAM_IDLE: true,
  STATE_MISMATCH: true,
  NOT_READY: true,
  DRAINING: true,
  WORKER_LOST: true,
  CALLEE_UNAVAILABLE: true,
  DEADLINE: true,
  CANCELLED: true,
  NOT_ALLOWED: true,
  UNSUPPORTED: true,
  RUN_FAILED: true,
};

const read = (page: string): string => readFileSync(path.join(ROOT, page), "utf8");

describe("README.md, SECURITY.md and docs/", () => {
  for (const page of [...pages(), "SECURITY.md"]) {
    it(`${page} leads nowhere that is not there`, () => {
      const text = read(page).replace(/```.*?```/gs, "");
      const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, link]) => link!)
        .filter((link) => !/^(https?|mailto):/.test(link))
        .filter((link) => !leadsSomewhere(page, link));
      assert.deepEqual(broken, []);
    });
  }

  it("draw the layers as they are in the code", () => {
    assert.equal(
      readFileSync(PICTURE, "utf8"),
      architecturePicture(),
      "docs/architecture.svg is old: run `make pictures`",
    );
  });

  for (const reason of Object.keys(REASONS) as FaultReason[]) {
    it(`have a page for ${reason}, with its gRPC code, and errors.md leads to it`, () => {
      const page = `docs/errors/${reason.toLowerCase().replaceAll("_", "-")}.md`;
      const code = status[toCode(new Fault(reason, ""))];
      assert.match(read(page), new RegExp(`^# ${reason}\n\ngRPC code \`${code}\`\\.`));
      assert(read("docs/errors.md").includes(`[\`${reason}\`](${path.relative("docs", page)}) | \`${code}\` |`));
    });
  }
});

function leadsSomewhere(page: string, link: string): boolean {
  const [file = "", anchor] = link.split("#");
  const target = file === "" ? page : path.join(path.dirname(page), file);
  if (!existsSync(path.join(ROOT, target))) return false;
  return anchor === undefined || !target.endsWith(".md") || anchorsOf(target).includes(anchor);
}

/** Headings, as code hosts make anchors of them. */
function anchorsOf(page: string): string[] {
  const text = read(page).replace(/```.*?```/gs, "");
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
