/**
 * Asks until the answer is right: policies reach sidecars in about a second, and pooled connections settle later.
 * @returns the answer that was right
 * @throws Error with the last answer where none was in time
 */
export async function eventually<Answer>(
  what: string,
  ask: () => Promise<Answer>,
  isRight: (answer: Answer) => boolean,
  { withinMs = 60_000, everyMs = 500 } = {},
): Promise<Answer> {
  const end = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (Date.now() > end) throw new Error(`${what}: not within ${withinMs} ms; last seen ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
