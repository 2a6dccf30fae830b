"""`lsh-dl predict`: a model file on a prepared data set and on files of a user's."""

import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from lsh_dl.cli.main import main
from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.runs.spec import Run, Training
from lsh_dl.training.epochs import build_model, draw_key, draw_order, evaluate, train_epoch
from lsh_dl.training.job import run_to_files
from lsh_dl.training.model_file import TrainedModel, read_model, write_model
from lsh_dl.training.predict import predict_file
from lsh_dl.training.run import inputs_of

CLASSES = 10


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A small prepared data set whose samples are centred, and its folder."""
    folder = tmp_path_factory.mktemp("prepared") / "digits"
    prepare("digits", {"train": 400, "test": 60, "preprocessing": "center"}, folder)
    return open_prepared(folder), folder


@pytest.fixture(scope="module")
def model(data, tmp_path_factory):
    """A model file trained on it, by a rule that draws at random at test too."""
    prepared, _ = data
    sizes = [prepared.features, 40, CLASSES]
    settings = {"inference": "sampled"}
    model = build_model(sizes, "dropout", settings, 0.7, Training(), seed=1)
    key = draw_key(1, 1)
    train_epoch(model, inputs_of(prepared, prepared.train), draw_order(1, 1, 360), key)
    path = tmp_path_factory.mktemp("models") / "digits.model"
    classes = tuple(range(CLASSES))
    write_model(path, TrainedModel(model, prepared.transform, classes, key, {}))
    return path


@pytest.fixture
def predict(model, tmp_path):
    """Run `lsh-dl predict`; returns what it printed and the table that it wrote."""

    def run(source, *arguments):
        out = tmp_path / "out.csv"
        done = CliRunner().invoke(
            main, ["predict", str(model), "--data", str(source), "--out", str(out), *arguments]
        )
        return done, pd.read_csv(out, dtype=np.float64) if done.exit_code == 0 else None

    return run


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_prepared_samples(predict, model, data, part):
    prepared, folder = data
    done, table = predict(folder, "--part", part)
    assert done.exit_code == 0, done.output
    trained, samples = read_model(model), getattr(prepared, part)
    expected = evaluate(trained.model, inputs_of(prepared, samples), trained.key)
    assert f"{len(samples)} samples, accuracy {expected.accuracy:.4f}\n" in done.output
    assert list(table) == [
        *("sample", "label", "predicted"),
        *(f"probability_{c}" for c in range(CLASSES)),
    ]
    np.testing.assert_array_equal(table["sample"], np.arange(len(samples)))
    np.testing.assert_array_equal(table["label"], samples.labels)
    rows = inputs_of(prepared, samples).batch(np.arange(len(samples)))
    probabilities, tally = trained.model.predict(rows, trained.key)
    written = table.filter(like="probability").to_numpy().astype(np.float32)
    np.testing.assert_array_equal(written, probabilities)
    np.testing.assert_array_equal(table["predicted"], probabilities.argmax(axis=1))
    assert (table["predicted"] == table["label"]).mean() == pytest.approx(expected.accuracy)
    share = 100 * tally.active[0] / (40 * len(samples))
    assert f"active nodes {share:.3g} %" in done.output


def write_file(path, x, y=None):
    """Samples in one of the forms that `predict` reads."""
    form = path.name.partition("-")[0]
    if form == "npz":
        np.savez(path, **{"x": x} | ({} if y is None else {"y": y}))
    elif form == "parts":
        np.savez(path, x_test=x, y_test=y, x_train=x[::-1], y_train=y[::-1])
    elif form == "float":
        np.savez(path, x=x.astype(np.float64).reshape(len(x), 28, 28), y=y.astype(np.float64))
    elif form == "headed":
        table = pd.DataFrame(x).add_prefix("pixel ")
        if y is not None:
            table.insert(0, "label", y)
        table.to_csv(path, index=False)
    else:
        table = x if y is None else np.column_stack([x, y])
        np.savetxt(path, table, fmt="%d", delimiter="," if form == "plain" else "   ")
    return path


FORMS = ("npz-.npz", "headed-.csv", "plain-.csv", "amat-.amat")


@pytest.mark.parametrize("name", [*FORMS, "parts-.npz", "float-.npz"])
def test_files_give_what_the_prepared_samples_give(predict, data, tmp_path, name):
    prepared, folder = data
    x, y = prepared.test.take(np.arange(60))
    expected, table = predict(folder)
    done, again = predict(write_file(tmp_path / name, x, y))
    assert done.exit_code == 0, done.output
    assert done.output == expected.output
    pd.testing.assert_frame_equal(again, table)


@pytest.mark.parametrize("name", FORMS)
def test_labels_may_be_absent(predict, data, tmp_path, name):
    prepared, folder = data
    x, _ = prepared.test.take(np.arange(60))
    _, table = predict(folder)
    done, again = predict(write_file(tmp_path / name, x))
    assert "60 samples, no labels\n" in done.output
    pd.testing.assert_frame_equal(again, table.drop(columns="label"))


def test_counts_are_printed_where_nothing_is_written(model, data):
    done = CliRunner().invoke(main, ["predict", str(model), "--data", str(data[1])])
    counts = re.findall(r"(\d): (\d+)", done.output)
    assert [int(name) for name, _ in counts] == list(range(CLASSES))
    assert sum(int(count) for _, count in counts) == 60


def write_text(path, text):
    path.write_text(text)
    return path


def make_bad_sources(folder):
    """Sources that cannot be predicted, with a part of the message."""
    x, y = np.zeros((3, 784), np.uint8), np.zeros(3, np.int64)
    line = ",".join(["1"] * 784)
    yield folder, "no prepared data set here"
    yield folder / "none.csv", "No such file"
    yield folder / "none.npz", "No such file"
    yield write_text(folder / "a.txt", "1"), "neither a prepared data set"
    yield write_text(folder / "a.npz", "1"), "damaged zip"
    yield write_text(folder / "a.csv", ""), "empty"
    yield write_text(folder / "b.csv", "1,2\n3,4\n"), "samples of shape (2, 2); the model needs 784"
    yield write_text(folder / "c.csv", f"{line}\n{line},5,6\n"), "line 2 has 786 fields"
    yield write_text(folder / "d.csv", f"{line}\n{line[:-1]}\n"), "line 2, column 784: missing"
    yield write_text(folder / "e.csv", f"{line}\n{line[:-1]}1e300\n"), "missing or not finite"
    yield write_text(folder / "f.csv", f"{line}\n{line[:-1]}dog\n"), "'dog' is no number"
    yield write_text(folder / "g.csv", f"{line},10\n"), "label '10' is none of the classes 0, 1, 2"
    yield write_text(folder / "h.csv", f"{line},1.5\n"), "label 1.5; whole numbers are needed"
    yield write_file(folder / "npz-1.npz", x, y - 1), "label '-1' is none of the classes"
    yield write_file(folder / "npz-2.npz", x, y[:2]), "labels of shape (2,)"
    yield write_file(folder / "npz-3.npz", x[:0], y[:0]), "samples of shape (0, 784)"
    yield write_file(folder / "npz-4.npz", x[0]), "samples of shape (784,)"
    yield write_file(folder / "npz-5.npz", x.astype("U1")), "numbers are needed"
    np.savez(folder / "z.npz", z=x)
    yield folder / "z.npz", "no x_test or x in it"


def test_bad_samples_are_one_line_and_nothing_is_written(predict, tmp_path):
    for source, message in make_bad_sources(tmp_path):
        done, _ = predict(source)
        assert done.exit_code == 1, source
        assert done.stderr.startswith(f"error: {source}: "), done.stderr
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*out*"))


def test_no_input_is_replaced(model, data, tmp_path):
    samples = tmp_path / "samples.csv"
    np.savetxt(samples, np.zeros((2, data[0].features)), delimiter=",")
    (tmp_path / "link").symlink_to(samples)
    for source, out in ((samples, samples), (samples, model), (tmp_path / "link", samples)):
        before = out.read_bytes()
        with pytest.raises(UserError, match=r"would replace .*, which the same call uses"):
            predict_file(model, source, "test", out)
        assert out.read_bytes() == before


def test_data_that_the_model_does_not_fit(predict, tmp_path):
    prepare("norb", {"source": "norb_standin", "train": 20, "test": 10}, tmp_path / "norb")
    done, _ = predict(tmp_path / "norb")
    assert done.stderr.startswith(f"error: {tmp_path / 'norb'}: 2048 inputs and 5 classes, but ")
    prepare("digits", {"train": 100, "test": 20, "validation": 0}, tmp_path / "digits")
    done, _ = predict(tmp_path / "digits", "--part", "validation")
    assert "no validation part" in done.stderr


def test_model_that_diverged(model, data, tmp_path):
    trained = read_model(model)
    trained.model.network.weights[:] = np.nan
    write_model(tmp_path / "nan.model", trained)
    done = CliRunner().invoke(
        main, ["predict", str(tmp_path / "nan.model"), "--data", str(data[1])]
    )
    assert done.exit_code == 1
    assert done.stderr.endswith("its outputs are not finite: its training diverged\n")


@pytest.mark.parametrize("names", [("-1", "1", "7"), ("cat", "dog", "eel")])
def test_classes_of_a_file_keep_their_names(names, tmp_path):
    """From labels in a file of one's own to a model's answers, and labels beside these."""
    rng = np.random.default_rng(0)
    for part, samples in (("train", 120), ("test", 40)):
        x = rng.random((samples, 3))
        lines = (f"{names[row.argmax()]},{','.join(map(str, row))}" for row in x)
        (tmp_path / f"{part}.csv").write_text("label,a,b,c\n" + "\n".join(lines) + "\n")
    files = {f"{part}_file": str(tmp_path / f"{part}.csv") for part in ("train", "test")}
    folder = prepare("mine", {"source": "csv", **files}, tmp_path / "prepared")
    run = Run(
        dataset="mine", rule="standard", label="standard", title="NN", hidden=(8,),
        active_fraction=1, seed=1, training=Training(epochs=12, learning_rate=0.1),
    )  # fmt: skip
    csv, out = tmp_path / "run.csv", tmp_path / "out.csv"
    run_to_files(run, folder, csv, csv.with_suffix(".json"), tmp_path / "model")
    summary = predict_file(tmp_path / "model", tmp_path / "test.csv", "test", out)
    assert summary.accuracy == pd.read_csv(csv)["test_accuracy"].iloc[-1] > 0.7
    assert list(map(str, summary.counts)) == list(names)
    table = pd.read_csv(out, dtype=str)
    assert set(table["label"]) == set(names)
    assert (table["label"] == table["predicted"]).mean() == summary.accuracy
    assert predict_file(tmp_path / "model", folder, "test", None).accuracy == summary.accuracy
    (tmp_path / "test.csv").write_text("label,a,b,c\nbee,1,2,3\n")
    with pytest.raises(UserError, match=r"'bee' is none|labels of text"):
        predict_file(tmp_path / "model", tmp_path / "test.csv", "test", None)
