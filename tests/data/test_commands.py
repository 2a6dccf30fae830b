"""`lsh-dl data list|fetch|show`, as a user calls them."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from serving import CONTENT

from lsh_dl.cli.main import main
from lsh_dl.common.discovery import discover
from lsh_dl.data.base import DataSet
from lsh_dl.data.formats.mnist_parts import TEST, TRAIN
from lsh_dl.data.prepared.prepare import prepare

SETS = discover("lsh_dl.data", DataSet)


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    """No test reads the user's cache or writes outside its own folder."""
    monkeypatch.setenv("LSH_DL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LSH_DL_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run():
    """Run `lsh-dl data` with arguments."""
    return lambda *arguments: CliRunner().invoke(main, ["data", *map(str, arguments)])


@pytest.fixture
def mirror(tmp_path):
    """A mirror with one of MNIST's files, of wrong contents, and a zip that nothing is known of."""
    folder = tmp_path / "mirror"
    (folder / "mnist").mkdir(parents=True)
    (folder / "mnist" / TRAIN[1].name).write_bytes(b"\x1f\x8b, but no labels")
    (folder / "convex").mkdir()
    (folder / "convex" / "convex.zip").write_bytes(b"PK, a zip")
    return folder


def listed(output: str) -> dict[str, list[str]]:
    """The cells of each row by the set's name."""
    rows = [re.split(r"\s{2,}", line.strip()) for line in output.splitlines()]
    return {row[0]: row[1:] for row in rows if row[0] in SETS}


def test_list_has_every_set_uncut_at_80_columns(run):
    done = run("list")
    assert done.exit_code == 0, done.output
    rows = listed(done.output)
    assert set(rows) == set(SETS)
    assert rows["mnist"] == ["real", "60,000", "10,000", "784, 10", "4, 11.6 MB", "0 of 4"]
    assert rows["norb_standin"] == ["stand-in", "20,000", "24,300", "2048, 5", "none", "-"]
    assert rows["mnist8m_generated"][1] == "8,100,000"
    assert "…" not in done.output
    assert max(map(len, done.output.splitlines()[: len(SETS) + 1])) <= 80


def test_list_says_what_is_at_hand(run, mirror, tmp_path):
    cached = tmp_path / "cache" / "mnist" / TEST[1].name
    cached.parent.mkdir(parents=True)
    cached.touch()
    done = run("list", "--mirror", mirror, "--files")
    rows = listed(done.output)
    assert rows["mnist"][-1] == "2 of 4"
    assert rows["convex_real"][-1] == "1 of 1"
    assert rows["norb"][-1] == "0 of 6"
    lines = done.output.splitlines()
    assert f"convex_real: convex/convex.zip: {mirror / 'convex' / 'convex.zip'}" in lines
    missing = TRAIN[0]
    assert f"mnist: mnist/{missing.name}: not at hand; {missing.urls[0]}" in lines


def test_list_downloads_nothing(run, tmp_path):
    assert run("list", "--files").exit_code == 0
    assert not (tmp_path / "cache").exists()


def test_fetch_downloads_to_the_cache_and_verifies(run, server, tmp_path):
    content = b"PK" + CONTENT
    server.files["/good/convex/convex.zip"] = content
    done = run("fetch", "convex_real", "--mirror", f"{server.url}/good")
    assert done.exit_code == 0, done.output
    cached = tmp_path / "cache" / "convex" / "convex.zip"
    assert cached.read_bytes() == content
    assert done.output == f"convex_real: {cached}: verified\n"
    # Now from the cache, and held to what was downloaded first.
    assert run("fetch", "convex_real").exit_code == 0
    assert len(server.requests) == 1
    cached.write_bytes(b"PK rotten")
    done = run("fetch", "convex_real")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: {cached}: wrong length")
    assert done.stderr.count("\n") == 1


def test_fetch_refuses_what_is_not_the_published_file(run, mirror, monkeypatch):
    monkeypatch.setattr(SETS["mnist"], "files", lambda self: (TRAIN[1],))
    done = run("fetch", "mnist", "--mirror", mirror)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {mirror / 'mnist' / TRAIN[1].name}: wrong length")


def test_fetch_takes_what_a_config_needs_and_no_more(run, mirror, tmp_path):
    config = {
        "mirror": str(mirror),
        "seeds": [1],
        "networks": [[4]],
        "active_fractions": [0.5],
        "datasets": {"mine": {"source": "convex_real"}, "digits": None},
        "rules": {"wta": None},
    }
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    done = run("fetch", "--config", tmp_path / "my.yaml")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        f"mine: {mirror / 'convex' / 'convex.zip'}: verified",
        "digits: nothing to fetch, Digits (MNIST stand-in) needs no download",
    ]


def test_fetch_without_network_is_one_line_with_the_ways_out(run, monkeypatch):
    nowhere = replace(TRAIN[0], urls=("http://127.0.0.1:9/a.gz",))
    monkeypatch.setattr(SETS["mnist"], "files", lambda self: (nowhere,))
    monkeypatch.setattr("lsh_dl.data.prepared.fetch.time.sleep", lambda seconds: None)
    done = run("fetch", "mnist")
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    for part in ("mnist/train-images", "http://127.0.0.1:9/a.gz", "`mirror`", "'digits'"):
        assert part in line


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fetch"], 2, "give the NAME of a data set"),
        (["fetch", "minst"], 1, "did you mean 'mnist'?"),
        (["fetch", "--config", "none.yaml"], 1, "none.yaml: No such file"),
        (["list", "--mirror", "none"], 1, "mirror none: no such folder"),
        (["show", "conwex"], 1, "did you mean 'convex'?"),
        (["show", "some/folder"], 1, "some/folder: no meta.json in it"),
        (["show", "convex", "--out", "a.txt"], 1, "a.txt: a picture ends in .png, .svg, .pdf"),
        (["show", "convex", "--entry", '{"tests": 3}'], 1, "tests: unknown key; did you mean"),
        (["show", "convex", "--rows", "0"], 2, "--rows"),
    ],
)
def test_mistakes_are_said_in_one_line_and_leave_nothing(run, tmp_path, arguments, code, message):
    done = run(*arguments)
    assert done.exit_code == code
    assert message in done.stderr
    assert code == 2 or done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["convex", "norb_standin"])
def test_show_draws_a_named_set(run, tmp_path, name):
    done = run("show", name, "--rows", 2, "--columns", 3, "--out", tmp_path / "new" / "out.svg")
    assert done.exit_code == 0, done.output
    texts = svg_texts(tmp_path / "new" / "out.svg")
    assert f"{SETS[name].title}, train part" in texts
    assert sum(text.isdigit() for text in texts) == 6


def test_show_draws_a_prepared_folder(run, tmp_path):
    prepare("toys", {"source": "digits", "train": 50, "test": 20}, tmp_path / "prepared" / "toys")
    done = run("show", tmp_path / "prepared" / "toys", "--part", "test")
    assert done.exit_code == 0, done.output
    assert done.output == "toys.png: written\n"
    assert (tmp_path / "toys.png").read_bytes().startswith(b"\x89PNG")
    done = run("show", tmp_path / "prepared" / "toys", "--entry", '{"train": 60}')
    assert done.exit_code == 2
    assert "prepared already" in done.stderr


def test_show_takes_settings(run, tmp_path):
    entry = '{"source": "digits", "train": 10, "validation": 0}'
    done = run("show", "mine", "--entry", entry, "--out", tmp_path / "a.svg")
    assert done.exit_code == 0, done.output
    assert sum(text.isdigit() for text in svg_texts(tmp_path / "a.svg")) == 10


def svg_texts(path: Path) -> list[str]:
    """Texts of a figure: matplotlib keeps each as a comment beside its outlines.

    As text alone, where the figures' style was imported in this process before.
    """
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    nodes = ET.parse(path, parser).iter()
    kinds = (ET.Comment, "{http://www.w3.org/2000/svg}text")
    return [node.text.strip() for node in nodes if node.tag in kinds]


def test_help_shows_how(run):
    for command in ("fetch", "show"):
        assert f"lsh-dl data {command} " in run(command, "--help").output
    # Lines of their own, not run together to a paragraph.
    assert "\n  lsh-dl data fetch mnist " in run("--help").output
