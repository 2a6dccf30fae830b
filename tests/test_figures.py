import re
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt

from lsh_dl.experiment.config import known_tables
from lsh_dl.experiment.studies.stage_times import COSTS
from lsh_dl.runs.summary import MEASURES, NAMED_CURVES

FOLDER = Path(__file__).parents[1] / "figures"
OF_RUNS = [
    name for name, study in known_tables().items() if study.trained and study.tables[name].drawn
]


@pytest.fixture(scope="module")
def style():
    """figures/style.py, which is a script's neighbour, not part of a package."""
    sys.path.insert(0, str(FOLDER))
    try:
        import style
    finally:
        sys.path.remove(str(FOLDER))
    return style


def make_points(rules=("standard", "dropout", "lsh"), kind="stand-in", **change) -> pd.DataFrame:
    rows = []
    for network in ("2x8", "3x8"):
        for rule in rules:
            for level in [1.0] if rule == "standard" else [0.05, 0.5]:
                row = {
                    "dataset": "toys",
                    "dataset_title": "Toys",
                    "data_kind": kind,
                    "hidden_layers": int(network[0]),
                    "hidden": network,
                    "rule": rule,
                    "label": rule,
                    "title": f"title of {rule}",
                    "curve": NAMED_CURVES.index(rule) if rule in NAMED_CURVES else 5,
                    "threads": 1,
                    "target_active_fraction": level,
                    "counting": "counted",
                    "accuracy_of": "validation",
                    "default": rule == "lsh" and level < 1,
                    **dict.fromkeys(("on_training_percent", "on_microseconds"), level < 0.5),
                    "group": "All",
                    "cores": 2,
                    "epoch": 3,
                    "n": 3,
                    "diverged": 0,
                }
                others = ("accuracy", "microseconds", "seconds", "speedup", "samples")
                for measure in (*MEASURES, *others, "precision_at_1"):
                    value = 0.1 + 0.8 * level if "accuracy" in measure else level
                    row |= {
                        f"{measure}_low": value * 0.9,
                        f"{measure}_median": value,
                        f"{measure}_high": value * 1.1,
                    }
                rows.append(row | change)
    return pd.DataFrame(rows)


def draw(name, table, folder, formats=("svg",)):
    """Run a figure's script, in this process since a new one takes seconds; the words it shows."""
    table.to_csv(folder / "table.csv", index=False)
    script, outputs = FOLDER / f"{name}.py", [folder / f"{name}.{end}" for end in formats]
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.syspath_prepend(FOLDER)
        patch.setattr(sys, "argv", [str(script), *map(str, [folder / "table.csv", *outputs])])
        runpy.run_path(str(script), run_name="__main__")
    plt.close("all")
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["table.csv", *(path.name for path in outputs)]
    ), "a temporary file is left behind"
    words = re.sub(r"<[^>]*>", " ", outputs[0].read_text())
    return " ".join(words.split())


@pytest.mark.parametrize("name", [name for name in OF_RUNS if name != "accuracy_vs_depth"])
def test_figure_says_what_it_shows(name, tmp_path):
    points = make_points(rules=("standard", "lsh", "mine"))
    text = draw(name, points, tmp_path, formats=("svg", "png"))
    for part in ("Toys (stand-in)", "2 hidden layers of 8", "3 hidden layers of 8", "3 seeds"):
        assert part in text
    for title in ("standard", "lsh", "mine"):
        assert f"title of {title}" in text
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", OF_RUNS)
def test_extreme_tables_are_drawn(name, tmp_path):
    """One seed, one rule, perfect or constant accuracy, no standard network, diverged runs."""
    points = make_points(rules=("lsh",), n=1, diverged=1)
    for value in (1.0, 0.5, 0.0):
        for part in ("low", "median", "high"):
            points[f"test_accuracy_{part}"] = value
        text = draw(name, points, tmp_path)
        assert "diverged" in text
        assert "one seed" in text


@pytest.mark.parametrize("count", [1, 3])
def test_band_shows_the_seeds_range_of_a_single_point_too(count, style):
    """`fill_between` draws nothing at one place: it has no width there."""
    figure, axes = plt.subplots()
    across, middle = np.arange(count) + 1.0, np.full(count, 0.5)
    style.draw_band(axes, across, middle - 0.2, middle + 0.3, "red")
    figure.canvas.draw()
    heights = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.3, 0.8)
    shown = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
    reddish = (shown[..., 0] > 200) & (shown[..., 1] < 240) & (shown[..., 2] < 240)
    assert reddish.any()
    plt.close(figure)


def test_depth_has_another_papers_numbers_beside_mnist_alone(tmp_path):
    for title, kind, shown in (
        ("Digits (MNIST stand-in)", "stand-in", True),
        ("MNIST", "real", True),
        ("MNIST8M", "real", False),
        ("Toys", "stand-in", False),
    ):
        folder = tmp_path / title
        folder.mkdir()
        points = make_points(("standard", "lsh", "mine"), kind, dataset_title=title)
        text = draw("accuracy_vs_depth", points, folder)
        assert ("reported: their ALSH" in text) == shown
        assert ("numbers of another paper, Ebrahimi et al., EDBT 2025" in text) == shown
        assert ("not those of MNIST" in text) == (title == "Digits (MNIST stand-in)")
        for part in (title, "Hidden layers of 8 nodes", "3 seeds", "title of mine"):
            assert part in text


def make_selection(theory=True, **change) -> pd.DataFrame:
    """Points of two LSH presets and a rule without theory, in two layers of different width."""
    rows = []
    for label, rule in (("lsh", "lsh"), ("paper", "lsh"), ("drawn", "adaptive")):
        for when in ("before", "after"):
            for layer, width in ((1, 40), (2, 12)):
                for rank in (1, 2, 5, width):
                    row = make_points(rules=("lsh",)).iloc[0].to_dict() | {
                        "hidden": "40-12",
                        "rule": rule,
                        "label": label,
                        "title": f"title of {label}",
                        "curve": 4 if label == "lsh" else 5,
                        "when": when,
                        "epoch": 3 if when == "after" else 0,
                        "layer": layer,
                        "width": width,
                        "budget": 2,
                        "samples": 50,
                        "lowest_rank": rank,
                        "highest_rank": rank,
                    }
                    for measure in ("chance", "theory", "recall_of_top", "unused_share"):
                        value = 1 / rank if theory or measure != "theory" else np.nan
                        row |= {f"{measure}_{part}": value for part in ("low", "median", "high")}
                    rows.append(row | change)
    return pd.DataFrame(rows)


def test_frontier_has_a_colour_for_each_rule_and_each_system(tmp_path, style):
    entries = [
        make_points([label]).assign(rule=source, counting=counting, curve=curve)
        for curve, (label, source, counting) in enumerate(
            [
                ("lsh", "lsh", "counted"),
                ("paper", "lsh", "counted"),
                ("torch", "torch", "dense"),
                ("torch-bf16", "torch", "dense"),
            ]
        )
    ]
    text = draw("frontier", pd.concat(entries), tmp_path)
    picture = (tmp_path / "frontier.svg").read_text()
    shown = [style.look(curve)["color"].lower() in picture.lower() for curve in range(4)]
    assert shown == [True, False, True, True], "two presets of a rule are one, two systems two"
    assert "title of torch-bf16" in text
    assert "title of paper" not in text


def test_selection_is_shown_before_and_after(tmp_path):
    text = draw("selection_quality", make_selection(), tmp_path)
    for part in ("Toys (stand-in)", "layer 1", "layer 2", "Before training", "After 3 epochs"):
        assert part in text
    for part in ("1-(1-p^K)^L", "Median over 3 seeds", "50 test samples", "title of drawn"):
        assert part in text


def test_selection_without_theory_or_seeds_is_drawn(tmp_path):
    table = make_selection(theory=False, n=1, diverged=1)
    text = draw("selection_quality", table.assign(epoch=table["epoch"].clip(upper=1)), tmp_path)
    for part in ("After 1 epoch", "One seed", "Runs that diverged among them: title of lsh"):
        assert part in text
    assert "After 1 epochs" not in text


def make_costs(rules=("standard", "lsh"), **change) -> pd.DataFrame:
    """Points of the costs of a training sample by stage."""
    rows = make_points(rules).drop_duplicates(["hidden", "rule"]).assign(processor="Abacus 1")
    for number, cost in enumerate(COSTS, 1):
        for part, factor in (("low", 0.9), ("median", 1.0), ("high", 1.1)):
            unit = 1e-6 if cost.endswith("seconds") else 1e3
            rows[f"{cost}_{part}"] = unit * factor * number / (1 + (rows["rule"] == "lsh"))
    return rows.assign(**change)


def test_costs_say_how_they_were_measured(tmp_path):
    text = draw("stage_times", make_costs(), tmp_path)
    for part in ("Toys (stand-in)", "3 hidden layers of 8", "Abacus 1", "medians of 3 epochs"):
        assert part in text
    for part in ("50 %", "upkeep of tables", "thousands a sample", "title of lsh"):
        assert part in text


def test_costs_without_the_standard_network_and_upkeep_are_drawn(tmp_path):
    none = {f"maintain_{kind}_median": 0 for kind in ("seconds", "multiplications")}
    text = draw("stage_times", make_costs(rules=("wta", "lsh"), n=1, **none), tmp_path)
    assert "upkeep of tables" not in text
    assert "50 %" not in text, "of what is not there"


def test_titles_are_text_with_dollars_and_braces(tmp_path):
    for title in ("WTA, $k_{max}$", "$5 {", r"$\frac{$"):
        assert title in draw("asgd_convergence", make_points(("lsh",), title=title), tmp_path)


def test_times_over_the_width_have_plain_numbers_at_their_axes(tmp_path):
    kept = FOLDER / "reference/speed_vs_width.csv"
    text = draw("speed_vs_width", pd.read_csv(kept), tmp_path)
    assert "10,000" in text
    assert "mathdefault" not in text
    assert "faster than PyTorch by: training 2.3 times at 1,000 nodes" in text


def test_axes_spaced_by_error_say_so(tmp_path):
    for name in ("asgd_convergence", "asgd_lsh_vs_standard", "accuracy_lsh_vs_dropout"):
        assert "spaced by error" in draw(name, make_points(), tmp_path).partition("Accuracies")[0]
        (tmp_path / f"{name}.svg").unlink()


def test_shares_of_selection_have_labels(tmp_path):
    text = draw("selection_quality", make_selection(), tmp_path)
    assert "Found (%)" in text
    assert "Unused (%)" in text


def test_no_recall_of_networks_that_are_tested_whole(tmp_path):
    whole = {f"inference_active_fraction_{part}": 1.0 for part in ("low", "median", "high")}
    table = make_points(("lsh", "adaptive"), **{"hidden": "2x8"}).drop_duplicates("rule")
    table.loc[table["rule"] == "adaptive", list(whole)] = list(whole.values())
    assert draw("ablation", table, tmp_path).count("tested with all nodes") == 1


def test_no_recall_of_what_ranks_all_nodes(tmp_path):
    table = make_points(("lsh", "wta"), **{"hidden": "2x8"}).drop_duplicates("rule")
    recall = [f"recall_of_top_{part}" for part in ("low", "median", "high")]
    table.loc[table["rule"] == "wta", recall] = 1.0
    table.loc[table["rule"] == "lsh", recall] = 0.6
    assert draw("ablation", table, tmp_path).count("finds all of them") == 1


def test_caption_of_one_panel_is_no_taller_than_it(style):
    figure, _ = style.create_panels(1, 1)
    style.draw_caption(figure, "word " * 120)
    figure.canvas.draw()
    caption = figure.texts[-1].get_window_extent()
    assert caption.height < style.PANEL[1] * figure.dpi
    style.plt.close(figure)


def test_same_table_gives_the_same_picture(tmp_path):
    name = OF_RUNS[0]
    pictures = []
    for _ in range(2):
        draw(name, make_points(), tmp_path, formats=("svg", "png"))
        pictures.append([(tmp_path / f"{name}.{end}").read_bytes() for end in ("svg", "png")])
    assert pictures[0] == pictures[1]


def test_real_data_are_not_called_anything_else(style):
    assert style.describe_data("MNIST", "real") == "MNIST"
    assert style.describe_data("Convex (generated)", "generated") == "Convex (generated)"
    assert style.describe_data("NORB", "stand-in") == "NORB (stand-in)"


def test_curves_are_told_apart(style):
    looks = [tuple(map(str, style.look(curve).values())) for curve in range(30)]
    assert len(set(looks)) == 30


def test_empty_table_is_one_clear_line(tmp_path):
    name = OF_RUNS[0]
    make_points().head(0).to_csv(tmp_path / "table.csv", index=False)
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", tmp_path / "table.csv", tmp_path / "a.png"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path / 'table.csv'}: no rows, nothing to draw\n"
    assert not (tmp_path / "a.png").exists()


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 1), st.floats(0, 1))
def test_accuracy_axis_shows_all_and_has_ticks(one, other):
    sys.path.insert(0, str(FOLDER))
    import style

    low, high = min(one, other), max(one, other)
    figure, axes = style.create_panels(1, 1)
    panel = axes[0, 0]
    style.scale_accuracy(panel, low, high)
    bottom, top = panel.get_ylim()
    assert bottom < top
    assert bottom <= low + 1e-9
    assert top >= high - 1e-9
    heights = panel.transData.transform([(1, value) for value in np.linspace(bottom, top, 9)])
    assert (np.diff(heights[:, 1]) > 0).all()
    if high - low > 0.02:
        assert len(panel.get_yticks()) >= 2
    style.plt.close(figure)
