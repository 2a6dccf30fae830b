"""How busy the machine was with other work while something was timed."""

import time

import psutil

from lsh_dl.runs.row import LOAD_COLUMNS


class LoadMeter:
    """What else the machine did while the context lasted.

    Attributes
    ----------
    load_average
        Processes that ran or waited to run, this one among them, over the last minute; at the end.
    steal_percent
        Share of the cores' time that a hypervisor gave to other machines, in [0, 100]; 0 where the
        system does not tell.
    others_cores
        Cores that other processes kept busy, on average, in [0, cores].
    """

    load_average: float
    steal_percent: float
    others_cores: float

    def __enter__(self) -> "LoadMeter":
        self._process = psutil.Process()
        self._start = self._read()
        return self

    def __exit__(self, *failure: object) -> None:
        passed, busy, steal, own = (
            end - start for end, start in zip(self._read(), self._start, strict=True)
        )
        cores = psutil.cpu_count()
        self.load_average = psutil.getloadavg()[0]
        self.steal_percent = _bounded(100 * steal / (cores * passed), 100)
        self.others_cores = _bounded((busy - own) / passed, cores)

    def columns(self) -> dict[str, float]:
        """The numbers by the names that tables have for them (`lsh_dl.runs.row.Row`)."""
        return {name: getattr(self, name) for name in LOAD_COLUMNS}

    def _read(self) -> tuple[float, float, float, float]:
        """Seconds on the clock; seconds of all cores that were busy, and stolen; own seconds."""
        times, own = psutil.cpu_times(), self._process.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        steal = getattr(times, "steal", 0.0)
        # Where there are guests, their time is part of `user` and `nice`.
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        busy = sum(times) - idle - steal - guests
        return time.perf_counter(), busy, steal, own.user + own.system


def _bounded(value: float, most: float) -> float:
    """Counters tick in hundredths of a second: of a short time they may be off by some."""
    return round(min(max(value, 0.0), most), 3)
