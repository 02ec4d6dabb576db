import { untilEndSignal } from "../end-signal.js";

/**
 * Draws again and again, over what was drawn before where stdout is a terminal, until Ctrl-C.
 * @param draw told by its signal to come to an end
 */
export async function redraw(draw: (signal: AbortSignal) => Promise<string>): Promise<void> {
  await untilEndSignal(async (over) => {
    while (!over.aborted) {
      const text = await draw(over);
      // Home, then what is left of the picture before: no flicker, unlike clearing first.
      process.stdout.write(process.stdout.isTTY ? `\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[J` : `${text}\n`);
    }
  });
}
