// Starts a compiled entry. Compiled code has neither the file mode that package managers link to nor, before the first
// build, a file.
import { existsSync } from "node:fs";

/** @param {string} entry name of a file of src/bin/, without its ending */
export async function start(entry) {
  const compiled = new URL(`../../dist/src/bin/${entry}.js`, import.meta.url);
  if (existsSync(compiled)) {
    await import(compiled.href);
  } else {
    process.stderr.write(`${entry} is not built yet: run \`make build\` in Flotilla's folder\n`);
    process.exitCode = 1;
  }
}
