"""The examples of docs/data.md and docs/add_a_data_set.md, run as printed."""

import re
import sys

import pytest
import yaml
from documents import ROOT, blocks

import lsh_dl.data
from lsh_dl.common.discovery import discover
from lsh_dl.data.base import DataSet
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.preview import draw_grid
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.experiment.config import check_config
from lsh_dl.experiment.expand import expand_runs
from lsh_dl.training.run import train_run

TEXT = (ROOT / "docs/data.md").read_text()
DATA, TUTORIAL = "docs/data.md", "docs/add_a_data_set.md"


def config_of(text: str) -> dict:
    return yaml.safe_load(text) | {
        "seeds": [1],
        "networks": [[32]],
        "active_fractions": [0.25],
        "rules": {"standard": None},
        "training": {"epochs": 3, "learning_rate": 0.03},
    }


def train_all(experiment, tmp_path):
    """The last test accuracy by data set."""
    accuracies = {}
    for run in expand_runs(experiment):
        entry = experiment.datasets[run.dataset]
        given = {"source": entry.source or run.dataset} | entry.settings
        data = open_prepared(prepare(run.dataset, given, tmp_path / run.dataset))
        *_, last = train_run(run, data)
        accuracies[run.dataset] = last["test_accuracy"]
    return accuracies


def test_own_arrays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks(DATA, "python")[0], DATA, "exec"), {})
    accuracies = train_all(check_config(config_of(blocks(DATA, "yaml")[0])), tmp_path)
    assert accuracies["halves"] > 0.7


@pytest.fixture
def stripes(tmp_path, monkeypatch):
    """The example's file, as if it lay in lsh_dl/data."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package/stripes.py").write_text(blocks(TUTORIAL, "python")[0])
    monkeypatch.setattr(lsh_dl.data, "__path__", [*lsh_dl.data.__path__, str(tmp_path / "package")])
    discover.cache_clear()
    yield
    sys.modules.pop("lsh_dl.data.stripes")
    discover.cache_clear()


def test_own_data_set(stripes, tmp_path):
    accuracies = train_all(check_config(config_of(blocks(TUTORIAL, "yaml")[0])), tmp_path)
    assert accuracies["stripes"] > 0.85
    assert 0.5 < accuracies["faint"] < accuracies["stripes"]
    assert draw_grid(open_prepared(tmp_path / "stripes"), tmp_path / "a.png").exists()


def test_table_has_every_set_as_it_is():
    rows = dict(
        re.findall(r"^\| `(\w+)` \| (real|generated|stand-in|yours) \|", TEXT, re.MULTILINE)
    )
    known = {name: cls.kind for name, cls in discover("lsh_dl.data", DataSet).items()}
    assert rows == known | dict.fromkeys(("amat", "csv", "libsvm", "npz", "xc"), "yours")
