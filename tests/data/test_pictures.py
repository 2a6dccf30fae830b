import numpy as np
import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.preview import draw_grid
from lsh_dl.data.prepared.store import open_prepared


def prepared(tmp_path, x):
    path = tmp_path / "own.npz"
    y = np.arange(len(x)) % 3
    np.savez(path, x_train=x, y_train=y, x_test=x[:5], y_test=y[:5])
    entry = {"source": "npz", "path": str(path), "validation": 0}
    return open_prepared(prepare("own", entry, tmp_path / "prepared"))


@pytest.mark.parametrize("suffix", ["svg", "png"])
@pytest.mark.parametrize("shape", [(6, 7), (2, 5, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_grid_is_written(tmp_path, suffix, shape, dtype):
    x = (np.random.default_rng(0).random((12, *shape)) * 255).astype(dtype)
    path = draw_grid(prepared(tmp_path, x), tmp_path / f"grid.{suffix}", rows=2, columns=3)
    start = path.read_bytes()[:200]
    assert b"PNG" in start if suffix == "png" else b"<?xml" in start


def test_more_places_than_samples(tmp_path):
    data = prepared(tmp_path, np.zeros((7, 6, 6), np.uint8))
    assert draw_grid(data, tmp_path / "grid.png", part="test", rows=4, columns=4).exists()


def test_what_cannot_be_shown(tmp_path):
    data = prepared(tmp_path, np.zeros((7, 36), np.uint8))
    with pytest.raises(UserError, match="not images"):
        draw_grid(data, tmp_path / "grid.png")
    data = prepared(tmp_path, np.zeros((7, 6, 6), np.uint8))
    with pytest.raises(UserError, match="no validation part"):
        draw_grid(data, tmp_path / "grid.png", part="validation")
