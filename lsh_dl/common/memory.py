"""Memory is asked for before it is taken: one line in place of a killed process."""

import os
from pathlib import Path

from lsh_dl.common.errors import UserError

#: Where a container's limit stands: version 2 of control groups, then version 1.
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def available_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not tell.

    The least of what the machine has free, its caches included, and a container's limit.
    """
    found = []
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                found.append(1024 * int(line.split()[1]))
    except (OSError, ValueError):
        pass
    if not found and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in map(Path, _LIMITS):
        try:
            found.append(int(limit.read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return min(found, default=None)


def require_memory(needed: int, what: str) -> None:
    """Raise a UserError where `what` needs more bytes than there are."""
    there = available_memory()
    if there is not None and needed > there:
        raise UserError(
            f"{what} needs {describe_bytes(needed)} of memory; there are {describe_bytes(there)}"
        )


def describe_bytes(count: int) -> str:
    """`1.5 GB`, `320 TB`."""
    size, units = float(count), ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:,.3g} {units[0]}" if size < 1e4 else f"{size:,.0f} {units[0]}"
