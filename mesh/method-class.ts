import type { Member } from "../src/fleet/members.js";
import { MESH_DEFAULTS } from "../src/fleet/schema-mesh.js";
import type { ServiceMethod } from "../src/fleet/services.js";
import { toMs } from "../src/fleet/units.js";
import {
  HEALTH,
  HEALTH_STREAM,
  methodPath,
  OPEN_INFERENCE,
  OPEN_INFERENCE_STREAM,
  REFLECTION,
} from "./method-paths.js";

/** Methods that one route serves: they have one deadline, and are streams or are not. */
export interface MethodClass {
  /** Part of the routes' names: `calls`, `streams`, or the first of the methods with a deadline of their own. */
  readonly name: string;
  readonly streaming: boolean;
  readonly timeoutMs: number;
  readonly paths: readonly PathMatch[];
}

/** A path, or how it begins. */
export type PathMatch = { readonly exact: string } | { readonly prefix: string };

interface MutableClass extends MethodClass {
  readonly paths: PathMatch[];
}

/**
 * All that a contract's servers answer, in the order in which routes have to be tried: the protocols' streams are known by
 * exact paths, which come before the prefixes of the same protocols.
 */
export function methodClasses(member: Member): MethodClass[] {
  const { streams, own, calls } = classesOf(member, member.service.methods);
  streams.paths.push({ exact: OPEN_INFERENCE_STREAM }, { exact: HEALTH_STREAM }, { prefix: REFLECTION });
  calls.paths.push({ prefix: OPEN_INFERENCE }, { prefix: HEALTH });
  return [streams, ...own, calls];
}

/**
 * What callers outside the mesh may reach: methods of the contract's own service. Methods with callers of their own are
 * theirs alone. The protocols that all contracts share are left out, as the ingress has one host for all contracts.
 */
export function ingressClasses(member: Member): MethodClass[] {
  const { streams, own, calls } = classesOf(member, ingressMethods(member));
  return [streams, ...own, calls].filter(({ paths }) => paths.length > 0);
}

/** Methods that callers outside the mesh may reach, where the contract has an ingress. */
export function ingressMethods({ service, callers }: Member): ServiceMethod[] {
  return service.methods.filter(({ name }) => !callers.byMethod.has(name));
}

function classesOf(member: Member, methods: readonly ServiceMethod[]) {
  const { contract, service } = member;
  const streams = emptyClass("streams", true, toMs(MESH_DEFAULTS.streamDeadline));
  const calls = emptyClass("calls", false, contract.deadlineMs);
  const own: MutableClass[] = [];
  for (const { name, streaming } of methods) {
    const timeoutMs = contract.methods.get(name)?.deadlineMs ?? (streaming ? streams : calls).timeoutMs;
    const known = [streams, calls, ...own].find((one) => one.streaming === streaming && one.timeoutMs === timeoutMs);
    const its = known ?? emptyClass(name, streaming, timeoutMs);
    if (known === undefined) own.push(its);
    its.paths.push({ exact: methodPath(service, name) });
  }
  return { streams, own, calls };
}

function emptyClass(name: string, streaming: boolean, timeoutMs: number): MutableClass {
  return { name, streaming, timeoutMs, paths: [] };
}
