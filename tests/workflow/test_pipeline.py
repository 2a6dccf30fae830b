"""The pipeline as a user runs it, in a copy of the project."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from documents import blocks, write_examples
from jsonschema import Draft202012Validator
from preloaded import call_snakemake

from lsh_dl.experiment.config import MainStudy, known_tables
from lsh_dl.runs.record import read_runs
from lsh_dl.runs.row import COLUMNS, DTYPES

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "workflow", "figures", "configs", "profiles", "lsh_dl", "environment.yml")

pytestmark = pytest.mark.slow

#: The small experiment.
SMALL = """
results: out
seeds: [1]
networks: [[8], [8, 6]]
active_fractions: [0.5]
datasets:
  digits: {train: 60, test: 20}
  convex: {train: 60, test: 20, training: {epochs: 1}}
rules: {standard: , wta: }
training: {epochs: 2}
ablation:
  datasets: [digits]
  networks: [[8]]
  active_fraction: 0.5
  entries: {wta: {group: References}, few: {source: wta, title: few nodes}}
asynchronous:
  datasets: [digits]
  networks: [[8]]
  active_fraction: 0.5
  threads: [1, 2]
  entries: {standard: , wta: }
selection_quality:
  datasets: [digits]
  networks: [[8]]
  active_fraction: 0.5
  entries: {wta: }
stage_times:
  datasets: [digits]
  networks: [[8]]
  active_fraction: 0.5
  entries: {standard: , wta: }
"""

#: Tables of the main study and of the studies that the small experiment has; each is a figure too.
FIGURES = [
    table
    for table, study in known_tables().items()
    if study is MainStudy or study.name in yaml.safe_load(SMALL)
]


class Project:
    """A copy of the project, or of another copy with all of its results, and its `snakemake`."""

    def __init__(self, folder: Path, of: "Project | None" = None):
        self.folder = folder
        if of:
            shutil.copytree(of.folder, folder, dirs_exist_ok=True)
            return
        ignore = shutil.ignore_patterns("__pycache__")
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=ignore)
            else:
                shutil.copy2(ROOT / part, folder / part)
        (folder / "small.yaml").write_text(SMALL)

    def snakemake(self, *arguments, config="small.yaml", **variables):
        """Run `snakemake`; returns the finished process with its output as text."""
        return subprocess.run(
            ["snakemake", *self._complete(arguments, config)],
            cwd=self.folder,
            env=self._environment() | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def look(self, *arguments, config="small.yaml"):
        """The same for what starts no job: plans, and mistakes that end before any work."""
        return call_snakemake(self._complete(arguments, config), self.folder, self._environment())

    def _complete(self, arguments, config) -> list[str]:
        return [*(["--configfile", config] if config else []), "--cores", "2", *arguments]

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return os.environ | {"PATH": path, "PYTHONPATH": str(self.folder)}

    def planned(self, *arguments, config="small.yaml") -> set[str]:
        """What a dry run says it would do: messages such as "train digits_wta_...": a set."""
        done = self.look("--dry-run", *arguments, config=config)
        assert done.returncode == 0, done.stdout
        return set(re.findall(r"^Job \d+: (.*)$", done.stdout, re.MULTILINE))

    def edit(self, path: str, text: str = "EDITED = True"):
        """Add a line to a file; returns a function that undoes it."""
        file = self.folder / path
        before = file.read_bytes()
        file.write_bytes(before + f"\n{text}\n".encode())
        return lambda: file.write_bytes(before)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project that ran once."""
    project = Project(tmp_path_factory.mktemp("project"))
    done = project.snakemake()
    assert done.returncode == 0, done.stdout
    project.first_output = done.stdout
    return project


def runs_of(planned, *words):
    return {line for line in planned if line.startswith("train ") and all(w in line for w in words)}


def drawn_of(planned):
    return {name for name in FIGURES if f"draw {name}" in planned}


def measured_of(planned):
    return {line for line in planned if line.startswith("measure ")}


def test_all_results_are_there(project):
    out = project.folder / "out"
    runs = {path.stem for path in (out / "runs").glob("*.csv")}
    assert runs == {path.stem for path in (out / "runs").glob("*.json")}
    assert runs == {
        f"{data}_{rule}_{network}_{level}_seed1"
        for data in ("digits", "convex")
        for rule, level in (("standard", "100pct"), ("wta", "50pct"))
        for network in ("1x8", "8-6")
    } | {
        "digits_few_1x8_50pct_seed1",
        "digits_standard_1x8_100pct_seed1_2threads",
        "digits_wta_1x8_50pct_seed1_2threads",
    }
    for name in FIGURES:
        assert (out / "tables" / f"{name}.csv").stat().st_size
        assert (out / "figures" / f"{name}.svg").stat().st_size
        assert (out / "figures" / f"{name}.png").stat().st_size
    for name in (
        "claims.csv",
        "claims.md",
        "claims.html",
        "explore.html",
        "config.yaml",
        "machine.csv",
        "provenance.html",
    ):
        assert (out / name).stat().st_size
    # Nothing half-written is left anywhere.
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]


def test_progress_is_told_and_logged(project):
    assert re.search(r"^(\d+) of \1 runs done$", project.first_output, re.MULTILINE)
    log = (project.folder / "out/logs/train/digits_wta_1x8_50pct_seed1.log").read_text()
    assert [line.partition(":")[0] for line in log.splitlines()] == [
        "epoch 1 of 2",
        "epoch 2 of 2",
    ]


def test_runs_have_the_documented_columns(project):
    schema = yaml.safe_load((ROOT / "workflow/schemas/run.schema.yaml").read_text())
    validator = Draft202012Validator(schema)
    frame = read_runs(sorted((project.folder / "out/runs").glob("*.csv")))
    assert tuple(frame.columns) == COLUMNS
    for row in json.loads(frame.to_json(orient="records")):
        validator.validate(row)
    assert frame.groupby("dataset")["epoch"].max().to_dict() == {"digits": 2, "convex": 1}
    assert set(DTYPES) <= set(frame.columns)


def test_table_of_all_runs_is_the_runs(project):
    table = pd.read_csv(project.folder / "out/tables/runs.csv")
    rows = sum(
        len(path.read_text().splitlines()) - 1
        for path in (project.folder / "out/runs").glob("*.csv")
    )
    assert len(table) == rows
    # With more threads its numbers, and so its work, are not the serial run's to the last bit.
    standard = table[(table["rule"] == "standard") & (table["threads"] == 1)]
    assert (standard["training_percent_of_standard"] == 100).all()
    assert table["inference_percent_of_standard"].notna().all()


def test_claims_are_judged_by_the_runs_of_their_study(project):
    claims = pd.read_csv(project.folder / "out/claims.csv").set_index("claim")
    assert set(claims["verdict"]) == {"not tested here"}  # there is no LSH, nor a level of 5 %
    assert claims.loc["accuracy", "reason"] == "no runs of `lsh`"
    for files in claims["files"]:
        for file in files.split():
            assert file.startswith("tables/")
    config = yaml.safe_load((project.folder / "out/config.yaml").read_text())
    assert config["datasets"]["convex"]["training"] == {"epochs": 1}
    assert config["training"]["learning_rate"] == 0.01  # a default, filled in
    machine = pd.read_csv(project.folder / "out/machine.csv")
    assert machine["runs"].tolist() == [11]


def test_report_is_one_page_with_everything(project):
    done = project.snakemake("--report", "report.html")
    assert done.returncode == 0, done.stdout
    page = (project.folder / "report.html").read_text()
    for category in (
        "1 Claims",
        "2 Figures",
        "3 Tables",
        "4 Runs",
        "5 Config and machine",
        "6 Explore",
    ):
        assert f'"{category}": {{' in page
    for name in FIGURES:
        if (project.folder / f"out/figures/{name}.svg").exists():
            assert f'"out/figures/{name}.svg": {{' in page
    for path in (project.folder / "out/runs").glob("*.csv"):
        assert f'"out/runs/{path.name}": {{' in page
    # The claims on the first page, captions that say on which data, and nothing from elsewhere.
    assert "no runs of <tt" in page
    assert "Data: Digits (MNIST stand-in), Convex (generated)." in page
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=.https?:", page)


def test_nothing_to_do_the_second_time(project):
    assert project.planned() == set()


def test_touched_file_of_the_same_content_reruns_nothing(project):
    os.utime(project.folder / "lsh_dl/training/run.py")
    assert project.planned() == set()


def test_reworded_code_prepares_trains_and_measures_nothing(project):
    undo = [
        project.edit(f"lsh_dl/{path}", "# reworded")
        for path in ("training/run.py", "data/convex.py", "measurements/selection_quality.py")
    ]
    message = project.folder / "lsh_dl/training/epochs.py"
    before = message.read_text()
    assert '"""Initial network, optimiser and rule.' in before
    message.write_text(before.replace('"""Initial network', '"""The initial network'))
    planned = project.planned()
    message.write_text(before)
    for one in undo:
        one()
    assert not {line for line in planned if line.startswith(("prepare", "train", "measure"))}


def test_edited_engine_reruns_all_runs_but_prepares_no_data(project):
    undo = project.edit("lsh_dl/training/run.py")
    planned = project.planned()
    undo()
    assert len(runs_of(planned)) == 11
    assert measured_of(planned) == {
        "measure asynchronous of digits_standard_1x8_100pct_seed1",
        "measure asynchronous of digits_wta_1x8_50pct_seed1",
        "measure selection_quality of digits_wta_1x8_50pct_seed1",
        "measure stage_times of digits_standard_1x8_100pct_seed1",
        "measure stage_times of digits_wta_1x8_50pct_seed1",
    }
    assert not [line for line in planned if line.startswith("prepare")]


def test_edited_study_measures_its_own_runs_again_and_trains_nothing(project):
    undo = project.edit("lsh_dl/experiment/studies/selection_quality.py")
    planned = project.planned()
    undo()
    assert measured_of(planned) == {"measure selection_quality of digits_wta_1x8_50pct_seed1"}
    assert not runs_of(planned)


@pytest.mark.parametrize("path", ["runs/summary.py", "experiment/comparison.py"])
def test_edited_tables_and_configs_measure_and_train_nothing(project, path):
    undo = project.edit(f"lsh_dl/{path}")
    planned = project.planned()
    undo()
    assert "gather the table of accuracy_lsh_vs_dropout" in planned
    assert not measured_of(planned) | runs_of(planned)


def test_edited_rule_reruns_its_own_runs(project):
    undo = project.edit("lsh_dl/rules/wta.py")
    planned = project.planned()
    undo()
    assert runs_of(planned) == runs_of(planned, "_wta_") | runs_of(planned, "_few_")
    assert len(runs_of(planned)) == 4 + 1 + 1


def test_edited_data_set_is_prepared_anew_with_its_runs(project):
    undo = project.edit("lsh_dl/data/convex.py")
    planned = project.planned()
    undo()
    assert {line for line in planned if line.startswith("prepare")} == {"prepare convex"}
    assert runs_of(planned) == runs_of(planned, " convex_")
    assert len(runs_of(planned)) == 4


def test_edited_figure_is_drawn_anew_alone(project):
    undo = project.edit("figures/accuracy_lsh_vs_dropout.py")
    planned = project.planned()
    undo()
    assert planned == {"draw accuracy_lsh_vs_dropout"}


def test_changed_setting_reruns_what_it_changes(project):
    config = yaml.safe_load((project.folder / "small.yaml").read_text())
    config["datasets"]["digits"]["training"] = {"learning_rate": 0.02}
    (project.folder / "changed.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    planned = project.planned(config="changed.yaml")
    assert len(runs_of(planned)) == 4 + 1 + 2
    assert runs_of(planned) == runs_of(planned, " digits_")


def test_single_keys_can_be_given(project):
    planned = project.planned("--config", "seeds=[1,2]")
    assert runs_of(planned) == runs_of(planned, "_seed2")
    assert len(runs_of(planned)) == 8 + 1 + 2


def test_other_mirror_reruns_nothing(project):
    assert project.planned("--config", "mirror=.") == set()


def test_one_figure_alone_can_be_asked_for(project):
    planned = project.planned("--forceall", "accuracy_lsh_vs_dropout")
    assert {line for line in planned if line.startswith("draw")} == {"draw accuracy_lsh_vs_dropout"}


def test_study_alone_runs_its_own_runs(project):
    planned = project.planned("--forceall", "ablation")
    assert {line for line in planned if line.startswith("draw")} == {"draw ablation"}
    assert runs_of(planned) == {f"train digits_{label}_1x8_50pct_seed1" for label in ("wta", "few")}


def test_timed_jobs_claim_all_cores(tmp_path):
    project = Project(tmp_path)
    for file in (tmp_path / "workflow" / "rules").glob("*.smk"):
        # A job with a message does not tell its threads.
        file.write_text(re.sub(r"\n +message:\n +\".*\"", "", file.read_text()))
    done = project.look("--dry-run", "--cores", "3")
    claimed = {}
    for job in re.split(r"\n(?:local)?rule ", done.stdout):
        if output := re.search(r"output: (\S+?)\.csv", job):
            threads = re.search(r"threads: (\d+)", job)
            claimed[output[1]] = int(threads[1]) if threads else 1
    runs = {name for name in claimed if name.startswith("out/runs/")}
    timed = {
        f"out/runs/digits_{rule}_1x8_{level}_seed1{threads}"
        for rule, level in (("standard", "100pct"), ("wta", "50pct"))
        for threads in ("", "_2threads")
    }
    assert len(runs) == 11
    assert {claimed[name] for name in timed} == {3}
    assert {claimed[name] for name in runs - timed} == {1}
    assert {claimed[name] for name in claimed if name.startswith("out/asynchronous/")} == {3}


def test_changed_heading_trains_nothing(project):
    text = (project.folder / "small.yaml").read_text()
    (project.folder / "heading.yaml").write_text(text.replace("References", "Others"))
    assert project.planned(config="heading.yaml") == {
        "gather the table of ablation",
        "draw ablation",
        # The config as it was, and the claims with the tables that they name.
        "write down config and machine",
        "judge the paper's claims",
    }


def test_figure_without_its_section_is_one_line(project):
    config = yaml.safe_load((project.folder / "small.yaml").read_text())
    del config["ablation"]
    (project.folder / "without.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    assert runs_of(project.planned(config="without.yaml")) == set()
    done = project.look("ablation", config="without.yaml")
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if "error" in line] == [
        "error: without.yaml: no section `ablation`, which ablation shows; see configs/README.md"
    ]


def test_a_part_alone_can_be_asked_for(project):
    config = ("--config", "results=part", "only=dataset=digits rule=wta network=8-6 level=0.5")
    planned = project.planned(*config)
    assert runs_of(planned) == {"train digits_wta_8-6_50pct_seed1"}
    assert {line for line in planned if line.startswith("prepare")} == {"prepare digits"}
    assert drawn_of(planned) == {
        "accuracy_lsh_vs_adaptive",
        "accuracy_vs_multiplications",
        "frontier",
    }
    done = project.snakemake("accuracy_vs_multiplications", *config)
    assert done.returncode == 0, done.stdout
    assert (project.folder / "part/figures/accuracy_vs_multiplications.svg").stat().st_size
    table = pd.read_csv(project.folder / "part/tables/accuracy_vs_multiplications.csv")
    assert set(table["rule"]) == {"wta"}


def test_unknown_part_is_one_line(project):
    done = project.look("--config", "only=rule=lhs")
    assert done.returncode == 1
    assert "error: only: no rule 'lhs' in the config; known: few, standard, wta" in done.stdout
    done = project.look("accuracy_lsh_vs_dropout", "--config", "only=rule=wta")
    assert done.returncode == 1
    assert "only: 'rule=wta' leaves nothing for accuracy_lsh_vs_dropout" in done.stdout


def test_new_rule_reruns_no_other_and_comes_to_the_figures(project):
    write_examples(project.folder)
    assert project.planned() == set()

    config = yaml.safe_load((project.folder / "small.yaml").read_text())
    config["rules"] |= yaml.safe_load(blocks("docs/add_a_rule.md", "yaml")[0])["rules"]
    (project.folder / "more.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    planned = project.planned(config="more.yaml")
    assert runs_of(planned) == runs_of(planned, "_weighted_norm_")
    assert len(runs_of(planned)) == 4

    assert drawn_of(planned) == {
        "accuracy_lsh_vs_dropout",
        "accuracy_lsh_vs_adaptive",
        "accuracy_vs_multiplications",
        "frontier",
    }

    done = project.snakemake("accuracy_lsh_vs_dropout", config="more.yaml")
    assert done.returncode == 0, done.stdout
    figure = project.folder / "out/figures/accuracy_lsh_vs_dropout.svg"
    assert "Weighted norm" in figure.read_text()


BAD_CONFIGS = {
    "unknown key": ("seds=[1]", "seds: unknown key; did you mean 'seeds'?"),
    "wrong type": ("seeds=x", "seeds: should be a valid list (got 'x')"),
    "unknown rule": (
        "rules={wat: }",
        "rules.wat: unknown name 'wat' in rules: did you mean 'wta'?",
    ),
    "level in per cent": ("active_fractions=[5]", "active_fractions.0: should be less than"),
    "zero width": ("networks=[[0]]", "networks.0.0: should be greater than"),
    "missing mirror": ("mirror=nowhere", "mirror: no folder 'nowhere'"),
}


@pytest.mark.parametrize(("change", "message"), BAD_CONFIGS.values(), ids=BAD_CONFIGS)
def test_bad_config_is_one_line_before_any_work(project, change, message):
    done = project.look("--config", "results=bad", change)
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if not line.startswith("Using workflow")]
    assert line.startswith("error: --config: ")
    assert message in line
    assert not (project.folder / "bad").exists()


def test_broken_rule_file_stops_only_what_names_it(project):
    before = project.planned()
    broken = project.folder / "lsh_dl/rules/broken.py"
    broken.write_text("x = 1\ny = x / 0\n")
    assert project.planned() == before
    done = project.look("--config", "results=bad", "rules={broken: }")
    broken.unlink()
    assert done.returncode == 1
    message = f"rules.broken: {broken}:2: ZeroDivisionError: division by zero"
    assert [line for line in done.stdout.splitlines() if message in line], done.stdout
    assert not (project.folder / "bad").exists()


def test_corrupt_data_file_is_named_and_leaves_nothing(project):
    mirror = project.folder / "mirror"
    images = mirror / "mnist" / "train-images-idx3-ubyte.gz"
    images.parent.mkdir(parents=True)
    images.write_bytes(b"no images")
    config = yaml.safe_load((project.folder / "small.yaml").read_text())
    config |= {"results": "bad", "mirror": "mirror", "cache": "cache", "datasets": {"mnist": None}}
    for study in ("ablation", "asynchronous", "selection_quality", "stage_times"):
        del config[study]  # it names the data set that is gone
    (project.folder / "mnist.yaml").write_text(yaml.safe_dump(config))
    done = project.snakemake(config="mnist.yaml")
    assert done.returncode == 1
    assert re.search(r"error: mirror/mnist/train-images-idx3-ubyte\.gz: wrong length", done.stdout)
    # The log is left, to be read, and the file that the pipeline's lock was on.
    left = [path.name for path in (project.folder / "bad").rglob("*") if path.is_file()]
    assert sorted(left) == ["mnist.log", "pipeline.lock"]
