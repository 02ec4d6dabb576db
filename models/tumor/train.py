"""Trains the revisions of acme.tumor.v1 on scikit-learn's own breast_cancer data set.

    pip install -r models/requirements.txt
    python models/tumor/train.py

r1 is what a first attempt looks like: a tree of depth two that reads two of the thirty columns. r2 reads them all: a
logistic regression on standardised columns. r3 is a candidate of another kind: boosted trees, also on all columns. All
are measured on the same rows, which none has seen, and have one signature, so that they serve one contract:

    X FP32[-1, 30] -> label INT64[-1], probabilities FP32[-1, 2]    (class 0 is malignant, class 1 benign)

Writes r1.onnx, r2.onnx, r3.onnx, quality.json and samples/ beside this file.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

HERE = Path(__file__).resolve().parent
SEED = 7
MALIGNANT = 0
SAMPLE_ROWS = 10
OPSET = {"": 17, "ai.onnx.ml": 3}


def revisions() -> dict:
    """The pipelines by revision, not yet fitted."""
    few_columns = ColumnTransformer([("few", "passthrough", [1, 4])])  # mean texture, mean smoothness
    return {
        "r1": make_pipeline(few_columns, DecisionTreeClassifier(max_depth=2, random_state=SEED)),
        "r2": make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000, random_state=SEED)),
        "r3": make_pipeline(GradientBoostingClassifier(n_estimators=60, max_depth=2, random_state=SEED)),
    }


def export(name: str, pipeline, columns: int) -> bytes:
    """The fitted pipeline as ONNX. ZipMap is off: its maps are no tensors."""
    model = to_onnx(
        pipeline,
        initial_types=[("X", FloatTensorType([None, columns]))],
        options={id(pipeline): {"zipmap": False}},
        target_opset=OPSET,
    )
    model.producer_name = "models/tumor/train.py"
    model.graph.name = name
    keep_one_import_each(model)
    helper.set_model_props(model, {"contract": "acme.tumor.v1", "revision": name})
    return model.SerializeToString()


def keep_one_import_each(model) -> None:
    """skl2onnx names the main opset twice for some pipelines; not every reader of ONNX takes that."""
    versions = {imported.domain: imported.version for imported in model.opset_import}
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, versions[domain]) for domain in sorted(versions))


def measure(model: bytes, rows: np.ndarray, truth: np.ndarray) -> dict:
    """Quality of the exported file itself on held-out rows, as ONNX Runtime runs it."""
    label, probabilities = run(model, rows)
    return {
        "accuracy": round(float(accuracy_score(truth, label)), 4),
        "malignant_recall": round(float(recall_score(truth, label, pos_label=MALIGNANT)), 4),
        "roc_auc": round(float(roc_auc_score(truth == MALIGNANT, probabilities[:, MALIGNANT])), 4),
        "held_out_rows": len(truth),
    }


def run(model: bytes, rows: np.ndarray):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(["label", "probabilities"], {"X": rows})


def write_samples(models: dict, rows: np.ndarray, truth: np.ndarray, names: list) -> None:
    """Held-out rows, half of each class, as a request in protobuf's JSON, with the truth and each revision's answer."""
    half = SAMPLE_ROWS // 2
    chosen = np.concatenate([np.flatnonzero(truth == MALIGNANT)[:half], np.flatnonzero(truth != MALIGNANT)[:half]])
    fields = [camel_case(name) for name in names]
    instances = [dict(zip(fields, (float(str(v)) for v in row))) for row in rows[chosen]]
    samples = HERE / "samples"
    samples.mkdir(exist_ok=True)
    (samples / "request.json").write_text(json.dumps({"instances": instances}, indent=1) + "\n")
    expected = {"truth": [finding(c) for c in truth[chosen]]}
    for name, model in models.items():
        label, probabilities = run(model, rows[chosen])
        expected[name] = {
            "diagnoses": [
                {"label": finding(c), "malignantProbability": float(str(p))}
                for c, p in zip(label, probabilities[:, MALIGNANT])
            ]
        }
    (samples / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def camel_case(name: str) -> str:
    first, *rest = name.split()
    return first + "".join(word.capitalize() for word in rest)


def finding(label: int) -> str:
    return "FINDING_MALIGNANT" if label == MALIGNANT else "FINDING_BENIGN"


def main() -> None:
    data = load_breast_cancer()
    # The contract's columns are floats, so training sees floats too.
    rows = data.data.astype(np.float32)
    train_rows, test_rows, train_truth, test_truth = train_test_split(
        rows, data.target, test_size=0.3, random_state=SEED, stratify=data.target
    )
    models, quality = {}, {}
    for name, pipeline in revisions().items():
        pipeline.fit(train_rows, train_truth)
        models[name] = export(name, pipeline, rows.shape[1])
        quality[name] = measure(models[name], test_rows, test_truth)
        (HERE / f"{name}.onnx").write_bytes(models[name])
        print(name, f"{len(models[name])} bytes", quality[name])
    (HERE / "quality.json").write_text(json.dumps(quality, indent=2) + "\n")
    write_samples(models, test_rows, test_truth, list(data.feature_names))


if __name__ == "__main__":
    main()
