"""The classifier on samples with several labels each, however they are given."""

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix

from lsh_dl import SparseMLPClassifier
from lsh_dl.data.synthetic.wide import draw_wide
from lsh_dl.estimator.several import read_several

pytestmark = [
    pytest.mark.filterwarnings("ignore::lsh_dl.estimator.FewActiveNodesWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

LABELS = 12


@pytest.fixture(scope="module")
def samples():
    x, y = draw_wide(700, LABELS, 120, seed=4, part=0)
    return x[:500], y[:500], x[500:], y[500:]


def make(**changes):
    given = {"rule": "standard", "max_iter": 4, "random_state": 3, "learning_rate": 0.05}
    return SparseMLPClassifier((24,), **given | changes)


def lists_of(y, names):
    return [[names[label] for label in y[[row]].indices] for row in range(y.shape[0])]


@pytest.fixture(scope="module")
def fitted(samples):
    return make().fit(*samples[:2])


def test_labels_are_learned_and_ranked(fitted, samples):
    x, y = samples[2:]
    assert fitted.classes_.tolist() == list(range(LABELS))
    for k, kind in ((0, ValueError), (1.5, TypeError), (10**6, ValueError)):
        with pytest.raises(kind, match=r"^k"):
            fitted.rank(x, k)
    ranked = fitted.rank(x, 5)
    assert ranked.shape == (200, 5)
    first = np.array([row[0] in y[[s]].indices for s, row in enumerate(ranked)])
    assert fitted.score(x, y) == first.mean() > 0.7
    np.testing.assert_array_equal(fitted.predict(x), fitted.classes_[ranked[:, 0]])
    probabilities = fitted.predict_proba(x)
    np.testing.assert_array_equal(np.argsort(-probabilities, kind="stable")[:, :5], ranked)
    weights = np.arange(200.0)
    assert fitted.score(x, y, weights) == pytest.approx(np.average(first, weights=weights))


@pytest.mark.parametrize("form", ["dense", "csr_matrix", "bool", "lists", "sets", "dense x"])
def test_every_form_of_labels_gives_the_same_network(fitted, samples, form):
    x, y = samples[:2]
    names = list(range(LABELS))
    given = {
        "dense": lambda: y.toarray(),
        "csr_matrix": lambda: csr_matrix(y, dtype=float),
        "bool": lambda: y.toarray().astype(bool),
        "lists": lambda: lists_of(y, names),
        "sets": lambda: [set(labels) for labels in lists_of(y, names)],
        "dense x": lambda: y,
    }[form]()
    x = x.toarray() if form == "dense x" else x
    again = make().fit(x, given)
    for one, other in zip(again.coefs_, fitted.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


def test_named_labels_keep_their_names(samples):
    x, y, x_test, y_test = samples
    names = [f"label {chr(97 + label)}" for label in range(LABELS)]
    model = make().fit(x, lists_of(y, names))
    assert model.classes_.tolist() == names
    assert model.predict(x_test)[0] in names
    assert model.score(x_test, lists_of(y_test, names)) > 0.7
    with pytest.raises(ValueError, match="labels \\['other'\\]"):
        model.score(x_test[:1], [["other"]])


def test_passes_with_selected_outputs(samples):
    x, y, x_test, y_test = samples
    settings = {"outputs": 0.5, "K": 2, "interval": 10, "growth": 1.0}
    model = make(rule="lsh", active_fraction=1.0, rule_settings=settings)
    for _ in range(6):
        model.partial_fit(x, y, classes=np.arange(LABELS))
    assert model.t_ == 3000
    assert model.score(x_test, y_test) > 0.5
    with pytest.raises(ValueError, match="y has 11 columns, but there are 12 classes"):
        model.partial_fit(x, y[:, :11])
    with pytest.raises(ValueError, match=r"labels \[99\] that are not in `classes`"):
        model.partial_fit(x[:2], [[1], [99]])


@pytest.mark.filterwarnings("error")
def test_more_classes_than_samples_are_no_regression(samples):
    x, y = samples[:2]
    make().partial_fit(x[:20], y[:20], classes=np.arange(LABELS))
    make().partial_fit(x[:30], np.arange(30) % 3, classes=np.arange(30))


def test_early_stopping_and_weights(samples):
    x, y = samples[:2]
    model = make(early_stopping=True, max_iter=3).fit(x, y, np.r_[np.zeros(100), np.ones(400)])
    assert model.best_validation_score_ > 0.3
    assert model.t_ == 3 * 360


def test_one_label_each_is_the_training_of_single_labels(samples):
    x, y = samples[:2]
    first = np.array([y[[row]].indices[0] for row in range(500)])
    single, several = make().fit(x, first), make().fit(x, [[label] for label in first])
    assert single.loss_ == several.loss_
    assert single.score(x, first) == several.score(x, [[label] for label in first])


@pytest.mark.parametrize(
    ("change", "y", "message"),
    [
        ({}, csr_array(np.array([[2, 0], [0, 1]])), "not of 0 and 1"),
        ({}, [[], []], "no labels at all"),
        ({"class_weight": "balanced"}, [[1], [2, 1]], "class_weight is for samples of one label"),
        ({}, [[1]], "inconsistent numbers of samples"),
        ({}, [[1], 2], "a list of labels for some samples only"),
        ({}, [[0, "a"], [1]], "words among its labels and numbers"),
    ],
)
def test_what_is_no_such_thing_is_refused(change, y, message):
    with pytest.raises(ValueError, match=message):
        make(**change).fit(np.eye(2, dtype=np.float32), y)


def test_a_sample_without_labels_teaches_nothing():
    x = np.eye(3, dtype=np.float32)
    model = make(max_iter=1, shuffle=False).fit(x, [[0], [], [1, 0]])
    other = make(max_iter=1, shuffle=False).fit(x[[0, 2]], [[0], [1, 0]])
    np.testing.assert_array_equal(model.coefs_[1], other.coefs_[1])


def test_what_is_one_label_each_stays_so():
    for y in (np.array([1, 2]), ["a", "bc"], np.array([[1], [0]]), np.eye(3) * 5):
        assert read_several(y) is None
