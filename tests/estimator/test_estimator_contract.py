"""The contract of scikit-learn."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from lsh_dl import SparseMLPClassifier, SparseMLPRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::lsh_dl.estimator.FewActiveNodesWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

SAMPLE_BY_SAMPLE = (
    "trained one sample at a time, in an order: a weight of 2 is one step of twice the gradient, "
    "not two steps (scikit-learn expects the same of its SGDClassifier and SGDRegressor)"
)


def expect_failures(estimator):
    """Those that scikit-learn expects of its own estimators by stochastic gradient descent too."""
    return {
        "check_sample_weight_equivalence_on_dense_data": SAMPLE_BY_SAMPLE,
        "check_sample_weight_equivalence_on_sparse_data": SAMPLE_BY_SAMPLE,
    }


@parametrize_with_checks(
    [
        SparseMLPClassifier((60,), active_fraction=0.2),
        SparseMLPClassifier((30,), rule="standard", early_stopping=True, momentum=0.5),
        SparseMLPRegressor((60,), active_fraction=0.2),
        SparseMLPRegressor((30,), rule="wta", active_fraction=0.5, alpha=1e-4),
    ],
    expected_failed_checks=expect_failures,
)
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)
