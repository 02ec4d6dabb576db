import type { PathStep } from "./findings.js";
import { part } from "./rule-report.js";

/** What a rule found, before it has a place in the text. */
interface LoopFinding {
  readonly path: readonly PathStep[];
  readonly message: string;
  readonly fix: string;
}

/** Where one bridge takes events from and where it publishes, as the file says it. */
interface Route {
  readonly index: number;
  /** How the file calls the names. */
  readonly name: "subject" | "topic";
  readonly from: string;
  readonly to: string | undefined;
  readonly deadLetter: string | undefined;
}

/**
 * Events that would come back to the bridge that made them: what it publishes is among what it takes, by itself or by way
 * of other bridges. And predictions that would lie among what could not be predicted.
 */
export function loopFindings(bridges: readonly unknown[]): LoopFinding[] {
  const routes = bridges.flatMap((bridge, index): Route[] => {
    const named = (key: string) => asText(part(part(bridge, key), nameKey(bridge)));
    const from = named("from");
    const name = nameKey(bridge);
    return from === undefined ? [] : [{ index, name, from, to: named("to"), deadLetter: named("deadLetter") }];
  });
  return routes.flatMap((route) => [...ownLoop(route), ...longLoop(route, routes)]);
}

function nameKey(bridge: unknown): Route["name"] {
  return part(part(bridge, "from"), "topic") === undefined ? "subject" : "topic";
}

function ownLoop({ index, name, from, to, deadLetter }: Route): LoopFinding[] {
  const path = ["spec", "bridges", index];
  const elsewhere = name === "topic" ? "publish to another topic" : `publish to a subject that ${from} does not hold`;
  const found: LoopFinding[] = [];
  for (const [key, target] of [
    ["to", to],
    ["deadLetter", deadLetter],
  ] as const) {
    if (target === undefined || !matches(from, target)) continue;
    const message = `${target} is among what the bridge takes, ${from}: its events would go round for ever`;
    found.push({ path: [...path, key, name], message, fix: elsewhere });
  }
  if (to !== undefined && to === deadLetter) {
    const message = `predictions and what could not be predicted would both be in ${to}`;
    found.push({ path: [...path, "deadLetter", name], message, fix: `give deadLetter a ${name} of its own` });
  }
  return found;
}

/** Told once a loop, at the first bridge of it in the file. */
function longLoop(start: Route, routes: readonly Route[]): LoopFinding[] {
  const seen = new Set<Route>();
  const waiting = next(start, routes);
  for (let route = waiting.pop(); route !== undefined; route = waiting.pop()) {
    if (route.index <= start.index || seen.has(route)) continue;
    seen.add(route);
    if (route.to !== undefined && matches(start.from, route.to)) {
      const message = `by way of spec.bridges[${route.index}] its predictions come back to it: events would go round for ever`;
      const fix = "publish the predictions of one of the two elsewhere";
      return [{ path: ["spec", "bridges", start.index, "to"], message, fix }];
    }
    waiting.push(...next(route, routes));
  }
  return [];
}

function next({ to }: Route, routes: readonly Route[]): Route[] {
  return to === undefined ? [] : routes.filter(({ from }) => matches(from, to));
}

/** Whether a name is among those of a NATS subject with wildcards; a topic of Kafka has none. */
function matches(pattern: string, name: string): boolean {
  const words = name.split(".");
  const wanted = pattern.split(".");
  const all = wanted.at(-1) === ">";
  const fixed = all ? wanted.slice(0, -1) : wanted;
  if (all ? words.length < wanted.length : words.length !== wanted.length) return false;
  return fixed.every((word, index) => word === "*" || word === words[index]);
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
