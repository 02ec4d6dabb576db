import { Command, InvalidArgumentError, Option } from "commander";
import { openChannel } from "../client/connect.js";
import type { ReplayStart } from "../events/broker.js";
import { createLog, LOG_LEVELS, type LogLevel } from "../telemetry/log.js";
import { Metrics } from "../telemetry/metrics.js";
import { endSignal } from "./end-signal.js";
import { type EventOptions, withEventOptions } from "./event-options.js";
import { invocation } from "./invocation.js";
import { parseCount } from "./number-options.js";
import { connectBroker } from "./open-events.js";
import { Progress } from "./progress.js";
import { bridgeOf, runUntil } from "./run-bridge.js";
import { toCredentials } from "./target.js";

interface ReplayEventsOptions extends EventOptions {
  readonly name: string;
  readonly revision: string;
  readonly fromSequence?: number;
  readonly toSequence?: number;
  readonly since?: Date;
  readonly until?: Date;
  readonly again: boolean;
  readonly logLevel: LogLevel;
  readonly output: "table" | "json";
}

const HELP = `
A backfill: events that are in the stream are predicted once more, by the revision that is named (header x-flotilla-pin),
into a subject of their own. Their ids differ from those of live predictions and of other revisions. A durable consumer,
replay-<name>-<revision>, remembers what is done: the same command goes on where it ended, with --again it begins anew.
With Kafka that is a consumer group, and ranges are by time.

Exit code: 0 all of the range is done, 1 it ended before.

Examples:
  flotilla replay-events --revision r2 --contract acme.tumor.v1 --stream SCANS --subject scans.taken \\
    --to scans.rescored --dead-letter scans.failed --since 2026-11-01T00:00:00Z --until 2026-11-24T00:00:00Z
  flotilla replay-events --revision r2 --contract acme.tumor.v1 --stream SCANS --subject scans.taken \\
    --to scans.rescored --dead-letter scans.failed --from-sequence 1 --to-sequence 100000 --window-size 64`;

/** `flotilla replay-events`: a range of a stream, predicted by another revision. */
export function createReplayEventsCommand(): Command {
  return withEventOptions(
    new Command("replay-events").description(
      "Predict a range of a stream's events once more, by another revision, into another subject.",
    ),
  )
    .requiredOption("--revision <name>", "revision that answers")
    .option("--name <name>", "name of the backfill", "backfill")
    .option("--from-sequence <number>", "first event, by its sequence in the stream", parseCount)
    .option("--to-sequence <number>", "last event (default: the last one there is)", parseCount)
    .addOption(new Option("--since <time>", "first event, by time").argParser(parseTime).conflicts("fromSequence"))
    .addOption(new Option("--until <time>", "events stored before it").argParser(parseTime).conflicts("toSequence"))
    .option("--again", "begin anew, whatever is done already", false)
    .addOption(new Option("--log-level <level>", "least severity that is logged").choices(LOG_LEVELS).default("warn"))
    .addOption(new Option("--output <format>", "how to print it").choices(["table", "json"]).default("table"))
    .addHelpText("after", HELP)
    .action(replayEvents);
}

async function replayEvents(options: ReplayEventsOptions): Promise<void> {
  const { stream, subject, revision, contract, maxInFlight, orderBy } = options;
  const log = createLog(options.logLevel);
  const ending = endSignal();
  const onProblem = (error: Error) => log.warn(error.message);
  const durable = `replay-${options.name}-${revision}`;
  const source = { stream, subject, durable, ackWaitMs: options.ackWait };
  const broker = await connectBroker(options, durable, onProblem);
  const channel = openChannel(options.target, { from: durable, credentials: toCredentials(options) });
  try {
    await broker.checkPlaces([options.to, options.deadLetter]);
    if (options.again) await broker.forget(source);
    const how = { maxInFlight, isOrdered: orderBy !== undefined };
    const { subscription, total } = await broker.replay(source, rangeOf(options), how);
    const progress = new Progress("replayed", total);
    let done = 0;
    const bridge = await bridgeOf(options, {
      name: options.name,
      scope: revision,
      pins: { [contract]: revision },
      channel,
      broker,
      subscription,
      registry: new Metrics().registry,
      log,
      onDone: () => progress.show(++done),
    });
    await runUntil(bridge, ending, options.drainTimeout);
    progress.end();
    report(options, done, subscription.isComplete);
  } finally {
    channel.client.close();
    await broker.close();
  }
}

function report({ output, to, revision }: ReplayEventsOptions, done: number, isComplete: boolean): void {
  if (!isComplete) process.exitCode = 1;
  if (output === "json") {
    process.stdout.write(`${JSON.stringify({ revision, to, events: done, isComplete })}\n`);
    return;
  }
  const rest = isComplete ? "the range is done" : `${invocation()} replay-events with the same options goes on`;
  process.stdout.write(`${done} events done by ${revision}, to ${to}; ${rest}\n`);
}

function rangeOf({ fromSequence, toSequence, since, until }: ReplayEventsOptions): ReplayStart {
  return { firstSequence: fromSequence, lastSequence: toSequence, since, until };
}

function parseTime(text: string): Date {
  const time = new Date(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(time.getTime()))
    throw new InvalidArgumentError("expected a time such as 2026-11-01 or 2026-11-01T12:00:00Z");
  return time;
}
