import type { ContractSpec } from "../src/fleet/spec.js";
import { toDuration } from "./duration.js";
import type { HttpRoute } from "./http-route.js";

/** How a route's calls are tried again. */
export type RetryPolicy = NonNullable<HttpRoute["retries"]>;

/** The server has seen nothing of the call. */
const UNSEEN = ["connect-failure", "refused-stream", "reset-before-request"];
/**
 * The call may have been run, and running a model twice does no harm. A try that takes too long ends in one of two ways,
 * whichever comes first: the caller's proxy gives up, which is a `reset`; or the server does, as it is told of the try's
 * limit by `grpc-timeout`, which is a `deadline-exceeded`. Envoy sees a gRPC status in time only where an answer has
 * nothing else.
 */
const UNANSWERED = [...UNSEEN, "reset", "unavailable", "resource-exhausted", "deadline-exceeded"];
/** A model that fails on its input fails again, unless another model gets it. */
const ELSEWHERE = [...UNANSWERED, "internal"];

/** Tries after the first where the fleet file asks for none: pods come and go, and callers shall not notice. */
const UNASKED_ATTEMPTS = 2;
/** Envoy's previous_priorities looks at the next priority with the second try after the first, as Istio sets it up. */
const ATTEMPTS_TO_FALLBACK = 2;

/** Envoy's own pause is up to 25 ms, and grows: long beside a model's run. A tenth of a try, between these. */
const LONGEST_PAUSE_MS = 25;
const SHORTEST_PAUSE_MS = 1;
const PAUSE_PER_TRY = 0.1;

/**
 * How a route's calls are tried again. A stream is not: what was sent and answered is gone.
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on
 */
export function retryPolicy(contract: ContractSpec, route: { streaming: boolean; guarded: boolean }): RetryPolicy {
  // Attempts have to be written where there shall be none: Istio has a policy of its own for routes without.
  if (route.streaming) return { attempts: 0 };
  if (route.guarded) return policyToFallback(contract);
  const { retries } = contract;
  if (retries === undefined) return { attempts: UNASKED_ATTEMPTS, retryOn: UNSEEN.join() };
  if (retries.attempts === 0) return { attempts: 0 };
  const pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, retries.perTryMs * PAUSE_PER_TRY));
  return {
    attempts: retries.attempts,
    perTryTimeout: toDuration(retries.perTryMs),
    backoff: toDuration(pauseMs),
    retryOn: UNANSWERED.join(),
  };
}

/** One more try among the revision's own pods, then the fallback, without a pause that would use up the deadline. */
function policyToFallback({ retries, fallback }: ContractSpec): RetryPolicy {
  const limits = [retries?.perTryMs, fallback?.latencyOverMs].filter((limit) => limit !== undefined);
  return {
    attempts: Math.max(retries?.attempts ?? 0, ATTEMPTS_TO_FALLBACK),
    ...(limits.length > 0 && { perTryTimeout: toDuration(Math.min(...limits)) }),
    backoff: toDuration(SHORTEST_PAUSE_MS),
    retryOn: ELSEWHERE.join(),
    retryRemoteLocalities: true,
  };
}
