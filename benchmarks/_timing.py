"""Systems that are timed in turns, and what is made of their times."""

import time
from collections.abc import Callable, Mapping

import pandas as pd

#: By name: samples a call, and the call.
Systems = Mapping[str, tuple[int, Callable[[], object]]]


def time_systems(
    systems: Systems,
    rounds: int,
    references: Mapping[str, str],
    clock: Callable[[], float] = time.perf_counter,
) -> pd.DataFrame:
    """Microseconds per sample and ratios, each as median, lowest and highest over the rounds.

    The systems take turns, round after round, so that a slow spell of the machine hits all, and
    ratios are formed within a round.

    Parameters
    ----------
    references
        By the end of a system's name, the system that its ratio (`ratio_to`) is to; the first end
        that fits counts.
    clock
        Seconds since some moment.
    """
    return summarise(time_rounds(systems, rounds, clock), references)


def time_rounds(
    systems: Systems, rounds: int, clock: Callable[[], float] = time.perf_counter
) -> pd.DataFrame:
    """Microseconds per sample, a column a system and a row a round; a first round is not timed."""
    times = {name: [] for name in systems}
    for _, call in systems.values():
        call()
    for _ in range(rounds):
        for name, (samples, call) in systems.items():
            start = clock()
            call()
            times[name].append((clock() - start) / samples * 1e6)
    return pd.DataFrame(times)


def summarise(frame: pd.DataFrame, references: Mapping[str, str]) -> pd.DataFrame:
    """The table of `time_systems`, of the times of all rounds."""
    table = pd.DataFrame(
        {"microseconds": frame.median(), "lowest": frame.min(), "highest": frame.max()}
    )
    for name in frame:
        reference = next(other for end, other in references.items() if name.endswith(end))
        ratios = frame[name] / frame[reference]
        table.loc[name, ["ratio", "ratio_lowest", "ratio_highest"]] = (
            ratios.median(),
            ratios.min(),
            ratios.max(),
        )
        table.loc[name, "ratio_to"] = reference
    table.index.name = "system"
    return table


def compare_rounds(frame: pd.DataFrame, name: str, other: str) -> dict[str, float]:
    """How many times faster `name` is than `other`: formed within a round, then over the rounds."""
    leads = frame[other] / frame[name]
    return {"lead": leads.median(), "lead_lowest": leads.min(), "lead_highest": leads.max()}
