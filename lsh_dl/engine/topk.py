"""Keep the largest of a list of scores, without sorting it and without allocating."""

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.simd import count_above, find_bounds, move_above

#: More than any two float32 need; scores that are not finite (a diverged network) would never end.
MOST_HALVINGS = 400


@compiled
def threshold_of_largest(scores, budget):
    """Bounds (low, high) of the budget-th largest score, by bisection.

    At most `budget` scores are above `high`; more than `budget` are above `low`, unless there are
    no more. No number lies between the two, or exactly `budget` scores are above `high`.
    """
    low, high = find_bounds(scores)
    if scores.shape[0] <= budget or low == high:
        return low - abs(low) - np.float32(1), high
    low -= np.float32(1e-6) * abs(low) + np.float32(1e-30)
    for _ in range(MOST_HALVINGS):
        middle = low + (high - low) * np.float32(0.5)
        if middle <= low or middle >= high:
            return low, high
        above = count_above(scores, middle)
        if above > budget:
            low = middle
        else:
            high = middle
            if above == budget:
                return low, high
    return low, high


@compiled
def keep_largest(nodes, scores, count, budget):
    """Move the `budget` largest of scores[:count], with their nodes, to the front.

    Ties go to the earlier entry, the order stays. Returns how many were kept.
    """
    if count <= budget:
        return count
    low, high = threshold_of_largest(scores[:count], budget)
    # Places for scores that tie at the threshold.
    spare, kept = budget - count_above(scores[:count], high), 0
    if spare == 0:
        # NaNs, of a diverged network, compare either way.
        return min(move_above(nodes[:count], scores[:count], high), budget)
    for i in range(count):
        score = scores[i]
        tied = (score > low) & (score <= high) & (spare > 0)
        spare -= tied
        nodes[kept] = nodes[i]
        scores[kept] = score
        kept += tied | (score > high)
    return min(kept, budget)
