/** One test of a JUnit report. */
export interface JunitCase {
  readonly name: string;
  readonly className: string;
  readonly seconds: number;
  /** Why it failed, a line for each reason; empty where it did not. */
  readonly failures: readonly string[];
  readonly skipped: boolean;
}

/** Tests that belong together. */
export interface JunitSuite {
  readonly name: string;
  readonly cases: readonly JunitCase[];
}

/**
 * A report as JUnit's XML, which CI systems read.
 * @see https://github.com/testmoapp/junitxml
 */
export function junitXml(name: string, suites: readonly JunitSuite[]): string {
  const all = suites.flatMap((suite) => suite.cases);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${escapeXml(name)}" ${counts(all)}>`,
    ...suites.flatMap(suiteLines),
    "</testsuites>",
  ];
  return `${lines.join("\n")}\n`;
}

function suiteLines({ name, cases }: JunitSuite): string[] {
  return [`  <testsuite name="${escapeXml(name)}" ${counts(cases)}>`, ...cases.flatMap(caseLines), "  </testsuite>"];
}

function caseLines({ name, className, seconds, failures, skipped }: JunitCase): string[] {
  const head = `    <testcase name="${escapeXml(name)}" classname="${escapeXml(className)}" time="${seconds.toFixed(3)}"`;
  if (skipped) return [`${head}>`, "      <skipped/>", "    </testcase>"];
  if (failures.length === 0) return [`${head}/>`];
  const failure = `      <failure message="${escapeXml(failures[0]!)}">${escapeXml(failures.join("\n"))}</failure>`;
  return [`${head}>`, failure, "    </testcase>"];
}

function counts(cases: readonly JunitCase[]): string {
  const failures = cases.filter((one) => one.failures.length > 0).length;
  const skipped = cases.filter((one) => one.skipped).length;
  const seconds = cases.reduce((sum, one) => sum + one.seconds, 0);
  return `tests="${cases.length}" failures="${failures}" errors="0" skipped="${skipped}" time="${seconds.toFixed(3)}"`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
};

/** Text for an attribute or an element. Characters that XML 1.0 can't hold become U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replace(/[&<>"\n]/g, (character) => ENTITIES[character]!)
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
}
