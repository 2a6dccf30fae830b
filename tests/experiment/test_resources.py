import pytest

from lsh_dl.experiment.config import Training, read_config
from lsh_dl.experiment.expand import expand_runs
from lsh_dl.experiment.resources import (
    DataSize,
    count_weights,
    estimate_megabytes,
    estimate_seconds,
    group_of_run,
    minutes_to_ask_for,
    size_of_data,
    sizes_of,
)
from lsh_dl.runs.spec import Run

MNIST = DataSize(784, 10, 54_000, 16_000)


def describe(rule="wta", hidden=(1000, 1000), fraction=0.05, **training):
    return Run(
        dataset="mnist",
        rule=rule,
        label=rule,
        title=rule,
        hidden=hidden,
        active_fraction=fraction,
        seed=1,
        training=Training(**{"epochs": 5} | training),
    )


def test_size_is_known_before_anything_is_prepared():
    assert size_of_data("mnist", {}) == MNIST
    few = size_of_data("few", {"source": "norb_standin", "train": 100, "test": 30, "validation": 0})
    assert few == DataSize(2048, 5, 100, 30)


def test_arrays_of_ones_own_have_an_assumed_size():
    size = size_of_data("mine", {"source": "npz", "path": "mine.npz"})
    assert min(size) > 0


def test_weights():
    assert count_weights(describe(), MNIST) == 784_000 + 1_000_000 + 10_000


#: Microseconds per training and predicted sample, from results/benchmarks/budget.csv.
MEASURED = [
    ("standard", 1.0, (221, 89)),
    ("wta", 0.05, (104, 83)),
    ("wta", 0.5, (263, 100)),
    ("adaptive", 0.1, (178, 134)),
    ("lsh", 0.05, (83, 40)),
    ("lsh", 0.25, (444, 242)),
]


@pytest.mark.parametrize(("rule", "fraction", "microseconds"), MEASURED)
def test_time_is_within_a_factor_of_three_of_measured_ones(rule, fraction, microseconds):
    training, prediction = microseconds
    measured = 5 * (54_000 * training + 16_000 * prediction) / 1e6
    estimated = estimate_seconds(describe(rule, fraction=fraction), MNIST)
    assert measured / 3 < estimated < 3 * measured
    assert 60 * minutes_to_ask_for(describe(rule, fraction=fraction), MNIST) > 2 * measured


def test_larger_runs_ask_for_more():
    small, large = describe(hidden=(100,)), describe(hidden=(5000, 5000))
    assert estimate_seconds(small, MNIST) < estimate_seconds(large, MNIST)
    assert estimate_megabytes(small, MNIST) < estimate_megabytes(large, MNIST)
    plain, rich = describe(adagrad=False), describe(momentum=0.9)
    assert estimate_megabytes(plain, MNIST) < estimate_megabytes(rich, MNIST)


def test_memory_holds_the_networks_arrays():
    run = describe(hidden=(10_000, 10_000), momentum=0.5)
    arrays = 3 * 4 * count_weights(run, MNIST) / 1e6
    assert estimate_megabytes(run, MNIST) > arrays


def test_runs_that_are_alike_share_a_job():
    small = DataSize(784, 10, 2_700, 1_300)
    assert group_of_run(describe(), small) == "seconds"
    assert group_of_run(describe(epochs=10), MNIST) == "minutes"
    assert group_of_run(describe(epochs=100), MNIST) is None
    timed = describe().model_copy(update={"threads": 2})
    assert group_of_run(timed, small) is None


@pytest.mark.parametrize("name", ["default", "laptop", "paper", "tiny"])
def test_every_run_of_the_shipped_configs_has_an_estimate(name):
    experiment = read_config(f"configs/{name}.yaml")
    sizes = sizes_of(experiment)
    for run in expand_runs(experiment):
        assert minutes_to_ask_for(run, sizes[run.dataset]) >= 5
        assert estimate_megabytes(run, sizes[run.dataset]) < 4_000
