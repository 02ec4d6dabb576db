import { killWhileEventsFlow } from "./killing.js";

const events = Number(process.env.EVENTS || 100_000);
const kills = Number(process.env.KILLS || 30);
const seed = Number(process.env.SEED || Date.now() % 1e6);

const startedMs = performance.now();
console.log(`${events} events, ${kills} kills; SEED=${seed}`);
await killWhileEventsFlow({ events, kills, seed, tell: console.log });
const seconds = (performance.now() - startedMs) / 1e3;
console.log(`each of ${events} events has exactly one prediction, in the order of its key; ${seconds.toFixed(0)} s`);
