import { Tokenizer } from "@huggingface/tokenizers";
import type {
  Candidate,
  PredictRequest,
  PredictResponse,
} from "../../generated/ts/acme/language/v1/language_service.js";
import { type Transform, TransformError } from "../../src/contract/transform.js";
import { readAsset } from "../asset.js";

interface Language {
  readonly tag: string;
  readonly name: string;
}

const MAX_TEXTS = 256;
const MAX_CHARACTERS = 2000;
const MAX_CANDIDATES = 3;

/** BCP 47's tag for a language that can't be told. */
const UNDETERMINED = "und";

const tokenizer = new Tokenizer(JSON.parse(readAsset(import.meta.url, "models/language/tokenizer.json")), {});

/** Tokens that say nothing: what the tokenizer does not know, and the beginning of a word alone. */
const mute = new Set(["[UNK]", "▁"].map((token) => tokenizer.token_to_id(token)));

/** In the order of the model's classes. */
const languages: readonly Language[] = JSON.parse(readAsset(import.meta.url, "models/language/languages.json"));

/** Texts -> token ids and which of them count -> the language of each text. */
const transform: Transform<PredictRequest, PredictResponse> = {
  signature: {
    inputs: [
      { name: "ids", datatype: "INT64", shape: [-1, -1] },
      { name: "mask", datatype: "FP32", shape: [-1, -1] },
    ],
    outputs: [
      { name: "probabilities", datatype: "FP32", shape: [-1, languages.length] },
      { name: "tokens", datatype: "FP32", shape: [-1, 1] },
    ],
  },

  example: { texts: ["Where is the nearest train station, please?"] },

  toTensors({ texts }) {
    if (texts.length === 0 || texts.length > MAX_TEXTS) {
      throw new TransformError(`texts: expected 1 to ${MAX_TEXTS} texts, got ${texts.length}`);
    }
    const bags = texts.map((text) => tokenize(text));
    const width = Math.max(1, ...bags.map((bag) => bag.length));
    const ids = new BigInt64Array(bags.length * width);
    const mask = new Float32Array(bags.length * width);
    for (const [row, bag] of bags.entries()) {
      ids.set(bag, row * width);
      mask.fill(1, row * width, row * width + bag.length);
    }
    const shape = [bags.length, width];
    return { ids: { shape, data: ids }, mask: { shape, data: mask } };
  },

  toResponse(outputs) {
    const probabilities = outputs.probabilities!.data as Float32Array;
    const tokens = outputs.tokens!.data as Float32Array;
    const identifications = Array.from(tokens, (count, row) => {
      const candidates = count > 0 ? mostLikely(probabilities, row) : [];
      const [best] = candidates;
      return { language: best?.language ?? UNDETERMINED, confidence: best?.probability ?? 0, candidates };
    });
    return { identifications };
  },
};

export default transform;

/** Ids of the tokens of a text that say something. */
function tokenize(text: string): bigint[] {
  const { ids }: { ids: number[] } = tokenizer.encode(text.slice(0, MAX_CHARACTERS));
  return ids.filter((id) => !mute.has(id)).map(BigInt);
}

function mostLikely(probabilities: Float32Array, row: number): Candidate[] {
  const first = row * languages.length;
  return languages
    .map(({ tag, name }, index) => ({ language: tag, name, probability: probabilities[first + index]! }))
    .sort((one, other) => other.probability - one.probability)
    .slice(0, MAX_CANDIDATES);
}
