import { createInterface } from "node:readline/promises";

/**
 * Asks a person on the terminal; on stderr, so that stdout stays for scripts.
 * @throws Error where nobody is there to be asked
 */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error(`${question} Nobody is there to be asked: add --yes`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
