import pc from "picocolors";

/**
 * Colours for what goes to stdout, and for what goes to stderr: on a terminal alone, and not where NO_COLOR is set.
 * picocolors by itself also colours wherever the variable CI is set, files and pipes included.
 * @see https://no-color.org
 */
export const onStdout = pc.createColors(colorful(process.stdout));
export const onStderr = pc.createColors(colorful(process.stderr));

function colorful(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && !process.env.NO_COLOR;
}
