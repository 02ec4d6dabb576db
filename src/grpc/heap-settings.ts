import { setFlagsFromString } from "node:v8";

/** How far a heap may grow beyond what was alive in it at its last whole collection, in per cent. */
const GROWTH_PERCENT = 150;

let mayGrow = false;

/**
 * Lets the heaps of this process, those of its workers included, grow further before all of one is looked through again; to
 * be called once large messages come. V8 judges by the objects that are made, and leaves out the memory of buffers,
 * which is what large messages are: at calls of 600 KB the server's heap was looked through for every 11 MiB that came,
 * 15 times a second, and that took a third of its processor time. Where messages are small V8 judges well, and more room would
 * only be memory: 100 MiB of it with a tiny model.
 */
export function letHeapsGrow(): void {
  if (mayGrow) return;
  mayGrow = true;
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}

/**
 * Lets V8 make every object where the young ones are; to be called before calls come. Else it makes those of places in the
 * code whose objects once lived long, as while the server warms up, among the old ones: the headers of each answer, then, lie
 * there until the whole heap is looked through, which they bring about.
 */
export function makeObjectsYoung(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}

/**
 * Lets V8 collect the young on the thread that made them; to be called before calls come. Hardly any of a call's objects outlive
 * it, and several threads take longer to agree on who looks where than one takes to look: more so where a model and its
 * callers want the processors, too.
 */
export function collectYoungAlone(): void {
  setFlagsFromString("--no-parallel-scavenge");
}
