import json
import threading
import warnings
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import make_run
from sklearn.datasets import load_wine

from lsh_dl.common import memory
from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.prepare import prepare, resolve, split_validation
from lsh_dl.data.prepared.preprocessing import order_features
from lsh_dl.data.prepared.scaling import choose_preprocessing, fit_preprocessing, measure
from lsh_dl.data.prepared.store import ArraySamples, fresh_folder, open_prepared
from lsh_dl.runs.spec import Training
from lsh_dl.training.run import train_run

RNG = np.random.default_rng(0)


@pytest.fixture
def arrays(tmp_path):
    """A path and the arrays in it, to be changed and written anew."""
    content = {
        "x_train": RNG.integers(256, size=(40, 12), dtype=np.uint8),
        "y_train": np.arange(40) % 3,
        "x_test": RNG.integers(256, size=(9, 12), dtype=np.uint8),
        "y_test": np.arange(9) % 3,
    }
    return tmp_path / "own.npz", content


def prepare_npz(path, content, tmp_path, **settings):
    np.savez(path, **content)
    entry = {"source": "npz", "path": str(path), **settings}
    return open_prepared(prepare("own", entry, tmp_path / "prepared"))


def every(samples):
    return samples.take(np.arange(len(samples)))


def test_prepared_holds_what_was_given(arrays, tmp_path):
    path, content = arrays
    got = prepare_npz(path, content, tmp_path, validation=0)
    for part, samples in (("train", got.train), ("test", got.test)):
        x, y = every(samples)
        np.testing.assert_array_equal(x, content[f"x_{part}"])
        np.testing.assert_array_equal(y, content[f"y_{part}"])
        np.testing.assert_array_equal(samples.labels, y)
        assert (x.dtype, y.dtype) == (np.uint8, np.int32)
        assert x.flags.c_contiguous
    assert got.validation is None
    assert (got.features, got.classes, got.title, got.kind) == (12, 3, "own", "real")


def test_take_gives_any_rows_in_any_order(arrays, tmp_path):
    path, content = arrays
    got = prepare_npz(path, content, tmp_path, validation=0)
    rows = np.array([5, 0, 5, 39])
    np.testing.assert_array_equal(got.train.take(rows)[0], content["x_train"][rows])
    assert got.train.take(np.empty(0, np.int64))[0].shape == (0, 12)


def test_validation_is_parted_from_training(arrays, tmp_path):
    path, content = arrays
    got = prepare_npz(path, content, tmp_path, validation=0.25)
    assert (len(got.train), len(got.validation), len(got.test)) == (30, 10, 9)
    both = np.concatenate([every(got.train)[0], every(got.validation)[0]])
    assert sorted(map(bytes, both)) == sorted(map(bytes, content["x_train"]))
    again = prepare_npz(path, content, tmp_path, validation=0.25)
    np.testing.assert_array_equal(every(got.validation)[0], every(again.validation)[0])
    other = prepare_npz(path, content, tmp_path, validation=0.25, validation_seed=1)
    assert not np.array_equal(every(got.validation)[0], every(other.validation)[0])


def test_preprocessing_sees_neither_validation_nor_test(arrays, tmp_path):
    path, content = arrays
    got = prepare_npz(path, content, tmp_path, validation=0.25, preprocessing="center")
    np.testing.assert_allclose(got.offset, every(got.train)[0].mean(axis=0), rtol=1e-5)


@given(
    groups=st.lists(st.integers(0, 9), min_size=1, max_size=60),
    share=st.floats(0, 0.5),
    seed=st.integers(0, 9),
)
def test_split_never_parts_a_group_and_leaves_some(groups, share, seed):
    groups = np.array(groups)
    kept = split_validation(len(groups), share, seed, groups)
    rest = np.setdiff1d(np.arange(len(groups)), kept)
    assert len(rest) > 0
    assert not set(groups[kept]) & set(groups[rest])
    if share > 0 and len(set(groups)) > 1:
        assert len(kept) > 0


@given(total=st.integers(1, 200), share=st.floats(0, 0.5))
def test_split_without_groups_meets_the_share(total, share):
    kept = split_validation(total, share, 0)
    assert abs(len(kept) - share * total) <= 1
    assert len(np.unique(kept)) == len(kept)


def statistics(x):
    return measure(ArraySamples(x, np.zeros(len(x), np.int32)))


def fit(x, preprocessing):
    return fit_preprocessing(statistics(x), preprocessing)


def test_each_feature_by_its_own_deviation():
    x = (RNG.random((300, 4)) * [1e-3, 250, 0, 1e6] + [0, 5, 7, 0]).astype(np.float32)
    offset, scale = fit(x, "standardize_each")
    ready = (x - offset) * scale
    np.testing.assert_allclose(ready.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(ready.std(axis=0), [1, 1, 0, 1], atol=1e-3)


UNITS = np.array([1, 1, 1, 1, 1, 1, 1, 1000])


@pytest.mark.parametrize(
    ("x", "chosen"),
    [
        (RNG.random((50, 8)), "standardize"),
        (RNG.random((50, 8)) - 0.5, "standardize"),
        (RNG.random((50, 8)) * UNITS, "standardize_each"),
        (RNG.random((50, 8)) * UNITS * (RNG.random((50, 8)) < 0.3), "standardize_each"),
        (RNG.random((50, 8)) * UNITS * (RNG.random((50, 8)) < 0.05), "scale"),
        (RNG.random((50, 8)) * (RNG.random((50, 8)) < 0.3), "scale"),
        (RNG.integers(1, 256, (50, 8)) // UNITS, "standardize"),
        (np.zeros((50, 8)), "scale"),
        (np.ones((50, 8)), "standardize"),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_scaling_by_the_data(x, chosen, dtype):
    if dtype == np.uint8 and (x.max() < 2 or x.max() > 255):  # would all be zeros, or overflow
        return
    got, reason = choose_preprocessing(statistics(x.astype(dtype)))
    assert got == chosen
    assert reason


def test_two_features_in_different_units():
    x = RNG.random((200, 2)).astype(np.float32) * np.float32([1, 1000])
    assert choose_preprocessing(statistics(x))[0] == "standardize_each"


def test_features_far_from_zero_are_scaled_by_their_own_spread():
    """Seconds since 1970 over an hour; beside what is constant, which becomes 0."""
    x = RNG.normal(size=(5000, 4))
    x[:, 1] = 1.7e9 + 3000 * RNG.random(5000)
    x[:, 2] = 1.7e9 + RNG.integers(2, size=5000) * 128  # two neighbours in float32
    x[:, 3] = 5
    x = x.astype(np.float32)
    offset, scale = fit_preprocessing(statistics(x), "standardize_each")
    inputs = (x - offset) * scale
    np.testing.assert_allclose(inputs.std(axis=0), [1, 1, 0, 0], atol=0.05)
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=0.1)


@pytest.mark.parametrize("headings", [("a", "b"), ("a", "b", "b"), "abc", range(2)])
def test_headings_are_one_a_feature(tmp_path, headings):
    with pytest.raises(UserError, match=r"data set own: headings: \d names for 3 features"):
        prepare_arrays(tmp_path, headings)


def test_headings_of_any_kind_are_kept_as_text(tmp_path):
    assert prepare_arrays(tmp_path, np.arange(3)).meta["headings"] == ["0", "1", "2"]


def prepare_arrays(folder, headings):
    """A data set in a file of its own, that gives its features names."""
    source = folder / "own.py"
    source.write_text(OWN)
    (folder / "headings.json").write_text(
        json.dumps(headings if isinstance(headings, str) else list(map(str, headings)))
    )
    prepare("own", {"source": str(source)}, folder / "prepared")
    return open_prepared(folder / "prepared")


OWN = '''
import json
from pathlib import Path

import numpy as np

from lsh_dl.data.base import Arrays, DataSet


class Own(DataSet):
    """Three features with names."""

    name = "own"
    title = "Own"
    kind = "real"
    classes = 2

    def build(self, sources):
        x, y = np.random.default_rng(0).random((20, 3)).astype(np.float32), np.arange(20) % 2
        names = json.loads(Path(__file__).with_name("headings.json").read_text())
        names = names if isinstance(names, str) else np.array(names)
        return Arrays(x, y, x, y, "drawn", headings=names)
'''


def test_own_data_in_different_units_are_learned(tmp_path, capsys):
    """Without a word of scaling; divided by the largest number, one feature would be all."""
    x, y = load_wine(return_X_y=True)
    parts = {}
    for part, rows in (("train", np.arange(178) % 3 > 0), ("test", np.arange(178) % 3 == 0)):
        parts |= {f"x_{part}": x[rows], f"y_{part}": y[rows]}
    np.savez(tmp_path / "own.npz", **parts)
    entry = {"source": "npz", "path": str(tmp_path / "own.npz")}
    accuracy = {}
    for chosen in ({}, {"preprocessing": "scale"}):
        data = open_prepared(prepare("own", entry | chosen, tmp_path / f"p{len(chosen)}"))
        run = make_run("standard", Training(epochs=15), hidden=(50,))
        accuracy[data.meta["preprocessing"]] = list(train_run(run, data))[-1]["test_accuracy"]
    assert accuracy["standardize_each"] > 0.9
    assert accuracy["scale"] < 0.8
    said = capsys.readouterr().err
    assert said.count("preprocessing: standardize_each (features are of different sizes") == 1


def test_scale_keeps_zeros():
    x = RNG.integers(256, size=(50, 4), dtype=np.uint8)
    offset, scale = fit(x, "scale")
    np.testing.assert_array_equal(offset, 0)
    np.testing.assert_allclose(scale, 1 / 255)
    x = RNG.normal(size=(50, 4)).astype(np.float32)
    offset, scale = fit(x, "scale")
    assert np.abs((x - offset) * scale).max() == pytest.approx(1)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_center_and_standardize(dtype):
    x = (RNG.random((300, 5)) * [10, 250, 3, 100, 60]).astype(dtype)
    offset, scale = fit(x, "center")
    ready = (x - offset) * scale
    np.testing.assert_allclose(ready.mean(axis=0), 0, atol=1e-6)
    assert np.abs(ready).max() <= 1
    offset, scale = fit(x, "standardize")
    ready = (x - offset) * scale
    np.testing.assert_allclose(ready.mean(axis=0), 0, atol=1e-6)
    assert np.sqrt((ready**2).mean()) == pytest.approx(1, rel=1e-5)
    assert len(np.unique(scale)) == 1


@pytest.mark.parametrize("preprocessing", ["scale", "center", "standardize", "standardize_each"])
def test_constant_samples_stay_finite(preprocessing):
    for x in (np.zeros((4, 3), np.uint8), np.zeros((4, 3), np.float32)):
        offset, scale = fit(x, preprocessing)
        assert np.isfinite((x - offset) * scale).all()


def test_own_images_and_floats(arrays, tmp_path):
    path, content = arrays
    content["x_train"] = RNG.normal(size=(40, 3, 4))
    content["x_test"] = RNG.normal(size=(9, 3, 4))
    got = prepare_npz(path, content, tmp_path, title="Mine", kind="generated", validation=0)
    x, _ = every(got.train)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, content["x_train"].reshape(40, 12).astype(np.float32))
    assert (got.image_shape, got.title, got.kind) == ((3, 4), "Mine", "generated")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"y_test": None}, "no y_test in it"),
        ({"x_test": np.zeros((9, 11), np.uint8)}, "both need the same"),
        ({"x_train": np.zeros(40)}, "x_train has shape (40,)"),
        ({"x_train": np.zeros((0, 12), np.uint8), "y_train": np.zeros(0, int)}, "has shape (0"),
        ({"x_train": np.full((40, 12), "a")}, "numbers are needed"),
        ({"x_train": np.full((40, 12), np.nan)}, "not finite"),
        ({"y_train": np.zeros(39, int)}, "40 are needed, one a sample"),
        ({"y_train": np.zeros((40, 1), int)}, "one a sample"),
        ({"y_train": np.full(40, -1)}, "label -1 is outside 0"),
        ({"y_train": np.full(40, 0.5)}, "whole numbers are needed"),
        ({"y_train": np.full(40, None)}, "Python objects"),
    ],
)
def test_bad_arrays_are_one_line_and_leave_nothing(arrays, tmp_path, changes, reason):
    path, content = arrays
    content = {key: value for key, value in (content | changes).items() if value is not None}
    with pytest.raises(UserError) as error:
        prepare_npz(path, content, tmp_path)
    message = str(error.value)
    assert reason in message
    assert "\n" not in message
    assert "own" in message
    assert [p.name for p in tmp_path.iterdir()] == ["own.npz"]


@pytest.mark.parametrize("content", [None, b"", b"text", b"PK\x03\x04 cut off"])
def test_no_npz(tmp_path, content):
    path = tmp_path / "own.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as error:
        prepare("own", {"source": "npz", "path": str(path)}, tmp_path / "prepared")
    assert str(path) in str(error.value)
    assert not (tmp_path / "prepared").exists()


@pytest.mark.parametrize(
    ("label", "entry", "reason"),
    [
        ("mnits", {}, "did you mean 'mnist'?"),
        ("mnist", {"trian": 5}, "did you mean 'train'?"),
        ("mnist", {"train": 0}, "train"),
        ("mnist", {"train": 60_001}, "60000"),
        ("mnist", {"preprocessing": "whiten"}, "'scale', 'center', 'standardize'"),
        ("mnist", {"validation": 0.9}, "validation"),
        ("mnist", {"validation": "much"}, "validation"),
        ("own", {"source": "npz"}, "path"),
        ("rectangles", {"least_side": 27, "least_area": 0}, "loosen one"),
        ("digits", {"train": 10**11}, "less than or equal to 10000000"),
        ("wide_generated", {"test": 2**63}, "less than or equal to 10000000"),
    ],
)
def test_bad_entries_are_one_line(label, entry, reason):
    with pytest.raises(UserError) as error:
        resolve(label, entry)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("label", ["digits", "convex", "rectangles", "wide_generated"])
def test_generated_samples_beyond_the_memory_are_one_line(label, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**9)
    with pytest.raises(UserError, match=r"10,000,010 generated samples needs .* of memory"):
        prepare(label, {"train": 10**7, "test": 10}, tmp_path / "prepared")
    assert not (tmp_path / "prepared").exists()


def test_label_is_the_source_unless_told():
    assert resolve("mnist", {}).name == "mnist"
    assert resolve("panel", {"source": "mnist", "train": 9}).settings.train == 9


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda f: (f / "meta.json").unlink(), "no prepared data set"),
        (lambda f: (f / "meta.json").write_text("{"), "not JSON"),
        (lambda f: (f / "meta.json").write_text('{"format": 0}'), "format 0"),
        (lambda f: (f / "meta.json").write_text("[" * 100_000), "meta.json: not JSON"),
        (lambda f: (f / "meta.json").write_text("[]"), "no mapping"),
        (lambda f: (f / "x_test.npy").unlink(), "x_test.npy"),
        (lambda f: (f / "x_train.npy").write_bytes(b"x"), "prepare the data set again"),
        (lambda f: np.save(f / "y_test.npy", np.zeros(3, np.int32)), "and 3 labels"),
    ],
)
def test_damaged_folder_is_one_line(arrays, tmp_path, damage, reason):
    path, content = arrays
    prepare_npz(path, content, tmp_path)
    damage(tmp_path / "prepared")
    with pytest.raises(UserError) as error:
        open_prepared(tmp_path / "prepared")
    assert reason in str(error.value)
    assert str(tmp_path / "prepared") in str(error.value)
    assert "\n" not in str(error.value)


def test_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "set"
    with suppress(RuntimeError), fresh_folder(target) as folder:
        (folder / "half").write_text("x")
        raise RuntimeError
    assert not list(target.parent.iterdir())
    for content in ("x_train.npy", "x_test.npy"):
        with fresh_folder(target) as folder:
            meta = {"format": 2, "label": "x", "counts": {}}
            (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
            (folder / content).write_text("x", encoding="utf-8")
            assert not (target / content).exists()
        assert {p.name for p in target.iterdir()} == {"meta.json", content}
    assert list(target.parent.iterdir()) == [target]


def test_unwritable_place_is_one_line(arrays, tmp_path):
    path, content = arrays
    np.savez(path, **content)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="choose another folder"):
        prepare("own", {"source": "npz", "path": str(path)}, tmp_path / "file" / "prepared")


def test_meta_can_be_read_by_others(arrays, tmp_path):
    path, content = arrays
    prepare_npz(path, content, tmp_path)
    meta = json.loads((tmp_path / "prepared" / "meta.json").read_text())
    assert meta["counts"] == {"train": 36, "validation": 4, "test": 9}
    assert meta["preprocessing"] == "standardize"  # not "auto": what it stood for
    assert meta["settings"]["path"] == str(path)


def test_threads_take_at_once(arrays, tmp_path):
    path, content = arrays
    samples = prepare_npz(path, content, tmp_path, validation=0).train
    wrong = []

    def work(seed):
        for _ in range(50):
            rows = np.random.default_rng(seed).integers(40, size=20)
            if not np.array_equal(samples.take(rows)[0], content["x_train"][rows]):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


@pytest.mark.parametrize("shape", [None, (28, 28), (2, 32, 32), (5, 6), (1, 3, 9)])
def test_images_are_read_in_tiles(shape):
    features = 20 if shape is None else int(np.prod(shape))
    order = order_features(features, shape)
    assert order.dtype == np.int32
    np.testing.assert_array_equal(np.sort(order), np.arange(features))
    if shape is None:
        np.testing.assert_array_equal(order, np.arange(features))
    elif shape[-1] % 4 == shape[-2] % 4 == 0:
        images = np.arange(features).reshape(-1, *shape[-2:])
        np.testing.assert_array_equal(order[:16], images[0, :4, :4].ravel())
        np.testing.assert_array_equal(order[-16:], images[-1, -4:, -4:].ravel())


def test_a_folder_whose_meta_snakemake_removed_is_prepared_anew(arrays, tmp_path):
    path, content = arrays
    prepare_npz(path, content, tmp_path)
    (tmp_path / "prepared" / "meta.json").unlink()
    assert len(prepare_npz(path, content, tmp_path).test) == 9
    (tmp_path / "prepared" / "meta.json").unlink()
    (tmp_path / "prepared" / "mine").touch()
    with pytest.raises(UserError, match="nothing of it is replaced"):
        prepare_npz(path, content, tmp_path)
