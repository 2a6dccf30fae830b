"""A SLURM of one node on this machine, in a folder of its own: Debian's slurm-wlm and munge, root.

`python tests/slurm/cluster.py FOLDER COMMAND...` runs a command within it, to try things out.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
ETC = Path("/etc/slurm")
"""Jobs find SLURM here only: Snakemake's plugin takes all SLURM variables out of their way."""
SECONDS = 30
"""Time that a daemon has to answer."""


def why_not() -> str | None:
    """What this machine lacks for it; None where it can be started."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = [program for program in PROGRAMS if not shutil.which(program, path=path)]
    if missing:
        return f"no {', '.join(missing)} (Debian: apt-get install slurm-wlm munge)"
    if find_spec("snakemake_executor_plugin_slurm") is None:
        return "no plugin for Snakemake (pip install -e '.[cluster]')"
    if os.geteuid() != 0:
        return "daemons of SLURM need root"
    if (ETC / "slurm.conf").exists():
        return f"this machine has a SLURM of its own ({ETC})"
    return None


@contextmanager
def start_cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Start the daemons; gives the environment in which sbatch and squeue reach them."""
    folder.mkdir(parents=True, exist_ok=True)
    # munged wants all folders above its socket to be nobody else's to write.
    run = Path("/run") / f"lsh-dl-slurm-{os.getpid()}"
    run.mkdir(mode=0o755)
    environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"}
    node = socket.gethostname().partition(".")[0]
    files = {
        "slurm.conf": _configuration(folder, run, node),
        "cgroup.conf": "CgroupPlugin=cgroup/v1\n",
    }
    ETC.mkdir(exist_ok=True)
    key = run / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    munged = ["munged", "--foreground", f"--key-file={key}", f"--socket={run}/munge"]
    munged += [f"--{name}-file={run}/munged.{name}" for name in ("pid", "log", "seed")]
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, run)
        for name, text in files.items():
            (ETC / name).write_text(text)
            stack.callback((ETC / name).unlink)
        for command in (munged, ["slurmctld", "-D"], ["slurmd", "-D", "-N", node]):
            stack.enter_context(_daemon(command, environment, folder / f"{command[0]}.out"))
            if command is munged:
                _wait(lambda: (run / "munge").exists(), "munged's socket")
        _wait(lambda: _state(environment) == "idle", "an idle node")
        yield environment


def _configuration(folder: Path, run: Path, node: str) -> str:
    controller, daemon = _free_ports(2)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return f"""
ClusterName=test
SlurmctldHost={node}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={run}/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
NodeName={node} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes={node} Default=YES MaxTime=INFINITE State=UP
"""


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [opened.getsockname()[1] for opened in sockets]


@contextmanager
def _daemon(command: list[str], environment: dict[str, str], out: Path) -> Iterator[None]:
    with out.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _state(environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["sinfo", "--noheader", "--format=%T"], env=environment, capture_output=True, text=True
    )
    return done.stdout.strip()


def _wait(holds, what: str) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"no {what} within {SECONDS} s; see the daemons' .out files")
        time.sleep(0.2)


if __name__ == "__main__":
    if reason := why_not():
        sys.exit(f"error: {reason}")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # daemons end with it
    with start_cluster(Path(sys.argv[1])) as variables:
        sys.exit(subprocess.run(sys.argv[2:], env=variables).returncode)
