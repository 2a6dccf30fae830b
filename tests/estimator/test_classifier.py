"""The scikit-learn estimator: its contract, its inputs, and that it is the runs' own training."""

import io
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import joblib
import numpy as np
import pytest
from networks import RULES
from samples import draw_samples, make, weights
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from lsh_dl import SparseMLPClassifier
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.runs.spec import Run, Training
from lsh_dl.training.run import create_model, train_run

pytestmark = [
    pytest.mark.filterwarnings("ignore::lsh_dl.estimator.FewActiveNodesWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("rule", RULES)
def test_fit_is_the_training_of_a_run(rule, tmp_path):
    entry = {"train": 250, "test": 20, "validation": 0}
    data = open_prepared(prepare("digits", entry, tmp_path / "digits"))
    estimator = make(rule=rule, hidden_layer_sizes=(30, 20), momentum=0.5, tol=0)
    x, y = data.train.take(np.arange(250))
    offset, scale, order = data.transform
    estimator.fit(((x - offset) * scale)[:, order], y)
    run = Run(
        dataset="digits",
        rule=rule,
        label=rule,
        title=rule,
        hidden=(30, 20),
        active_fraction=0.2,
        seed=3,
        training=Training(epochs=4, momentum=0.5),
    )
    model = create_model(run, data.features, data.classes)
    rows = list(train_run(run, data, model=model))
    np.testing.assert_array_equal(weights(estimator), model.network.weights)
    assert estimator.loss_curve_ == [row["train_loss"] for row in rows]
    work = np.mean([row["training_multiplications"] for row in rows])
    assert estimator.multiplications_ == pytest.approx(work)
    active = np.mean([row["active_fraction"] for row in rows])
    assert estimator.active_fraction_ == pytest.approx(active)


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.float32, bool])
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
def test_sparse_and_dense_samples_are_alike(dtype, form, monkeypatch):
    X, y = draw_samples()
    X = np.round(X).astype(dtype)
    dense = make().fit(X, y)
    matrix = form(X)
    for cls in (sparse.csr_array, sparse.csr_matrix):
        monkeypatch.setattr(cls, "toarray", None)  # to make it dense would raise
    thin = make().fit(matrix, y)
    np.testing.assert_array_equal(weights(dense), weights(thin))
    np.testing.assert_array_equal(dense.predict_proba(X), thin.predict_proba(matrix))
    np.testing.assert_array_equal(dense.predict_proba(X), dense.predict_proba(matrix))


def test_bytes_are_read_as_they_are():
    X, y = draw_samples()
    X = np.clip(np.round(X * 20), 0, 255)
    np.testing.assert_array_equal(
        weights(make().fit(X.astype(np.uint8), y)), weights(make().fit(X, y))
    )


def test_a_million_columns(monkeypatch):
    generator = np.random.default_rng(0)
    columns = generator.integers(0, 1_000_000, (200, 5))
    y = generator.integers(0, 2, 200)
    columns[:, 0] = y
    rows = np.repeat(np.arange(200), 5)
    X = sparse.csr_array((np.ones(1000), (rows, columns.ravel())), (200, 1_000_000))
    estimator = make(hidden_layer_sizes=(20,), active_fraction=0.5, rule="wta").fit(X, y)
    assert estimator.score(X, y) == 1.0
    assert estimator.multiplications_ < 1000


def test_unsorted_and_repeated_entries_are_put_in_order_in_a_copy():
    X = sparse.csr_array((np.ones(5), np.array([3, 1, 1, 2, 0]), np.array([0, 3, 5])), shape=(2, 4))
    before = X.indices.copy()
    y = ["a", "b"]
    estimator = make().fit(X, y)
    np.testing.assert_array_equal(X.indices, before)
    dense = np.array([[0, 2, 0, 1], [1, 0, 1, 0]], float)
    np.testing.assert_array_equal(weights(estimator), weights(make().fit(dense, y)))


LABELS = {
    "words": np.array(["cat", "dog", "eel"]),
    "objects": np.array(["cat", "dog", "eel"], object),
    "negative": np.array([-7, 0, 10]),
    "floats": np.array([1.0, 2.0, 5.0]),
}


@pytest.mark.parametrize("names", LABELS.values(), ids=LABELS)
def test_labels_of_any_kind(names):
    X, y = draw_samples()
    plain, named = make().fit(X, y), make().fit(X, names[y])
    np.testing.assert_array_equal(named.classes_, names)
    np.testing.assert_array_equal(named.predict(X), names[plain.predict(X)])
    assert named.score(X, names[y]) == plain.score(X, y)
    assert named.predict(X).dtype == names.dtype


def test_labels_may_be_booleans():
    X, y = draw_samples()
    estimator = make().fit(X, y == 1)
    assert estimator.predict(X).dtype == bool
    assert estimator.score(X, y == 1) > 0.8


def test_random_state_decides_and_the_caller_keeps_its_own():
    X, y = draw_samples()
    first, again, other = (make(random_state=seed).fit(X, y) for seed in (1, 1, 2))
    np.testing.assert_array_equal(weights(first), weights(again))
    assert (weights(first) != weights(other)).any()
    by_instance = [make(random_state=np.random.RandomState(5)).fit(X, y) for _ in range(2)]
    np.testing.assert_array_equal(*map(weights, by_instance))
    make(random_state=None).fit(X, y)


def test_shuffling_changes_the_order_only():
    X, y = draw_samples()
    shuffled, still = make().fit(X, y), make(shuffle=False).fit(X, y)
    assert (weights(shuffled) != weights(still)).any()
    parts = make(shuffle=False)
    for _ in range(4):
        parts.partial_fit(X, y, classes=[0, 1, 2])
    np.testing.assert_array_equal(weights(parts), weights(still))
    assert parts.n_iter_ == still.n_iter_ == 4


def test_partial_fit_goes_on():
    X, y = draw_samples()
    parts = make().partial_fit(X[:100], y[:100], classes=[0, 1, 2, 3])
    assert parts.predict_proba(X).shape == (300, 4)
    before = parts.score(X, y)
    for _ in range(5):
        parts.partial_fit(X, y)
    assert parts.score(X, y) > before
    assert len(parts.loss_curve_) == parts.n_iter_ == 6
    with pytest.raises(ValueError, match=r"classes=\[0, 1\] are not those of the first call"):
        parts.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"labels \[9\] that are not in `classes`"):
        parts.partial_fit(X[:2], [9, 0])
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        make().partial_fit(X, y)


def test_warm_start_goes_on_from_the_last_fit():
    X, y = draw_samples()
    twice = make(warm_start=True, tol=0).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(weights(twice), weights(make(max_iter=8, tol=0).fit(X, y)))
    assert twice.n_iter_ == 8
    with pytest.raises(ValueError, match="not the labels of the last fit"):
        twice.fit(X, y + 1)
    with pytest.raises(ValueError, match="expecting 40 features"):
        twice.fit(X[:, :30], y)
    twice.set_params(active_fraction=0.7)
    with pytest.raises(ValueError, match="active_fraction"):
        twice.fit(X, y)
    slow = make(warm_start=True).fit(X, y)
    before = weights(slow).copy()
    slow.set_params(learning_rate=1e-12).fit(X, y)
    np.testing.assert_allclose(weights(slow), before, atol=1e-6)


def test_early_stopping_keeps_the_best_network():
    X, y = draw_samples(400)
    estimator = make(early_stopping=True, max_iter=30, n_iter_no_change=3, learning_rate=0.05)
    estimator.fit(X, y)
    scores = estimator.validation_scores_
    assert estimator.best_validation_score_ == max(scores)
    assert len(scores) == estimator.n_iter_ == len(estimator.loss_curve_) < 30
    shorter = clone(estimator).set_params(max_iter=int(np.argmax(scores)) + 1).fit(X, y)
    np.testing.assert_array_equal(estimator.predict_proba(X), shorter.predict_proba(X))


def test_early_stopping_holds_out_something_of_everything():
    X, y = draw_samples(30)
    for share in (0.01, 0.5, 0.99):
        make(early_stopping=True, validation_fraction=share).fit(X, y)
    make(early_stopping=True).fit(X[:2], [0, 1])
    with pytest.raises(ValueError, match="n_samples=1"):
        make(early_stopping=True).fit(X[:1], y[:1])


def test_training_stops_when_the_loss_stands_still():
    X, y = draw_samples()
    estimator = make(max_iter=50, tol=10.0, n_iter_no_change=2).fit(X, y)
    assert estimator.n_iter_ == 3  # the first is an improvement on nothing
    assert estimator.validation_scores_ is None


@pytest.mark.parametrize("rule", RULES)
def test_copies_predict_and_learn_alike(rule, tmp_path):
    X, y = draw_samples()
    original = make(rule=rule).fit(X, y)
    joblib.dump(original, tmp_path / "estimator.joblib")
    copies = [joblib.load(tmp_path / "estimator.joblib", mmap_mode=mode) for mode in (None, "r")]
    for copy in copies:
        np.testing.assert_array_equal(copy.predict_proba(X), original.predict_proba(X))
    for estimator in (original, *copies):
        estimator.partial_fit(X, y)
    for copy in copies:
        np.testing.assert_array_equal(weights(copy), weights(original))
    fresh = clone(original)
    assert not hasattr(fresh, "classes_")
    assert fresh.get_params() == original.get_params()


def test_pipelines_and_searches():
    X, y = draw_samples()
    pipeline = make_pipeline(MaxAbsScaler(), make(max_iter=2))
    name = "sparsemlpclassifier__"
    grid = {f"{name}rule": ["lsh", "wta"], f"{name}active_fraction": [0.1, 0.5]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.6
    # Draws of NumPy's own number types are taken as numbers.
    draws = {
        f"{name}hidden_layer_sizes": [np.int64(20), (np.int32(10),), np.array([12, 5])],
        f"{name}active_fraction": np.linspace(0.2, 0.9, 4),
        f"{name}max_iter": np.arange(1, 3),
        f"{name}momentum": np.float32([0.0, 0.5]),
    }
    RandomizedSearchCV(pipeline, draws, n_iter=4, cv=2, error_score="raise").fit(X, y)


BAD = {
    "rule": ({"rule": "lhs"}, "unknown name 'lhs' in rules: did you mean 'lsh'?"),
    "setting": (
        {"rule_settings": {"fmily": 3}},
        "rule lsh: fmily: unknown key; did you mean 'family'?",
    ),
    "range": ({"rule_settings": {"K": 40}}, "rule lsh: K: should be less than or equal to 16"),
    "fraction": ({"active_fraction": 5}, "active_fraction: should be less than or equal to 1"),
    "widths": ({"hidden_layer_sizes": (10, 0)}, "hidden_layer_sizes.1: should be greater than"),
    "no layers": ({"hidden_layer_sizes": ()}, "hidden_layer_sizes: "),
    "text": ({"hidden_layer_sizes": "16"}, "hidden_layer_sizes: numbers are needed: '16'"),
    "half a node": ({"hidden_layer_sizes": 1.5}, "hidden_layer_sizes.0: should be a valid integer"),
    "rate": ({"learning_rate": 0}, "learning_rate: should be greater than"),
    "rate that is 0 in 32 bits": ({"learning_rate": 1e-60}, "learning_rate: should be at least"),
    "rate infinite in 32 bits": ({"learning_rate": 1e39}, "learning_rate: should be less than"),
    "no boolean": ({"shuffle": "False"}, "shuffle: should be a valid boolean"),
    "threads": ({"n_jobs": 10**9}, "n_jobs: 1024 threads at most"),
    "memory": (
        {"hidden_layer_sizes": (10**9, 10**9)},
        "the network 40-1000000000-",
    ),
    "no rule": ({"rule": None}, "rule: a name, a file or a class"),
    "no settings": ({"rule_settings": [1]}, "rule_settings: a dict or None"),
    "momentum": ({"momentum": 1}, "momentum: should be less than 1"),
    "epochs": ({"max_iter": 0}, "max_iter: should be greater than or equal to 1"),
    "true for epochs": ({"max_iter": True}, "max_iter: a number is needed (got True)"),
    "true for a rate": ({"learning_rate": True}, "learning_rate: a number is needed"),
    "NumPy's true": ({"alpha": np.True_}, "alpha: a number is needed"),
    "true for a tolerance": ({"tol": True}, "tol: a number is needed"),
    "true for threads": ({"n_jobs": True}, "n_jobs: a number is needed"),
    "true for patience": ({"n_iter_no_change": True}, "n_iter_no_change: a number is needed"),
    "true for a setting": ({"rule_settings": {"K": True}}, "rule lsh: K: a number is needed"),
    "number as a setting's name": ({"rule_settings": {3: 4}}, "rule lsh: 3: a key must be text"),
    "share": ({"validation_fraction": 1.0}, "validation_fraction: should be less than 1"),
}


@pytest.mark.parametrize(("parameters", "message"), BAD.values(), ids=BAD)
def test_bad_parameters_are_named(parameters, message):
    X, y = draw_samples(20)
    for learn in (
        lambda e: e.fit(X, y),
        lambda e: e.partial_fit(X, y, classes=[0, 1, 2]),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            learn(make(**parameters))


def test_divergence_is_an_error():
    X, y = draw_samples()
    with pytest.raises(ValueError, match="training diverged in epoch 1: scale the samples or"):
        make(learning_rate=1e37, adagrad=False).fit(X, y)


def test_verbose_prints_a_line_per_epoch(capsys):
    X, y = draw_samples(60)
    make(verbose=True, early_stopping=True, max_iter=2).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1", "epoch 2"]
    assert "validation accuracy" in lines[0]


def test_it_learns_as_well_as_it_says():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order] / 16, y[order]
    estimator = SparseMLPClassifier(random_state=0, max_iter=10).fit(X[:1400], y[:1400])
    assert estimator.score(X[1400:], y[1400:]) > 0.95
    assert estimator.active_fraction_ == pytest.approx(0.05, abs=0.001)


def test_package_is_imported_without_scikit_learn():
    code = "import sys, lsh_dl; print({'sklearn', 'numpy'} & set(sys.modules), dir(lsh_dl))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("set() ")
    assert "SparseMLPClassifier" in done.stdout


def test_examples_of_the_documentation_run():
    text = (ROOT / "docs/estimator.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 8
    shown = io.StringIO()
    with redirect_stdout(shown):
        exec("\n".join(blocks), {})
    assert float(re.search(r"accuracy (\S+)", shown.getvalue())[1]) > 0.93
    assert "['hashing']" in shown.getvalue()
    assert float(re.search(r"R2 (\S+)", shown.getvalue())[1]) > 0.8


def test_threads_predict_alike_and_learn_as_well():
    X, y = draw_samples(600)
    one, two = make(max_iter=8).fit(X, y), make(max_iter=8, n_jobs=2).fit(X, y)
    assert two.score(X, y) > one.score(X, y) - 0.05
    expected = two.predict_proba(X)
    np.testing.assert_array_equal(two.set_params(n_jobs=1).predict_proba(X), expected)


def test_one_estimator_serves_several_callers_at_once():
    X, y = draw_samples(400)
    estimator = make(hidden_layer_sizes=(200, 200)).fit(X, y)
    expected = estimator.predict_proba(X)
    answers = joblib.Parallel(n_jobs=4, backend="threading")(
        joblib.delayed(estimator.predict_proba)(X) for _ in range(40)
    )
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)
