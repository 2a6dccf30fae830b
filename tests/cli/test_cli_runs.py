"""`lsh-dl train`, `runs` and `rules`, as a person types them."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from lsh_dl.cli.main import main
from lsh_dl.cli.train import name_variant
from lsh_dl.runs.spec import Training

SMALL = ("--entry", '{"train": 80, "test": 30}', "--hidden", "8", "--epochs", "2")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `lsh-dl` with arguments, in a folder and with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LSH_DL_CACHE", str(tmp_path / "cache"))
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


def without_compiling(text):
    """Lines, but for those that tell of kernels which this process is the first to need."""
    return [line for line in text.splitlines() if not line.startswith("lsh-dl: ")]


def test_train_from_options(run, tmp_path):
    done = run("train", "--dataset", "digits", "--rule", "wta", "--active", "0.25", *SMALL)
    assert done.exit_code == 0, done.output
    csv = tmp_path / "results/trials/digits_wta_1x8_25pct_seed1_epochs=2,train=80,test=30.csv"
    rows = pd.read_csv(csv)
    assert list(rows["epoch"]) == [1, 2]
    assert json.loads(csv.with_suffix(".json").read_text())["run"]["hidden"] == [8]
    lines = without_compiling(done.output)
    assert lines[0].startswith(f"epoch 1 of 2: test {100 * rows['test_accuracy'][0]:.2f} %")
    assert lines[1].endswith("done")
    assert "WTA on Digits (MNIST stand-in)" in done.output
    assert without_compiling(done.stderr) == []


def test_data_are_prepared_once(run, tmp_path):
    for seed in (1, 2):
        assert (
            run(
                *("train", "--dataset", "digits", "--rule", "wta", "--seed", seed, *SMALL)
            ).exit_code
            == 0
        )
    first = list((tmp_path / "cache/prepared").glob("digits-*/meta.json"))
    assert len(first) == 1
    assert (
        run("train", "--dataset", "digits", "--rule", "wta", "--entry", '{"train": 90}').exit_code
        == 0
    )
    assert len(list((tmp_path / "cache/prepared").glob("digits-*/meta.json"))) == 2


def test_train_on_a_prepared_folder(run, tmp_path):
    entry = ("--entry", '{"source": "digits", "train": 80, "test": 30}')
    run("data", "prepare", "--label", "toys", *entry, "--out", "toys")
    done = run("train", "--data", "toys", "--rule", "standard", "--hidden", "8", "--epochs", "1")
    assert done.exit_code == 0, done.output
    csv = tmp_path / "results/trials/toys_standard_1x8_100pct_seed1_epochs=1.csv"
    assert csv.is_file()
    csv.unlink()
    (tmp_path / "c.yaml").write_text(
        "seeds: [1]\nnetworks: [[8]]\nactive_fractions: [0.5]\nrules: {standard: }\n"
        "datasets: {toys: {source: digits, train: 70}}\n"
    )
    more = ("--data", "toys", "--config", "c.yaml", "--hidden", "8", "--epochs", "1")
    assert run("train", "--rule", "standard", *more).exit_code == 0
    assert csv.is_file(), "what was trained on are not the 70 images of the config"


def test_a_model_replaces_models_alone(run, tmp_path):
    mine = tmp_path / "mine.csv"
    mine.write_text("1,2,3\n")
    entry = ("--dataset", "digits", "--entry", '{"train": 80, "test": 30}')
    train = ("train", *entry, "--rule", "wta", "--hidden", "8", "--epochs", "1", "--model")
    done = run(*train, mine)
    assert done.exit_code == 1
    assert "mine.csv: is there and is no model" in done.stderr
    assert mine.read_text() == "1,2,3\n"
    own = "results/trials/digits_wta_1x8_5pct_seed1_epochs=1,train=80,test=30.csv"
    done = run(*train, own)
    assert done.exit_code == 1
    assert "would replace" in done.stderr
    for _ in range(2):
        assert run(*train, "model.npz").exit_code == 0


def test_config_gives_entries_and_options_are_laid_over(run, tmp_path):
    (tmp_path / "a.yaml").write_text(
        """
        seeds: [1]
        networks: [[8]]
        active_fractions: [0.5]
        datasets:
          few: {source: digits, train: 80, test: 30, training: {learning_rate: 0.02}}
        rules: {drawn: {source: dropout, inference: sampled, title: Drawn}}
        training: {epochs: 2}
        """
    )
    done = run(
        *("train", "--config", "a.yaml", "--dataset", "few", "--rule", "drawn"),
        *("--epochs", "1", "--hidden", "8,6", "--out", "here"),
    )
    assert done.exit_code == 0, done.output
    described = json.loads(
        next((tmp_path / "here").glob("few_drawn_8-6_5pct_seed1_*.json")).read_text()
    )["run"]
    assert described["rule"] == "dropout"
    assert described["settings"] == {"inference": "sampled"}
    assert described["title"] == "Drawn"
    assert described["training"]["epochs"] == 1
    assert described["training"]["learning_rate"] == 0.02


def test_trials_that_differ_are_all_kept(run, tmp_path):
    common = ("train", "--dataset", "digits", "--rule", "wta", *SMALL)
    trials = (
        (),
        ("--learning-rate", "0.02"),
        ("--learning-rate", "0.03"),
        ("--sgd",),
    )
    kept = [arguments for arguments in trials if run(*common, *arguments).exit_code == 0]
    assert len(list((tmp_path / "results/trials").glob("*.csv"))) == len(kept) >= 4
    again = run(*common, *trials[1])
    assert "will be replaced" in again.stderr
    assert len(list((tmp_path / "results/trials").glob("*.csv"))) == len(kept)
    listed_runs = run("runs", "list", "results/trials")
    assert f"{len(kept)} runs" in listed_runs.output


def test_names_of_trials():
    assert name_variant(Training(), {}, {"source": "digits"}) == ""
    assert name_variant(Training(learning_rate=0.02), {"K": 6}, {}) == "learning_rate=0.02,K=6"
    odd = name_variant(Training(), {"text": "a/b"}, {})
    long = name_variant(Training(), {"text": "a" * 99}, {})
    assert odd != long
    assert {len(odd), len(long)} == {8}


def test_ctrl_c_says_how_to_go_on(run, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("lsh_dl.training.job.run_to_files", interrupt)
    done = run("train", "--dataset", "digits", "--rule", "wta", *SMALL)
    assert done.exit_code == 130
    assert "the same command goes on" in done.stderr


def test_network_larger_than_the_memory(run, tmp_path):
    done = run("train", "--dataset", "digits", "--rule", "wta", *SMALL, "--hidden", 2**31 - 1)
    assert done.exit_code == 1
    assert re.fullmatch(
        r"error: the network 784-2147483647-10 needs 13.6 TB of memory; there are .*\n", done.stderr
    )


@pytest.mark.parametrize("seconds", ["nan", "-1", "soon"])
def test_seconds_between_checkpoints(run, seconds):
    done = run("train", "--dataset", "digits", "--rule", "wta", "--checkpoint-seconds", seconds)
    assert done.exit_code == 2
    assert "--checkpoint-seconds" in done.stderr


@pytest.mark.parametrize("number", [2**63, 10**30, -1])
def test_seed_that_no_kernel_takes(run, tmp_path, number):
    done = run("train", "--dataset", "digits", "--rule", "wta", "--seed", number)
    assert done.exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "| true"])
def test_training_goes_on_without_streams(tmp_path, closed):
    if "/dev/full" in closed and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    words = ("train", "--dataset", "digits", "--rule", "wta", *SMALL, "--out", tmp_path / "out")
    command = shlex.join(map(str, (sys.executable, "-m", "lsh_dl", *words)))
    environment = os.environ | {"LSH_DL_CACHE": str(tmp_path / "cache")}
    subprocess.run(f"{command} {closed}", shell=True, env=environment, capture_output=True)
    (csv,) = (tmp_path / "out").glob("*.csv")
    assert list(pd.read_csv(csv)["epoch"]) == [1, 2]


def test_folder_of_results_is_taken_as_its_runs(some_runs, tmp_path):
    (tmp_path / "results/claims.csv").write_text("claim\na\n")
    assert listed(some_runs("runs", "list", "results")) == listed(some_runs("runs", "list"))
    name = "digits_lsh_2x8_25pct_seed1"
    shown = some_runs("runs", "show", name, "--folder", "results")
    assert shown.output == some_runs("runs", "show", name).output
    (tmp_path / "others").mkdir()
    (tmp_path / "others/claims.csv").write_text("claim\na\n")
    done = some_runs("runs", "list", "others")
    assert done.exit_code == 1
    assert "remove" not in done.stderr


def test_watching_no_folder(run, tmp_path, raw_config):
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(raw_config))
    done = run("watch", "--config", "a.yaml", "--once")
    assert done.exit_code == 1
    assert "results: no such folder" in done.stderr
    (tmp_path / "results").mkdir()
    assert run("watch", "--config", "a.yaml", "--once").exit_code == 0
    done = run("watch", "--config", "a.yaml", "--once", "--only", "")
    assert "only: empty" in done.stderr


@pytest.mark.parametrize(
    ("words", "start", "names"),
    [
        ("train --dataset", "mnis", {"mnist", "mnist8m", "mnist8m_generated"}),
        ("train --rule", "", {"adaptive", "dropout", "lsh", "standard", "wta"}),
        ("rules show", "l", {"lsh"}),
        ("data fetch", "norb", {"norb", "norb_standin"}),
    ],
)
def test_completion_of_names(words, start, names):
    completed = ShellComplete(main, {}, "lsh-dl", "_LSH_DL_COMPLETE")
    assert {item.value for item in completed.get_completions(words.split(), start)} >= names


USAGE = {
    "no rule": (("--dataset", "digits"), "give a --rule"),
    "no data": (("--rule", "wta"), "give either --dataset"),
    "entry of prepared data": (
        ("--rule", "wta", "--data", "x", "--entry", '{"train": 7}'),
        "--entry says how --dataset is prepared",
    ),
    "both": (("--rule", "wta", "--dataset", "digits", "--data", "x"), "give either --dataset"),
    "zero width": (("--hidden", "0"), "widths are needed"),
    "no value": (("--set", "K"), "KEY=VALUE is needed"),
    "setting given twice": (("--set", "K=6", "--set", "K=8"), "'K' is given twice"),
    "octal setting": (("--set", "K=010"), "K: line 1: 010 is octal for 8"),
}


@pytest.mark.parametrize(("arguments", "message"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_code_2(run, arguments, message):
    done = run("train", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr


MISTAKES = {
    "rule": (("--rule", "wat", "--dataset", "digits"), "did you mean 'wta'?"),
    "data set": (("--rule", "wta", "--dataset", "digit"), "did you mean 'digits'?"),
    "setting": (
        ("--rule", "lsh", "--dataset", "digits", "--set", "k=6"),
        "k: unknown key; known: K, L",
    ),
    "value": (("--rule", "lsh", "--dataset", "digits", "--set", "K=60"), "rule lsh: K: should"),
    "label": (("--rule", "wta", "--dataset", "digits", "--label", "a b"), "lsh-dl train: label"),
    "config": (("--rule", "wta", "--dataset", "digits", "--config", "no"), "no: No such file"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_one_line_and_code_1(run, tmp_path, arguments, message):
    done = run("train", *arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def some_runs(run, tmp_path, row):
    """CSVs of six runs in results/runs."""
    from lsh_dl.runs.record import write_rows

    for number, (rule, seed) in enumerate(
        (r, s) for r in ("wta", "lsh", "standard") for s in (1, 2)
    ):
        name = f"digits_{rule}_2x8_25pct_seed{seed}"
        rows = [
            {
                **row,
                "run_id": name,
                "rule": rule,
                "label": rule,
                "seed": seed,
                "epoch": epoch,
                "test_accuracy": 0.5 + number / 20 + epoch / 100,
            }
            for epoch in (1, 2)
        ]
        write_rows(tmp_path / f"results/runs/{name}.csv", rows)
    return run


POINTS = [(rule, seed) for rule in ("wta", "lsh", "standard") for seed in (1, 2)]


def listed(done):
    return [line.split()[0] for line in done.output.splitlines() if line.startswith("digits_")]


def test_runs_are_listed_by_accuracy(some_runs):
    done = some_runs("runs", "list")
    assert done.exit_code == 0, done.output
    assert listed(done) == [
        f"digits_{rule}_2x8_25pct_seed{seed}"
        for rule in ("wta", "lsh", "standard")
        for seed in (1, 2)
    ]
    assert "6 runs" in done.output
    assert "0.5200" in done.output  # the last epoch's, of the first run


def test_filters(some_runs):
    assert len(listed(some_runs("runs", "list", "--rule", "lsh"))) == 2
    done = some_runs("runs", "list", "--where", "seed=2", "--where", "dataset=digits")
    assert len(listed(done)) == 3
    assert listed(some_runs("runs", "list", "--rule", "wta", "--where", "seed=1")) == [
        "digits_wta_2x8_25pct_seed1"
    ]
    backwards = listed(some_runs("runs", "list", "--sort", "seed"))
    assert [name[-1] for name in backwards] == list("111222")


def test_runs_as_csv(some_runs, tmp_path):
    done = some_runs("runs", "list", "--rule", "lsh", "--csv")
    (tmp_path / "out.csv").write_text(done.stdout)
    assert list(pd.read_csv(tmp_path / "out.csv")["seed"]) == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list", "--where", "sed=1"), "did you mean 'seed'?"),
        (("list", "--where", "dataset={a: b}"), "--where dataset: one value is needed"),
        (("list", "--where", "seed=[1, 2, 3]"), "--where seed: one value is needed"),
        (("list", "--sort", "accuracy"), "no column 'accuracy'"),
        (("list", "--rule", "vd"), "no run fits"),
        (("list", "nowhere"), "nowhere: no CSVs of runs"),
        (("show", "digits_wta_2x8_25pct_seed3"), "did you mean 'digits_wta_2x8_25pct_seed"),
    ],
)
def test_mistakes_in_asking_for_runs(some_runs, arguments, message):
    done = some_runs("runs", *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_one_run_is_shown_by_epochs(some_runs):
    done = some_runs("runs", "show", "digits_lsh_2x8_25pct_seed1")
    assert done.exit_code == 0, done.output
    assert "0.6100" in done.output
    assert "0.6200" in done.output
    same = some_runs("runs", "show", "results/runs/digits_lsh_2x8_25pct_seed1.csv")
    assert same.output == done.output


def test_rules_are_listed_with_their_papers(run):
    done = run("rules", "list")
    assert done.exit_code == 0
    lines = {line.split()[0]: line for line in done.output.splitlines() if line[:1].strip()}
    assert "Makhzani & Frey, NIPS 2015" in lines["wta"]
    assert "Spring & Shrivastava, KDD 2017" in lines["lsh"]


def test_settings_of_a_rule(run):
    done = run("rules", "show", "lsh")
    assert "whole number ≥ 1 and ≤ 16" in " ".join(done.output.split())
    assert run("rules", "show", "lhs").exit_code == 1


@pytest.mark.parametrize("command", [(), ("train",), ("rules",), ("runs",), ("data",)])
def test_help_has_examples(run, command):
    done = run(*command, "--help")
    assert done.exit_code == 0
    assert (
        f"lsh-dl {' '.join(command)}".strip()
        in done.output.partition("Usage:")[2].partition("\n")[2]
    )
