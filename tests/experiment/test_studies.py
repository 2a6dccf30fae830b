"""Sections of studies: what they expand to, and mistakes in them."""

import importlib
import sys

import pytest
from networks import make_run

import lsh_dl.experiment.studies
from lsh_dl.common.discovery import discover
from lsh_dl.common.errors import UserError
from lsh_dl.experiment.config import (
    check_config,
    experiment_model,
    known_studies,
    known_tables,
)
from lsh_dl.experiment.dependencies import sources_of_measurement
from lsh_dl.experiment.document import describe_config
from lsh_dl.experiment.expand import (
    expand_runs,
    expand_studies,
    split_studies,
    timed_runs,
)
from lsh_dl.runs.spec import Training


@pytest.fixture
def raw(raw_config):
    """A config with an ablation of one entry of its own and one shared with the comparison."""
    entries = {"wta": {"group": "References"}, "all": {"source": "standard"}}
    return raw_config | {"ablation": {"active_fraction": 0.25, "entries": entries}}


def ids(runs):
    return {run.id for run in runs}


def test_studies_are_optional(raw_config):
    assert set(expand_studies(check_config(raw_config))) == {"comparison"}


def test_ablation_is_the_product_of_its_axes(raw):
    raw["ablation"] |= {"networks": [[6]], "seeds": [4, 5, 6], "datasets": ["digits"]}
    runs = expand_studies(check_config(raw))["ablation"]
    assert ids(runs) == {
        f"digits_{entry}_1x6_{level}pct_seed{seed}"
        for entry, level in (("wta", 25), ("all", 100))
        for seed in (4, 5, 6)
    }


def test_defaults_are_those_of_the_experiment(raw):
    studies = expand_studies(check_config(raw))
    assert len(studies["ablation"]) == 2 * 2 * 2  # entries, networks, seeds
    assert {run.training.epochs for run in studies["ablation"]} == {2}


def test_shared_run_exists_once(raw):
    experiment = check_config(raw)
    studies = expand_studies(experiment)
    shared = ids(studies["comparison"]) & ids(studies["ablation"])
    assert shared == {run.id for run in studies["ablation"] if run.label == "wta"}
    runs = expand_runs(experiment)
    assert len(runs) == len(ids(runs)) == len(ids(studies["comparison"]) | ids(studies["ablation"]))


def test_own_epochs_make_own_runs(raw):
    raw["ablation"]["epochs"] = 9
    studies = expand_studies(check_config(raw))
    assert not ids(studies["comparison"]) & ids(studies["ablation"])
    assert all(id.endswith("_9epochs") for id in ids(studies["ablation"]))
    assert {run.training.epochs for run in studies["ablation"]} == {9}
    assert {run.training.epochs for run in studies["comparison"]} == {2}


def test_same_epochs_are_no_difference(raw):
    plain = expand_runs(check_config(raw))
    raw["ablation"]["epochs"] = 2
    assert expand_runs(check_config(raw)) == plain


def test_entry_with_the_label_of_a_rule_is_that_rule(raw):
    raw["rules"]["dropout"] = {"inference": "sampled", "title": "drawn"}
    raw["ablation"]["entries"]["dropout"] = None
    runs = expand_studies(check_config(raw))["ablation"]
    (settings, title), *others = [
        (run.settings, run.title) for run in runs if run.label == "dropout"
    ]
    assert settings == {"inference": "sampled"}
    assert title == "drawn"
    assert others == [(settings, title)] * 3


MISTAKES = {
    "unknown key": ({"epoch": 3}, r"ablation\.epoch: unknown key; did you mean 'epochs'\?"),
    "unknown data set": ({"datasets": ["digit"]}, r"ablation\.datasets: .*did you mean 'digits'"),
    "no entries": ({"entries": {}}, r"ablation\.entries: .*at least 1"),
    "other meaning of a label": (
        {"entries": {"wta": {"source": "standard"}}},
        r"ablation\.entries\.wta: `rules` has this label too; .*another label$",
    ),
    "unknown rule": ({"entries": {"wat": None}}, r"ablation\.entries\.wat: .*did you mean 'wta'"),
    "unknown setting": (
        {"entries": {"x": {"source": "lsh", "Q": 1}}},
        r"ablation\.entries\.x\.Q: unknown key",
    ),
    "level in per cent": ({"active_fraction": 5}, r"ablation\.active_fraction: .*got 5"),
}


@pytest.mark.parametrize(("change", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_gives_one_line_that_names_it(raw, change, message):
    raw["ablation"] |= change
    with pytest.raises(UserError, match=message) as caught:
        check_config(raw, "my.yaml")
    assert str(caught.value).startswith("my.yaml: ")
    assert "\n" not in str(caught.value)


def test_asynchronous_runs_differ_in_their_threads(raw_config):
    raw_config["asynchronous"] = {"entries": {"wta": None}, "seeds": [1], "networks": [[8]]}
    raw_config["asynchronous"] |= {"threads": [1, 3], "active_fraction": 0.25}
    studies = expand_studies(check_config(raw_config))
    name = "digits_wta_1x8_25pct_seed1"
    assert [run.id for run in studies["asynchronous"]] == [name, f"{name}_3threads"]
    assert studies["asynchronous"][0] in studies["comparison"]


def test_runs_with_threads_are_timed(raw):
    raw["asynchronous"] = {"entries": {"wta": None}, "seeds": [1], "networks": [[8]]}
    raw["asynchronous"] |= {"threads": [1, 3], "active_fraction": 0.25}
    experiment = check_config(raw)
    studies = expand_studies(experiment)
    assert timed_runs(experiment, studies) == ids(studies["asynchronous"])
    assert timed_runs(experiment, {"comparison": studies["comparison"]}) == set()


@pytest.mark.parametrize(
    ("threads", "message"),
    [
        ([2, 4], "threads: 1 is missing, which speed-up compares with; add it"),
        ([0, 1], "threads.*0"),
        ([1, 1], "threads: 1 is given twice"),
        ([], "threads: .*at least 1"),
    ],
)
def test_threads_without_sense_are_refused(raw_config, threads, message):
    raw_config["asynchronous"] = {"entries": {"wta": None}, "threads": threads}
    with pytest.raises(UserError, match=message):
        check_config(raw_config)


def test_measured_runs_are_no_trained_ones(raw):
    trained = expand_runs(check_config(raw))
    raw["selection_quality"] = {"active_fraction": 0.25, "seeds": [1]}
    # Of the same name as a run of the comparison, with another meaning: its files are others.
    raw["selection_quality"] |= {"networks": [[8]], "entries": {"x": {"source": "wta"}}}
    raw["ablation"]["entries"]["x"] = {"source": "standard"}
    experiment = check_config(raw)
    studies = expand_studies(experiment)
    assert [run.id for run in studies["selection_quality"]] == ["digits_x_1x8_25pct_seed1"]
    assert split_studies(experiment, studies)[1].keys() == {"selection_quality"}
    assert {run.label for run in expand_runs(experiment)} == {run.label for run in trained} | {"x"}
    assert studies["selection_quality"][0] not in expand_runs(experiment)


def test_comparison_is_the_first_study_and_has_no_section(raw_config):
    assert next(iter(known_studies())) == "comparison"
    with pytest.raises(UserError, match="comparison: unknown key"):
        check_config(raw_config | {"comparison": {}})


@pytest.fixture
def write_study(tmp_path, monkeypatch):
    """A function that puts a study's file beside the others."""
    package = lsh_dl.experiment.studies
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    caches = (discover, known_studies, experiment_model)

    def write(text, name="mine"):
        (tmp_path / f"{name}.py").write_text(text)
        for cached in caches:
            cached.cache_clear()
        importlib.invalidate_caches()

    yield write
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"lsh_dl.experiment.studies.{path.stem}", None)
    for cached in caches:
        cached.cache_clear()


MINE = """
from lsh_dl.experiment.studies.base import RuleStudy, Table
from lsh_dl.runs.summary import summarise


class Mine(RuleStudy):
    \"\"\"Rules once more.\"\"\"

    name = "mine"
    tables = {"mine": Table(lambda study, rows: summarise(rows.runs))}
"""


def test_a_file_is_a_study(write_study, raw_config):
    write_study(MINE)
    experiment = check_config(raw_config | {"mine": {"entries": {"wta": None}, "seeds": [7]}})
    studies = expand_studies(experiment)
    assert {run.seed for run in studies["mine"]} == {7}
    assert {run.id for run in studies["mine"]} <= ids(expand_runs(experiment))
    assert known_tables()["mine"].name == "mine"
    assert "Rules once more." in describe_config()
    with pytest.raises(UserError, match=r"mine\.seed: unknown key; did you mean 'seeds'"):
        check_config(raw_config | {"mine": {"entries": {"wta": None}, "seed": 7}})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mine"', 'name = "rules"', "the name 'rules' is taken"),
        ('name = "mine"', 'name = "tables"', "the name 'tables' is taken"),
        ('name = "mine"', 'name = "comparison"', "the name 'comparison' is taken"),
        ('name = "mine"', 'name = "My study"', "'My study': a name has small letters"),
        ('{"mine":', '{"a|b":', r"'a\|b': a name has small letters"),
        ('{"mine":', '{"runs":', "every experiment has a table 'runs' too"),
        ('{"mine":', '{"ablation":', "has a table 'ablation' too"),
        ('    name = "mine"', "    name = 'mine'\n    trained = False", "there is no `measure`"),
        ('    name = "mine"', "", "lacks `name`"),
        ("class", "clas", r"mine\.py:6: invalid syntax"),
    ],
)
def test_study_that_is_not_whole_is_one_line(write_study, raw_config, old, new, message):
    write_study(MINE.replace(old, new))
    with pytest.raises(UserError, match=message) as caught:
        check_config(raw_config | {"mine": {}})  # a broken draft stops only who uses it
    assert "\n" not in str(caught.value)


def test_trained_runs_have_no_conditions(write_study, raw_config):
    write_study(
        MINE
        + """
    def expand_runs(self, comparison):
        runs = super().expand_runs(comparison)
        return [run.model_copy(update={"conditions": {"noise": 0.5}}) for run in runs]
"""
    )
    experiment = check_config(raw_config | {"mine": {"entries": {"wta": None}}})
    with pytest.raises(UserError, match=r"_noise0\.5: training heeds no `conditions`"):
        expand_studies(experiment)


@pytest.mark.parametrize("name", [n for n, study in known_studies().items() if not study.trained])
def test_what_measures_depends_on_its_own_measurement(name):
    sources = sources_of_measurement(name, make_run("wta", Training()))
    files = {path.name for path in sources}
    assert {f"{name}.py", "wta.py", "run.py", "loop.py"} <= files
    assert not files & {"lsh.py", "comparison.py", "summary.py"} - {"lsh.py"}


def test_simulated_is_one_run_for_each_entry_and_network(raw_config):
    raw_config["asynchronous"] = {"entries": {"wta": None}, "threads": [1, 2], "seeds": [3, 4]}
    experiment = check_config(raw_config)
    trained, measured = split_studies(experiment, expand_studies(experiment))
    assert len(trained["asynchronous"]) == 2 * 2 * 2
    assert [(run.seed, run.threads, run.hidden) for run in measured["asynchronous"]] == [
        (3, 1, (8,)),
        (3, 1, (8, 4)),
    ]


def test_only_keeps_a_study_of_widths_whole_or_not_at_all(raw_config):
    raw_config["scaling"] = {"widths": [100, 200, 400], "settings": {"L": 5}}
    full = expand_studies(check_config(raw_config))["scaling"]
    assert len(full) == 6
    part = expand_studies(check_config(raw_config | {"only": "dataset=digits"}))
    assert part["scaling"] == full
    # Its levels follow from the widths.
    part = expand_studies(check_config(raw_config | {"only": "dataset=digits level=0.25"}))
    assert part["scaling"] == full
    assert "scaling" not in expand_studies(check_config(raw_config | {"only": "rule=standard"}))
