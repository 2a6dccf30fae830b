"""Weights, penalty, warnings, calls that go on from others, and hostile matrices."""

import re
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from samples import draw_numbers, draw_samples, make, make_regressor, weights
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor

from lsh_dl import SparseMLPClassifier, SparseMLPRegressor
from lsh_dl.estimator import FewActiveNodesWarning

pytestmark = [
    pytest.mark.filterwarnings("ignore::lsh_dl.estimator.FewActiveNodesWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
BOTH = pytest.mark.parametrize("kind", ["classifier", "regressor"])


def of_kind(kind, **parameters):
    """An estimator with samples for it."""
    if kind == "classifier":
        return make(**parameters), *draw_samples()
    return make_regressor(**parameters), *draw_numbers()


@BOTH
def test_weight_0_is_a_sample_that_is_not_there(kind):
    estimator, X, y = of_kind(kind)
    kept = np.arange(len(y)) % 3 > 0
    estimator.fit(X, y, sample_weight=kept.astype(float))
    other = of_kind(kind)[0].fit(X[kept], y[kept])
    np.testing.assert_array_equal(weights(estimator), weights(other))
    assert estimator.loss_curve_ == other.loss_curve_
    assert estimator.t_ == other.t_ == 4 * kept.sum()


@BOTH
def test_weights_of_1_are_none_and_their_scale_is_not_in_the_loss(kind):
    estimator, X, y = of_kind(kind, max_iter=1, learning_rate=1e-6)
    plain = of_kind(kind, max_iter=1, learning_rate=1e-6)[0].fit(X, y)
    estimator.fit(X, y, sample_weight=np.ones(len(y)))
    np.testing.assert_array_equal(weights(estimator), weights(plain))
    estimator.fit(X, y, sample_weight=np.full(len(y), 2.0))
    assert estimator.loss_ == pytest.approx(plain.loss_, rel=1e-3)


@BOTH
def test_bad_weights_are_refused(kind):
    estimator, X, y = of_kind(kind)
    for bad in (np.full(len(y), -1.0), np.zeros(len(y)), np.ones(3), np.full(len(y), np.nan)):
        with pytest.raises(ValueError, match=r"weight|NaN"):
            estimator.fit(X, y, sample_weight=bad)


def test_class_weight_is_a_weight_of_its_samples():
    X, y = draw_samples()
    by_class = make(class_weight={0: 3.0, 2: 0.5}).fit(X, y)
    by_sample = make().fit(X, y, sample_weight=np.array([3.0, 1.0, 0.5])[y])
    np.testing.assert_array_equal(weights(by_class), weights(by_sample))
    balanced = make(class_weight="balanced").fit(X, y)
    factors = len(y) / (3 * np.bincount(y))
    by_sample = make().fit(X, y, sample_weight=factors[y])
    np.testing.assert_allclose(weights(balanced), weights(by_sample), atol=1e-6)


@pytest.mark.parametrize("bad", ["even", {7: 1.0}, {0: -1.0}, 3], ids=str)
def test_bad_class_weights_are_refused(bad):
    X, y = draw_samples(60)
    with pytest.raises(ValueError, match="class_weight"):
        make(class_weight=bad).fit(X, y)


def test_balanced_needs_all_samples():
    X, y = draw_samples(60)
    with pytest.raises(ValueError, match="give a dict"):
        make(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


@BOTH
def test_weights_and_biases_give_the_predictions(kind):
    estimator, X, y = of_kind(kind, rule="standard", hidden_layer_sizes=(30, 20), active_fraction=1)
    assert not hasattr(estimator, "coefs_")
    estimator.fit(X, y)
    x = X
    for index, (w, b) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        x = x @ w + b
        if index < 2:
            x = np.maximum(x, 0)
    assert [w.shape for w in estimator.coefs_][:2] == [(X.shape[1], 30), (30, 20)]
    assert estimator.n_layers_ == 4
    if kind == "regressor":
        np.testing.assert_allclose(estimator.predict(X), x[:, 0], rtol=1e-3, atol=1e-4)
    else:
        p = np.exp(x - x.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(estimator.predict_proba(X), p, rtol=1e-3, atol=1e-4)
    assert estimator.best_loss_ == min(estimator.loss_curve_)


@BOTH
@pytest.mark.parametrize("alpha", [0.0, 0.05])
def test_all_nodes_active_learn_as_scikit_learns_network_does(kind, alpha):
    rate = 0.01
    ours, X, y = of_kind(
        kind,
        rule="standard",
        active_fraction=1.0,
        hidden_layer_sizes=(16,),
        max_iter=1,
        shuffle=False,
        adagrad=False,
        learning_rate=rate,
        alpha=alpha,
    )
    X = X + 0.01  # no input is 0, where the lazy penalty would stand still
    theirs = (MLPClassifier if kind == "classifier" else MLPRegressor)(
        hidden_layer_sizes=(16,),
        solver="sgd",
        alpha=alpha,
        batch_size=1,
        learning_rate_init=rate,
        momentum=0.0,
        nesterovs_momentum=False,
        shuffle=False,
        max_iter=1,
        random_state=0,
    )
    first = slice(0, 1)
    classes = {"classes": np.unique(y)} if kind == "classifier" else {}
    ours.partial_fit(X[first], y[first], **classes)
    theirs.partial_fit(X[first], y[first], **classes)
    theirs.coefs_ = [w.astype(np.float64) for w in ours.coefs_]
    theirs.intercepts_ = [b.astype(np.float64) for b in ours.intercepts_]
    before = ours.coefs_
    for s in range(1, 40):
        ours.partial_fit(X[s : s + 1], y[s : s + 1])
        theirs.partial_fit(X[s : s + 1], y[s : s + 1])
    assert np.abs(ours.coefs_[0] - before[0]).max() > 0.01
    for mine, other in zip(ours.intercepts_, theirs.intercepts_, strict=True):
        np.testing.assert_allclose(mine, other, atol=5e-3)
    if alpha == 0:
        for mine, other in zip(ours.coefs_, theirs.coefs_, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-4)
    else:  # weights of closed nodes stand still here and shrink there
        assert np.square(ours.coefs_[0]).sum() < np.square(before[0]).sum()


def test_penalty_takes_effect_from_one_call_to_the_next():
    estimator, X, y = of_kind("classifier", adagrad=False)
    estimator.partial_fit(X, y, classes=[0, 1, 2])
    before = np.square(estimator.coefs_[0]).sum()
    estimator.set_params(alpha=0.5).partial_fit(X, y)
    assert np.square(estimator.coefs_[0]).sum() < 0.9 * before


def test_tracking_does_not_go_with_a_penalty_that_comes_later():
    X, y = draw_samples(60)
    settings = {"tracking": True, "family": "sparse"}
    estimator = make(adagrad=False, rule_settings=settings)
    estimator.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="tracking"):
        estimator.set_params(alpha=0.1).partial_fit(X, y)


@BOTH
def test_warns_where_it_has_not_converged(kind):
    estimator, X, y = of_kind(kind, max_iter=2, tol=0)
    with pytest.warns(ConvergenceWarning, match=r"max_iter \(2\)"):
        estimator.fit(X, y)


def test_warns_of_hopeless_inputs():
    X, y = load_digits(return_X_y=True)
    estimator = SparseMLPClassifier((300,), active_fraction=0.2, max_iter=3, random_state=0)
    with pytest.warns(ConvergenceWarning, match="scale the samples"):
        estimator.fit(X[:500] * 1e6, y[:500])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "max_iter")
        estimator.fit(X[:500] / 16, y[:500])


def test_warns_once_of_few_active_nodes_and_says_what_to_do():
    X, y = draw_samples(60)
    with pytest.warns(FewActiveNodesWarning, match="8 of 40 nodes are active") as caught:
        make(max_iter=1).fit(X, y)
    assert sum(issubclass(w.category, FewActiveNodesWarning) for w in caught) == 1
    for fine in ({"hidden_layer_sizes": (1000,), "active_fraction": 0.05}, {"rule": "standard"}):
        with warnings.catch_warnings():
            warnings.simplefilter("error", FewActiveNodesWarning)
            make(max_iter=1, **fine).fit(X, y)


@BOTH
@pytest.mark.parametrize("first", ["fit", "partial_fit"])
def test_early_stopping_may_come_later(kind, first):
    estimator, X, y = of_kind(kind, warm_start=True)
    known = {"classes": [0, 1, 2]} if (kind, first) == ("classifier", "partial_fit") else {}
    getattr(estimator, first)(X, y, **known)
    estimator.set_params(early_stopping=True).fit(X, y)
    scores = estimator.validation_scores_
    assert len(scores) == 4
    assert estimator.best_validation_score_ >= max(scores)


@BOTH
def test_a_second_fit_that_is_worse_leaves_the_best_network(kind):
    estimator, X, y = of_kind(kind, warm_start=True, early_stopping=True, max_iter=15)
    estimator.fit(X, y)
    best, kept = estimator.best_validation_score_, weights(estimator).copy()
    estimator.set_params(learning_rate=2.0, max_iter=2).fit(X, y)
    assert estimator.best_validation_score_ == best
    np.testing.assert_array_equal(weights(estimator), kept)


CHANGES = {
    "rule": "wta",
    "hidden_layer_sizes": (30, 20),
    "active_fraction": 0.7,
    "rule_settings": {"K": 4},
    "momentum": 0.3,
    "adagrad": False,
    "random_state": 4,
}


@BOTH
@pytest.mark.parametrize("name", CHANGES)
def test_what_the_network_is_made_with_cannot_change(kind, name):
    estimator, X, y = of_kind(kind, warm_start=True, max_iter=1)
    estimator.fit(X, y).set_params(**{name: CHANGES[name]})
    for call in (estimator.fit, estimator.partial_fit):
        with pytest.raises(ValueError, match=f"but {name} changed"):
            call(X, y)
    estimator.set_params(warm_start=False).fit(X, y)


def test_the_same_structure_in_other_words_is_no_change():
    X, y = draw_samples(60)
    estimator = make(warm_start=True, max_iter=1, random_state=np.random.RandomState(1)).fit(X, y)
    estimator.set_params(
        hidden_layer_sizes=np.array([40]), rule_settings={}, random_state=np.random.RandomState(2)
    ).fit(X, y)


@BOTH
def test_a_fit_that_fails_leaves_nothing_to_predict_with(kind):
    estimator, X, y = of_kind(kind, max_iter=1)
    estimator.fit(X, y)
    with pytest.raises(ValueError, match="inconsistent"):
        estimator.fit(X[:, :5], y[:-1])
    with pytest.raises(NotFittedError):
        estimator.predict(X[:, :5])


def test_no_n_jobs_is_one_thread_whatever_joblib_is_told():
    X, y = draw_samples(60)
    estimator = make()
    with joblib.parallel_config(n_jobs=2):
        estimator.fit(X, y)
    assert estimator._model.threads == 1
    with pytest.raises(ValueError, match="n_jobs"):
        make(n_jobs=0).fit(X, y)


def hostile_matrices(X):
    """Sparse matrices that point outside of themselves, by what is wrong."""
    for what in ("too large", "negative", "pointers"):
        for form in (sparse.csr_array, sparse.csc_array, sparse.csr_matrix):
            matrix = form(X)
            if what == "pointers":
                matrix.indptr[-1] += 1_000_000
            else:
                matrix.indices[3] = 100_000_000 if what == "too large" else -5
            yield what, matrix
    matrix = sparse.coo_array(X)
    matrix.col[2] = 100_000_000
    yield "coordinates", matrix


@BOTH
def test_indices_are_checked_before_any_kernel(kind):
    estimator, X, y = of_kind(kind, max_iter=1)
    estimator.fit(X, y)
    for _, matrix in hostile_matrices(X):
        with pytest.raises(ValueError, match=r"ind|coordinate"):
            estimator.predict(matrix)
        with pytest.raises(ValueError, match=r"ind|coordinate"):
            estimator.partial_fit(matrix, y)


def test_flags_of_a_matrix_changed_in_place_are_not_trusted():
    X, y = draw_samples(60)
    matrix = sparse.csr_array(X)
    assert matrix.has_canonical_format
    expected = make().fit(X, y)
    first = slice(matrix.indptr[0], matrix.indptr[1])
    matrix.indices[first] = matrix.indices[first][::-1].copy()
    matrix.data[first] = matrix.data[first][::-1].copy()
    np.testing.assert_array_equal(weights(make().fit(matrix, y)), weights(expected))


@pytest.mark.parametrize("form", [sparse.coo_array, sparse.csc_array, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, bool, np.float64])
def test_repeated_entries_add_up_without_overflow(form, dtype):
    X, y = draw_samples(60)
    estimator = make().fit(X, y)
    values = np.array([100, 120, 90]).astype(dtype)
    places = np.array([0, 0, 1]), np.array([7, 7, 3])
    matrix = sparse.coo_array((values, places), (2, 40))
    if form is sparse.csr_array:
        matrix = form((values, places[1], [0, 2, 3]), (2, 40))
    elif form is sparse.csc_array:
        starts = np.searchsorted([3, 7, 7], np.arange(41))
        matrix = form((values[[2, 0, 1]], places[0][[2, 0, 1]], starts), (2, 40))
    dense = np.zeros((2, 40), np.float32)
    np.add.at(dense, places, values.astype(np.float32))
    assert matrix.nnz == 3
    np.testing.assert_array_equal(estimator.predict_proba(matrix), estimator.predict_proba(dense))


def test_dates_and_text_are_neither_numbers_nor_weights():
    X, y = draw_numbers(60)
    dates = np.full(60, "2020-01-01", "M8[D]")
    for wrong in (dates, y.astype(str)):
        with pytest.raises(ValueError, match=r"^y: .* real numbers are needed"):
            make_regressor().fit(X, wrong)
        with pytest.raises(ValueError, match=r"^sample_weight: .* real numbers are needed"):
            make_regressor().fit(X, y, wrong)


def test_weights_of_any_size_count_by_their_ratio():
    X, y = draw_samples(60)
    expected = weights(make().fit(X, y))
    np.testing.assert_array_equal(weights(make().fit(X, y, np.full(60, 1e308))), expected)


def test_tables_of_pandas_bring_their_names():
    X, y = draw_samples(60)
    table = pd.DataFrame(X, columns=[f"f{i}" for i in range(40)])
    estimator = make().fit(table, pd.Series(y))
    assert estimator.feature_names_in_.tolist() == table.columns.tolist()
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(table[table.columns[::-1]])


def test_samples_too_large_to_predict_are_refused():
    X, y = draw_samples(60)
    estimator = make().fit(X, y)
    with pytest.raises(ValueError, match=re.escape("too large; scale them")):
        estimator.predict(np.full((1, 40), 3e38, np.float32))


@pytest.mark.parametrize("make_one", [make, make_regressor])
@pytest.mark.parametrize("kind", [np.array, pd.DataFrame, list])
def test_times_that_are_one_number_in_float32_are_refused(make_one, kind):
    X = np.random.default_rng(0).normal(size=(60, 3))
    X[:, 1] = 1.7e12 + np.arange(60)
    y = np.arange(60) % 2
    with pytest.raises(ValueError, match=r"feature 1 .* one number in float32; subtract its mean"):
        make_one().fit(kind(X), y)
    X[:, 1] -= X[:, 1].mean()
    make_one().fit(kind(X), y)


@pytest.mark.parametrize("outputs", [None, 3])
@pytest.mark.parametrize("rule", ["lsh", "standard"])
def test_regression_learns(rule, outputs):
    X, y = draw_numbers(800, outputs)
    estimator = SparseMLPRegressor(
        (200,), rule=rule, active_fraction=0.3, max_iter=40, random_state=0
    )
    estimator.fit(X[:600], y[:600])
    assert estimator.predict(X).shape == y.shape
    assert estimator.predict(X).dtype == np.float64
    assert estimator.score(X[600:], y[600:]) > 0.7


def test_sparse_targets_are_refused():
    X, y = draw_numbers(60, 2)
    with pytest.raises(ValueError, match="y is sparse"):
        make_regressor().fit(X, sparse.csr_array(y))


def test_regression_keeps_its_number_of_outputs():
    X, y = draw_numbers(100, 2)
    estimator = make_regressor().partial_fit(X, y)
    with pytest.raises(ValueError, match="y has 1 outputs, but the network 2"):
        estimator.partial_fit(X, y[:, 0])


def test_copies_of_a_regressor_predict_and_learn_alike(tmp_path):
    X, y = draw_numbers(100)
    original = make_regressor(alpha=1e-3).fit(X, y)
    joblib.dump(original, tmp_path / "regressor")
    copy = joblib.load(tmp_path / "regressor")
    np.testing.assert_array_equal(copy.predict(X), original.predict(X))
    for estimator in (original, copy):
        estimator.partial_fit(X, y)
    np.testing.assert_array_equal(weights(copy), weights(original))
