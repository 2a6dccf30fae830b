import subprocess
import sys
import time

import psutil
import pytest

from lsh_dl.runs.load import LoadMeter


class Times(tuple):
    """CPU times with names, as psutil gives them."""

    def __new__(cls, **seconds):
        made = super().__new__(cls, seconds.values())
        made.__dict__.update(seconds)
        return made


@pytest.fixture
def counters(monkeypatch):
    """A machine of four cores, the next reading of whose counters can be set."""
    state = {"clock": 0.0, "all": {}, "own": 0.0}
    monkeypatch.setattr(time, "perf_counter", lambda: state["clock"])
    monkeypatch.setattr(psutil, "cpu_count", lambda: 4)
    monkeypatch.setattr(psutil, "getloadavg", lambda: (2.5, 1.0, 1.0))
    monkeypatch.setattr(psutil, "cpu_times", lambda: Times(**state["all"]))
    own = lambda self: Times(user=state["own"], system=0.0)  # noqa: E731
    monkeypatch.setattr(psutil.Process, "cpu_times", own)
    return state


def test_others_are_what_is_busy_beside_this_process(counters):
    zero = dict.fromkeys(("user", "nice", "system", "idle", "iowait", "steal", "guest"), 0.0)
    counters["all"] = zero
    with LoadMeter() as load:
        counters["clock"], counters["own"] = 10.0, 9.0
        counters["all"] = zero | {"user": 20.0, "idle": 17.0, "iowait": 1.0, "steal": 2.0}
    assert load.others_cores == pytest.approx(1.1)
    assert load.steal_percent == pytest.approx(5.0)
    assert load.load_average == 2.5


def test_guests_are_not_counted_twice_and_nothing_is_below_zero(counters):
    counters["all"] = {"user": 0.0, "idle": 0.0, "guest": 0.0}
    with LoadMeter() as load:
        counters["clock"], counters["own"] = 1.0, 2.0
        counters["all"] = {"user": 2.0, "idle": 2.0, "guest": 1.0}
    assert load.others_cores == 0
    assert load.steal_percent == 0


def test_a_busy_neighbour_is_seen():
    code = "import sys; print('runs', flush=True); all(True for _ in iter(int, 1))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as neighbour:
        neighbour.stdout.readline()
        process = psutil.Process(neighbour.pid)
        start = process.cpu_times().user
        with LoadMeter() as load:
            while process.cpu_times().user < start + 0.5:
                time.sleep(0.05)
        neighbour.kill()
    assert load.others_cores > 0.05
