"""Disks that are full or read-only: one line, and nothing corrupted."""

import re
import shutil
import subprocess
import sys

import pytest

from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.experiment.config import Training
from lsh_dl.runs.spec import Run

UNSHARE = shutil.which("unshare")


def _can_mount() -> bool:
    command = [UNSHARE, "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return bool(UNSHARE) and subprocess.run(command, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not _can_mount(), reason="needs to mount a small file system")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A prepared data set."""
    return prepare("digits", {"train": 200, "test": 60}, tmp_path_factory.mktemp("data") / "digits")


def lsh_dl(mount, *arguments):
    """Run `lsh-dl` where the shell commands `mount` have run before, for it alone."""
    return run_python(mount, "-m", "lsh_dl", *arguments)


def run_python(mount, *arguments):
    """The same with any arguments of the interpreter."""
    command = [UNSHARE, "-rm", "sh", "-ec", f'{mount}\nset +e; "$@"\nset $?; {AFTER}', "sh"]
    done = subprocess.run(
        [*command, sys.executable, *map(str, arguments)], capture_output=True, text=True
    )
    # Where kernels are not kept yet, they are compiled, which is told.
    done.stderr = re.sub(
        r"^lsh-dl: (compiling kernels|kernels compiled).*\n", "", done.stderr, flags=re.MULTILINE
    )
    return done


# What is left in results/, and the command's exit code.
AFTER = 'find results -type f | sort >&2; exit "$1"'


def train(mount, folder, data, *more, seconds=20):
    spec = Run(
        dataset="digits",
        rule="wta",
        label="wta",
        title="WTA",
        hidden=(200,),
        active_fraction=0.1,
        seed=1,
        training=Training(epochs=2),
    )
    mount = f"cd {folder}; mkdir -p results; {mount}"
    files = data, "results/run.csv", "results/run.json"
    return run_python(mount, "-c", TRAIN, spec.model_dump_json(), *files, *more, seconds)


#: A run as a job of the pipeline does it.
TRAIN = """
import sys
from pathlib import Path
from lsh_dl.common.errors import UserError
from lsh_dl.runs.spec import Run
from lsh_dl.training.job import run_to_files
try:
    *paths, seconds = sys.argv[2:]
    run = Run.model_validate_json(sys.argv[1])
    run_to_files(run, *map(Path, paths), interval=float(seconds))
except UserError as error:
    sys.exit(f"error: {error}")
"""


def full_after(kilobytes):
    return f"mount -t tmpfs -o size={kilobytes}k tmpfs results"


READ_ONLY = "mount --bind results results; mount -o remount,bind,ro results"


def test_read_only_results_are_told_before_training(tmp_path, data):
    done = train(READ_ONLY, tmp_path, data)
    assert done.returncode == 1
    assert done.stderr == (
        "error: results: Read-only file system; results cannot be written there\n"
    )
    assert done.stdout == ""  # no epoch was trained


def test_file_in_the_place_of_the_folder(tmp_path, data):
    done = train("rmdir results; touch results", tmp_path, data)
    assert done.returncode == 1
    assert done.stderr.startswith("error: results/run.csv: Not a directory; choose another place\n")
    assert done.stdout == ""


def test_disk_full_at_once(tmp_path, data):
    done = train(f"{full_after(8)}; head -c 8192 /dev/zero > results/other", tmp_path, data)
    assert done.returncode == 1
    assert done.stderr == (
        "error: results: No space left on device; results cannot be written there\nresults/other\n"
    )


def test_no_room_for_a_checkpoint_is_no_reason_to_stop(tmp_path, data):
    done = train(full_after(100), tmp_path, data, seconds=0)
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        "no checkpoint: results/run.checkpoint: No space left on device; "
        "make room or choose another place\n"
        "results/run.csv\nresults/run.json\n"
    )


def test_no_room_for_the_model(tmp_path, data):
    done = train(full_after(100), tmp_path, data, "results/run.model")
    assert done.returncode == 1
    assert done.stderr == (
        "error: results/run.model: No space left on device; make room or choose another place\n"
    )


def test_no_room_for_prepared_data(tmp_path):
    entry = '{"train": 200, "test": 60}'
    done = lsh_dl(
        f"cd {tmp_path}; mkdir results; {full_after(100)}",
        *("data", "prepare", "--label", "digits", "--entry", entry, "--out", "results/digits"),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: results/")
    assert done.stderr.endswith("; free space or choose another folder\n")
    assert done.stderr.count("\n") == 1


def test_cache_of_downloads_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    downloads = lsh_dl(
        f"cd {tmp_path}; unset LSH_DL_MIRROR; export LSH_DL_CACHE={tmp_path}/file",
        *("data", "prepare", "--label", "mnist", "--out", "results/mnist"),
    )
    assert downloads.returncode == 1
    told = (
        f"error: cache folder {tmp_path}/file: Not a directory; choose another by the key `cache` "
        "or the variable LSH_DL_CACHE\n"
    )
    assert downloads.stderr.startswith(told)
