"""Model files: what is read is what was written, and nothing else is taken for a model."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import KEY, RULES, draw_batch, make_model

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.preprocessing import InputTransform
from lsh_dl.engine.batch import slice_batch
from lsh_dl.training.model_file import FORMAT, TrainedModel, read_model, write_model

SIZES = [12, 20, 9, 3]


def train(rule="lsh", sizes=SIZES, samples=150, **options):
    """A model trained beyond the first refresh, with its data's scaling."""
    model = make_model(rule, sizes, **{"fraction": 0.3, "adagrad": True} | options)
    model.train(draw_batch(samples, sizes[0], sizes[-1]), KEY)
    offset, scale = np.arange(sizes[0], dtype=np.float32), np.full(sizes[0], 0.5, np.float32)
    transform = InputTransform(offset, scale, np.arange(sizes[0], dtype=np.int32)[::-1].copy())
    classes = tuple(f"class {c}" for c in range(sizes[-1]))
    return TrainedModel(model, transform, classes, np.uint64(2**64 - 1), {"epochs": [0.1, 3]})


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A model file."""
    path = tmp_path_factory.mktemp("models") / "model.npz"
    write_model(path, train())
    return path


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=8)
@given(
    features=st.integers(1, 40),
    widths=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    classes=st.integers(1, 5),
    fraction=st.sampled_from([1e-6, 0.1, 0.5, 1.0]),
    samples=st.sampled_from([0, 1, 99, 100, 330]),
    seed=st.integers(0, 2**32),
    adagrad=st.booleans(),
    momentum=st.sampled_from([0.0, 0.9]),
)
def test_a_model_read_predicts_and_learns_as_the_one_written(
    rule, tmp_path_factory, features, widths, classes, fraction, samples, seed, adagrad, momentum
):
    sizes = [features, *widths, classes]
    options = {"fraction": fraction, "seed": seed, "adagrad": adagrad, "momentum": momentum}
    written = train(rule, sizes, samples, **options)
    path = tmp_path_factory.mktemp("models") / "model"  # no suffix is added
    write_model(path, written, histories=True)
    read = read_model(path)
    for field in InputTransform._fields:
        np.testing.assert_array_equal(
            getattr(read.transform, field), getattr(written.transform, field)
        )
    assert (read.classes, read.key, read.record) == (written.classes, written.key, written.record)
    assert (read.model.seen, read.model.until_refresh) == (
        written.model.seen,
        written.model.until_refresh,
    )
    rows = draw_batch(230, features, classes, seed=9)
    for start, stop in ((0, 30), (30, 230)):  # then beyond another refresh
        part = slice_batch(rows, start, stop)
        probabilities, work = written.model.predict(part, KEY)
        again, work_again = read.model.predict(part, KEY)
        np.testing.assert_array_equal(probabilities, again)
        np.testing.assert_array_equal(work.work, work_again.work)
        for model in (written.model, read.model):
            model.train(part, KEY)
    np.testing.assert_array_equal(written.model.network.weights, read.model.network.weights)


@pytest.mark.parametrize("rule", RULES)
def test_a_file_without_histories_is_small_and_predicts_the_same(rule, tmp_path):
    written = train(rule, momentum=0.9)
    for name, histories in (("small", False), ("large", True)):
        write_model(tmp_path / name, written, histories)
    weights = written.model.network.weights.nbytes
    assert (tmp_path / "large").stat().st_size >= (tmp_path / "small").stat().st_size + 2 * weights
    rows = draw_batch(40, SIZES[0], SIZES[-1], seed=9)
    expected = written.model.predict(rows, KEY)[0]
    np.testing.assert_array_equal(
        read_model(tmp_path / "small").model.predict(rows, KEY)[0], expected
    )


def test_the_same_model_gives_the_same_bytes(path, tmp_path):
    write_model(tmp_path / "again", train())
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def rewrite(path, target, change=None, **arrays):
    """A copy of a model file with other arrays and a changed header."""
    with np.load(path) as file:
        contents = dict(file)
    header = json.loads(str(contents["header"]))
    if change:
        change(header)
    contents |= {"header": np.array(json.dumps(header))} | arrays
    with target.open("wb") as file:
        np.savez(file, **{name: array for name, array in contents.items() if array is not None})


HEADERS = {
    "version": (lambda h: h.update(format=FORMAT + 1), f"format {FORMAT + 1}, but this version"),
    "kind": (lambda h: h.update(kind="lsh-dl atlas"), "not a model (it is a lsh-dl atlas)"),
    "no format": (lambda h: h.pop("format"), "not a model (it has no header)"),
    "rule": (lambda h: h["rule"].update(name="lhs"), "unknown name 'lhs' in rules: did you mean"),
    "settings": (lambda h: h["rule"]["settings"].update(K=17), "rule lsh.K: should be less than"),
    "old setting": (lambda h: h["rule"]["settings"].update(hashes=3), "rule lsh.hashes: unknown"),
    "other settings": (lambda h: h["rule"]["settings"].update(K=3), "another rule lsh"),
    "other ranking": (
        lambda h: h["rule"]["settings"].update(ranking="count"),
        "state.by_count is False, not True",
    ),
    "fraction": (lambda h: h["rule"].update(active_fraction=5), "rule.active_fraction: should be"),
    "sizes": (lambda h: h.update(sizes=[12, 20, 8, 3]), "not those of a network of sizes"),
    "inputs": (lambda h: h.update(sizes=[11, 20, 9, 3]), "offset of 11 numbers"),
    "outputs": (lambda h: h.update(sizes=[12, 20, 9, 4]), "3 classes for 4 outputs"),
    "no layers": (lambda h: h.update(sizes=[12, 3]), "sizes: "),
    "zero width": (lambda h: h.update(sizes=[12, 0, 9, 3]), "sizes.1: should be greater"),
    "missing key": (lambda h: h.pop("seen"), "seen: missing"),
}


@pytest.mark.parametrize(("change", "message"), HEADERS.values(), ids=HEADERS)
def test_a_header_that_does_not_fit_is_one_line(change, message, path, tmp_path):
    rewrite(path, tmp_path / "bad", change)
    check_refusal(tmp_path / "bad", message)


def check_refusal(path, message):
    """Reading ends with one line that names the file."""
    with pytest.raises(UserError) as caught:
        read_model(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


ARRAYS = {
    "missing": ({"weights": None}, "weights are not those"),
    "shape": ({"weights": np.zeros(5, np.float32)}, "weights are not those"),
    "state": (
        {"state.budgets": np.zeros(3, np.int64)},
        "state.budgets is int64 (3,), not int64 (2,)",
    ),
    "type": ({"state.budgets": np.zeros(2)}, "state.budgets is float64 (2,), not int64 (2,)"),
    "no state": ({"state.budgets": None}, "state.budgets is missing"),
    "scaling": ({"scale": None}, "scale of 12 numbers is needed"),
    "no header": ({"header": None}, "not a model (it has no header)"),
    "header": ({"header": np.zeros(3)}, "not a model (it has no header)"),
    "pickled": ({"state.budgets": np.array([{}], object)}, "state.budgets: Python objects"),
}


@pytest.mark.parametrize(("arrays", "message"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_that_do_not_fit_are_one_line(arrays, message, path, tmp_path):
    rewrite(path, tmp_path / "bad", **arrays)
    check_refusal(tmp_path / "bad", message)


def put(name, place, value):
    """An array of the model file with one other number."""

    def change(arrays):
        arrays[name][place] = value

    return change


def exchange(one, other):
    def change(arrays):
        arrays[one], arrays[other] = arrays[other], arrays[one]

    return change


# What a kernel would read memory by, and the numbers of the header that bound time and memory.
HARMFUL = {
    "codes": (put("state.tables.codes", (0, 0, 0), 10**6), "tables.codes holds numbers outside"),
    "negative codes": (put("state.tables.codes", (1, 2, 3), -1), "tables.codes holds"),
    "starts": (put("state.tables.starts", (0, 0, 5), 10**9), ""),
    "members": (put("state.tables.members", (0, 0, 0), -(10**9)), ""),
    "permutations": (put("state.permutations", (0, 0), 3), "permutations of layer 0 are none"),
    "blocks": (put("state.projections.blocks", 0, 10**6), "projections.blocks"),
    "row blocks": (put("state.projections.row_blocks", 0, -16), "projections.row_blocks"),
    "budgets": (put("state.budgets", 0, 10**6), "budgets is not that of the settings"),
    "candidates": (put("state.gathered", 1, 10**6), "gathered is not"),
    "counters": (put("state.upkeep.renewals", 0, -1), "upkeep"),
    "place": (put("state.current", (1, 0), 1), "current holds numbers outside 0 ... 0"),
    "NaN": (put("weights", 5, np.nan), ""),
    "infinity": (put("state.projections.directions", (0, 0, 0), np.inf), "is not finite"),
    "order": (put("order", 0, 10**8), "order does not name each of 12 inputs once"),
    "order twice": (put("order", 0, 3), "order does not name"),
    "scale": (put("scale", 0, np.nan), "scale is not finite"),
    "swapped": (exchange("offset", "scale"), "offset is not what was written"),
    "swapped tables": (exchange("state.tables.codes", "state.tables.members"), ""),
}


@pytest.mark.parametrize(("change", "message"), HARMFUL.values(), ids=HARMFUL)
def test_numbers_that_would_lead_a_kernel_astray(change, message, path, tmp_path):
    with np.load(path) as file:
        contents = dict(file)
    change(contents)
    with (tmp_path / "bad").open("wb") as file:
        np.savez(file, **contents)
    try:
        read = read_model(tmp_path / "bad").model
    except UserError:
        check_refusal(tmp_path / "bad", message)
    else:  # what follows from others was made anew
        assert not message
        expected = read_model(path).model.named_arrays()
        for name, array in read.named_arrays().items():
            np.testing.assert_array_equal(array, expected[name])


LARGE = {
    "sizes": (lambda h: h.update(sizes=[12, 10**10, 9, 3]), "sizes.1"),
    "sizes of 32 bits": (
        lambda h: h.update(sizes=[12, 2**31 - 1, 2**31 - 1, 3]),
        "its rule lsh needs",
    ),
    "seed": (lambda h: h["rule"].update(seed=10**30), "rule.seed"),
    "seen": (lambda h: h.update(seen=10**30), "seen"),
    "until refresh": (lambda h: h.update(until_refresh=10**30), "until_refresh"),
    "rate": (lambda h: h["optimiser"].update(learning_rate=float("nan")), "learning_rate"),
    "momentum": (lambda h: h["optimiser"].update(momentum=5), "momentum"),
    "class": (lambda h: h.update(classes=[0, 1, 10**30]), "classes.2"),
    "class twice": (lambda h: h.update(classes=[0, 1, 1]), "2 classes for 3 outputs"),
    "tables": (lambda h: h["rule"]["settings"].update(K=16, L=1000), "its rule lsh needs"),
    "version": (lambda h: h.update(lsh_dl="1\n2"), "lsh_dl"),
}


@pytest.mark.parametrize(("change", "message"), LARGE.values(), ids=LARGE)
def test_a_header_of_huge_numbers_is_one_line(change, message, path, tmp_path):
    rewrite(path, tmp_path / "bad", change)
    check_refusal(tmp_path / "bad", message)


def test_a_header_nested_without_end_is_one_line(path, tmp_path):
    rewrite(path, tmp_path / "bad", header=np.array("[" * 100_000))
    check_refusal(tmp_path / "bad", "it has no header")


def test_a_packed_bomb_is_not_unpacked(path, tmp_path):
    with np.load(path) as file:
        contents = dict(file) | {"weights": np.zeros(10**7, np.float32)}
    with (tmp_path / "bad").open("wb") as file:
        np.savez_compressed(file, **contents)
    check_refusal(tmp_path / "bad", "packed, which arrays of models are not")


def test_the_schedule_of_refreshes_takes_no_time_to_find():
    model = make_model("lsh", SIZES, fraction=0.3)
    rule, network = model.rule, model.network
    steps, seen = [], 0
    while seen < 300_000:
        steps.append(rule.refresh_interval(seen, network))
        assert rule.refresh_interval(seen + steps[-1] - 1, network) == 1
        seen += steps[-1]
    assert steps[0] == 100
    assert steps[-1] == 4000
    assert 1 <= rule.refresh_interval(10**18, network) <= 4000


def test_a_file_cut_anywhere_is_refused(path, tmp_path):
    whole = path.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 25).astype(int):
        (tmp_path / "cut").write_bytes(whole[:length])
        check_refusal(tmp_path / "cut", "not a model (no zip file, or a truncated one)")


def test_a_byte_changed_anywhere_is_refused_or_of_no_account(path, tmp_path):
    whole = path.read_bytes()
    expected = read_model(path).model
    refused = 0
    for place in np.linspace(0, len(whole) - 1, 60).astype(int):
        changed = bytearray(whole)
        changed[place] ^= 0x55
        (tmp_path / "changed").write_bytes(changed)
        try:
            read = read_model(tmp_path / "changed").model
        except UserError:
            check_refusal(tmp_path / "changed", "")
            refused += 1
            continue
        for name, array in read.named_arrays().items():
            np.testing.assert_array_equal(array, expected.named_arrays()[name])
    assert refused > 40


def test_other_files_are_no_models(tmp_path):
    check_refusal(tmp_path / "none", "No such file")
    check_refusal(tmp_path, "Is a directory")
    (tmp_path / "text").write_text("a,b\n1,2\n")
    check_refusal(tmp_path / "text", "not a model")
    np.save(tmp_path / "array.npy", np.zeros(3))
    check_refusal(tmp_path / "array.npy", "not a model")


def test_a_failed_write_leaves_the_old_file(path, tmp_path):
    target = tmp_path / "model"
    target.write_bytes(path.read_bytes())
    broken = train()
    broken.model.hidden.state = broken.model.state._replace(probing=[])
    with pytest.raises(UserError, match=r"state\.probing is a list, which cannot be saved"):
        write_model(target, broken)
    assert target.read_bytes() == path.read_bytes()
    assert list(tmp_path.iterdir()) == [target]
