"""The pipeline by way of SLURM: the same results as without."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from cluster import start_cluster, why_not

from lsh_dl.runs.row import TIME_COLUMNS

ROOT = Path(__file__).parents[2]
#: A part of all, so that it takes less time.
WANTED, PART = "accuracy_lsh_vs_dropout", "dataset=digits rule=dropout seed=1"
#: What this SLURM lacks: accounts, accounting, more than one core, perhaps.
HERE = ("--slurm-no-account", "--slurm-status-command", "squeue", "--cores", "1")
SOON = ("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "20")

pytestmark = pytest.mark.slow


def snakemake(environment, results, *arguments):
    return subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", WANTED, *map(str, arguments)),
            *("--configfile", "configs/tiny.yaml", "--config", f"results={results}"),
            f"only={PART}",
        ],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.skipif(bool(why_not()), reason=str(why_not()))
def test_same_results_as_on_this_machine(tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    here = snakemake(os.environ | {"PATH": path}, tmp_path / "here", "--cores", "2")
    assert here.returncode == 0, here.stdout
    with start_cluster(tmp_path / "slurm") as environment:
        environment["PATH"] = f"{path}:/usr/sbin"
        profile = ("--workflow-profile", "profiles/slurm")
        there = snakemake(environment, tmp_path / "there", *profile, *HERE, *SOON)
    assert there.returncode == 0, there.stdout
    # Four runs of some seconds are one job of the cluster.
    assert there.stdout.count("Group job seconds") == 1

    runs = sorted(path.name for path in (tmp_path / "here/runs").glob("*.csv"))
    assert len(runs) == 4
    for name in runs:
        one, other = (pd.read_csv(tmp_path / place / "runs" / name) for place in ("here", "there"))
        timeless = one.drop(columns=list(TIME_COLUMNS))
        pd.testing.assert_frame_equal(timeless, other.drop(columns=list(TIME_COLUMNS)))
    figures = {path.name for path in (tmp_path / "there/figures").iterdir()}
    assert figures == {f"{WANTED}.svg", f"{WANTED}.png"}
