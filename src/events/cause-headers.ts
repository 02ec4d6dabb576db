import { RELEASE_ATTRIBUTE, RELEASE_HEADER } from "../telemetry/trace.js";
import type { CloudEvent } from "./cloud-event.js";
import { EventError } from "./event-error.js";

const TRACE_PARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACE_STATE = /^[\x21-\x7e]{1,512}$/;
/** As the fleet file names releases. */
const RELEASE = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/**
 * Headers of the calls that an event sets off: its trace, where it has one that is well-formed, and the release that is to
 * answer it.
 * @throws EventError where what it names can be no release: another's answer would not be what it asked for
 */
export function headersOf({ attributes }: CloudEvent): Record<string, string> {
  const [traceparent, tracestate] = [attributes.get("traceparent") ?? "", attributes.get("tracestate") ?? ""];
  const release = attributes.get(RELEASE_ATTRIBUTE);
  if (release !== undefined && !RELEASE.test(release)) {
    const expected = "letters, digits, points, hyphens and underscores, at most 63";
    throw new EventError(
      "MALFORMED",
      `${RELEASE_ATTRIBUTE}: expected a release's name of ${expected}, got ${JSON.stringify(release.slice(0, 80))}`,
    );
  }
  return {
    ...(TRACE_PARENT.test(traceparent) && { traceparent, ...(TRACE_STATE.test(tracestate) && { tracestate }) }),
    ...(release !== undefined && { [RELEASE_HEADER]: release }),
  };
}
