import { Command } from "commander";
import { createGoldenRecordCommand } from "./golden-record.js";
import { createGoldenVerifyCommand } from "./golden-verify.js";

/** `flotilla golden`: what a contract's revisions have to answer, kept in files. */
export function createGoldenCommand(): Command {
  return new Command("golden")
    .description("Record what revisions answer to given requests, and verify that they still do.")
    .addCommand(createGoldenVerifyCommand())
    .addCommand(createGoldenRecordCommand());
}
