"""Everything is written by `lsh_dl.common.files`: whole, in its place, and nothing else lost."""

import os
import socket
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from lsh_dl.cli.main import main
from lsh_dl.common.errors import UserError
from lsh_dl.common.files import (
    require_writable_file,
    whole_file,
    whole_folder,
    written_whole,
)
from lsh_dl.common.paths import expand_path


def write(path: Path, text: str = "new") -> None:
    with written_whole(path) as file:
        file.write(text)


def ours(folder):
    return (folder / "ours").exists()


@pytest.fixture
def ended():
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_of_a_link_the_target_is_replaced(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "target.csv").write_text("old", encoding="utf-8")
    link = tmp_path / "link.csv"
    link.symlink_to("disk/target.csv")
    before = (tmp_path / "disk" / "target.csv").stat().st_ino
    write(link)
    assert link.is_symlink()
    assert (tmp_path / "disk" / "target.csv").read_text(encoding="utf-8") == "new"
    assert (tmp_path / "disk" / "target.csv").stat().st_ino != before  # replaced, not overwritten
    assert [p.name for p in (tmp_path / "disk").iterdir()] == ["target.csv"]


def test_of_a_link_to_nothing_the_target_is_made(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "target")
    write(tmp_path / "link")
    assert (tmp_path / "deep" / "target").read_text(encoding="utf-8") == "new"
    assert (tmp_path / "link").is_symlink()


def test_links_in_a_circle_are_one_line(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UserError, match="a: "):
        write(tmp_path / "a")
    assert (tmp_path / "a").is_symlink()


def test_a_pipe_is_written_into(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    write(pipe, "größer\n" * 20_000)
    reader.join(20)
    assert read == ["größer\n" * 20_000]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="no /dev/fd here")
def test_an_open_file_of_the_process_is_written_into(tmp_path):
    out = tmp_path / "out"
    with out.open("w", encoding="utf-8") as file:
        file.write("before\n")
        file.flush()
        write(Path(f"/dev/fd/{file.fileno()}"), "new\n")
    assert out.read_text(encoding="utf-8") == "before\nnew\n"


def test_a_device_stays_one(tmp_path):
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    for path in (link, Path(os.devnull)):
        write(path)
        require_writable_file(path)
    assert link.is_symlink()
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_of_ones_own_stays_one(tmp_path):
    device = tmp_path / "n"
    try:
        os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("not permitted to make devices")
    with suppress(UserError):  # a file system may forbid devices: then it is one line
        write(device)
    assert stat.S_ISCHR(device.stat().st_mode)


def test_socket_and_folder_are_refused_before_work(tmp_path):
    folder, place = tmp_path / "folder", tmp_path / "s"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(place))
        for path, reason in ((folder, "Is a directory"), (place, "a socket")):
            for attempt in (require_writable_file, write):
                with pytest.raises(UserError, match=reason):
                    attempt(path)
        assert stat.S_ISSOCK(place.stat().st_mode)


def test_a_planted_link_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("theirs", encoding="utf-8")
    for name in (f".run.{os.getpid()}.new.json", ".run.new.json", ".run.json.new"):
        (tmp_path / name).symlink_to(victim)
    names = set()
    for _ in range(3):
        with whole_file(tmp_path / "run.json") as temporary:
            names.add(temporary.name)
            assert not temporary.is_symlink()
            temporary.write_text("new", encoding="utf-8")
    assert len(names) == 3  # none can be foreseen
    assert victim.read_text(encoding="utf-8") == "theirs"
    assert not (tmp_path / "run.json").is_symlink()


def test_permissions_are_those_of_new_files_or_of_the_old(tmp_path):
    usual, private = tmp_path / "usual", tmp_path / "private"
    (tmp_path / "plain").touch()
    private.touch(0o600)
    for path in (usual, private):
        write(path)
    assert usual.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_a_failed_block_changes_nothing(tmp_path):
    write(tmp_path / "a.csv", "old")
    with suppress(ZeroDivisionError), written_whole(tmp_path / "a.csv") as file:
        file.write("half")
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == "old"


def test_long_names_are_written(tmp_path):
    path = tmp_path / ("ü" * 120 + ".csv")
    write(path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    with pytest.raises(UserError, match="name too long"):
        write(tmp_path / ("x" * 300))


def test_text_is_utf8_in_any_locale(tmp_path):
    script = ascii(str(tmp_path / "a.csv")).join(
        (
            "import pandas as pd; from pathlib import Path; from lsh_dl.common.files import *;"
            r"write_csv(pd.DataFrame({'title': ['gr\xf6\xdfer']}), Path(",
            "))",
        )
    )
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    assert (tmp_path / "a.csv").read_bytes() == "title\ngrößer\n".encode()


def test_leftovers_of_ended_processes_are_cleared(tmp_path, ended):
    with whole_folder(tmp_path / "set", ours, "set") as new:
        folder_name = new.name
        (new / "ours").touch()
    left = folder_name.replace(f".{os.getpid()}.", f".{ended}.")
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "mine").touch()
    (tmp_path / left).mkdir()
    (tmp_path / left / "half").touch()
    (tmp_path / left.replace(".new", ".old")).symlink_to(victim)
    with whole_folder(tmp_path / "set", ours, "set"):
        pass
    assert {p.name for p in tmp_path.iterdir()} == {"set", "victim"}
    assert (victim / "mine").exists()


@pytest.mark.parametrize("content", [["mine"], [".hidden"], ["meta.json", "x_train.npy"]])
def test_a_folder_of_others_is_refused_at_once(tmp_path, content):
    folder = tmp_path / "d"
    folder.mkdir()
    for name in content:
        (folder / name).touch()
    done = CliRunner().invoke(main, ["data", "prepare", "--label", "digits", "--out", str(folder)])
    assert done.exit_code == 1
    assert done.stderr == (
        f"error: {folder}: not empty, and no prepared data set; nothing of it is replaced: "
        "name another folder\n"
    )
    assert sorted(p.name for p in folder.iterdir()) == sorted(content)
    assert list(tmp_path.iterdir()) == [folder]


def test_a_prepared_folder_with_a_file_of_the_users_is_refused(tmp_path):
    entry = ["--entry", '{"train": 20, "test": 10}', "--out", str(tmp_path / "d")]
    command = ["data", "prepare", "--label", "digits", *entry]
    assert CliRunner().invoke(main, command).exit_code == 0
    assert CliRunner().invoke(main, command).exit_code == 0  # its own folder is replaced
    (tmp_path / "d" / "notes.txt").touch()
    assert "not empty" in CliRunner().invoke(main, command).stderr
    assert (tmp_path / "d" / "notes.txt").exists()


@pytest.mark.parametrize("path", [".", "..", "../work"])
def test_the_working_folder_is_refused(tmp_path, monkeypatch, path):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(UserError, match="the working folder"), whole_folder(Path(path), ours, "s"):
        pass
    assert (tmp_path / "work").is_dir()


def test_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe")
    for name in ("file", "pipe"):
        with pytest.raises(UserError, match="no folder"), whole_folder(tmp_path / name, ours, "s"):
            pass
    assert {p.name for p in tmp_path.iterdir()} == {"file", "pipe"}


@pytest.mark.parametrize("exists", [True, False])
def test_of_a_link_to_a_folder_the_target_is_replaced(tmp_path, exists):
    (tmp_path / "disk").mkdir()
    if exists:
        (tmp_path / "disk" / "set").mkdir()
        (tmp_path / "disk" / "set" / "ours").touch()
    (tmp_path / "link").symlink_to("disk/set")
    with whole_folder(tmp_path / "link", ours, "set") as new:
        assert new.parent == tmp_path / "disk"  # on the disk that it stays on
        (new / "fresh").touch()
    assert (tmp_path / "link").is_symlink()
    assert [p.name for p in (tmp_path / "disk" / "set").iterdir()] == ["fresh"]
    assert len(list((tmp_path / "disk").iterdir())) == 1


def test_several_writers_of_one_folder_all_succeed(tmp_path):
    start, failures = threading.Barrier(8), []

    def work(number):
        try:
            for _ in range(20):
                start.wait(20)
                with whole_folder(tmp_path / "set", ours, "set") as new:
                    (new / "ours").write_text(str(number), encoding="utf-8")
        except BaseException as error:
            failures.append(error)
            start.abort()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [p.name for p in tmp_path.iterdir()] == ["set"]
    assert (tmp_path / "set" / "ours").read_text(encoding="utf-8") in "01234567"


def test_home_is_expanded_in_options(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expand_path("~/x") == tmp_path / "x"
    entry = '--entry={"train": 20, "test": 10}'
    done = CliRunner().invoke(main, ["data", "prepare", "--label=digits", entry, "--out=~/d"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "d" / "meta.json").is_file()


@pytest.mark.parametrize("path", ["~nobody_of_this_name/x", "a\0b", "x" * 5000])
def test_impossible_paths_are_one_line(path):
    with pytest.raises(UserError) as caught:
        expand_path(path)
    assert "\n" not in str(caught.value)
