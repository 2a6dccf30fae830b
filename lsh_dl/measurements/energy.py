"""Energy, by the processor's own counter."""

from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


class EnergyCounter:
    """Joules that the processor counts (RAPL, package domains) while the context lasts.

    Attributes
    ----------
    joules
        None where there is no such counter.
    reason
        Why there is none; empty where there is one.
    """

    def __init__(self, folder: Path = POWERCAP):
        self.joules: float | None = None
        self.reason = ""
        # intel-rapl:0 is a package, intel-rapl:0:0 a part of it. AMD's have the same name.
        self._counters = sorted(folder.glob("intel-rapl:?/energy_uj"))
        if not self._counters:
            self.reason = f"no RAPL counter in {folder}"

    def __enter__(self) -> "EnergyCounter":
        self._start = self._read()
        return self

    def __exit__(self, *failure: object) -> None:
        end = self._read()
        if self._start and end:
            self.joules = sum(map(self._passed, self._counters, self._start, end)) / 1e6

    def _read(self) -> list[int]:
        try:
            return [int(counter.read_text()) for counter in self._counters]
        except OSError as error:
            self.reason = f"RAPL counter cannot be read ({error.strerror})"
            return []

    @staticmethod
    def _passed(counter: Path, start: int, end: int) -> int:
        """Microjoules between two readings; the counter starts again at its range."""
        if end >= start:
            return end - start
        return end - start + int((counter.parent / "max_energy_range_uj").read_text())
