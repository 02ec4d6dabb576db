/**
 * Draws again and again, over what was drawn before where stdout is a terminal, until Ctrl-C.
 * @param draw told by its signal to come to an end
 */
export async function redraw(draw: (signal: AbortSignal) => Promise<string>): Promise<void> {
  const over = new AbortController();
  const end = () => over.abort();
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  try {
    while (!over.signal.aborted) {
      const text = await draw(over.signal);
      // Home, then what is left of the picture before: no flicker, unlike clearing first.
      process.stdout.write(process.stdout.isTTY ? `\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[J` : `${text}\n`);
    }
  } finally {
    process.off("SIGINT", end);
    process.off("SIGTERM", end);
  }
}
