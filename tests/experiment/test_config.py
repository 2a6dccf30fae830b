from pathlib import Path

import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.experiment.config import Training, check_config, read_config
from lsh_dl.experiment.expand import expand_runs

CONFIGS = Path(__file__).parents[2] / "configs"

MISTAKES = {
    "unknown key": ({"sedes": [1]}, ["sedes", "did you mean 'seeds'?"]),
    "unknown training key": ({"training": {"epoch": 1}}, ["training.epoch", "'epochs'"]),
    "unknown key of a data set": (
        {"datasets": {"digits": {"trian": 5}}},
        ["datasets.digits.trian", "'train'"],
    ),
    "unknown key of a rule": ({"rules": {"wta": {"bits": 5}}}, ["rules.wta.bits"]),
    "unknown training key of a data set": (
        {"datasets": {"digits": {"training": {"rate": 1}}}},
        ["datasets.digits.training.rate", "known: ", "learning_rate"],
    ),
    "unknown rule": ({"rules": {"wat": None}}, ["rules.wat", "did you mean 'wta'?"]),
    "unknown source": ({"rules": {"a": {"source": "wat"}}}, ["rules.a", "'wat'", "'wta'"]),
    "unknown data set": ({"datasets": {"digit": None}}, ["datasets.digit", "'digits'"]),
    "level in per cent of a learning rate": (
        {"datasets": {"digits": {"learning_rates": {5: 0.01}}}},
        ["datasets.digits.learning_rates.5", "less than or equal to 1"],
    ),
    "learning rate of 0 at a level": (
        {"datasets": {"digits": {"learning_rates": {0.05: 0}}}},
        ["datasets.digits.learning_rates.0.05", "got 0"],
    ),
    "learning rate of a rule that 32 bits do not hold": (
        {"rules": {"wta": {"learning_rate": 1e-50}}},
        ["rules.wta.learning_rate", "got 1e-50"],
    ),
    "learning rate of a level that 32 bits do not hold": (
        {"datasets": {"digits": {"learning_rates": {0.05: 1e300}}}},
        ["datasets.digits.learning_rates.0.05", "got 1e+300"],
    ),
    "seeds of a level that nothing has": (
        {"seeds_by_level": {0.9: [1]}},
        ["seeds_by_level.0.9", "known: 0.25, 0.5, 1"],
    ),
    "no list": ({"seeds": 1}, ["seeds", "list", "got 1"]),
    "text for a number": ({"training": {"epochs": "two"}}, ["training.epochs", "'two'"]),
    "no mapping": ({"rules": ["wta"]}, ["rules", "dictionary"]),
    "fraction of zero": ({"active_fractions": [0.5, 0]}, ["active_fractions.1", "got 0"]),
    "fraction in per cent": ({"active_fractions": [5]}, ["active_fractions.0", "got 5"]),
    "fraction that is no number": ({"active_fractions": [float("nan")]}, ["active_fractions.0"]),
    "fraction of a rule": (
        {"rules": {"wta": {"active_fractions": [-0.1]}}},
        ["rules.wta.active_fractions.0", "got -0.1"],
    ),
    "zero width": ({"networks": [[8, 0]]}, ["networks.0.1", "got 0"]),
    "no hidden layer": ({"networks": [[]]}, ["networks.0"]),
    "true for a number": ({"seeds": [True]}, ["seeds.0", "a number is needed (got True)"]),
    "true for a width": ({"networks": [[True]]}, ["networks.0.0", "a number is needed"]),
    "true for a setting": ({"rules": {"lsh": {"K": True}}}, ["rules.lsh.K: a number is needed"]),
    "true for a setting of a data set": (
        {"datasets": {"digits": {"seed": True}}},
        ["datasets.digits.seed: a number is needed"],
    ),
    "true for epochs": ({"training": {"epochs": True}}, ["training.epochs: a number is needed"]),
    "true for epochs of a data set": (
        {"datasets": {"digits": {"training": {"epochs": True}}}},
        ["datasets.digits.training.epochs: a number is needed"],
    ),
    "true for a learning rate": (
        {"datasets": {"digits": {"learning_rates": {0.25: True}}}},
        ["datasets.digits.learning_rates.0.25: a number is needed"],
    ),
    "true for a level": (
        {"seeds_by_level": {True: [1]}},
        ["seeds_by_level.True: a number is needed"],
    ),
    "true for a number of a study": (
        {"scaling": {"active_nodes": True}},
        ["scaling.active_nodes: a number is needed"],
    ),
    "true for threads of a study": (
        {"asynchronous": {"entries": {"wta": None}, "threads": [True]}},
        ["asynchronous.threads.0: a number is needed"],
    ),
    "number as a key": ({3: 4}, [": 3: a key must be text"]),
    "null as a key": ({None: 4}, [": None: a key must be text"]),
    "number as a key of a rule": ({"rules": {"lsh": {3: 4}}}, ["rules.lsh.3: a key must be text"]),
    "level of seeds in two spellings": (
        {"seeds_by_level": {0.25: [2], "0.25": [3]}},
        ["seeds_by_level: a level is given twice (0.25, '0.25')"],
    ),
    "level of learning rates in two spellings": (
        {"datasets": {"digits": {"learning_rates": {0.25: 0.1, "0.250": 0.2}}}},
        ["datasets.digits.learning_rates: a level is given twice (0.25, '0.250')"],
    ),
    "negative seed": ({"seeds": [-1]}, ["seeds.0", "got -1"]),
    "no seed": ({"seeds": []}, ["seeds"]),
    "seed given twice": ({"seeds": [3, 3]}, ["seeds", "3 is given twice"]),
    "network given twice": ({"networks": [[8], [8]]}, ["networks", "[8] is given twice"]),
    "no epochs": ({"training": {"epochs": 0}}, ["training.epochs", "got 0"]),
    "endless learning rate": (
        {"training": {"learning_rate": float("inf")}},
        ["training.learning_rate"],
    ),
    "label that is no file name": ({"rules": {"a/b": {"source": "wta"}}}, ["a/b"]),
    "no results folder": ({"results": ""}, ["results"]),
    "seed that no kernel takes": ({"seeds": [2**63]}, ["seeds.0", "9223372036854775808"]),
    "seed of scaling": ({"scaling": {"seed": 2**63}}, ["scaling.seed"]),
    "epochs without end": ({"training": {"epochs": 10**30}}, ["training.epochs"]),
    "width beyond 32 bits": ({"networks": [[2**31]]}, ["networks.0.0"]),
    "results with braces": ({"results": "a{}b"}, ["results", "braces"]),
    "results with a NUL": ({"results": "a\0b"}, ["results", "control characters"]),
    "results of 5,000 letters": ({"results": "x" * 5000}, ["results", "bytes"]),
    "a long part of results": ({"results": "a/" + "x" * 256}, ["results", "255"]),
    "results in no one's home": ({"results": "~no-such-user/x"}, ["results", "~no-such-user"]),
    "results that look like a number": ({"results": 202410}, ["results", "in quotes"]),
    "label of 250 letters": (
        {"rules": {"a" * 250: {"source": "wta"}}},
        ["rules", "100 characters"],
    ),
    "title of two lines": ({"rules": {"wta": {"title": "a\n.. raw:: html"}}}, ["rules.wta.title"]),
    "title that rings": ({"rules": {"wta": {"title": "a\x07"}}}, ["rules.wta.title"]),
    "part that is empty": ({"only": ""}, ["only: empty"]),
    "mirror by file://": ({"mirror": "file:///x"}, ["mirror", "file:///x", "http(s)"]),
    "mirror by ftp": ({"mirror": "ftp://x"}, ["mirror", "ftp://x"]),
    "mirror of 5,000 letters": ({"mirror": "x" * 5000}, ["mirror: no folder"]),
    "mirror with a NUL": ({"mirror": "a\0b"}, ["mirror: no folder"]),
    "missing mirror": ({"mirror": "no/such/folder"}, ["mirror", "no/such/folder"]),
    "size of a data set": (
        {"datasets": {"digits": {"train": 0}}},
        ["datasets.digits.train", "got 0"],
    ),
}


@pytest.mark.parametrize(("change", "parts"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_gives_one_line_that_names_it(raw_config, change, parts):
    with pytest.raises(UserError) as caught:
        check_config(raw_config | change, "my.yaml")
    message = str(caught.value)
    assert message.startswith("my.yaml: ")
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize("key", ["seeds", "networks", "active_fractions", "datasets", "rules"])
def test_missing_key_is_named(raw_config, key):
    del raw_config[key]
    with pytest.raises(UserError, match=rf"^my\.yaml: {key}: missing"):
        check_config(raw_config, "my.yaml")


@pytest.mark.parametrize("raw", [None, [], "seeds"])
def test_config_that_is_no_mapping(raw):
    with pytest.raises(UserError, match="a mapping of keys is needed"):
        check_config(raw)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_config(tmp_path / "none.yaml")


def test_file_that_is_no_yaml(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("seeds: [1\nnetworks: }")
    with pytest.raises(UserError, match="not YAML") as caught:
        read_config(path)
    assert "\n" not in str(caught.value)


def test_home_folder_in_results(raw_config, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert check_config(raw_config | {"results": "~/x"}).results == "/home/me/x"


@pytest.mark.parametrize("nothing", [None, "", "null", "~"])
def test_entry_without_a_value_has_default_settings(raw_config, nothing):
    entry = check_config(raw_config | {"rules": {"lsh": nothing}}).rules["lsh"]
    assert entry.settings == {}


def test_booleans_where_they_are_meant_go_on(raw_config):
    raw_config["training"] = {"adagrad": False, "adam": True}
    raw_config["rules"] = {"lsh": {"centred": False}}
    experiment = check_config(raw_config)
    assert (experiment.training.adagrad, experiment.training.adam) == (False, True)


def test_braces_in_a_title_are_text(raw_config):
    title = "WTA, $k_{max}$ über"
    raw_config["rules"] = {"wta": {"title": title}}
    (run, *_) = expand_runs(check_config(raw_config))
    assert run.title == title


def test_labels_that_are_too_long_together(raw_config):
    data, rule = "d" * 100, "r" * 100
    raw_config |= {"datasets": {data: {"source": "digits"}}, "rules": {rule: {"source": "wta"}}}
    with pytest.raises(UserError, match="shorten the label") as caught:
        expand_runs(check_config(raw_config))
    assert "\n" not in str(caught.value)


def test_data_set_lays_its_training_over_the_common_one(raw_config):
    raw_config["training"] = {"epochs": 7, "momentum": 0.5}
    raw_config["datasets"] |= {"convex": {"training": {"epochs": 9}}}
    experiment = check_config(raw_config)
    assert experiment.training_for("digits") == Training(epochs=7, momentum=0.5)
    assert experiment.training_for("convex") == Training(epochs=9, momentum=0.5)


def test_learning_rates_by_level_are_those_of_every_rule_without_its_own(raw_config):
    raw_config["datasets"]["digits"]["learning_rates"] = {"0.25": 0.5, 1.0: 0.125}
    raw_config["rules"]["own"] = {"source": "wta", "learning_rate": 0.75}
    runs = expand_runs(check_config(raw_config))
    rates = {(run.label, run.active_fraction): run.training.learning_rate for run in runs}
    assert rates == {
        ("standard", 1.0): 0.125,
        ("wta", 0.25): 0.5,
        ("wta", 0.5): 0.01,
        ("own", 0.25): 0.75,
        ("own", 0.5): 0.75,
    }


def test_learning_rate_of_a_level_that_no_run_is_at(raw_config):
    raw_config["datasets"]["digits"]["learning_rates"] = {0.05: 0.1, 0.07: 0.1}
    raw_config["ablation"] = {"entries": {"wta": None}, "active_fraction": 0.05}
    with pytest.raises(UserError) as caught:
        expand_runs(check_config(raw_config))
    assert str(caught.value) == (
        "datasets.digits.learning_rates.0.07: no run is at that level; known: 0.05, 0.25, 0.5, 1"
    )


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_config_is_correct(path):
    assert read_config(path).results.startswith("results")


def test_shipped_configs_are_listed():
    text = (CONFIGS / "README.md").read_text()
    for path in CONFIGS.glob("*.yaml"):
        assert f"`{path.name}`" in text
