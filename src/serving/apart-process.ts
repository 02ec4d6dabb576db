import { writeSync } from "node:fs";
import { text } from "node:stream/consumers";
import { ModelError } from "./model-error.js";
import { type ModelFile, Session } from "./session.js";

/** The other side of load-apart.ts: loads the models that stdin lists, and writes a line before each, by which the other side knows which one it was at. */
async function main(): Promise<void> {
  const files = JSON.parse(await text(process.stdin)) as readonly ModelFile[];
  for (const file of files) {
    // Not by a stream, whose line would be lost with the process.
    writeSync(process.stdout.fd, "begun\n");
    try {
      const session = await Session.load(file, 1);
      session.release();
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
    }
  }
}

await main();
