"""Samples to predict that look otherwise than those that a model was trained on are refused."""

import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.runs.spec import Run, Training
from lsh_dl.training.job import run_to_files
from lsh_dl.training.model_file import read_model, write_model
from lsh_dl.training.predict import predict_file


def train(folder, entry):
    """A model file of a run on a data set of one's own."""
    prepared = prepare("mine", entry, folder / "prepared")
    run = Run(
        dataset="mine", rule="standard", label="standard", title="NN", hidden=(4,),
        active_fraction=1, seed=1, training=Training(epochs=1),
    )  # fmt: skip
    run_to_files(run, prepared, folder / "run.csv", folder / "run.json", folder / "model")
    return folder / "model"


def predict(model, source):
    return predict_file(model, source, "test", None)


def save(folder, name, **arrays):
    np.savez(folder / name, **arrays)
    return folder / name


def tables(folder, names, rows):
    """Training and test file, and the entry of a config that names them."""
    for part in ("train", "test"):
        pd.DataFrame(rows, columns=names).to_csv(folder / f"{part}.csv", index=False)
    return {f"{part}_file": str(folder / f"{part}.csv") for part in ("train", "test")}


@pytest.fixture(scope="module")
def table_model(tmp_path_factory):
    """Trained on columns `low`, `high` and the labels between them."""
    folder = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    rows = [(low, int(low > 0), 100 * high) for low, high in rng.normal(size=(60, 2))]
    return train(folder, {"source": "csv", **tables(folder, ["low", "label", "high"], rows)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("high,low\n1,2\n", "column 'high' stands where the model's data have 'low'"),
        ("label,high,low\n1,1,2\n", "column 'high' stands where the model's data have 'low'"),
        ("low,top\n1,2\n", "column 'top' stands where the model's data have 'high'"),
        ("low,id,high\n1,2,3\n", "column 'id' stands where the model's data have 'high'"),
        ("low\n1\n", "the model needs 2 numbers"),
    ],
)
def test_columns_are_those_of_training(table_model, tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        predict(table_model, tmp_path / "a.csv")
    assert str(caught.value).startswith(f"{tmp_path / 'a.csv'}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["low,high\n1,2\n", "low,high,label\n1,2,1\n", "1,2\n", "1,2,1\n"])
@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.csv.GZ"])
def test_same_columns_pass_with_headings_or_without(table_model, tmp_path, text, name):
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("GZ") else data)
    assert predict(table_model, tmp_path / name).samples == 1


def test_headings_of_a_model_are_known_whatever_they_are_called(tmp_path):
    """Numbers as headings, without that of the labels, are no sample."""
    names = ["10", "20", "40", "label"]
    rows = [(*row, place % 2) for place, row in enumerate(np.random.default_rng(0).random((40, 3)))]
    model = train(tmp_path, {"source": "csv", **tables(tmp_path, names, rows)})
    (tmp_path / "a.csv").write_text("10,20,40\n.1,.2,.3\n")
    assert predict(model, tmp_path / "a.csv").samples == 1
    (tmp_path / "a.csv").write_text("40,20,10\n.1,.2,.3\n")
    with pytest.raises(UserError, match=r"column '40' stands where the model's data have '10'"):
        predict(model, tmp_path / "a.csv")


def test_predictions_replace_predictions_alone(table_model, tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n")
    mine = tmp_path / "mine.csv"
    for text, replaced in (("1,2,0\n", False), ("sample,predicted\n0,1\n", True), ("", True)):
        mine.write_text(text)
        if replaced:
            predict_file(table_model, tmp_path / "a.csv", "test", mine)
            assert mine.read_text().startswith("sample,predicted,")
        else:
            with pytest.raises(UserError, match=r"mine.csv: is there and holds no predictions"):
                predict_file(table_model, tmp_path / "a.csv", "test", mine)
            assert mine.read_text() == text


def test_prepared_folder_of_other_columns(table_model, tmp_path):
    rows = [(high, place % 2, -high) for place, high in enumerate(range(20))]
    entry = {"source": "csv", **tables(tmp_path, ["high", "label", "low"], rows)}
    folder = prepare("mine", entry, tmp_path / "prepared")
    with pytest.raises(UserError, match=r"'high' stands where the model's data have 'low'"):
        predict(table_model, folder)


@pytest.fixture(scope="module")
def image_model(tmp_path_factory):
    """Trained on images of 2 x 4 pixels, levels of 0 ... 255."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (60, 2, 4)).astype(np.uint8), np.arange(60) % 2
    path = save(folder, "a.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    return train(folder, {"source": "npz", "path": str(path)})


def levels(*shape):
    return np.arange(np.prod(shape)).reshape(shape) % 256


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64])
@pytest.mark.parametrize("shape", [(40, 2, 4), (40, 8), (40, 1, 2, 4), (40, 2, 4, 1)])
def test_same_images_pass(image_model, tmp_path, shape, dtype):
    path = save(tmp_path, "x.npz", x=levels(*shape).astype(dtype))
    assert predict(image_model, path).samples == 40


@pytest.mark.parametrize("x", [np.zeros((1, 8)), np.ones((1, 8)), levels(40, 8) / 2])
def test_images_that_are_dark_or_no_longer_whole_pass(image_model, tmp_path, x):
    assert predict(image_model, save(tmp_path, "x.npz", x=x)).samples == len(x)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (levels(40, 4, 2), r"images of shape \(4, 2\), the model was trained on \(2, 4\)"),
        (levels(40, 2, 2, 2), r"images of shape \(2, 2, 2\), the model was trained on \(2, 4\)"),
        (
            levels(40, 8) / 255,
            r"numbers of 0 ... 1, the model was trained on whole numbers of 0 ... 255",
        ),
        (levels(40, 8) > 100, "truth values, the model was trained on numbers up to 255"),
        (
            levels(40, 8) / 255 - 0.5,
            r"numbers of -0.5 ... 0.5, the model was trained on whole numbers",
        ),
    ],
)
def test_other_images_are_refused(image_model, tmp_path, x, message):
    path = save(tmp_path, "x.npz", x=x)
    with pytest.raises(UserError, match=message):
        predict(image_model, path)


def test_prepared_folder_of_other_images(image_model, tmp_path):
    y = np.arange(40) % 2
    for name, x, message in (
        (
            "shape",
            levels(40, 4, 2).astype(np.uint8),
            r"\(4, 2\), the model was trained on \(2, 4\)",
        ),
        (
            "units",
            levels(40, 2, 4) / 255,
            "numbers of 0 ... 1, the model was trained on whole numbers",
        ),
    ):
        path = save(tmp_path, f"{name}.npz", x_train=x, y_train=y, x_test=x, y_test=y)
        folder = prepare("mine", {"source": "npz", "path": str(path)}, tmp_path / name)
        with pytest.raises(UserError, match=message):
            predict(image_model, folder)


def test_levels_for_fractions(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.random((60, 8)), np.arange(60) % 2
    path = save(tmp_path, "a.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    model = train(tmp_path, {"source": "npz", "path": str(path)})
    assert predict(model, save(tmp_path, "b.npz", x=1.2 * x)).samples == 60
    assert predict(model, save(tmp_path, "o.npz", x=np.where(x == x.max(), 60, x))).samples == 60
    with pytest.raises(UserError, match=r"the model was trained on numbers of 0.0"):
        predict(model, save(tmp_path, "c.npz", x=(255 * x).astype(np.uint8)))
    for name, other in (("per cents", 50 * x), ("standardised", (x - 0.5) / x.std())):
        with pytest.raises(UserError, match="give them in the same units"):
            predict(model, save(tmp_path, f"{name}.npz", x=other))


def test_libsvm_counts_as_in_training(tmp_path):
    lines = [f"{place % 2} {place % 2}:1 2:{place + 1}\n" for place in range(40)]
    (tmp_path / "a.svm").write_text("".join(lines))
    files = {f"{part}_file": str(tmp_path / "a.svm") for part in ("train", "test")}
    model = train(tmp_path, {"source": "libsvm", "first_index": 0, **files})
    (tmp_path / "b.svm").write_text("0 1:1 2:5\n")  # no line of it uses index 0
    rows = []
    for place, (name, arrays) in enumerate({"b.svm": None, "b.npz": [[0, 1, 5]]}.items()):
        source = tmp_path / name
        if arrays:
            np.savez(source, x=np.array(arrays, float))
        out = tmp_path / f"{place}.csv"
        predict_file(model, source, "test", out)
        rows.append(pd.read_csv(out).filter(like="probability").to_numpy())
    np.testing.assert_array_equal(*rows)


def test_a_record_that_tells_of_nothing_or_of_nonsense(table_model, tmp_path):
    """Models of before, and of estimators, know no columns; what is no shape is told."""
    trained = read_model(table_model)
    (tmp_path / "a.csv").write_text("high,low\n1,2\n")
    for record in ({}, {"data": None}, {"data": {"title": "old"}}):
        write_model(tmp_path / "old", replace(trained, record=record))
        assert predict(tmp_path / "old", tmp_path / "a.csv").samples == 1
    for data in ({"headings": 3}, {"numbers": "miles"}, {"image_shape": ["a", "b"]}):
        write_model(tmp_path / "odd", replace(trained, record={"data": data}))
        with pytest.raises(UserError, match=f"{tmp_path / 'odd'}: data.{next(iter(data))}"):
            predict(tmp_path / "odd", tmp_path / "a.csv")
