"""Every system, in every mode: the same network as the rules', taught by the same samples."""

import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from documents import SYSTEM, blocks
from networks import make_prepared, make_run
from scipy.sparse import csr_array

from lsh_dl.common.code import digest_code
from lsh_dl.common.discovery import discover, find
from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.store import ArraySamples, SparseSamples
from lsh_dl.engine.counts import dense_work
from lsh_dl.engine.network import create_network, layer_weights
from lsh_dl.experiment.config import check_config
from lsh_dl.experiment.dependencies import sources_of_run
from lsh_dl.experiment.expand import expand_studies
from lsh_dl.runs.row import COLUMNS
from lsh_dl.runs.spec import Run, Training
from lsh_dl.systems.base import DenseLayer, System
from lsh_dl.training.job import run_to_files
from lsh_dl.training.run import create_model, train_run
from lsh_dl.training.system_model import SystemModel

FEATURES, CLASSES, SAMPLES = 20, 3, 300
#: Settings by the name of the test; of each the plain form of SGD.
MODES = {
    "sklearn": ("sklearn", {"solver": "sgd"}),
    "sklearn adam": ("sklearn", {}),
    "torch": ("torch", {}),
    "torch fused": ("torch", {"fused": True}),
    "torch bfloat16": ("torch", {"fused": True, "bfloat16": True}),
    "torch compiled": ("torch", {"compiled": True}),
}
#: A system of one's own is tested by its defaults.
KNOWN = {name for name, _ in MODES.values()}
MODES |= {name: (name, {}) for name in discover("lsh_dl.systems", System) if name not in KNOWN}
EXACT = ("sklearn", "torch", "torch fused")
SGD = Training(adagrad=False, learning_rate=0.1, epochs=2)


def parametrize(names):
    slow = {"torch compiled": pytest.mark.slow}
    return pytest.mark.parametrize(
        "mode", [pytest.param(name, marks=slow.get(name, ())) for name in names]
    )


def settings_of(mode, **more):
    name, settings = MODES[mode]
    system = find("lsh_dl.systems", System, name)
    made = system.Settings(**settings | more)
    if reason := system.skip_reason(made):
        pytest.skip(reason)
    return system, made


def start_system(mode, layers, training=SGD, **more):
    """The system of a mode with its network as it is given."""
    system, settings = settings_of(mode, **more)
    made = system(settings, training)
    made.start(layers)
    return made


@pytest.fixture
def layers():
    generator = np.random.default_rng(5)
    sizes = [FEATURES, 16, 8, CLASSES]
    return [
        DenseLayer(
            generator.standard_normal((nodes, inputs)).astype(np.float32) / 3,
            generator.standard_normal(nodes).astype(np.float32),
        )
        for inputs, nodes in pairwise(sizes)
    ]


def draw(samples, seed=0, classes=CLASSES):
    """Noisy prototypes: features and classes."""
    generator = np.random.default_rng(seed)
    prototypes = np.random.default_rng(9).random((classes, FEATURES)).astype(np.float32)
    y = generator.integers(classes, size=samples)
    x = prototypes[y] + generator.normal(0, 0.1, (samples, FEATURES)).astype(np.float32)
    return x, y


def probabilities_of(layers, x):
    for number, layer in enumerate(layers):
        x = (np.maximum(x, 0) if number else x) @ layer.weights.T + layer.biases
    x = np.exp(x - x.max(axis=1, keepdims=True))
    return x / x.sum(axis=1, keepdims=True)


def as_probabilities(scores):
    if np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return scores
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_all_systems_are_here():
    found = discover("lsh_dl.systems", System)
    assert found.keys() >= KNOWN
    assert not found.broken


@parametrize(MODES)
def test_starts_as_the_network_that_it_is_given(mode, layers):
    made = start_system(mode, layers)
    x, _ = draw(50)
    found = as_probabilities(made.predict(x))
    tolerance = 0.03 if "bfloat16" in mode else 1e-5
    np.testing.assert_allclose(found, probabilities_of(layers, x), atol=tolerance)


@pytest.mark.parametrize("initial", ["he", "glorot-doubled"])
def test_a_run_starts_with_the_initial_weights_of_the_rules(initial):
    sizes, training = [FEATURES, 8, CLASSES], Training(initial_weights=initial)
    model = SystemModel(sizes, "sklearn", {}, training, seed=3, threads=1)
    wanted = layer_weights(create_network(sizes, 3, initial=initial), 0)[:, :FEATURES]
    np.testing.assert_array_equal(model.system.model.coefs_[0].T, wanted)


@parametrize(MODES)
def test_ranks_the_classes_that_it_scores_highest(mode, layers):
    made = start_system(mode, layers)
    x, _ = draw(50)
    scores = made.predict(x)
    ranked = made.rank(x, 2)
    assert ranked.shape == (50, 2)
    found = np.take_along_axis(scores, ranked, axis=1)
    np.testing.assert_array_equal(found, np.sort(scores, axis=1)[:, :-3:-1])
    assert made.rank(x, 99).shape == (50, CLASSES)


@parametrize(EXACT)
def test_a_step_is_by_the_mean_gradient_of_a_batch(mode, layers):
    made = start_system(mode, layers, batch_size=64)
    x, y = draw(64)
    loss = made.train(x, y)
    before = probabilities_of(layers, x)
    assert loss == pytest.approx(-np.log(before[np.arange(64), y]).mean(), rel=1e-4)
    # The output layer's own gradient, with what it was given.
    inputs = x
    for layer in layers[:-1]:
        inputs = np.maximum(inputs @ layer.weights.T + layer.biases, 0)
    errors = (before - np.eye(CLASSES)[y]) / 64
    moved = layers[-1].biases - 0.1 * errors.sum(axis=0)
    stepped = [*layers[:-1], DenseLayer(layers[-1].weights - 0.1 * errors.T @ inputs, moved)]
    still = SGD.model_copy(update={"learning_rate": 1e-9})
    frozen = start_system(mode, stepped, still, batch_size=64)
    # Both have the same output layer; the hidden ones moved a little in one of them.
    found = as_probabilities(made.predict(x)) - before
    expected = as_probabilities(frozen.predict(x)) - before
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9


@parametrize(MODES)
def test_batches_and_what_starts_anew(mode, layers):
    made = start_system(mode, layers, batch_size=16)
    x, y = draw(40)
    together = made.train(x, y)
    scores = made.predict(x)
    made.start(layers)
    parts = [made.train(x[i : i + 16], y[i : i + 16]) * len(y[i : i + 16]) for i in (0, 16, 32)]
    assert together == pytest.approx(sum(parts) / 40, rel=1e-5)
    np.testing.assert_allclose(made.predict(x), scores, rtol=1e-4, atol=1e-5)


@pytest.fixture
def data():
    return draw_data()


def draw_data(classes=CLASSES):
    parts = {
        part: ArraySamples(x, y.astype(np.int32))
        for part, seed in (("train", 1), ("validation", 2), ("test", 3))
        for x, y in [draw(SAMPLES, seed, classes)]
    }
    return make_prepared(**parts, features=FEATURES, classes=classes)


def run_of(mode, training, **others):
    name, _ = MODES[mode]
    _, settings = settings_of(mode, batch_size=8)
    described = {
        "dataset": "drawn",
        "rule": name,
        "system": True,
        "label": name,
        "title": name,
        "settings": settings.model_dump(),
        "hidden": (32, 16),
        "active_fraction": 1.0,
        "seed": 1,
        "training": training,
    }
    return Run(**described | others)


@parametrize(MODES)
@pytest.mark.parametrize("classes", [CLASSES, 2])
def test_a_run_is_a_run_as_all_others(mode, classes):
    data = draw_data(classes)
    adagrad = Training(epochs=3, learning_rate=0.01 if mode == "sklearn adam" else 0.05)
    run = run_of(mode, adagrad, evaluations=2)
    rows = list(train_run(run, data))
    assert [row["epoch"] for row in rows] == [0.5, 1, 1.5, 2, 2.5, 3]
    assert {row["samples"] for row in rows} == {SAMPLES // 2}
    last = rows[-1]
    assert last.keys() == set(COLUMNS)
    assert last["test_accuracy"] > 0.9
    assert last["train_loss"] < rows[0]["train_loss"]
    dense = dense_work([FEATURES, 32, 16, classes])
    assert last["counting"] == "dense"
    assert last["training_multiplications"] == dense.training
    assert last["inference_multiplications"] == dense.inference
    assert last["training_percent"] == last["inference_percent"] == 100
    assert last["active_fraction"] == last["inference_active_fraction"] == 1
    assert last["train_accuracy"] is last["training_optimiser"] is None


@parametrize(("torch", "torch fused"))
def test_the_target_is_uniform_over_the_labels_of_a_sample(mode, layers):
    made = start_system(mode, layers, batch_size=3)
    x, _ = draw(3)
    y = csr_array(np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]], np.int8))
    before = probabilities_of(layers, x)
    targets = np.array([[0.5, 0, 0.5], [0, 0, 0], [0, 1, 0]])
    loss = made.train(x, y)
    assert loss == pytest.approx(-(targets * np.log(before)).sum() / 3, rel=1e-4)
    # A sample without labels teaches nothing: by the others alone the step is as large.
    learned = as_probabilities(made.predict(x))
    assert not np.allclose(learned, before, atol=1e-3)
    slower = SGD.model_copy(update={"learning_rate": SGD.learning_rate * 2 / 3})
    wider = start_system(mode, layers, slower, batch_size=2)
    wider.train(x[[0, 2]], y[[0, 2]])
    np.testing.assert_allclose(as_probabilities(wider.predict(x)), learned, atol=1e-5)
    # With one label each it is the cross-entropy of classes.
    made.start(layers)
    one = made.train(x, csr_array(np.eye(CLASSES, dtype=np.int8)[[2, 0, 1]]))
    made.start(layers)
    assert one == pytest.approx(made.train(x, np.array([2, 0, 1])), rel=1e-5)


def draw_several(samples, seed, classes=6):
    """Samples of one or two labels, each the sum of its labels' prototypes, sparse."""
    generator = np.random.default_rng(seed)
    prototypes = np.random.default_rng(9).random((classes, FEATURES)) < 0.3
    y = np.zeros((samples, classes), np.int8)
    for _ in range(2):
        y[np.arange(samples), generator.integers(classes, size=samples)] = 1
    x = (y @ prototypes.astype(np.float32)) * generator.uniform(0.8, 1.2, (samples, FEATURES))
    return SparseSamples(csr_array(x.astype(np.float32)), csr_array(y))


@parametrize(("torch", "torch bfloat16"))
def test_a_run_on_samples_with_several_labels(mode, monkeypatch):
    monkeypatch.setattr("lsh_dl.training.system_model.MOST_NUMBERS", 30 * FEATURES)
    parts = {part: draw_several(SAMPLES, n) for n, part in enumerate(("train", "validation"))}
    data = make_prepared(**parts, test=draw_several(50, 3), features=FEATURES, classes=6)
    run = run_of(mode, Training(epochs=4, learning_rate=0.05))
    model = create_model(run, FEATURES, 6)
    assert model.read(data.train, data.transform).chunk == 24  # whole batches of 8
    *_, last = train_run(run, data, model=model)
    assert last["test_accuracy"] == last["precision_at_1"] > 0.95
    assert last["precision_at_1"] > last["precision_at_3"] > 0.5
    assert last["scored_precision_at_3"] > 0.9
    assert last["counting"] == "dense"
    assert last["train_loss"] < 1


def test_what_takes_one_label_refuses_several_in_one_line():
    data = make_prepared(
        **{part: draw_several(9, 0) for part in ("train", "validation", "test")},
        features=FEATURES,
        classes=6,
    )
    message = "scikit-learn takes one label a sample, not several; leave sklearn out"
    with pytest.raises(UserError, match=f"^{message}$"):
        next(train_run(run_of("sklearn", SGD), data))


@parametrize(("sklearn", "torch"))
def test_the_same_samples_in_the_same_order_as_a_rule(mode, data, monkeypatch):
    taken = []
    take = ArraySamples.take

    def watch(self, indices):
        if self is data.train:
            taken[-1].extend(indices.tolist())
        return take(self, indices)

    monkeypatch.setattr(ArraySamples, "take", watch)
    for run in (run_of(mode, SGD), make_run("standard", SGD, dataset="drawn")):
        taken.append([])
        list(train_run(run, data))
    assert taken[0] == taken[1]
    assert len(taken[0]) == 2 * SAMPLES


@parametrize(("sklearn", "torch"))
def test_a_run_that_diverges_ends(mode, data):
    training = SGD.model_copy(update={"learning_rate": 1e20})
    with np.errstate(all="ignore"):
        rows = list(train_run(run_of(mode, training), data))
    assert [row["status"] for row in rows] == ["diverged"]


def test_system_of_the_document_learns(data, tmp_path, layers):
    path = tmp_path / "mine.py"
    # Another name: it may have been put into the package, as the document says.
    path.write_text(blocks(SYSTEM, "python")[0].replace('name = "numpy"', 'name = "mine"'))
    run = run_of("sklearn", Training(epochs=3, learning_rate=0.05))
    run = run.model_copy(
        update={"rule": "mine", "source": str(path), "settings": {"batch_size": 8}}
    )
    *_, last = train_run(run, data)
    assert last["test_accuracy"] > 0.9
    system = find("lsh_dl.systems", System, str(path))
    made = system(system.Settings(), SGD)
    made.start(layers)
    x, y = draw(64)
    expected = probabilities_of(layers, x)
    assert made.train(x, y) == pytest.approx(-np.log(expected[np.arange(64), y]).mean(), rel=1e-4)


def test_files_of_a_run_tell_the_version(data, tmp_path, monkeypatch):
    monkeypatch.setattr("lsh_dl.training.job.open_prepared", lambda folder: data)
    csv, json = tmp_path / "run.csv", tmp_path / "run.json"
    run_to_files(run_of("sklearn adam", Training(epochs=1)), tmp_path, csv, json)
    assert csv.read_text().startswith(",".join(COLUMNS[:2]))
    assert '"scikit-learn": "' in json.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"run.csv", "run.json"}


def test_only_its_own_file_decides_a_run():
    run = Run(
        dataset="d", rule="torch", system=True, label="t", title="t", hidden=(4,), seed=1,
        active_fraction=1.0,
    )  # fmt: skip
    files = {path.name for path in sources_of_run(run)}
    assert {"torch.py", "base.py", "run.py", "system_model.py"} <= files
    assert "sklearn.py" not in files
    rule = make_run("standard", SGD)
    assert not {"torch.py", "sklearn.py"} & {path.name for path in sources_of_run(rule)}
    assert digest_code("lsh_dl.systems.torch") != digest_code("lsh_dl.systems.sklearn")


def test_files_are_read_without_the_libraries():
    code = (
        "import lsh_dl.systems.torch, lsh_dl.systems.sklearn, sys;"
        "assert not {'torch', 'sklearn.neural_network'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("change", "settings", "reason"),
    [
        ({"find_spec": lambda name: None}, {}, r"not installed \(pip install 'lsh-dl\[torch\]'\)"),
        ({"has_bfloat16": lambda: False}, {"bfloat16": True}, "no bfloat16 instructions"),
        ({"has_bfloat16": lambda: False}, {}, None),
        ({"can_compile": lambda: False}, {"compiled": True}, r"C\+\+ compiler .*headers"),
        ({"can_compile": lambda: True}, {"compiled": True}, None),
    ],
)
def test_what_is_missing_is_said(monkeypatch, change, settings, reason):
    from lsh_dl.systems import torch

    present = {"find_spec": lambda name: True, "has_bfloat16": lambda: True}
    for name, function in (present | change).items():
        monkeypatch.setattr(torch, name, function)
    found = torch.Torch.skip_reason(torch.TorchSettings(**settings))
    if reason is None:
        assert found is None
    else:
        assert re.search(reason, found)


def test_compiling_needs_compiler_and_headers(monkeypatch, tmp_path):
    from lsh_dl.systems import torch

    monkeypatch.setattr(torch.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(
        torch.shutil, "which", lambda name: "/usr/bin/g++" if name == "g++" else None
    )
    assert not torch.can_compile()
    (tmp_path / "Python.h").touch()
    assert torch.can_compile()
    monkeypatch.setattr(torch.shutil, "which", lambda name: None)
    assert not torch.can_compile()


@pytest.mark.parametrize(
    ("systems", "training", "message"),
    [
        ({"sklearn": {"sover": "sgd"}}, {}, r"systems\.sklearn\.sover: unknown key; did you mean"),
        ({"tor": None}, {}, r"systems\.tor: unknown name 'tor' in systems"),
        ({"wta": {"source": "sklearn"}}, {}, r"systems\.wta: `rules` has this label too"),
        ({"torch": None}, {"momentum": 0.5}, r"systems\.torch: PyTorch's Adagrad has no momentum"),
        ({"torch": None}, {"alpha": 0.1}, r"systems\.torch: .*give `alpha: 0`"),
        ({"sklearn": None}, {"momentum": 0.5}, r"systems\.sklearn: Adam has a momentum"),
        ({"torch": {"batch_size": 0}}, {}, r"systems\.torch\.batch_size: .*0"),
    ],
)
def test_mistake_in_the_config_is_one_line(raw_config, systems, training, message):
    raw_config["systems"] = systems
    raw_config["training"] |= training
    with pytest.raises(UserError, match=message) as caught:
        check_config(raw_config, "my.yaml")
    assert "\n" not in str(caught.value)


def test_systems_are_tuned_as_rules_are(raw_config):
    rates = {"learning_rate": [0.001, 0.01]}
    raw_config["systems"] = {"sklearn": None}
    raw_config["tuning"] = {
        "seeds": [7],
        "active_fractions": [0.25],
        "grids": {"standard": rates, "wta": rates, "sklearn": rates},
    }
    raw_config["time_to_accuracy"] = {"seeds": [1], "entries": {"wta": None}}
    trials = expand_studies(check_config(raw_config))["tuning"]
    counts = {label: sum(run.label == label for run in trials) for label in ("wta", "sklearn")}
    assert counts == {"wta": 4, "sklearn": 4}
    assert all(run.system == (run.label == "sklearn") for run in trials)
