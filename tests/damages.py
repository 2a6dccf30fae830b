"""Damage to files, drawn by hypothesis: for the tests of what is read."""

import resource
import sys

from hypothesis import strategies as st

HUGE = [b"99999999999999999999", b"2147483648", b"4294967296", b"-1", b"1e999", b"nan", b"\xff" * 4]
EXTREME = [0, 1, -1, 2, 127, 255, 2**15, 2**31 - 1, -(2**31), 2**31, 2**32, 2**53, 2**63 - 1]
EXTREME += [-(2**63), 10**30, 0.5, -0.0, 1e-45, 3e38, 1e300, float("nan"), float("inf")]
OTHER = [None, True, "", "lsh", "../x", "0" * 50, [], [[]], {}, {"a": {}}, "\x1b[2J\n"]


def peak_memory() -> int:
    """The most bytes that this process has had so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Damaged(bytes):
    """Bytes that do not fill the screen where a test fails."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


@st.composite
def damages(draw, content: bytes) -> bytes:
    """The content, cut, flipped, swapped, doubled or with huge numbers in it."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        other = draw(st.integers(0, max(len(content) - 1, 0)))
        kind = draw(st.sampled_from(["cut", "flip", "swap", "double", "huge", "random"]))
        if kind == "cut":
            content = content[:at]
        elif kind == "flip" and content:
            flipped = content[at] ^ (1 << draw(st.integers(0, 7)))
            content = content[:at] + bytes([flipped]) + content[at + 1 :]
        elif kind == "swap":
            low, high = sorted((at, other))
            content = content[high:] + content[low:high] + content[:low]
        elif kind == "double":
            content = content[:at] + content[other:]
        elif kind == "huge":
            content = content[:at] + draw(st.sampled_from(HUGE)) + content[at + 4 :]
        else:
            content = content[:at] + draw(st.binary(max_size=20)) + content[at:]
    return Damaged(content)


def damaged_json(draw, value):
    """JSON data in which something is another, missing, or there twice."""
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(value)))
        if not draw(st.integers(0, 9)):
            return {name: inner for name, inner in value.items() if name != key}
        return value | {key: damaged_json(draw, value[key])}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(value) - 1))
        kind = draw(st.sampled_from(["change", "leave out", "repeat"]))
        if kind == "change":
            return [*value[:at], damaged_json(draw, value[at]), *value[at + 1 :]]
        return value[:at] + value[at + 1 :] if kind == "leave out" else [*value, value[at]]
    return draw(st.sampled_from([*EXTREME, *OTHER]))


def damaged_array(draw, array):
    """An array of other numbers, of another length, order or kind."""
    import numpy as np

    kind = draw(st.sampled_from(["number", "number", "number", "cut", "reverse", "dtype", "zeros"]))
    changed = np.array(array)
    with np.errstate(all="ignore"):
        if kind == "number" and changed.size:
            value = np.array(draw(st.sampled_from(EXTREME)), dtype=object)
            at = draw(st.integers(0, changed.size - 1))
            try:
                changed.reshape(-1)[at] = value.item()
            except (OverflowError, ValueError):
                changed.reshape(-1)[at] = -1 if changed.dtype.kind == "i" else 0
        elif kind == "cut" and changed.ndim:
            changed = changed[: draw(st.integers(0, len(changed)))]
        elif kind == "reverse" and changed.ndim:
            changed = changed[::-1].copy()
        elif kind == "dtype" and changed.dtype.kind in "biuf":
            changed = changed.astype(draw(st.sampled_from(["f8", "f4", ">i4", "i8", "u1", "c8"])))
        elif kind == "zeros":
            changed = np.zeros_like(changed)
    return changed
