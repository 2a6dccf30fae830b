"""The networks of this package as scikit-learn estimators."""

from lsh_dl.estimator.base import FewActiveNodesWarning
from lsh_dl.estimator.classifier import SparseMLPClassifier
from lsh_dl.estimator.regressor import SparseMLPRegressor

__all__ = ["FewActiveNodesWarning", "SparseMLPClassifier", "SparseMLPRegressor"]
