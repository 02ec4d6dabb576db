#!/usr/bin/env node
// What package managers link to. Compiled code has neither their file mode nor, before the first build, a file.
import { existsSync } from "node:fs";

const compiled = new URL("../../dist/src/bin/flotilla.js", import.meta.url);
if (existsSync(compiled)) {
  await import(compiled.href);
} else {
  process.stderr.write("flotilla is not built yet: run `make build` in its folder\n");
  process.exitCode = 1;
}
