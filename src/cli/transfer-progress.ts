import { formatBytes } from "../packaging/byte-size.js";
import type { DownloadObserver } from "../packaging/download.js";

/** Between two lines about one file, on a terminal and in a log. */
const TERMINAL_MS = 100;
const LOG_MS = 10_000;

/** How far a transfer is, on stderr: on a terminal on one line that is written over, in a log a line now and then. */
export class TransferProgress {
  readonly #isTerminal = process.stderr.isTTY === true;
  #shown = "";
  #shownMs = performance.now();

  /** @param name of what is transferred */
  observe(name: string): DownloadObserver {
    return {
      received: (bytes, totalBytes) => this.#received(name, bytes, totalBytes),
      retrying: (reason, waitMs) => {
        this.end();
        process.stderr.write(`${reason}; trying again in ${waitMs / 1e3} s\n`);
      },
    };
  }

  /** Takes the line of a terminal away. */
  end(): void {
    if (this.#shown !== "") process.stderr.write(`\r${" ".repeat(this.#shown.length)}\r`);
    this.#shown = "";
  }

  #received(name: string, bytes: number, totalBytes: number | undefined): void {
    const nowMs = performance.now();
    if (nowMs - this.#shownMs < (this.#isTerminal ? TERMINAL_MS : LOG_MS)) return;
    this.#shownMs = nowMs;
    const text = `${name}: ${formatBytes(bytes)} of ${totalBytes === undefined ? "?" : formatBytes(totalBytes)}`;
    if (!this.#isTerminal) {
      process.stderr.write(`${text}\n`);
      return;
    }
    this.end();
    process.stderr.write(text);
    this.#shown = text;
  }
}
