"""Exports scikit-learn models as people do, into the folder given: what `flotilla add` has to read."""

import sys
from pathlib import Path

import numpy as np
from skl2onnx import convert_sklearn, to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

OPSET = {"": 17, "ai.onnx.ml": 3}


def save(folder: Path, name: str, onnx_model) -> None:
    (folder / f"{name}.onnx").write_bytes(onnx_model.SerializeToString())


def main(folder: Path) -> None:
    features, ids = load_iris(return_X_y=True)
    features = features.astype(np.float32)
    names = np.array(["setosa", "versicolor", "virginica"])[ids]

    def export(name: str, model, zipmap: bool = False) -> None:
        save(folder, name, to_onnx(model, features[:1], options={id(model): {"zipmap": zipmap}}, target_opset=OPSET))

    by_id = LogisticRegression(max_iter=1000).fit(features, ids)
    export("logistic-ids", by_id)
    export("logistic-zipmap", by_id, zipmap=True)
    export("forest-names", RandomForestClassifier(5, random_state=0).fit(features, names))
    export("boosting-names", GradientBoostingClassifier(n_estimators=3, random_state=0).fit(features, names))
    export("neighbours-ids", KNeighborsClassifier().fit(features, ids))
    export("perceptron-names", MLPClassifier((4,), max_iter=20, random_state=0).fit(features, names))
    export("pipeline-names", make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features, names))
    save(folder, "regression", to_onnx(LinearRegression().fit(features, ids), features[:1], target_opset=OPSET))

    # Columns by number, as a data frame's would be by name; each is an input of its own.
    rows = np.array([[1.0, "ch", 20], [250.0, "fr", 30], [3.0, "ch", 40], [900.0, "de", 50]], dtype=object)
    columns = ColumnTransformer([("n", StandardScaler(), [0, 2]), ("c", OneHotEncoder(), [1])])
    model = make_pipeline(columns, LogisticRegression()).fit(rows, ["legit", "fraud", "legit", "fraud"])
    types = [
        ("amount", FloatTensorType([None, 1])),
        ("country", StringTensorType([None, 1])),
        ("age", Int64TensorType([None, 1])),
    ]
    options = {id(model): {"zipmap": False}}
    save(folder, "data-frame", convert_sklearn(model, initial_types=types, options=options, target_opset=OPSET))


main(Path(sys.argv[1]))
