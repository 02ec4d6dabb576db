import { Tokenizer } from "@huggingface/tokenizers";
import type {
  Embedding,
  PredictRequest,
  PredictResponse,
} from "../../generated/ts/acme/embedding/v1/embedding_service.js";
import { type Transform, TransformError } from "../../src/contract/transform.js";
import { readAsset } from "../asset.js";

const MAX_TEXTS = 32;

/** What the model was trained with; the rest of a longer text is not read. Counts the two tokens around a text. */
const MAX_TOKENS = 256;

/** No text of so many characters has fewer tokens than that, save one of immense words. */
const MAX_CHARACTERS = 16_384;

const WIDTH = 384;
const TOKENS = { datatype: "INT64", shape: [-1, -1] } as const;

const tokenizer = new Tokenizer(JSON.parse(readAsset(import.meta.url, "models/embedding/tokenizer.json")), {});
const separator = tokenizer.token_to_id("[SEP]")!;

/** Texts -> token ids and which of them count -> one vector a text. */
const transform: Transform<PredictRequest, PredictResponse> = {
  signature: {
    inputs: [
      { name: "input_ids", ...TOKENS },
      { name: "attention_mask", ...TOKENS },
      { name: "token_type_ids", ...TOKENS },
    ],
    outputs: [{ name: "sentence_embedding", datatype: "FP32", shape: [-1, WIDTH] }],
  },

  example: { texts: ["The ship leaves the harbour at noon."] },

  toTensors({ texts }) {
    if (texts.length === 0 || texts.length > MAX_TEXTS) {
      throw new TransformError(`texts: expected 1 to ${MAX_TEXTS} texts, got ${texts.length}`);
    }
    const tokens = texts.map(tokenize);
    const width = Math.max(...tokens.map((row) => row.length));
    const ids = new BigInt64Array(texts.length * width);
    const mask = new BigInt64Array(texts.length * width);
    for (const [row, rowTokens] of tokens.entries()) {
      ids.set(rowTokens, row * width);
      mask.fill(1n, row * width, row * width + rowTokens.length);
    }
    const shape = [texts.length, width];
    return {
      input_ids: { shape, data: ids },
      attention_mask: { shape, data: mask },
      token_type_ids: { shape, data: new BigInt64Array(texts.length * width) },
    };
  },

  toResponse(outputs) {
    const { data, shape } = outputs.sentence_embedding!;
    const embeddings = Array.from({ length: shape[0]! }, (_, row): Embedding => {
      return { values: Array.from((data as Float32Array).subarray(row * WIDTH, (row + 1) * WIDTH)) };
    });
    return { embeddings };
  },
};

export default transform;

function tokenize(text: string): bigint[] {
  const { ids }: { ids: number[] } = tokenizer.encode(text.slice(0, MAX_CHARACTERS));
  if (ids.length > MAX_TOKENS) ids.splice(MAX_TOKENS - 1, ids.length, separator);
  return ids.map(BigInt);
}
