"""What `snakemake` is given as config is checked before Snakemake reads it."""

import pytest

from lsh_dl.cli.config_files import check_arguments

GOOD = "seeds: [1]\n"
MISTAKES = {
    "key twice": ("a: 1\na: 2", (), "a.yaml: line 2: 'a' is given twice"),
    "template": ("__use_yte__: true\na: ?1 + 1", (), "a.yaml: __use_yte__: templates"),
    "two options": (GOOD, ("--config", "a=1", "--config", "b=2"), "--config is given twice"),
    "two files' options": (GOOD, ("--configfiles", "b.yaml"), "--configfile is given twice"),
    "value twice": (GOOD, ("--config", "ab=1", "ab=2"), "--config: 'ab' is given twice"),
    "inner key": (GOOD, ("--config", "ab={c: 1, c: 2}"), "--config ab: line 1: 'c' is given twice"),
    "no value": (GOOD, ("--config", "ab"), "--config ab: KEY=VALUE is needed"),
    "empty part": (GOOD, ("--config", "only="), "--config only: empty"),
    "no key": (GOOD, ("--config", "a b=1"), "--config a b=1: KEY=VALUE is needed"),
}


@pytest.mark.parametrize(("text", "more", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_ends_with_one_line(tmp_path, monkeypatch, text, more, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(SystemExit) as caught:
        check_arguments(["--cores", "2", "--configfile", "a.yaml", *more])
    assert str(caught.value).startswith(f"error: {message}")
    assert "\n" not in str(caught.value)


def test_what_is_right_passes(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(GOOD)
    check_arguments(["-n", "--configfile", str(path), "--config", "a={b: 1}", "c=", "--quiet"])
    check_arguments(["--cores", "all", "ablation", "-C", "only=rule=lsh seed=1"])
