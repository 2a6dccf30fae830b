"""Initial weights."""

from itertools import pairwise

import numpy as np
import pytest

from lsh_dl.engine.network import create_network, layer_weights

SIZES = [30, 200, 80, 5]


@pytest.mark.parametrize("initial", ["he", "glorot-doubled"])
def test_initial_weights_have_the_distribution_that_is_said(initial):
    network = create_network(SIZES, 1, initial=initial)
    for index, (inputs, nodes) in enumerate(pairwise(SIZES)):
        weights = layer_weights(network, index)
        assert not weights[:, inputs].any()  # the biases
        drawn = weights[:, :inputs]
        if initial == "he":
            deviation = np.sqrt((1 if index == 2 else 2) / inputs)
        else:
            bound = 2 * np.sqrt(6 / (inputs + nodes))
            assert 0.95 * bound < np.abs(drawn).max() <= bound
            deviation = bound / np.sqrt(3)
        assert drawn.std() == pytest.approx(deviation, rel=4 / np.sqrt(drawn.size))
        assert abs(drawn.mean()) < 4 * deviation / np.sqrt(drawn.size)


def test_sampled_outputs_have_the_same_initial_weights():
    for initial in ("he", "glorot-doubled"):
        dense, sampled = (create_network(SIZES, 1, one, initial=initial) for one in (False, True))
        for index in range(3):
            inputs = SIZES[index]
            np.testing.assert_array_equal(
                layer_weights(dense, index)[:, :inputs], layer_weights(sampled, index)[:, :inputs]
            )
