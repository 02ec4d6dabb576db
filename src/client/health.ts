import { status } from "@grpc/grpc-js";
import { service } from "grpc-health-check";
import { type Channel, callUnary, type Method } from "./call.js";
import { CallError } from "./call-error.js";
import type { CallOptions } from "./call-options.js";

const CHECK = service.Check as unknown as Method<{ service: string }, { status: string }>;
/** Nobody answers. */
const AWAY: ReadonlySet<status> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);

/** Whether a server says that it serves a service now; undefined where it says nothing of its health, or not to us. */
export async function isServing(channel: Channel, service: string, options: CallOptions): Promise<boolean | undefined> {
  try {
    const answer = await callUnary(channel, CHECK, { service }, options);
    return answer.status === "SERVING";
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return AWAY.has(error.code) ? false : undefined;
  }
}
