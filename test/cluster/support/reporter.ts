import Mocha from "mocha";
import { onStdout } from "../../../src/cli/colors.js";
import { measuredBy } from "./measured.js";

const { EVENT_RUN_END, EVENT_SUITE_BEGIN, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } =
  Mocha.Runner.constants;

/**
 * A line for each promise as soon as it is known, with what was measured and how long it took; what failed, and why, once
 * more at the end; last `N passed, N failed`.
 */
export default class ClusterReporter {
  readonly #failures: { readonly title: string; readonly error: Error }[] = [];
  #passed = 0;

  constructor(runner: Mocha.Runner) {
    runner.on(EVENT_SUITE_BEGIN, ({ title, parent }) => {
      if (parent?.root) print(`\n# ${title}`);
    });
    runner.on(EVENT_TEST_PASS, (test) => {
      this.#passed++;
      print(`${onStdout.green("ok")}    ${lineOf(test)}`);
    });
    runner.on(EVENT_TEST_PENDING, (test) => print(`${onStdout.yellow("skip")}  ${lineOf(test)}`));
    runner.on(EVENT_TEST_FAIL, (test, error) => {
      this.#failures.push({ title: test.fullTitle(), error });
      print(`${onStdout.red("FAIL")}  ${lineOf(test)}`);
    });
    runner.on(EVENT_RUN_END, () => this.#conclude());
  }

  #conclude(): void {
    for (const { title, error } of this.#failures) print(`\n${onStdout.red(title)}\n${error.stack ?? error.message}`);
    print(`\n${this.#passed} passed, ${this.#failures.length} failed`);
  }
}

/** `weights hold within 10 s of kubectl patch (3.1 s), 4 s`. */
function lineOf(test: Mocha.Runnable): string {
  const notes = measuredBy(test);
  const seconds = test.duration === undefined ? "" : onStdout.dim(`, ${Math.ceil(test.duration / 1000)} s`);
  return `${test.fullTitle()}${notes === "" ? "" : onStdout.cyan(` (${notes})`)}${seconds}`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
