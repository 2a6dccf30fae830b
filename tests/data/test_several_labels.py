"""Sparse samples with several labels: prepared, shown, trained on, predicted, in a config."""

import ast
import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from documents import blocks

from lsh_dl.cli.main import main
from lsh_dl.common.errors import UserError
from lsh_dl.data.formats.xc_text import write_xc
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.data.synthetic.wide import draw_wide
from lsh_dl.experiment.config import check_config
from lsh_dl.experiment.expand import expand_runs
from lsh_dl.experiment.resources import sizes_of
from lsh_dl.training.epochs import evaluate
from lsh_dl.training.model_file import read_model
from lsh_dl.training.run import inputs_of

ENTRY = {"source": "wide_generated", "train": 3000, "test": 300, "labels": 40, "features": 600}


@pytest.fixture
def prepared(tmp_path):
    return prepare("wide", ENTRY, tmp_path / "wide")


def invoke(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_samples_are_those_drawn_and_none_is_lost(prepared):
    data = open_prepared(prepared)
    assert (data.features, data.classes, data.kind) == (600, 40, "generated")
    assert (len(data.train), len(data.validation), len(data.test)) == (2700, 300, 300)
    law = {"label_power": 1.0, "feature_power": 0.5, "shared": 4}
    x, y = draw_wide(3000, 40, 600, seed=0, part=0, **law)
    kept = np.load(prepared / "rows_validation.npy")
    rest = np.setdiff1d(np.arange(3000), kept)
    for part, rows in ((data.train, rest), (data.validation, kept)):
        np.testing.assert_array_equal(part.x.toarray(), x[rows].toarray())
        np.testing.assert_array_equal(part.y.toarray(), y[rows].toarray())


def test_generated_samples_have_frequent_and_rare_labels():
    x, y = draw_wide(5000, 1000, 400, seed=3, part=0)
    labels = np.diff(y.indptr)
    assert labels.min() == 1
    assert labels.max() == 3
    counts = np.asarray(y.sum(axis=0))
    # Drawn by 1 / rank: 7.5 is the sum of 1 / rank up to 1,000.
    np.testing.assert_allclose(counts[:3], 2 * 5000 / 7.5 / np.arange(1, 4), rtol=0.2)
    np.testing.assert_allclose(np.linalg.norm(x.toarray(), axis=1), 1, rtol=1e-5)
    again = draw_wide(5000, 1000, 400, seed=3, part=0)[0]
    np.testing.assert_array_equal(x.toarray(), again.toarray())
    # The other part has other samples of the same labels.
    x2, y2 = draw_wide(5000, 1000, 400, seed=3, part=1)
    one, two = ((x_[y_[:, [0]].nonzero()[0]] > 0).mean(axis=0) for x_, y_ in ((x, y), (x2, y2)))
    assert np.corrcoef(np.ravel(one), np.ravel(two))[0, 1] > 0.9


def test_generated_labels_share_features_which_are_frequent_and_rare_too():
    law = {"label_power": 0.5, "feature_power": 0.5, "shared": 8}
    x, y = draw_wide(4000, 80, 5000, seed=3, part=0, **law)
    counts = np.asarray(y.sum(axis=0))
    np.testing.assert_allclose(counts[3] / counts[63], 4, rtol=0.3)  # sqrt(64 / 4)
    features = np.sort(np.bincount(x.indices, minlength=5000))[::-1]
    assert features[0] > 3 * features[100] > 30 * features[1000]
    # Each label has half of its features in common with another, and hardly any with most.
    means = np.stack([x[y[:, [label]].nonzero()[0]].mean(axis=0) for label in range(80)])
    own = means > 0.25 * means.max(axis=1, keepdims=True)
    common = (own.astype(int) @ own.T.astype(int)) / own.sum(axis=1, keepdims=True)
    np.fill_diagonal(common, 0)
    assert np.median(common) < 0.1
    assert common.max(axis=1).min() > 0.3


def test_the_command_trains_with_sampled_outputs(prepared, tmp_path):
    model, out = tmp_path / "model.npz", tmp_path / "out"
    done = invoke(
        *("train", "--data", prepared, "--rule", "lsh", "--active", 1, "--hidden", 64),
        *("--set", "preset=wide-outputs", "--set", "outputs=0.2", "--epochs", 3),
        *("--out", out, "--model", model),
    )
    assert done.exit_code == 0, done.output
    (path,) = out.glob("*.csv")
    rows = list(csv.DictReader(path.open()))
    assert float(rows[-1]["test_accuracy"]) > 0.8
    assert json.loads(path.with_suffix(".json").read_text())["status"] == "ok"
    # The model file holds the tables of the outputs too.
    data, read = open_prepared(prepared), read_model(model)
    found = evaluate(read.model, inputs_of(data, data.test), read.key)
    assert found.accuracy == found.precision[1] == float(rows[-1]["test_accuracy"])
    assert found.precision[1] > found.precision[3] > found.precision[5] > 0.2
    assert found.tally.outputs[0] <= 8 * len(data.test)
    for k in (1, 3, 5):
        assert float(rows[-1][f"precision_at_{k}"]) == found.precision[k]
    # Rare labels are the hard ones, and count more.
    scored = [float(rows[-1][f"scored_precision_at_{k}"]) for k in (1, 3, 5)]
    assert 0.3 < scored[0] < found.precision[1]
    assert max(scored) < 1
    predicted = invoke("predict", model, "--data", prepared, "--out", tmp_path / "ranked.csv")
    assert predicted.exit_code == 0, predicted.output
    assert f"precision @1 {found.precision[1]:.4f}, @3 {found.precision[3]:.4f}" in predicted.output
    lines = list(csv.DictReader((tmp_path / "ranked.csv").open()))
    assert len(lines) == len(data.test)
    right = [line["predicted_1"] in line["labels"].split() for line in lines]
    assert np.mean(right) == found.precision[1]
    assert lines[3]["labels"] == " ".join(map(str, data.test.y[[3]].indices))
    assert invoke("predict", model, "--data", prepared).output.endswith("different classes first\n")


def test_published_files_are_read_from_the_mirror(tmp_path):
    folder = tmp_path / "mirror" / "small"
    folder.mkdir(parents=True)
    x, y = draw_wide(30, 9, 50, seed=1, part=0)
    scaled = x.copy()
    scaled.data *= 3
    write_xc(folder / "train.txt", scaled, y)
    write_xc(folder / "test.txt", scaled[:7], y[:7])
    entry = {"source": "xc", "folder": "small", "validation": 0}
    places = {"mirror": tmp_path / "mirror", "cache": tmp_path / "cache"}
    data = open_prepared(prepare("small", entry, tmp_path / "data", **places))
    assert (data.title, data.kind, data.classes, len(data.test)) == ("small", "real", 9, 7)
    np.testing.assert_allclose(data.train.x.toarray(), x.toarray(), rtol=1e-5)
    np.testing.assert_array_equal(data.train.y.toarray(), y.toarray())
    plain = prepare("b", entry | {"normalised": False}, tmp_path / "plain", **places)
    np.testing.assert_allclose(open_prepared(plain).train.x.toarray(), scaled.toarray(), rtol=1e-6)
    with pytest.raises(UserError, match=r"cannot get small/none\.txt"):
        prepare("c", entry | {"test_file": "none.txt"}, tmp_path / "c", **places)
    write_xc(folder / "other.txt", scaled[:7, :49], y[:7])
    with pytest.raises(UserError, match=r"other\.txt: 49 features and 9 labels, but 50 and 9"):
        prepare("d", entry | {"test_file": "other.txt"}, tmp_path / "d", **places)


def test_show_prints_sizes_and_samples(prepared):
    data = open_prepared(prepared)
    shown = invoke("data", "show", prepared, "--rows", 3, "--seed", 5)
    assert shown.exit_code == 0, shown.output
    assert "Many labels (generated)" in shown.output
    assert "train 2,700, validation 300, test 300" in shown.output
    lines = shown.output.splitlines()
    samples = lines[lines.index("") + 2 :]
    assert len(samples) == 3
    for line in samples:
        row, labels = line.strip().split("  ")[:2]
        assert labels.split() == [*map(str, data.train.y[[int(row)]].indices)]
    drawn = invoke("data", "show", prepared, "--out", "a.png")
    assert drawn.exit_code == 2
    assert "leave --out out" in drawn.stderr


def test_a_config_has_such_sets_beside_others(raw_config):
    raw_config["datasets"]["wide"] = ENTRY
    experiment = check_config(raw_config)
    size = sizes_of(experiment)["wide"]
    assert (size.features, size.classes, size.train) == (600, 40, 2700)
    assert {run.dataset for run in expand_runs(experiment)} == {"digits", "wide"}


def test_preprocessing_is_refused(tmp_path):
    with pytest.raises(UserError, match="preprocessing: sparse samples are taken as they are"):
        prepare("wide", ENTRY | {"preprocessing": "center"}, tmp_path / "wide")


def test_the_program_of_the_page_runs_as_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for part, name in enumerate(("train.txt", "test.txt")):
        write_xc(tmp_path / name, *draw_wide(1500, 50, 400, seed=2, part=part))
    namespace = {}
    exec(compile(blocks("docs/wide_outputs.md", "python")[0], "page", "exec"), namespace)
    assert namespace["ranked"].shape == (3, 5)
    last = ast.literal_eval(capsys.readouterr().out.splitlines()[-1])
    assert list(last) == [1, 3, 5]
    assert last[1] > 0.5
