/**
 * Starts what listens, and says what to do where it can't.
 * @param option that chooses another port, `--port`
 * @throws Error
 */
export async function listening<Listener>(
  port: number,
  option: string,
  start: () => Promise<Listener>,
): Promise<Listener> {
  try {
    return await start();
  } catch (error) {
    const { message } = error as Error;
    if (/EADDRINUSE/.test(message))
      throw new Error(`port ${port} is taken by another program; choose one with ${option}`);
    if (/ENOTFOUND|EADDRNOTAVAIL|EAI_AGAIN/.test(message))
      throw new Error(`--host: this machine has no such address: ${message}`);
    throw error;
  }
}
