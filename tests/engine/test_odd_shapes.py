"""All kernels on shapes that fill no block; with NUMBA_BOUNDSCHECK=1 also within their arrays."""

import numpy as np
import pytest
from networks import KEY, RULES, draw_batch, make_model

#: Inputs, widths, classes: of one, and on both sides of a block of 16.
SHAPES = ([1, 1, 1, 2], [15, 17, 33, 3], [16, 16, 31, 16], [47, 130, 1, 17])


@pytest.mark.slow
@pytest.mark.parametrize("sizes", SHAPES, ids=str)
# A rule's shapes in one process: another would compile the same kernels once more.
@pytest.mark.parametrize(
    ("rule", "settings"),
    [
        pytest.param(rule, settings, marks=pytest.mark.xdist_group(f"{rule} {settings}"))
        for rule, settings in [*((rule, {}) for rule in RULES), ("lsh", {"outputs": 0.5})]
    ],
)
def test_training_and_reading_stay_within_their_arrays(rule, settings, sizes):
    rows = draw_batch(230, sizes[0], sizes[-1])  # past a refresh
    model = make_model(rule, sizes, 0.3, momentum=0.5, adagrad=True, threads=2, **settings)
    assert np.isfinite(model.train(rows, KEY).loss).all()
    probabilities, _ = model.predict(rows, KEY)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-4)
    ranked, _ = model.rank(rows, KEY, 3)
    np.testing.assert_array_equal(
        np.take_along_axis(probabilities, ranked[:, :1].clip(0), 1)[:, 0], probabilities.max(1)
    )
