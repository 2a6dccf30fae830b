"""A page to explore all runs: one HTML file with a plot, its controls and a table, by Bokeh."""

import json
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bokeh.embed import file_html
from bokeh.layouts import column
from bokeh.models import (
    BasicTickFormatter,
    CDSView,
    ColumnDataSource,
    CustomJS,
    DataRange1d,
    DataTable,
    FixedTicker,
    GroupFilter,
    HoverTool,
    HTMLTemplateFormatter,
    InlineStyleSheet,
    Legend,
    LegendItem,
    NoOverlap,
    NumberFormatter,
    Select,
    TableColumn,
)
from bokeh.plotting import figure
from bokeh.resources import INLINE

from lsh_dl.common.files import written_whole
from lsh_dl.results.html import pack_page
from lsh_dl.results.looks import LOOKS, describe_data, describe_network
from lsh_dl.runs.energy import estimate_sample
from lsh_dl.runs.record import read_table_of_runs
from lsh_dl.runs.summary import number_curves

#: x axes of a point a level, at the reported epoch: label, column.
OVER_LEVELS = {
    "Multiplications, training (% of dense)": "training_percent",
    "Multiplications, inference (% of dense)": "inference_percent",
    "Active nodes, training (%, measured)": "active_percent",
    "Energy of a training sample (µJ, estimate)": "estimated_microjoules",
}
#: x axes of a point an epoch.
OVER_EPOCHS = {"Training so far (seconds)": "seconds", "Training so far (epochs)": "epoch"}

#: Bokeh's name for matplotlib's sign of a marker.
MARKERS = {
    "h": "hex",
    "s": "square",
    "^": "triangle",
    "D": "diamond",
    "o": "circle",
    "v": "inverted_triangle",
    "P": "plus",
    "X": "star",
    "<": "triangle_pin",
    ">": "square_pin",
}
DASHES = ("solid", "dotted", "dotdash")
"""Of lines whose colours come again."""
TEXT_SIZE = "13px"
#: Where a logarithmic axis may have labels; those without room are left out.
TICKS = [tick * 10.0**power for power in range(-6, 13) for tick in (1, 1.5, 2, 3, 4, 5, 7)]

#: Beside each other where there is room, the legend's entries too.
GRID = {"display": "grid", "grid-template-columns": "repeat(auto-fit, minmax(15rem, 1fr))"}
WRAP = """
:host { max-width: 100%; }
.bk-grid { display: flex; flex-wrap: wrap; gap: 2px 14px; width: auto; height: auto; }
"""

TITLE = "Explore the runs"
ABOUT = (
    "Points are medians over seeds, bars go from the lowest to the highest seed. Over seconds and "
    "epochs a run has a point for each epoch, elsewhere its reported one. 100 % of dense: the "
    "multiplications of the textbook network. Click a rule in the legend to take it off or on, "
    "point at a point to read what it is, click a heading to sort the table."
)

#: What a point tells; Bokeh puts columns in as text. Narrow, so that a telephone has room for it.
TOLD = """
<div style="max-width: min(26rem, 36vw); overflow-wrap: anywhere">
<b>@title</b>, @target_active_fraction{0.[00]%} wanted active<br>
@run (seeds @seeds), epoch @at{0.[00]}, @diverged diverged<br>
@settings<br>
accuracy @accuracy{0.00} % (@low{0.00} to @high{0.00})<br>
@axis: @x{0,0.[000]} (@x_low{0,0.[000]} to @x_high{0,0.[000]})
</div>
"""

TEMPLATE = """
{% block preamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<style>
  body { font: 15px/1.45 system-ui, sans-serif; color: #222; background: #fff; }
  main { max-width: 80rem; margin: 0 auto; padding: 0.5rem 0.8rem 2rem; }
  h1 { font-size: 1.4rem; margin: 0.4rem 0; }
</style>
{% endblock %}
{% block contents %}
<main><h1>{{ title }}</h1><p>{{ about }}</p>{{ super() }}</main>
{% endblock %}
"""


def write_page(table: Path, records: Iterable[Path | str], path: Path) -> None:
    """Write the page to `path`; its links lead to `runs/<run id>.csv` beside it.

    Parameters
    ----------
    table: the table of all runs, as `lsh_dl.results.tables.write_runs` writes it.
    records: the JSONs of its runs.
    """
    runs = add_measures(read_table_of_runs(table), [read_settings(file) for file in records])
    with written_whole(path) as file:
        file.write(pack_page(render(runs), TITLE))


def read_settings(path: Path | str) -> dict[str, Any]:
    """Of a run's JSON: what tells its line from others, settings, what its energy depends on."""
    record = json.loads(Path(path).read_text(encoding="utf-8"))
    run = record["run"]
    apart = {name: run[name] for name in ("budget", "variant") if run[name] is not None}
    training = {name: value for name, value in run["training"].items() if value}
    settings = run["settings"] | run["conditions"] | apart | training
    return {
        "run_id": record["run_id"],
        "series": json.dumps([run["threads"], run["conditions"], apart]),
        "settings": ", ".join(f"{name} {value}" for name, value in settings.items()),
        "histories": run["training"]["adagrad"] + (run["training"]["momentum"] > 0),
        "in_batches": bool(run.get("system")),
    }


def add_measures(runs: pd.DataFrame, settings: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The table of runs with settings and all that the page shows of an epoch."""
    runs = number_curves(runs).merge(pd.DataFrame(settings), on="run_id")
    # The textbook network's inference multiplies each weight once; a weight has four bytes.
    weights = 4 * runs["inference_multiplications"] / (runs["inference_percent"] / 100)
    sizes = {"bytes_weights": weights, "bytes_optimiser": weights * runs["histories"]}
    energy = estimate_sample(runs.assign(**sizes))["estimated_microjoules"]
    return runs.assign(
        # The estimate is of samples one by one: a batch reads its weights once for all of its own.
        estimated_microjoules=energy.mask(runs["in_batches"]),
        accuracy=100 * runs["test_accuracy"],
        active_percent=100 * runs["active_fraction"],
        seconds=runs.groupby("run_id")["train_seconds"].cumsum(),
        data=list(map(describe_data, runs["dataset_title"], runs["data_kind"])),
    )


def gather_points(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a point of the plot and x axis: medians over seeds, and their lowest and highest."""
    keys = ["dataset", "hidden", "label", "series", "target_active_fraction"]
    parts = []
    for axes, rows, by in (
        (OVER_LEVELS, runs[runs["reported"]], keys),
        (OVER_EPOCHS, runs, [*keys, "epoch"]),
    ):
        rows = rows.assign(at=rows["epoch"], failed=rows["status"] != "ok")
        groups = rows.groupby(by, sort=False)
        for axis, measure in axes.items():
            points = groups.agg(
                curve=("curve", "first"),
                title=("title", "first"),
                settings=("settings", "first"),
                run=("run_id", "first"),
                seeds=("seed", lambda seeds: ", ".join(map(str, seeds))),
                at=("at", "max"),
                diverged=("failed", "sum"),
                x=(measure, "median"),
                x_low=(measure, "min"),
                x_high=(measure, "max"),
                accuracy=("accuracy", "median"),
                low=("accuracy", "min"),
                high=("accuracy", "max"),
            )
            parts.append(points.reset_index().assign(axis=axis))
    points = pd.concat(parts, ignore_index=True)
    # The axis is logarithmic.
    return points[points["x"] > 0]


def join_points(points: pd.DataFrame) -> pd.DataFrame:
    """A row a line: over levels, or over the epochs of a level."""
    level = points["target_active_fraction"].where(points["axis"].isin(OVER_EPOCHS), 0)
    keys = ["dataset", "hidden", "label", "series", "axis"]
    points = points.assign(of_level=level).sort_values(["target_active_fraction", "at"])
    lines = points.groupby([*keys, "of_level"], sort=False)
    table = lines.agg(xs=("x", list), ys=("accuracy", list)).reset_index()
    short = partial(np.asarray, dtype="float32")
    return table.assign(xs=table["xs"].map(short), ys=table["ys"].map(short))


def render(runs: pd.DataFrame) -> str:
    """The page of what `add_measures` returns, as HTML that needs no other file."""
    points = gather_points(runs)
    heads = points.drop_duplicates("label").sort_values("curve")
    labels = points.groupby(["dataset", "hidden"], sort=False)["label"].unique()
    networks = {
        dataset: [(hidden, describe_network(hidden)) for hidden in part.index.unique("hidden")]
        for dataset, part in labels.groupby("dataset", sort=False)
    }
    titles = runs.drop_duplicates("dataset").set_index("dataset")["data"]
    axes = [*OVER_LEVELS, *OVER_EPOCHS]

    first = next(iter(networks))
    dataset = choice("Data set", first, list(titles.items()))
    network = choice("Network", networks[first][0][0], networks[first])
    axis = choice("x axis", axes[0], axes)
    chosen = [
        filter_by(select, name)
        for select, name in ((dataset, "dataset"), (network, "hidden"), (axis, "axis"))
    ]
    plot, legend = draw(points, heads, chosen)
    axis.js_link("value", plot.xaxis[0], "axis_label")
    shown = labels[first, network.value]
    for item in legend.items:
        item.visible = item.name in shown
    # A data set offers its own networks, the legend the rules that were run on both.
    follow = CustomJS(
        args={
            "dataset": dataset,
            "network": network,
            "legend": legend,
            "networks": list(networks.items()),
            "labels": [[*pair, list(names)] for pair, names in labels.items()],
        },
        code="""
        const [, own] = networks.find(([name]) => name == dataset.value)
        network.options = own
        if (!own.some(([hidden]) => hidden == network.value)) { network.value = own[0][0] }
        const [, , shown] = labels.find(
            ([name, hidden]) => name == dataset.value && hidden == network.value)
        for (const item of legend.items) { item.visible = shown.includes(item.name) }
        """,
    )
    dataset.js_on_change("value", follow)
    network.js_on_change("value", follow)
    page = column(
        column(dataset, network, axis, sizing_mode="stretch_width", styles=GRID),
        plot,
        make_table(runs, chosen[:2]),
        sizing_mode="stretch_width",
    )
    about = {"about": ABOUT}
    return file_html(page, INLINE, TITLE, template=TEMPLATE, template_variables=about)


def choice(title: str, value: str, options: Sequence[Any]) -> Select:
    """A drop-down list."""
    return Select(
        title=title, name=title, value=value, options=options, sizing_mode="stretch_width"
    )


def filter_by(select: Select, name: str) -> GroupFilter:
    """The rows that have what is chosen in the column `name`."""
    rows = GroupFilter(column_name=name, group=select.value)
    select.js_link("value", rows, "group")
    return rows


def hold(table: pd.DataFrame) -> ColumnDataSource:
    """The table's columns; numbers in as many digits as are told, for the page's size."""
    floats = table.select_dtypes("float64").columns
    short = table.astype(dict.fromkeys(floats, "float32"))
    return ColumnDataSource({name: short[name].to_numpy() for name in short})


def draw(
    points: pd.DataFrame, heads: pd.DataFrame, chosen: Sequence[GroupFilter]
) -> tuple[figure, Legend]:
    """The plot: for each label its points, their bars over seeds, and lines between them."""
    plot = figure(
        name="plot",
        frame_height=360,
        height=None,
        sizing_mode="stretch_width",
        x_axis_type="log",
        x_axis_label=chosen[-1].group,
        y_axis_label="Test accuracy (%)",
        x_range=DataRange1d(only_visible=True),
        y_range=DataRange1d(only_visible=True),
        tools="pan,box_zoom,reset,save",
        toolbar_location="above",
        active_drag=None,  # a finger on the plot scrolls the page
    )
    plot.toolbar.logo = None
    plot.xaxis.ticker = FixedTicker(ticks=TICKS)
    plot.xaxis.formatter = BasicTickFormatter(use_scientific=False)
    plot.xaxis.major_label_policy = NoOverlap()
    for side in (plot.xaxis, plot.yaxis):
        side.axis_label_text_font_size = side.major_label_text_font_size = TEXT_SIZE
        side.axis_label_text_font_style = "normal"
    of_points = hold(points)
    of_lines = hold(join_points(points))
    items, pointed = [], []
    for head in heads.itertuples():
        color, marker = LOOKS[head.curve % len(LOOKS)]
        rows = chosen[0] & chosen[1] & chosen[2]
        rows = rows & GroupFilter(column_name="label", group=head.label)
        # A view keeps what its source has: one for each of the two.
        at = {"source": of_points, "view": CDSView(filter=rows), "color": color, "line_width": 2}
        between = at | {"source": of_lines, "view": CDSView(filter=rows)}
        marks = plot.scatter("x", "accuracy", marker=MARKERS[marker], size=10, **at)
        bars = plot.segment("x", "low", "x", "high", **at)
        dashes = DASHES[head.curve // len(LOOKS) % len(DASHES)]
        lines = plot.multi_line("xs", "ys", line_dash=dashes, **between)
        pointed.append(marks)
        items.append(LegendItem(label=head.title, name=head.label, renderers=[marks, bars, lines]))
    plot.add_tools(HoverTool(renderers=pointed, tooltips=TOLD))
    legend = Legend(
        items=items,
        name="legend",
        click_policy="hide",
        label_text_font_size=TEXT_SIZE,
        border_line_color=None,
        orientation="horizontal",
        location="left",
        stylesheets=[InlineStyleSheet(css=WRAP)],
    )
    plot.add_layout(legend, "above")
    return plot, legend


def make_table(runs: pd.DataFrame, chosen: Sequence[GroupFilter]) -> DataTable:
    """The runs of the chosen data set and network, a row each, at their reported epoch."""
    link = HTMLTemplateFormatter(template='<a href="runs/<%- value %>.csv"><%- value %></a>')
    hundredths, tenths = NumberFormatter(format="0.00"), NumberFormatter(format="0,0.0")
    columns = {
        "run_id": ("run (its CSV)", 290, link),
        "title": ("rule", 110, None),
        "target_active_fraction": ("wanted active", 100, NumberFormatter(format="0.[00]%")),
        "accuracy": ("test accuracy %", 110, hundredths),
        "training_percent": ("training work %", 105, hundredths),
        "inference_percent": ("inference work %", 115, hundredths),
        "seconds": ("seconds", 70, hundredths),
        "estimated_microjoules": ("energy µJ", 75, tenths),
        "epoch": ("epoch", 55, NumberFormatter(format="0.[00]")),
        "seed": ("seed", 50, None),
        "threads": ("threads", 65, None),
        "status": ("status", 65, None),
    }
    reported = runs.loc[runs["reported"], ["dataset", "hidden", *columns]]
    return DataTable(
        name="runs",
        source=hold(reported.sort_values("accuracy", ascending=False)),
        view=CDSView(filter=chosen[0] & chosen[1]),
        columns=[
            TableColumn(field=name, title=title, width=width, **({"formatter": f} if f else {}))
            for name, (title, width, f) in columns.items()
        ],
        index_position=None,
        autosize_mode="none",
        sizing_mode="stretch_width",
        height=420,
        row_height=28,
        reorderable=False,
    )
