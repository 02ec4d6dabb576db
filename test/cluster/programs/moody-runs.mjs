// Gives the model's runs moods, in whichever thread they are: moody-model.mjs has Node load this before the server's own
// code. A run that is slow or fails is then all that differs from any other server.
import { readFileSync } from "node:fs";
import { InferenceSession } from "onnxruntime-node";

const { create } = InferenceSession;
let turn = 0;

/** Fails in even measure, not by chance: 30 per cent is 3 of every 10. */
function fails(percent) {
  const before = Math.floor((turn * percent) / 100);
  turn++;
  return Math.floor((turn * percent) / 100) > before;
}

InferenceSession.create = async (...args) => {
  const session = await create.apply(InferenceSession, args);
  const run = session.run.bind(session);
  session.run = async (...feeds) => {
    const { failPercent, delayMs } = JSON.parse(readFileSync(process.env.MOOD, "utf8"));
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (fails(failPercent)) throw new Error("the model is in a bad mood");
    return run(...feeds);
  };
  return session;
};
