"""The shipped experiments: what they plan, and that only what they name is fetched."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from preloaded import call_snakemake
from published import amat_text, write_zip

from lsh_dl.common.discovery import find
from lsh_dl.data.base import DataSet
from lsh_dl.data.prepared.prepare import resolve
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.experiment.config import known_tables, read_config
from lsh_dl.experiment.expand import expand_runs, expand_studies

ROOT = Path(__file__).parents[2]
LEVELS = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9]
#: Each config's sets, with kind, training and test samples of each.
SETS = {
    "paper": {
        "mnist8m": ("real", 8_100_000, 10_000),
        "norb": ("real", 20_000, 24_300),
        "convex_real": ("real", 8_000, 50_000),
        "rectangles_real": ("real", 12_000, 50_000),
    },
    "laptop": {
        "mnist": ("real", 60_000, 10_000),
        "norb_standin": ("stand-in", 20_000, 24_300),
        "convex": ("generated", 8_000, 50_000),
        "rectangles": ("generated", 12_000, 50_000),
    },
}


def snakemake(*arguments, **variables):
    """Run `snakemake` in the project's folder; returns the finished process."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["snakemake", "--cores", "2", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"PATH": path} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("name", SETS)
def test_experiment_is_the_papers(name):
    experiment = read_config(ROOT / "configs" / f"{name}.yaml")
    assert experiment.networks == [[1000, 1000], [1000, 1000, 1000]]
    assert experiment.active_fractions == LEVELS
    assert set(experiment.rules) == {"standard", "dropout", "adaptive", "wta", "lsh"}
    assert set(experiment.datasets) == set(SETS[name])
    for label, (kind, train, test) in SETS[name].items():
        dataset = resolve(label, experiment.datasets[label].settings)
        settings = dataset.settings
        assert (dataset.kind, settings.train, settings.test) == (kind, train, test)
        assert settings.validation == 0, "the paper's sizes in full"


def test_paper_trains_every_set_for_25_epochs():
    experiment = read_config(ROOT / "configs/paper.yaml")
    assert {run.training.epochs for run in expand_runs(experiment)} == {25}


def test_every_set_of_the_paper_can_be_had_without_its_download():
    for label in SETS["paper"]:
        assert find("lsh_dl.data", DataSet, find("lsh_dl.data", DataSet, label).alternative)


@pytest.mark.parametrize("name", SETS)
def test_ids_are_unique(name):
    experiment = read_config(ROOT / "configs" / f"{name}.yaml")
    ids = [run.id for run in expand_runs(experiment)]
    assert len(ids) == len(set(ids))
    # NN has no levels; the four other rules have six.
    expected = len(SETS[name]) * 2 * (1 + 4 * len(LEVELS)) * len(experiment.seeds)
    assert len(expand_studies(experiment)["comparison"]) == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_dry_run_plans_every_run_once(name, tmp_path):
    done = call_snakemake(
        [
            *("--cores", "2", "--dry-run", "--configfile", f"configs/{name}.yaml"),
            *("--config", f"results={tmp_path / 'results'}"),
        ],
        ROOT,
        os.environ,
    )
    assert done.returncode == 0, done.stdout
    table = done.stdout.partition("Job stats:")[2].partition("\n\n")[0]
    jobs = {job: int(count) for job, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
    experiment = read_config(ROOT / "configs" / f"{name}.yaml")
    studies, runs = expand_studies(experiment), expand_runs(experiment)
    tables = known_tables()
    drawn = [name for name, study in tables.items() if study.tables[name].drawn]
    shown = [name for name in drawn if tables[name].name in studies]
    assert jobs.pop("total") == sum(jobs.values())
    assert jobs["prepare_data"] == len(SETS[name])
    assert jobs["train"] == len(runs)
    assert jobs["runs_table"] == 1
    assert {name: jobs[name] for name in drawn if name in jobs} == dict.fromkeys(shown, 1)
    planned = re.findall(r"^Job \d+: (prepare|train) (\S+)$", done.stdout, re.MULTILINE)
    assert sorted(what for job, what in planned if job == "train") == sorted(r.id for r in runs)
    assert {what for job, what in planned if job == "prepare"} == set(SETS[name])


@pytest.mark.slow
def test_pipeline_fetches_what_the_config_names_and_no_more(server, tmp_path):
    rng = np.random.default_rng(0)
    text = amat_text(rng.integers(2, size=(6, 784)).astype(float), np.arange(6) % 2)
    write_zip(tmp_path / "a.zip", {"convex_train.amat": text, "50k_test.amat": text})
    server.files = {"/good/convex/convex.zip": (tmp_path / "a.zip").read_bytes()}
    config = {
        "results": str(tmp_path / "results"),
        "mirror": f"{server.url}/good",
        "cache": str(tmp_path / "cache"),
        "seeds": [1],
        "networks": [[4]],
        "active_fractions": [0.5],
        "datasets": {
            "published": {"source": "convex_real", "train": 6, "test": 6, "validation": 0},
            "digits": {"train": 20, "test": 10},
        },
        "rules": {"wta": None},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    prepared = tmp_path / "results" / "data"
    done = snakemake(
        *("--configfile", tmp_path / "config.yaml", "--nolock"),
        *(prepared / label / "meta.json" for label in config["datasets"]),
    )
    assert done.returncode == 0, done.stdout
    assert [path for path, _ in server.requests] == ["/good/convex/convex.zip"]
    cached = [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".zip"]
    assert cached == [tmp_path / "cache" / "convex" / "convex.zip"]
    assert len(open_prepared(prepared / "published").train) == 6
    assert open_prepared(prepared / "digits").validation is not None
