"""Broken model files, checkpoints and prepared folders: what is right, or one line.

Each is broken as bytes, which checksums find, and as numbers beside checksums that fit, as one who
means harm would write them.
"""

import json
import shutil
import time

import numpy as np
import pytest
from damages import damaged_array, damaged_json, damages, peak_memory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import KEY, draw_batch, make_model, make_run

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.checks import checksum
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.preprocessing import identity_transform
from lsh_dl.data.prepared.store import ArraySamples, open_prepared
from lsh_dl.runs.spec import Training
from lsh_dl.training.checkpoints import Checkpoint
from lsh_dl.training.job import run_to_files
from lsh_dl.training.model_file import TrainedModel, _checksum, read_model, write_model

MOST_MEMORY, MOST_SECONDS = 200 << 20, 30.0  # of all examples of a test together
SIZES = [6, 20, 9, 4]
MODELS = {"lsh": {}, "wta": {}, "adaptive": {}, "selected outputs": {"outputs": 0.5}}

fuzzed = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def bounded():
    """Neither memory nor time goes with what a file says of itself."""
    before, start = peak_memory(), time.process_time()
    yield
    assert peak_memory() - before < MOST_MEMORY
    assert time.process_time() - start < MOST_SECONDS


def answer(read, path):
    """What is read, or None where one line says that it is not."""
    try:
        return read(path)
    except UserError as error:
        message = str(error)
    assert "\n" not in message
    assert message.isprintable()
    assert str(path) in message
    assert len(message) < 1000
    return None


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model file a rule, trained beyond a refresh of its tables."""
    folder, paths = tmp_path_factory.mktemp("models"), {}
    for name, chosen in MODELS.items():
        model = make_model(
            name if name in ("lsh", "wta", "adaptive") else "lsh", SIZES, 0.3, **chosen
        )
        model.train(draw_batch(130, SIZES[0], SIZES[-1]), KEY)
        paths[name] = folder / name
        transform, classes = identity_transform(SIZES[0]), ("a", "b", "c", "d")
        write_model(
            paths[name], TrainedModel(model, transform, classes, np.uint64(7), {"x": 1}), True
        )
        use(read_model(paths[name]))  # kernels are compiled here, not while it is measured
    return paths


def use(trained):
    """Do all with a model that its numbers lead a kernel through."""
    batch = draw_batch(120, SIZES[0], SIZES[-1], seed=3)
    trained.model.predict(batch, trained.key)
    trained.model.train(batch, trained.key)  # beyond the next refresh
    trained.model.rank(batch, trained.key, 3)


@pytest.mark.parametrize("name", MODELS)
@fuzzed
@given(data=st.data())
def test_model_files_of_broken_bytes(name, data, models, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(data.draw(damages(models[name].read_bytes())))
    if read := answer(read_model, path):
        expected = read_model(models[name]).model.named_arrays()
        for key, array in read.model.named_arrays().items():
            np.testing.assert_array_equal(array, expected[key])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers that a kernel in NumPy overflows
@pytest.mark.parametrize("name", MODELS)
@fuzzed
@given(data=st.data())
def test_model_files_of_hostile_numbers(name, data, models, tmp_path):
    """With checksums that fit: what passes may be used, whatever comes out."""
    with np.load(models[name]) as file:
        contents = dict(file)
    header = json.loads(str(contents.pop("header")))
    for _ in range(data.draw(st.integers(1, 2))):
        if data.draw(st.booleans()):
            header = damaged_json(data.draw, header)
        else:
            key = data.draw(st.sampled_from(sorted(contents)))
            contents[key] = damaged_array(data.draw, contents[key])
            if isinstance(header, dict) and isinstance(header.get("arrays"), dict):
                header["arrays"][key] = _checksum(contents[key])
    path = tmp_path / "model"
    with path.open("wb") as file:
        np.savez(file, header=np.array(json.dumps(header)), **contents)
    if read := answer(read_model, path):
        use(read)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A run of which two of four epochs are done, what it is trained on, and its checkpoint."""
    folder = tmp_path_factory.mktemp("interrupted")
    data = prepare("digits", {"train": 60, "test": 20}, folder / "data")
    run, path = make_run("lsh", Training(epochs=4)), folder / "run.csv"
    with pytest.MonkeyPatch.context() as patch:
        save, saved = Checkpoint.save, []

        def save_two(self, model, rows):
            save(self, model, rows)
            saved.append(rows)
            if len(saved) == 2:
                raise KeyboardInterrupt

        patch.setattr(Checkpoint, "save", save_two)
        with pytest.raises(KeyboardInterrupt):
            run_to_files(run, data, path, path.with_suffix(".json"), interval=0.0)
    return run, data, open_prepared(data), path.with_suffix(".checkpoint")


def load(path, interrupted):
    run, folder, data, _ = interrupted
    return Checkpoint(path, run, folder, data, 0).load()


@fuzzed
@given(data=st.data())
def test_checkpoints_of_broken_bytes(data, interrupted, tmp_path, capfd):
    whole = interrupted[-1].read_bytes()
    path = tmp_path / "run.checkpoint"
    path.write_bytes(data.draw(damages(whole)))
    loaded = load(path, interrupted)
    assert capfd.readouterr().err.count("\n") == 1
    if loaded:
        model, rows = load(interrupted[-1], interrupted)
        assert rows == loaded[1]
        np.testing.assert_array_equal(model.network.weights, loaded[0].network.weights)
        capfd.readouterr()


@fuzzed
@given(data=st.data())
def test_checkpoints_of_hostile_numbers(data, interrupted, tmp_path, capfd):
    with np.load(interrupted[-1]) as file:
        contents = dict(file)
    header = json.loads(str(contents.pop("header")))
    identity = header["record"].pop("identity")
    for _ in range(data.draw(st.integers(1, 2))):
        header = damaged_json(data.draw, header)
    if isinstance(header, dict) and isinstance(header.get("record"), dict):
        header["record"].setdefault("identity", identity)
    path = tmp_path / "run.checkpoint"
    with path.open("wb") as file:
        np.savez(file, header=np.array(json.dumps(header)), **contents)
    loaded = load(path, interrupted)
    assert capfd.readouterr().err.count("\n") == 1
    if loaded:
        model, rows = loaded
        assert 0 < len(rows) < 4
        assert model.seen == len(rows) * len(interrupted[2].train)


FOLDERS = {
    "dense": ("digits", {"train": 30, "test": 10}),
    "several labels": ("wide_generated", {"train": 30, "test": 9, "labels": 20, "features": 50}),
    "stream": ("libsvm", {}),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A prepared folder of each kind."""
    place, made = tmp_path_factory.mktemp("prepared"), {}
    (place / "a.svm").write_text("".join(f"{i % 3} {1 + i % 7}:{i + 1} 9:1\n" for i in range(20)))
    files = {f"{part}_file": str(place / "a.svm") for part in ("train", "test")}
    for name, (label, entry) in FOLDERS.items():
        made[name] = prepare(label, entry | (files if label == "libsvm" else {}), place / label)
    return made


def take_all(prepared):
    """Every sample of a prepared set, as training and prediction read it."""
    for part in (prepared.train, prepared.validation, prepared.test):
        if hasattr(part, "take"):
            x, y = part.take(np.arange(len(part)))
            assert x.shape == (len(part), prepared.features)
            assert isinstance(part, ArraySamples) or y.dtype == np.int32
            assert y.min() >= 0
            assert y.max() < prepared.classes
        elif part is not None:
            assert part.x.toarray().shape == (len(part), prepared.features)
            assert part.y.toarray().shape == (len(part), prepared.classes)


@pytest.mark.parametrize("name", FOLDERS)
@fuzzed
@given(data=st.data(), fits=st.booleans())
def test_prepared_folders(name, data, fits, folders, tmp_path):
    """Of broken bytes (`fits` is False), or of hostile numbers with checksums that fit."""
    folder = tmp_path / "prepared"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(folders[name], folder)
    files = sorted(path.name for path in folder.iterdir())
    path = folder / data.draw(st.sampled_from(files))
    meta = json.loads((folder / "meta.json").read_text())
    if not fits:
        path.write_bytes(data.draw(damages(path.read_bytes())))
    elif path.name == "meta.json":
        path.write_text(json.dumps(damaged_json(data.draw, meta)))
    else:
        np.save(path, damaged_array(data.draw, np.load(path)))
        meta["arrays"][path.name] = checksum(path)
        (folder / "meta.json").write_text(json.dumps(meta))
    if prepared := answer(open_prepared, folder):
        take_all(prepared)
        prepared.transform  # noqa: B018 (it is computed)
