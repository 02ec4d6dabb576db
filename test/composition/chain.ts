import type { VoiceServiceService } from "../../generated/ts/acme/voice/v1/voice_service.js";
import type { CompositionCall } from "../../src/client/composition.js";
import type { Calls } from "../../src/client/connect.js";

interface JoinRequest {
  readonly values: readonly number[];
  readonly limit: number;
  readonly mood: string;
}

interface Clients {
  readonly voice: Calls<VoiceServiceService>;
}

/** A composition that a test steers by its request's mood. */
export default {
  clients: { voice: "acme.voice.v1" },
  methods: {
    async join({ values, limit, mood }: JoinRequest, { voice }: Clients, call: CompositionCall) {
      const predict = (value: number) => voice.predict({ samples: [value] });
      if (mood === "throw") throw new Error("secret detail");
      if (mood === "hang") await new Promise(() => {});
      if (mood === "first") return { parts: [{ value: (await predict(values[0]!)).speechProbability }] };
      if (mood === "leave") {
        void predict(values[0]!).catch(() => {});
        await predict(values[1]!);
        return { parts: [] };
      }
      const parts = await call.fanOut(values, predict, { limit: limit || undefined });
      return {
        parts: parts.map((part) => {
          return part.ok ? { value: part.value.speechProbability } : { missing: part.error.codeName };
        }),
      };
    },
  },
};
