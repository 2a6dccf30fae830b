"""The commands `lsh-dl data ...`: what data sets there are, their files, arrays and pictures.

What they need is imported inside them: `--help` and 200 small jobs start fast.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lsh_dl.cli.params import (
    Json,
    complete_datasets,
    file,
    folder,
    part_of_data,
    random_seed,
)

if TYPE_CHECKING:
    from lsh_dl.data.base import DataSet
    from lsh_dl.data.prepared.fetch import CachedSources
    from lsh_dl.data.prepared.store import Prepared


@click.group()
def data() -> None:
    """List, fetch, look at and prepare data sets.

    \b
    lsh-dl data list                          what there is, what is at hand
    lsh-dl data fetch mnist                   download and verify its files
    lsh-dl data fetch --config my.yaml        all that a config needs
    lsh-dl data show convex                   some of its images, in convex.png
    lsh-dl data show results/data/digits      those of a prepared folder

    `snakemake` does all of this by itself: it prepares the sets that its config names, and no
    other, below results/data. More on the sets: docs/data.md.
    """


def place_options(command: Callable) -> Callable:
    """Options that say where downloads come from and where they stay."""
    mirror = click.option(
        "--mirror",
        envvar="LSH_DL_MIRROR",
        show_envvar=True,
        help="Folder or URL with <set>/<file>, taken before the public URLs.",
    )
    cache = click.option(
        "--cache",
        envvar="LSH_DL_CACHE",
        show_envvar=True,
        help="Folder that keeps downloads; default: the system's.",
    )
    return mirror(cache(command))


entry_option = click.option(
    "--entry",
    type=Json(),
    default="{}",
    show_default=True,
    help="The set's own settings, and `source`, as in a config (configs/README.md), in JSON: "
    '\'{"train": 2000, "test": 500}\'.',
)


@data.command("list")
@click.option("--files", is_flag=True, help="Show every file and where it is.")
@place_options
def list_data(files: bool, mirror: str | None, cache: str | None) -> None:
    """Show all data sets: kind, sizes, what each downloads and what of that is at hand.

    `real` sets are as published; `generated` ones are made by the published recipe; a `stand-in`
    only resembles the set whose place it takes. At hand is what lies in the mirror folder or in
    the cache. It is verified when it is used, or by `lsh-dl data fetch`.
    """
    from rich.console import Console
    from rich.table import Table

    from lsh_dl.common.discovery import discover
    from lsh_dl.common.errors import hide_credentials
    from lsh_dl.data.base import DataSet
    from lsh_dl.data.prepared.fetch import CachedSources

    sources = CachedSources(mirror, cache)
    # Narrow enough for a terminal of 80 columns.
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in ("name", "kind"):
        table.add_column(heading, no_wrap=True)
    for heading in ("train", "test", "in, out", "files", "at hand"):
        table.add_column(heading, justify="right", no_wrap=True)
    found = discover("lsh_dl.data", DataSet)
    sets = sorted(found.items())
    for name, cls in sets:
        table.add_row(name, cls.kind, *_describe_sizes(cls), *_describe_files(cls, sources))
    Console().print(table)
    for reason in found.broken.values():
        click.echo(f"broken: {reason}")
    click.echo("in, out: inputs and classes; files: to download, size where known")
    click.echo(
        f"cache: {sources.cache}" + (f"; mirror: {hide_credentials(mirror)}" if mirror else "")
    )
    if files:
        for name, cls in sets:
            for needed in _files(cls):
                place = sources.find(needed) or f"not at hand; {needed.urls[0]}"
                click.echo(f"{name}: {needed.dataset}/{needed.name}: {place}")


def _describe_sizes(cls: "type[DataSet]") -> list[str]:
    """Training and test samples at the default settings, inputs and classes."""
    from math import prod

    fields = cls.Settings.model_fields
    counts = [f"{fields[part].default:,}" if part in fields else "-" for part in ("train", "test")]
    return [*counts, f"{prod(cls.image_shape)}, {cls.classes}" if cls.image_shape else "-"]


def _files(cls: "type[DataSet]") -> Sequence:
    """The files needed at default settings; none where a setting has no default."""
    required = any(field.is_required() for field in cls.Settings.model_fields.values())
    return () if required else cls().files()


def _describe_files(cls: "type[DataSet]", sources: "CachedSources") -> list[str]:
    """How many files, their size where it is known, and how many are at hand."""
    files = _files(cls)
    if not files:
        return ["none", "-"]
    known = [needed.checksums[0].size for needed in files if needed.checksums]
    size = f", {sum(known) / 1e6:.1f} MB" if len(known) == len(files) else ""
    found = sum(sources.find(needed) is not None for needed in files)
    return [f"{len(files)}{size}", f"{found} of {len(files)}"]


@data.command("fetch")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_datasets)
@click.option("--config", type=file, help="Fetch what this config needs, and from its mirror.")
@place_options
def fetch_data(
    names: tuple[str, ...], config: Path | None, mirror: str | None, cache: str | None
) -> None:
    """Download the files of data sets to the cache, or verify them where they are.

    A broken transfer goes on where it stopped, also in a later call. A file whose contents are
    not the published ones is refused; where these are not known, the first download is recorded
    in checksums.json in the cache and later ones are held to it.

    \b
    lsh-dl data fetch mnist norb
    lsh-dl data fetch --config configs/paper.yaml    before going where no network is
    """
    from lsh_dl.data.prepared.fetch import CachedSources
    from lsh_dl.data.prepared.prepare import resolve
    from lsh_dl.experiment.config import read_config

    if not names and not config:
        raise click.UsageError("give the NAME of a data set (lsh-dl data list) or --config")
    sets = {name: resolve(name, {}) for name in names}
    if config:
        experiment = read_config(config)
        mirror, cache = mirror or experiment.mirror, cache or experiment.cache
        for label, entry in experiment.datasets.items():
            sets[label] = resolve(label, {"source": entry.source or label} | entry.settings)
    for label, dataset in sets.items():
        sources = CachedSources(mirror, cache, alternative=dataset.alternative)
        files = dataset.files()
        if not files:
            click.echo(f"{label}: nothing to fetch, {dataset.title} needs no download")
        for needed in files:
            click.echo(f"{label}: {sources.fetch(needed)}: verified")


@data.command("show")
@click.argument("source", metavar="NAME|FILE|FOLDER")
@click.option("--out", type=file, help="Picture to write: .png, .svg or .pdf; default: NAME.png.")
@click.option(
    "--part",
    type=part_of_data,
    default="train",
    show_default=True,
    help="Which samples.",
)
@click.option("--rows", type=click.IntRange(1, 50), default=4, show_default=True)
@click.option("--columns", type=click.IntRange(1, 50), default=10, show_default=True)
@click.option("--seed", type=random_seed, default=0, show_default=True, help="Which ones.")
@entry_option
@place_options
def show_data(
    source: str,
    out: Path | None,
    part: str,
    rows: int,
    columns: int,
    seed: int,
    entry: dict[str, Any],
    mirror: str | None,
    cache: str | None,
) -> None:
    """Draw a grid of samples with their labels, or list those of sets with several labels each.

    NAME is a data set (`lsh-dl data list`), FILE one of your own (FILE.py), of which some samples
    are made for the purpose; FOLDER is a prepared one, such as results/data/digits. Generated
    MNIST8M shows each deformed digit below its original. Sparse samples with several labels each
    come as a table, `--rows` of them, with the set's sizes.

    \b
    lsh-dl data show norb_standin --out toys.svg
    lsh-dl data show convex --part test --entry '{"convex_pixels": 100}'
    lsh-dl data show wide_generated
    """
    from lsh_dl.data.prepared.preview import draw_grid
    from lsh_dl.data.prepared.sparse_table import is_shown_as_table
    from lsh_dl.data.prepared.store import Prepared, open_prepared

    path = out or Path(f"{Path(source).name}.png")

    def show(prepared: Prepared) -> None:
        if is_shown_as_table(prepared):
            if out:
                raise click.UsageError(f"{prepared.title}: shown as a table; leave --out out")
            _print_samples(prepared, part, rows, seed)
            return
        draw_grid(prepared, path, part, rows, columns, seed)
        click.echo(f"{path}: written")

    if (Path(source) / "meta.json").is_file():
        if entry:
            raise click.UsageError(f"{source} is prepared already: --entry changes nothing")
        show(open_prepared(source))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            prepared = _prepare_some(source, entry, Path(temporary) / "data", mirror, cache)
            show(open_prepared(prepared))


def _print_samples(prepared: "Prepared", part: str, rows: int, seed: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from lsh_dl.data.prepared.sparse_table import describe_sizes, list_samples

    sizes = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for line in describe_sizes(prepared):
        sizes.add_row(*line)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(part, justify="right", no_wrap=True)
    table.add_column("labels")
    table.add_column("features:values, the largest")
    for row, labels, features in list_samples(prepared, part, rows, seed):
        table.add_row(str(row), labels, features)
    Console().print(sizes)
    click.echo()
    Console().print(table)


def _prepare_some(
    name: str, entry: Mapping[str, Any], target: Path, mirror: str | None, cache: str | None
) -> Path:
    """Prepare as much of a set as a look at it needs, unless `entry` says how much."""
    from lsh_dl.common.discovery import discover, find, is_outside
    from lsh_dl.common.errors import UserError
    from lsh_dl.data.base import DataSet
    from lsh_dl.data.prepared.prepare import prepare

    label = entry.get("source", name)
    outside = is_outside(label)
    if (
        not outside
        and label not in discover("lsh_dl.data", DataSet)
        and ("/" in name or Path(name).is_dir())
    ):
        raise UserError(f"{name}: no meta.json in it; give a prepared folder or a data set's name")
    cls = find("lsh_dl.data", DataSet, label)
    some = {key: n for key, n in cls.preview.items() if key in cls.Settings.model_fields}
    source = {"source": label} if outside else {}
    return prepare(
        cls.name if outside else label, some | source | dict(entry), target, mirror, cache
    )


@data.command("prepare")
@click.option("--label", required=True, help="Name of the set in the config and the results.")
@entry_option
@click.option("--out", type=folder, required=True, help="Folder to write; replaced when whole.")
@place_options
def prepare_data(
    label: str, entry: dict[str, Any], out: Path, mirror: str | None, cache: str | None
) -> None:
    """Write one data set as arrays that training reads; the pipeline's step.

    \b
    lsh-dl data prepare --label mnist --out prepared/mnist
    lsh-dl data prepare --label toys --entry '{"source": "norb_standin", "train": 2000}' --out toys
    """
    from lsh_dl.common.validation import Model, validate
    from lsh_dl.data.prepared.prepare import prepare
    from lsh_dl.runs.spec import Name

    class Options(Model):
        label: Name

    validate(Options, {"label": label}, "lsh-dl data prepare")
    prepare(label, entry, out, mirror, cache)
