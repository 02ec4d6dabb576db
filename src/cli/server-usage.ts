/** What a server's metrics page says of its process. */
export interface ServerUsage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

const TIMEOUT_MS = 5_000;

/**
 * Reads `process_cpu_seconds_total` and `process_resident_memory_bytes`, which Prometheus clients of all languages have.
 * @throws Error where the page can't be read or does not say
 */
export async function readServerUsage(url: string): Promise<ServerUsage> {
  let page: string;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    page = await answer.text();
  } catch (error) {
    throw new Error(`--metrics: ${url} can't be read: ${(error as Error).message}`);
  }
  return {
    cpuSeconds: sum(page, "process_cpu_seconds_total", url),
    residentBytes: sum(page, "process_resident_memory_bytes", url),
  };
}

/** The sum over all labels: a server of several processes has one line for each. */
function sum(page: string, metric: string, url: string): number {
  const lines = page.split("\n").filter((line) => line.startsWith(`${metric} `) || line.startsWith(`${metric}{`));
  if (lines.length === 0) throw new Error(`--metrics: ${url} has no ${metric}`);
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" "))), 0);
}
