"""What the documents show: fenced blocks, to be run as printed."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
STUDY = "docs/add_a_study.md"
SYSTEM = "docs/add_a_system.md"
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "configs/README.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
)


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of one language in a document, without their fences."""
    text = (ROOT / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands(document: str) -> list[str]:
    """The command lines of a document, without the remarks behind them."""
    lines = [line for block in blocks(document, "sh") for line in block.splitlines()]
    return [re.sub(r"\s+# .*$", "", line) for line in lines if line.strip()]


def write_examples(folder: Path) -> None:
    """Put the tutorials' files to their places in a copy of the project."""
    (folder / "lsh_dl/rules/weighted_norm.py").write_text(blocks("docs/add_a_rule.md", "python")[0])
    (folder / "my_rules").mkdir()
    (folder / "my_rules/low_rank.py").write_text(blocks("docs/add_a_rule.md", "python")[2])
    (folder / "lsh_dl/data/stripes.py").write_text(blocks("docs/add_a_data_set.md", "python")[0])
    (folder / "lsh_dl/systems/numpy.py").write_text(blocks(SYSTEM, "python")[0])
    study, figure = blocks(STUDY, "python")
    (folder / "lsh_dl/experiment/studies/label_noise.py").write_text(study)
    (folder / "figures/label_noise.py").write_text(figure)
    (folder / "workflow/report/label_noise.rst").write_text(blocks(STUDY, "rst")[0])
