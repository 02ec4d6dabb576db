"""Trains acme.language.v1: a tokenizer, and a linear model over the bag of its tokens.

    npm ci
    pip install -r models/requirements.txt
    python models/language/train.py

The tokenizer is byte-pair encoding over the texts of all languages. The model adds up one row of weights a token:

    ids INT64[-1, -1], mask FP32[-1, -1] -> probabilities FP32[-1, 45], tokens FP32[-1, 1]     (axes: texts, tokens)

so that its file is little more than a table of tokens by languages. `tokens` is how many the mask lets count: where
none does, the probabilities mean nothing. The model learns from pieces of 12 to 150 characters, cut into tokens by the
tokenizer and by others that have lost some of its merges: rare words would otherwise be whole tokens in training and
never again.

Writes r1.onnx, tokenizer.json, languages.json, quality.json and samples/ beside this file. Quality is measured on a
fifth of the articles of the Declaration, which are in no training text, and on samples/everyday.json: three everyday
sentences a language, written for this by hand.
"""

import json
import re
from pathlib import Path

import numpy as np
import onnxruntime
from corpus import LANGUAGES, common_words, declaration, messages
from onnx import TensorProto, checker, helper, numpy_helper
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
SEED = 7
TAGS = list(LANGUAGES)
VOCABULARY = 5000
MUTE = {"[UNK]", "\u2581"}  # say nothing: what the tokenizer does not know, and the beginning of a word alone
PIECES = 1500  # a language and kind of text
VARIANTS = 8  # of the tokenizer
LOST_MERGES = 0.5  # at most, of a variant


def held_out(article: int) -> bool:
    return article % 5 == 3


def train_tokenizer(texts: list) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"[\p{N}\p{P}\p{S}\s]+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["[UNK]"], max_token_length=6, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def variant(tokenizer: Tokenizer, random: np.random.Generator) -> Tokenizer:
    """The tokenizer without some of its merges. (Its own `dropout` can't be seeded.)"""
    content = json.loads(tokenizer.to_str())
    merges = content["model"]["merges"]
    kept = random.random(len(merges)) >= random.uniform(0, LOST_MERGES)
    content["model"]["merges"] = [merge for merge, keep in zip(merges, kept) if keep]
    return Tokenizer.from_str(json.dumps(content))


def cut(text: str, random: np.random.Generator) -> str:
    """A random piece of a text, of whole words where the language writes spaces."""
    length = int(np.exp(random.uniform(np.log(12), np.log(150))))
    start = int(random.integers(0, max(1, len(text) - length)))
    end = start + length
    before, after = text.rfind(" ", max(0, start - 20), start), text.find(" ", end, end + 20)
    return text[before + 1 if before >= 0 else start : after if after >= 0 else end].strip()


def pieces(tag: str, learn: list, random: np.random.Generator) -> list:
    found = []
    for texts in (learn, messages(tag)):
        whole = " ".join(texts)
        found += [cut(whole, random) for _ in range(PIECES)]
    words = common_words(tag)
    if words:
        found += [" ".join(random.choice(words, random.integers(1, 7))) for _ in range(PIECES // 4)]
    return found


def telling(tokenizer: Tokenizer, texts: list) -> list:
    """Ids of the tokens of each text that say something."""
    mute = {tokenizer.token_to_id(token) for token in MUTE}
    return [[token for token in encoding.ids if token not in mute] for encoding in tokenizer.encode_batch(texts)]


def features(tokenizers: list, texts: list) -> csr_matrix:
    """Bags of tokens, [texts, vocabulary], each over the root of its size; every text by one of the tokenizers."""
    rows, columns, values = [], [], []
    for turn, tokenizer in enumerate(tokenizers):
        chosen = range(turn, len(texts), len(tokenizers))
        for row, bag in zip(chosen, telling(tokenizer, [texts[index] for index in chosen])):
            tokens, counts = np.unique(np.array(bag, np.int64), return_counts=True)
            rows += [row] * len(tokens)
            columns += list(tokens)
            values += list(counts / np.sqrt(max(1, counts.sum())))
    size = tokenizers[0].get_vocab_size()
    return csr_matrix((np.array(values, np.float32), (rows, columns)), shape=(len(texts), size))


def export(weights: np.ndarray, bias: np.ndarray) -> bytes:
    """softmax(sum of the tokens' weights / sqrt(number of tokens) + bias) as ONNX."""
    bag = ["texts", "tokens"]
    constants = {
        "weights": weights.astype(np.float32),  # [vocabulary, languages]
        "bias": bias.astype(np.float32),
        "one": np.array(1, np.float32),
        "tokens_axis": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["weights", "ids"], ["token_weights"]),
        helper.make_node("Unsqueeze", ["mask", "tokens_axis"], ["mask_row"]),
        helper.make_node("MatMul", ["mask_row", "token_weights"], ["sum_row"]),
        helper.make_node("Squeeze", ["sum_row", "tokens_axis"], ["sum"]),
        helper.make_node("ReduceSum", ["mask", "tokens_axis"], ["tokens"], keepdims=1),
        helper.make_node("Max", ["tokens", "one"], ["tokens_or_one"]),
        helper.make_node("Sqrt", ["tokens_or_one"], ["root"]),
        helper.make_node("Div", ["sum", "root"], ["evidence"]),
        helper.make_node("Add", ["evidence", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "language",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, bag),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, bag),
        ],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["texts", len(bias)]),
            helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["texts", 1]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph, producer_name="models/language/train.py", ir_version=8, opset_imports=[helper.make_opsetid("", 17)]
    )
    helper.set_model_props(model, {"contract": "acme.language.v1", "revision": "r1"})
    checker.check_model(model, full_check=True)
    return model.SerializeToString()


def predict(model: bytes, tokenizer: Tokenizer, texts: list) -> np.ndarray:
    """Probabilities by the exported file itself, [texts, languages]."""
    bags = telling(tokenizer, texts)
    width = max(map(len, bags))
    ids, mask = np.zeros((len(bags), width), np.int64), np.zeros((len(bags), width), np.float32)
    for row, bag in enumerate(bags):
        ids[row, : len(bag)], mask[row, : len(bag)] = bag, 1
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"ids": ids, "mask": mask})[0]


def measure(model: bytes, tokenizer: Tokenizer, tests: dict, everyday: list) -> dict:
    random = np.random.default_rng(SEED)
    wholes = {tag: " ".join(paragraphs) for tag, paragraphs in tests.items()}
    kinds = {
        "held_out_sentences": [
            (tag, sentence.strip())
            for tag, paragraphs in tests.items()
            for paragraph in paragraphs
            for sentence in re.split(r"(?<=[.!?。;；])\s*", paragraph)
            if len(sentence.strip()) > 8
        ],
        "held_out_20_characters": [
            (tag, whole[at : at + 20])
            for tag, whole in wholes.items()
            for at in random.integers(0, len(whole) - 20, 40)
        ],
        "everyday_sentences": [(entry["language"], entry["text"]) for entry in everyday],
    }
    quality = {}
    for kind, pairs in kinds.items():
        found = predict(model, tokenizer, [text for _, text in pairs]).argmax(axis=1)
        right = [TAGS[index] == tag for index, (tag, _) in zip(found, pairs)]
        quality[kind] = {"accuracy": round(float(np.mean(right)), 4), "texts": len(pairs)}
        wrong = [f"{tag} taken for {TAGS[i]}" for i, (tag, _), ok in zip(found, pairs, right) if not ok]
        if kind == "everyday_sentences":
            print("wrong:", ", ".join(wrong))
    return quality


def write_samples(model: bytes, tokenizer: Tokenizer, everyday: list) -> None:
    """The everyday sentences as a request, and the answers; with them, the tokens of each by Python's tokenizer."""
    texts = [entry["text"] for entry in everyday]
    probabilities = predict(model, tokenizer, texts)
    answers = [
        {
            "truth": entry["language"],
            "language": TAGS[row.argmax()],
            "confidence": round(float(row.max()), 6),
            "ids": bag,
        }
        for entry, row, bag in zip(everyday, probabilities, telling(tokenizer, texts))
    ]
    write(HERE / "samples" / "request.json", {"texts": texts})
    write(HERE / "samples" / "expected.json", answers)


def write(path: Path, content) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    random = np.random.default_rng(SEED)
    everyday = json.loads((HERE / "samples" / "everyday.json").read_text(encoding="utf-8"))
    learn, tests = {}, {}
    for tag in TAGS:
        learn[tag], tests[tag] = declaration(tag, held_out)
    tokenizer = train_tokenizer([text for tag in TAGS for text in learn[tag] + messages(tag) + common_words(tag)])
    texts, truth = [], []
    for index, tag in enumerate(TAGS):
        found = pieces(tag, learn[tag], random)
        texts += found
        truth += [index] * len(found)
    variants = [tokenizer] + [variant(tokenizer, random) for _ in range(VARIANTS)]
    classifier = LogisticRegression(C=10, max_iter=400)
    classifier.fit(features(variants, texts), truth)
    model = export(classifier.coef_.T, classifier.intercept_)
    quality = {"r1": measure(model, tokenizer, tests, everyday)}
    (HERE / "r1.onnx").write_bytes(model)
    (HERE / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    write(HERE / "languages.json", [{"tag": tag, "name": LANGUAGES[tag][0]} for tag in TAGS])
    (HERE / "quality.json").write_text(json.dumps(quality, indent=2) + "\n")
    write_samples(model, tokenizer, everyday)
    print("r1", f"{len(model)} bytes", quality["r1"])


if __name__ == "__main__":
    main()
