"""The command `lsh-dl predict`: use a trained model."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lsh_dl.cli.params import any_path, file, part_of_data

if TYPE_CHECKING:
    from lsh_dl.training.predict import Summary


@click.command()
@click.argument("model", type=file)
@click.option(
    "--data",
    "source",
    type=any_path,
    required=True,
    metavar="FOLDER|FILE",
    help="Prepared data set, or samples in a .npz, .csv, .amat or .svm file.",
)
@click.option(
    "--part",
    type=part_of_data,
    default="test",
    show_default=True,
    help="Which samples of a prepared data set; in a .npz, x_train or x_test before x.",
)
@click.option("--out", type=file, help="CSV: predicted class and all probabilities of each sample.")
@click.option(
    "--rule",
    metavar="FILE|MODULE:CLASS",
    help="Where the model's rule is, if not in lsh_dl/rules: the model alone runs no code.",
)
def predict(model: Path, source: Path, part: str, out: Path | None, rule: str | None) -> None:
    """Predict samples with a MODEL that `lsh-dl train --model MODEL` wrote.

    Each sample uses the few nodes that the model's rule selects for it, as in training. Samples
    are in the units of the data that the model was trained on; it scales them itself. Where they
    have labels, the accuracy is printed.

    \b
    lsh-dl predict digits.model --data results/data/digits
    lsh-dl predict digits.model --data mine.csv --out predicted.csv

    A .csv holds a sample a line; with headings, the column `label` is the labels; without, a last
    number too many is the label. A .amat is the same parted by blanks. A .npz has the arrays
    x_test and y_test, or x and y; labels may be absent.

    Of a prepared set with several labels a sample the five best classes are written, not all
    probabilities, and precision at 1, 3 and 5 is printed.
    """
    from lsh_dl.training.predict import predict_file

    summary = predict_file(model, source, part, out, rule)
    click.echo(f"{summary.samples} samples, {_describe_accuracy(summary)}")
    click.echo(
        f"active nodes {100 * summary.active_fraction:.3g} %, "
        f"{summary.multiplications:,.0f} multiplications a sample"
    )
    if out:
        click.echo(f"{out}: written")
    elif summary.precision:
        click.echo(f"predicted {len(summary.counts)} different classes first")
    else:
        counts = ", ".join(f"{name}: {count}" for name, count in summary.counts.items())
        click.echo(f"predicted {counts}")


def _describe_accuracy(summary: "Summary") -> str:
    if summary.precision:
        ranks = ", ".join(f"@{k} {value:.4f}" for k, value in summary.precision.items())
        return f"precision {ranks}"
    return "no labels" if summary.accuracy is None else f"accuracy {summary.accuracy:.4f}"
