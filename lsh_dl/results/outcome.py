"""The last lines of a pipeline: its figures and verdicts, or what failed and where it says why."""

from collections.abc import Sequence
from pathlib import Path

from lsh_dl.results.claims.table import read_claims

GO_ON = "the same command goes on where this one ended"


def describe_outcome(results: Path) -> list[str]:
    """Lines on a folder of results: its figures, and a line for each claim that was tested."""
    lines = []
    figures = sorted(path.stem for path in (results / "figures").glob("*.svg"))
    if figures:
        lines.append(f"{results / 'figures'}: {', '.join(figures)} (SVG and PNG)")
    if (results / "claims.csv").is_file():
        claims = read_claims(results / "claims.csv").drop_duplicates("number")
        tested = claims[claims["verdict"] != "not tested here"]
        lines += [f"  {row['verdict']}: {row['statement']}" for row in tested.to_dict("records")]
        lines.append(
            f"{results / 'claims.md'}: the paper's claims, {len(tested)} of {len(claims)} tested"
        )
    return lines


def describe_failures(failed: Sequence[tuple[str, Path]]) -> list[str]:
    """The last lines of a pipeline that failed.

    Parameters
    ----------
    failed
        Of each failed job what it was to do and its log.

    Returns
    -------
    How many failed, and last one of them with its log and the reason that stands there.
    """
    if not failed:
        return [f"error: the pipeline failed; the reason stands above; {GO_ON}"]
    message, log = failed[0]
    try:
        told = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        told = []
    reason = told[-1].removeprefix("error: ") if told else "it ended without a word"
    count = "1 job failed" if len(failed) == 1 else f"{len(failed)} jobs failed"
    return [f"{count}; mended, {GO_ON}", f"error: {message}: {reason} (log: {log})"]
