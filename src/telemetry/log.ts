import { pino } from "pino";
import pretty from "pino-pretty";

/** Structured log. Fields first, then the message: `log.warn({ contract, revision }, "the worker died")`. */
export type Log = Pick<ReturnType<typeof pino>, "debug" | "info" | "warn" | "error">;

/** Severities that can be asked for. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A log on stderr: readable on a terminal, one JSON object a line elsewhere. Payloads never go into it. */
export function createLog(level: LogLevel): Log {
  const options = { level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` };
  if (!process.stderr.isTTY)
    return pino({ ...options, formatters: { level: (label) => ({ level: label }) } }, process.stderr);
  return pino(
    options,
    pretty({
      destination: process.stderr,
      sync: true,
      singleLine: true,
      ignore: "pid,hostname",
      translateTime: "HH:MM:ss.l",
    }),
  );
}
