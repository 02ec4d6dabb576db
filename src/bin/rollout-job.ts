import { jobMain } from "../cli/kubectl/rollout-job.js";

// No await out here: the Job gets it as a script.
jobMain(process.argv.at(-1)!).catch((error: Error) => {
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 1;
});
