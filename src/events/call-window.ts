import { create, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { type ReflectList, reflect } from "@bufbuild/protobuf/reflect";
import type { FoundMethod } from "../client/find-method.js";
import { RELEASE_HEADER } from "../telemetry/trace.js";
import { EventError } from "./event-error.js";
import { type Failure, type FleetCall, judgeFailure } from "./fleet-call.js";
import type { Answer } from "./prediction-event.js";

/** How long a window is open, and for how many. */
export interface WindowOptions {
  readonly maxSize: number;
  /** How long the first event waits for others. */
  readonly maxDelayMs: number;
}

interface Waiting {
  readonly request: Message;
  readonly headers: Readonly<Record<string, string>>;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

interface Window {
  readonly waiting: Waiting[];
  readonly timer: NodeJS.Timeout;
}

/**
 * Joins the requests of several events into one call and splits the answer:
 *
 *     event a: instances [1 2] \                                  / a: [p1 p2]
 *     event b: instances [3]   /  one call [1 2 3] -> [p1 p2 p3]  \ b: [p3]
 *
 * @throws Error where the method's messages are not one list each: nobody knows how to join those
 */
export function createWindowedCall(call: FleetCall, { method }: FoundMethod, options: WindowOptions): FleetCall {
  const lists = { request: onlyList(method.input), response: onlyList(method.output) };
  /** By release: one call never asks for two. */
  const windows = new Map<string, Window>();
  const close = (release: string, { timer, waiting }: Window) => {
    clearTimeout(timer);
    windows.delete(release);
    void callJoined(call, waiting, { method, ...lists });
  };
  const open = (release: string): Window => {
    const window: Window = { waiting: [], timer: setTimeout(() => close(release, window), options.maxDelayMs) };
    windows.set(release, window);
    return window;
  };
  return (request, headers) => {
    // Joined it would pass for nothing; alone the contract refuses it, or doesn't.
    if (listOf(method.input, request, lists.request).size === 0) return call(request, headers);
    return new Promise((resolve, reject) => {
      const release = headers[RELEASE_HEADER] ?? "";
      const window = windows.get(release) ?? open(release);
      window.waiting.push({ request, headers, resolve, reject });
      if (window.waiting.length >= options.maxSize) close(release, window);
    });
  };
}

/** Failures that are the fault of no event in the window, or nobody knows of which. */
const NOBODYS: ReadonlySet<Failure> = new Set(["wait", "lost", "halt"]);

interface JoinedMethod {
  readonly method: FoundMethod["method"];
  readonly request: DescField & { readonly fieldKind: "list" };
  readonly response: DescField & { readonly fieldKind: "list" };
}

async function callJoined(call: FleetCall, waiting: readonly Waiting[], joined: JoinedMethod): Promise<void> {
  if (waiting.length === 1) return callAlone(call, waiting[0]!);
  const { method, request, response } = joined;
  const counts = waiting.map((one) => listOf(method.input, one.request, request).size);
  try {
    const answer = await call(joinMessages(method.input, request, waiting), waiting[0]!.headers);
    const parts = splitMessage(method.output, response, { message: answer.message, counts });
    for (const [index, { resolve }] of waiting.entries()) resolve({ ...answer, message: parts[index]! });
  } catch (error) {
    if (NOBODYS.has(judgeFailure(error))) for (const { reject } of waiting) reject(error);
    // One of them is to blame, and the others shall not pay for it.
    else await Promise.all(waiting.map((one) => callAlone(call, one)));
  }
}

async function callAlone(call: FleetCall, { request, headers, resolve, reject }: Waiting): Promise<void> {
  await call(request, headers).then(resolve, reject);
}

function onlyList(message: DescMessage): DescField & { readonly fieldKind: "list" } {
  const [field, ...others] = message.fields;
  if (field?.fieldKind === "list" && others.length === 0) return field;
  throw new Error(`window: events can be joined where a message is one list, and ${message.typeName} is not`);
}

function listOf(schema: DescMessage, message: Message, field: DescField & { readonly fieldKind: "list" }): ReflectList {
  return reflect(schema, message).get(field) as ReflectList;
}

function joinMessages(schema: DescMessage, field: JoinedMethod["request"], waiting: readonly Waiting[]): Message {
  const joined = create(schema);
  const list = listOf(schema, joined, field);
  for (const { request } of waiting) for (const item of listOf(schema, request, field)) list.add(item);
  return joined;
}

function splitMessage(
  schema: DescMessage,
  field: JoinedMethod["response"],
  { message, counts }: { readonly message: Message; readonly counts: readonly number[] },
): Message[] {
  const items = [...listOf(schema, message, field)];
  const expected = counts.reduce((sum, count) => sum + count, 0);
  if (items.length !== expected) {
    throw new EventError("FAILED", `${schema.typeName}: expected ${expected} ${field.name}, got ${items.length}`);
  }
  let begin = 0;
  return counts.map((count) => {
    const part = create(schema);
    const list = listOf(schema, part, field);
    for (const item of items.slice(begin, begin + count)) list.add(item);
    begin += count;
    return part;
  });
}
