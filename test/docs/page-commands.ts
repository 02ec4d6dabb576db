import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../support/contract-fixture.js";

/** A command that a page tells its reader to run. */
export interface PageCommand {
  /** `docs/golden.md`. */
  readonly page: string;
  readonly line: number;
  /** Without its comment; lines that go on are one. */
  readonly text: string;
}

/** Pages with commands: README.md and all of docs/. */
export function pages(): string[] {
  const docs = readdirSync(path.join(ROOT, "docs"), { recursive: true, encoding: "utf8" });
  return [
    "README.md",
    ...docs
      .filter((file) => file.endsWith(".md") && !file.includes("node_modules"))
      .map((file) => `docs/${file}`)
      .sort(),
  ];
}

/** The commands in a page's blocks of shell, in their order. */
export function commandsOf(page: string): PageCommand[] {
  const text = readFileSync(path.join(ROOT, page), "utf8");
  return [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap((block) => {
    const first = text.slice(0, block.index).split("\n").length + 1;
    return linesOf(block[1]!).map(({ text: command, at }) => ({ page, line: first + at, text: command }));
  });
}

function linesOf(block: string): { text: string; at: number }[] {
  const commands: { text: string; at: number }[] = [];
  let held = "";
  for (const [at, line] of block.split("\n").entries()) {
    held += line.replace(/\s+#\s.*$/, "").replace(/^#.*$/, "");
    if (held.endsWith("\\")) {
      held = held.slice(0, -1);
      continue;
    }
    if (held.trim() !== "") commands.push({ text: held.trim().replace(/\s+/g, " "), at });
    held = "";
  }
  return commands;
}
