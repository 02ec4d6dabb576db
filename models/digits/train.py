"""Trains acme.digits.v1 on scikit-learn's own digits data set: 1 797 digits in handwriting, 8 by 8 pixels each.

    pip install -r models/requirements.txt
    python models/digits/train.py

Pictures that callers send have any size, paper and pen, so every training picture passes through `normalise`, which
transform.ts does in the same way, and is also seen enlarged, turned, slanted, thinner and bolder.

r1 is a neural network. r0 is a linear model on the same cells, of a twelfth of its size: less often right, and good
enough to answer when r1 can't.

    X FP32[-1, 64] -> label INT64[-1], probabilities FP32[-1, 10]    (X: ink from 0 to 1, row by row)

Writes r0.onnx, r1.onnx, quality.json and samples/ beside this file.
"""

import base64
import json
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import helper
from PIL import Image
from scipy import ndimage
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

HERE = Path(__file__).resolve().parent
SEED = 7
SIDE = 8
ENLARGED = 12  # a digit enlarged by this is 96 pixels high
VARIANTS = 12  # of each training picture
INK = 0.35  # from this share of the strongest ink on, a pixel belongs to the digit
OPSET = {"": 17, "ai.onnx.ml": 3}


def normalise(grey: np.ndarray) -> np.ndarray:
    """A picture [height, width] of one digit as 64 shares of ink: cut out, centred in a square, 8 by 8 cells."""
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    paper = np.sort(border)[len(border) // 2]
    ink = np.abs(grey.astype(np.float64) - paper)
    ink /= ink.max()
    rows, columns = np.flatnonzero((ink >= INK).any(axis=1)), np.flatnonzero((ink >= INK).any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = max(bottom - top, right - left)
    down = coverage((top + bottom - side) / 2, side, ink.shape[0])
    across = coverage((left + right - side) / 2, side, ink.shape[1])
    cells = down @ ink @ across.T / (side / SIDE) ** 2
    return (cells / cells.max()).astype(np.float32).ravel()


def coverage(start: float, side: int, length: int) -> np.ndarray:
    """How much of each pixel lies in each of the eight cells, [cells, pixels]."""
    edges = start + np.arange(SIDE + 1) * side / SIDE
    pixels = np.arange(length)
    low = np.maximum(edges[:-1, None], pixels)
    high = np.minimum(edges[1:, None], pixels + 1)
    return np.clip(high - low, 0, None)


def enlarge(picture: np.ndarray) -> np.ndarray:
    """The picture with a margin, enlarged smoothly, from 0 to 255."""
    large = ndimage.zoom(np.pad(picture, 1), ENLARGED, order=3, mode="grid-constant", grid_mode=True)
    return np.clip(large * 255 / 16, 0, 255)


def vary(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The enlarged picture, turned, slanted, stretched, thinner or bolder."""
    angle, slant = np.radians(random.uniform(-12, 12)), random.uniform(-0.2, 0.2)
    stretch = random.uniform(0.75, 1.2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, 0], [slant, stretch]])
    centre = np.array(picture.shape) / 2
    moved = ndimage.affine_transform(picture, matrix, centre - matrix @ centre, order=1)
    pen = random.integers(-9, 8)
    if pen < -1:
        moved = ndimage.grey_erosion(moved, size=(-pen, -pen))
    if pen > 1:
        moved = ndimage.grey_dilation(moved, size=(pen, pen))
    # A hard pen leaves no grey: callers' pictures are sharper than the data set's.
    return (moved > 110) * 255.0 if random.random() < 0.5 else moved


def training_rows(pictures: np.ndarray, truth: np.ndarray) -> tuple:
    random = np.random.default_rng(SEED)
    rows, labels = [normalise(p) for p in pictures], list(truth)
    for picture, label in zip(pictures, truth):
        large = enlarge(picture)
        for _ in range(VARIANTS):
            varied = vary(large, random)
            if varied.max() > 0:
                rows.append(normalise(varied))
                labels.append(label)
    return np.array(rows), np.array(labels)


def export(name: str, model) -> bytes:
    """The fitted model as ONNX. ZipMap is off: its maps are no tensors."""
    proto = to_onnx(
        model,
        initial_types=[("X", FloatTensorType([None, SIDE * SIDE]))],
        options={id(model): {"zipmap": False}},
        target_opset=OPSET,
    )
    proto.producer_name = "models/digits/train.py"
    proto.graph.name = "digits"
    versions = {imported.domain: imported.version for imported in proto.opset_import}
    del proto.opset_import[:]
    proto.opset_import.extend(helper.make_opsetid(domain, versions[domain]) for domain in sorted(versions))
    helper.set_model_props(proto, {"contract": "acme.digits.v1", "revision": name})
    return proto.SerializeToString()


def measure(model: bytes, pictures: np.ndarray, truth: np.ndarray) -> dict:
    """Quality of the exported file itself on pictures it has not seen: as they are, enlarged, and varied."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(SEED + 1)
    kinds = {
        "as_they_are": [normalise(p) for p in pictures],
        "enlarged": [normalise(enlarge(p)) for p in pictures],
        "turned_slanted_thinner_bolder": [normalise(vary(enlarge(p), random)) for p in pictures],
    }
    accuracy = {
        f"accuracy_{kind}": round(float(accuracy_score(truth, session.run(["label"], {"X": np.array(rows)})[0])), 4)
        for kind, rows in kinds.items()
    }
    return accuracy | {"held_out_pictures": len(truth)}


def write_samples(pictures: np.ndarray, truth: np.ndarray) -> None:
    """One held-out picture of each digit, small or large, PNG or JPEG, dark on light or not; all of them as a request;
    and what is right of each, with the tensor that the model should get."""
    samples = HERE / "samples"
    samples.mkdir(exist_ok=True)
    expected = []
    for digit in range(10):
        picture = pictures[np.flatnonzero(truth == digit)[0]]
        name, image = sample(digit, picture)
        image.save(samples / name, **({"quality": 90, "subsampling": 0} if name.endswith("jpg") else {}))
        with Image.open(samples / name) as saved:
            tensor = normalise(np.asarray(saved.convert("L")))
        expected.append({"file": name, "digit": digit, "tensor": [round(float(v), 4) for v in tensor]})
    (samples / "expected.json").write_text(json.dumps(expected) + "\n")
    images = [base64.b64encode((samples / entry["file"]).read_bytes()).decode() for entry in expected]
    (samples / "request.json").write_text(json.dumps({"images": images}) + "\n")


def sample(digit: int, picture: np.ndarray) -> tuple:
    if digit < 4:  # as the data set has it: white ink, 8 by 8
        return f"{digit}.png", Image.fromarray((picture * 255 / 16).astype(np.uint8))
    large = Image.fromarray((255 - enlarge(picture)).astype(np.uint8))  # black ink on white paper
    if digit < 7:
        return f"{digit}.png", large.convert("RGB").resize((240, 200), Image.Resampling.BICUBIC)
    return f"{digit}.jpg", large.convert("RGB")


def main() -> None:
    data = load_digits()
    train, test, train_truth, test_truth = train_test_split(
        data.images, data.target, test_size=0.3, random_state=SEED, stratify=data.target
    )
    rows, labels = training_rows(train, train_truth)
    models = {
        "r0": LogisticRegression(C=0.02, max_iter=2000, random_state=SEED),
        "r1": MLPClassifier((96, 48), alpha=1e-3, batch_size=128, max_iter=120, early_stopping=True, random_state=SEED),
    }
    quality = {}
    for name, model in models.items():
        model.fit(rows, labels)
        onnx = export(name, model)
        quality[name] = measure(onnx, test, test_truth)
        (HERE / f"{name}.onnx").write_bytes(onnx)
        print(name, f"{len(onnx)} bytes", quality[name])
    (HERE / "quality.json").write_text(json.dumps(quality, indent=2) + "\n")
    write_samples(test, test_truth)


if __name__ == "__main__":
    main()
