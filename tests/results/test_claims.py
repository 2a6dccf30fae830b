"""Claims: every rule with made-up tables, the verdict, the pages."""

import numpy as np
import pandas as pd
import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.results.claims.base import (
    DOES_NOT_HOLD,
    HOLDS,
    IN_PART,
    NOT_TESTED,
    Cell,
    Claim,
    NotTestedError,
    judge,
)
from lsh_dl.results.claims.table import (
    CLAIMS,
    describe_claims,
    describe_number,
    describe_verdict,
    format_number,
    judge_with_baseline,
    read_claims,
    tabulate,
    write_claims,
)
from lsh_dl.results.html import render_page
from lsh_dl.results.tables import write_runs
from lsh_dl.runs.record import write_rows
from lsh_dl.runs.scaling import tabulate_points
from lsh_dl.runs.summary import compare_with_standard

NAMED = {claim.name: claim for claim in CLAIMS}
DATA = {"first": ("First", "real"), "second": ("Second", "generated")}


def make_runs(row, **points) -> pd.DataFrame:
    """Rows of runs, one epoch each, on two data sets, two networks and three seeds.

    Parameters
    ----------
    points
        By rule: columns with a number, or with one for each pair of data set and network.
    """
    rows = []
    for rule, columns in points.items():
        places = [(dataset, hidden) for dataset in DATA for hidden in ("2x8", "3x8")]
        for place, (dataset, hidden) in enumerate(places):
            for seed in (1, 2, 3):
                values = {
                    name: value[place] if isinstance(value, tuple) else value
                    for name, value in columns.items()
                }
                label = values.pop("label", rule)
                level = 1.0 if rule == "standard" else 0.05
                rows.append(
                    row
                    | {
                        "run_id": f"{dataset}_{label}_{hidden}_seed{seed}",
                        "dataset": dataset,
                        "dataset_title": DATA[dataset][0],
                        "data_kind": DATA[dataset][1],
                        "rule": rule,
                        "label": label,
                        "title": rule.upper(),
                        "hidden": hidden,
                        "hidden_layers": int(hidden[0]),
                        "seed": seed,
                        "target_active_fraction": level,
                    }
                    | values
                )
    return compare_with_standard(pd.DataFrame(rows))


def verdict_of(name, **tables):
    judgement = judge(NAMED[name], tables)
    assert all(cell.low <= cell.median <= cell.high for cell in judgement.cells)
    return judgement.verdict


def accuracy(*values):
    return {"test_accuracy": values if len(values) > 1 else values[0]}


@pytest.mark.parametrize(
    ("lsh", "verdict"),
    [
        ((0.93, 0.94, 0.945, 0.96), HOLDS),
        ((0.93, 0.94, 0.80, 0.96), IN_PART),
        ((0.9, 0.9, 0.80, 0.92), DOES_NOT_HOLD),
    ],
)
def test_accuracy(row, lsh, verdict):
    runs = make_runs(row, standard=accuracy(0.94), lsh=accuracy(*lsh))
    assert verdict_of("accuracy", comparison=runs) == verdict


def test_accuracy_has_the_average_as_a_cell(row):
    lsh = accuracy(0.93, 0.94, 0.80, 0.96)
    runs = make_runs(row, standard=accuracy(0.94), lsh=lsh)
    *cells, average = judge(NAMED["accuracy"], {"comparison": runs}).cells
    assert [cell.median for cell in cells] == pytest.approx([1, 0, 14, -2])
    assert (average.data, average.kind, average.n) == ("all", "generated, real", 3)
    assert average.median == pytest.approx(13 / 4)


def test_the_average_is_judged_with_all_of_its_interval(row):
    runs = make_runs(row, standard=accuracy(0.95), lsh=accuracy(0.945))
    spread = {1: -0.03, 2: 0.0, 3: 0.03}
    lsh = runs["rule"] == "lsh"
    noisy = runs.copy()
    noisy.loc[lsh, "test_accuracy"] += noisy.loc[lsh, "seed"].map(spread)
    for rows, fulfilled in ((runs, True), (noisy, False)):
        average = judge(NAMED["accuracy"], {"comparison": rows}).cells[-1]
        assert average.median == pytest.approx(0.5)
        assert average.fulfilled is fulfilled
    # Student's t of three seeds, 3 points apart.
    assert average.high - average.median == pytest.approx(4.303 * 3 / 3**0.5, rel=1e-3)


def make_budget(row, lsh, percent=4.0, **others):
    """Runs of NN, and of rules within a budget that differ from it in what they lose."""
    work = {"training_percent": percent, "inference_percent": percent}
    within = make_runs(
        row,
        lsh=accuracy(*lsh) | work,
        **{rule: accuracy(value) | work | more for rule, (value, more) in others.items()},
    )
    return {"comparison": make_runs(row, standard=accuracy(0.95)), "budget": within}


@pytest.mark.parametrize(
    ("lsh", "verdict"),
    [
        ((0.95, 0.945, 0.94, 0.93), HOLDS),  # one of 2 points, 0.9 on average
        ((0.95, 0.945, 0.90, 0.93), DOES_NOT_HOLD),
    ],
)
def test_budget_is_judged_on_average(row, lsh, verdict):
    tables = make_budget(row, lsh, wta=(0.80, {"inference_percent": 30.0}), dropout=(0.5, {}))
    judgement = judge(NAMED["budget"], tables)
    assert judgement.verdict == verdict
    assert [cell.data for cell in judgement.judged] == ["all"]
    beside = {cell.measure for cell in judgement.cells if not cell.judged}
    assert beside == {
        "LSH, below NN",
        "WTA, below NN (up to 30 % of the multiplications)",
        "DROPOUT, below NN",
    }


def test_rules_without_a_budget_are_beside_it_at_their_cheapest_level(row):
    tables = make_budget(row, (0.95, 0.95, 0.95, 0.95))
    levels = [
        make_runs(row, wta=accuracy(value) | more | {"target_active_fraction": level})
        for level, value, more in (
            (0.05, 0.90, {"training_percent": 3.0, "inference_percent": 20.0}),
            (0.25, 0.94, {"training_percent": 40.0, "inference_percent": 30.0}),
        )
    ]
    tables["comparison"] = pd.concat([tables["comparison"], *levels])
    judgement = judge(NAMED["budget"], tables)
    assert judgement.verdict == HOLDS
    beside = [cell for cell in judgement.cells if cell.measure.startswith("WTA")]
    assert {cell.measure for cell in beside} == {
        "WTA at 5 % of the nodes, below NN (up to 20 % of the multiplications)"
    }
    assert [cell.median for cell in beside] == pytest.approx([5.0] * 4)
    assert not any(cell.judged for cell in beside)


def test_a_rule_without_a_run_of_the_same_seed_is_not_beside_the_budget(row):
    tables = make_budget(row, (0.95, 0.95, 0.95, 0.95))
    others = make_runs(row, wta=accuracy(0.9)).assign(seed=7)
    tables["comparison"] = pd.concat([tables["comparison"], others])
    judgement = judge(NAMED["budget"], tables)
    assert judgement.verdict == HOLDS
    assert not [cell for cell in judgement.cells if cell.measure.startswith("WTA")]


def test_more_than_the_budget_tests_nothing(row):
    tables = make_budget(row, (0.95, 0.95, 0.95, 0.95), percent=6.0)
    judgement = judge(NAMED["budget"], tables)
    assert judgement.verdict == NOT_TESTED
    assert "more than 5 %" in judgement.reason


def test_differences_are_of_the_same_seed(row):
    runs = make_runs(row, standard=accuracy(0.0), lsh=accuracy(0.0))
    runs["test_accuracy"] = runs["seed"].map({1: 0.5, 2: 0.6, 3: 0.9})
    runs.loc[runs["rule"] == "lsh", "test_accuracy"] -= 0.005
    cell, *_ = judge(NAMED["accuracy"], {"comparison": runs}).cells
    assert (cell.low, cell.median, cell.high) == pytest.approx((0.5, 0.5, 0.5))
    assert cell.n == 3
    assert cell.runs == tuple(f"first_lsh_2x8_seed{seed}" for seed in (1, 2, 3))


@pytest.mark.parametrize(
    ("training", "inference", "verdict"),
    [(5.4, 1.0, HOLDS), (5.6, 1.0, IN_PART), (50.0, 6.0, DOES_NOT_HOLD)],
)
def test_work(row, training, inference, verdict):
    lsh = {"training_percent": training, "inference_percent": inference}
    assert verdict_of("work", comparison=make_runs(row, lsh=lsh)) == verdict


@pytest.mark.parametrize(
    ("training", "inference", "verdict"),
    [(99.0, 99.0, HOLDS), (99.0, 101.0, IN_PART), (101.0, 101.0, DOES_NOT_HOLD)],
)
def test_both_cheaper(row, training, inference, verdict):
    dense = {"training_multiplications": 100.0, "inference_multiplications": 100.0}
    lsh = {"training_multiplications": training, "inference_multiplications": inference}
    assert verdict_of("both", comparison=make_runs(row, standard=dense, lsh=lsh)) == verdict


def test_seconds_count_where_they_were_timed(row):
    work = {"training_multiplications": 1.0, "inference_multiplications": 1.0}
    dense = {"training_multiplications": 2.0, "inference_multiplications": 2.0}
    comparison = make_runs(row, standard=dense, lsh=work)
    timed = make_runs(row, standard={"train_seconds": 1.0}, lsh={"train_seconds": 2.0})
    assert verdict_of("both", comparison=comparison, asynchronous=timed) == IN_PART
    assert verdict_of("both", comparison=comparison) == HOLDS


def test_work_without_a_standard_network_is_not_compared(row):
    assert verdict_of("both", comparison=make_runs(row, lsh={})) == NOT_TESTED


@pytest.mark.parametrize(
    ("wta", "adaptive", "verdict"),
    [(0.9, 0.8, HOLDS), (0.95, 0.9, IN_PART), (0.95, 0.95, DOES_NOT_HOLD)],
)
def test_selectors(row, wta, adaptive, verdict):
    rules = {"wta": accuracy(wta), "adaptive": accuracy(adaptive)}
    runs = make_runs(row, lsh=accuracy(0.9), **rules)
    assert verdict_of("selectors", comparison=runs) == verdict


def test_one_selector_is_enough(row):
    runs = make_runs(row, lsh=accuracy(0.9), wta=accuracy(0.9))
    assert verdict_of("selectors", comparison=runs) == HOLDS


@pytest.mark.parametrize(
    ("dropout", "collapses", "deeper"),
    [
        ((0.84, 0.7, 0.8, 0.7), HOLDS, HOLDS),
        ((0.84, 0.9, 0.8, 0.7), IN_PART, IN_PART),
        ((0.9, 0.92, 0.9, 0.9), DOES_NOT_HOLD, DOES_NOT_HOLD),
    ],
)
def test_dropout(row, dropout, collapses, deeper):
    runs = make_runs(row, standard=accuracy(0.95), dropout=accuracy(*dropout))
    assert verdict_of("collapse", comparison=runs) == collapses
    assert verdict_of("depth", comparison=runs) == deeper


def test_depth_needs_two(row):
    runs = make_runs(row, standard=accuracy(0.95), dropout=accuracy(0.5))
    assert verdict_of("depth", comparison=runs[runs["hidden"] == "2x8"]) == NOT_TESTED


@pytest.mark.parametrize(
    ("control", "verdict"),
    [(0.8, HOLDS), ((0.8, 0.9, 0.8, 0.9), IN_PART), (0.9, DOES_NOT_HOLD)],
)
def test_inner_products(row, control, verdict):
    variant = make_runs(row, lsh={"label": "unranked", "test_accuracy": 0.9})
    permuted = make_runs(row, lsh={"label": "permuted-unranked", "test_accuracy": control})
    ablation = pd.concat([variant, permuted])
    assert verdict_of("inner_products", ablation=ablation) == verdict
    assert verdict_of("inner_products", ablation=variant) == NOT_TESTED
    assert verdict_of("inner_products") == NOT_TESTED


def make_threads(row, **columns):
    """LSH and NN on one data set by 1, 2 and 8 threads; columns hold a number for each of these."""
    runs = make_runs(row, standard={}, lsh={})
    runs = runs[(runs["dataset"] == "first") & (runs["hidden"] == "2x8")]
    parts = []
    for place, threads in enumerate((1, 2, 8)):
        part = runs.assign(threads=threads, run_id=runs["run_id"] + f"_{threads}threads")
        for name, by_rule in columns.items():
            part[name] = part["rule"].map({rule: by_rule[rule][place] for rule in by_rule})
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def machine(cores):
    return pd.DataFrame({"cores": [cores, cores + 4]})


@pytest.mark.parametrize(
    ("seconds", "cores", "verdict"),
    [
        ((8, 4, 1), 8, HOLDS),
        ((8, 4, 3), 8, IN_PART),
        ((8, 4, 3), 2, HOLDS),
        ((8, 7, 7), 8, DOES_NOT_HOLD),
        ((8, 4, 1), 1, NOT_TESTED),
    ],
)
def test_speedup(row, seconds, cores, verdict):
    runs = make_threads(row, train_seconds={"lsh": seconds, "standard": (1, 1, 1)})
    assert verdict_of("speedup", asynchronous=runs, machine=machine(cores)) == verdict


@pytest.mark.parametrize("load", [{"others_cores": 0.6}, {"steal_percent": 8.0}])
def test_seconds_of_a_busy_machine_have_no_verdict(row, load):
    runs = make_threads(row, train_seconds={"lsh": (8, 4, 1), "standard": (8, 4, 1)})
    tables = {"asynchronous": runs.assign(**load), "machine": machine(8)}
    judgement = judge(NAMED["speedup"], tables)
    assert judgement.verdict == NOT_TESTED
    assert "the machine was busy" in judgement.reason
    standard = {"training_multiplications": 100.0}
    comparison = make_runs(row, standard=standard, lsh={"training_multiplications": 10.0})
    cells = judge(NAMED["both"], tables | {"comparison": comparison}).cells
    assert not [cell for cell in cells if "seconds" in cell.measure]


def test_results_without_a_record_of_the_load_are_judged(row):
    runs = make_threads(row, train_seconds={"lsh": (8, 4, 1), "standard": (1, 1, 1)})
    runs = runs.assign(others_cores=np.nan, steal_percent=np.nan)
    assert verdict_of("speedup", asynchronous=runs, machine=machine(8)) == HOLDS


@pytest.mark.parametrize(
    ("lsh", "verdict"),
    [
        ((0.9, 0.9, 0.895), HOLDS),
        ((0.9, 0.9, 0.8), IN_PART),
        ((0.9, 0.8, 0.8), DOES_NOT_HOLD),
    ],
)
def test_convergence(row, lsh, verdict):
    runs = make_threads(row, test_accuracy={"lsh": lsh, "standard": (0.9, 0.9, 0.9)})
    assert verdict_of("convergence", asynchronous=runs) == verdict


def test_diverged_run_counts_with_its_last_accuracy(row):
    runs = make_threads(row, test_accuracy={"lsh": (0.9, 0.1, 0.9), "standard": (0.9, 0.9, 0.9)})
    later = runs[runs["threads"] == 1].assign(epoch=2)
    cells = judge(NAMED["convergence"], {"asynchronous": pd.concat([runs, later])}).cells
    assert {cell.measure: cell.median for cell in cells} == pytest.approx(
        {"2 threads": 80, "8 threads": 0}
    )


@pytest.mark.parametrize(
    ("standard", "cores", "verdict"),
    [
        ((0.9, 0.9, 0.8), 8, HOLDS),
        ((0.9, 0.8, 0.895), 8, DOES_NOT_HOLD),  # the most threads count
        ((0.9, 0.9, 0.8), 4, NOT_TESTED),
    ],
)
def test_dense_asynchronous(row, standard, cores, verdict):
    runs = make_threads(row, test_accuracy={"lsh": (0.9, 0.9, 0.89), "standard": standard})
    tables = {"asynchronous": runs, "machine": machine(cores)}
    judgement = judge(NAMED["dense_asynchronous"], tables)
    assert judgement.verdict == verdict
    assert len(judgement.cells) == 1  # shown, if not judged
    assert (judgement.judged == []) == (verdict == NOT_TESTED)


def make_widths(at_thousand=3.0, growth=0.3):
    """Points over widths: NN's work is the width, LSH's a power of it."""
    rows = []
    for width in (1_000, 2_000, 4_000, 16_000, 64_000):
        # A little off the line, so that the fit has an interval.
        lsh = at_thousand / 100 * 1_000 * (width / 1_000) ** growth * (1 + 0.01 * (width == 4_000))
        for rule, cost in (("standard", width), ("lsh", lsh)):
            common = {"dataset_title": "First", "data_kind": "real", "rule": rule, "title": rule}
            costs = dict.fromkeys(
                (f"{part}_{what}" for part in ("training", "inference") for what in WHAT), cost
            )
            textbook = {
                f"textbook_{part}_multiplications": 1.5 * width
                for part in ("training", "inference")
            }
            upkeep = {"build_seconds": 0, "upkeep_seconds": 0, "bytes_weights": 4 * width}
            rows.append(common | {"width": width, "inputs": 784} | costs | textbook | upkeep)
    return tabulate_points(pd.DataFrame(rows))


WHAT = ("multiplications", "seconds")


def test_scaling():
    points = make_widths()
    for name in ("thousand", "sublinear", "billion"):
        assert verdict_of(name, scaling_width=points) == HOLDS
        assert verdict_of(name) == NOT_TESTED
    textbook, as_run, *_ = judge(NAMED["thousand"], {"scaling_width": points}).cells
    assert (textbook.median, as_run.median) == pytest.approx((98, 97))
    assert (as_run.low, as_run.high) == pytest.approx((97, 97))
    dear = make_widths(at_thousand=20, growth=1.02)
    for name in ("thousand", "sublinear", "billion"):
        assert verdict_of(name, scaling_width=dear) == DOES_NOT_HOLD
    inference = dear["measure"].str.startswith("inference")
    mixed = pd.concat([points[~inference], dear[inference]])
    for name in ("thousand", "sublinear", "billion"):
        assert verdict_of(name, scaling_width=mixed) == IN_PART


def test_seconds_of_widths_count_on_a_quiet_machine_only():
    points = make_widths()
    measures = [cell.measure for cell in judge(NAMED["sublinear"], {"scaling_width": points}).cells]
    assert [name for name in measures if "seconds" in name]
    busy = points.assign(others_cores=1.0)
    cells = judge(NAMED["sublinear"], {"scaling_width": busy}).cells
    assert cells
    assert not [cell for cell in cells if "seconds" in cell.measure]


def test_projection_is_called_so_and_judged_by_its_worse_end():
    points = make_widths()
    cell, *_ = judge(NAMED["billion"], {"scaling_width": points}).cells
    assert "projected" in cell.measure
    assert cell.low < cell.median < cell.high
    points.loc[points["kind"] == "projected", "high"] *= 1e6
    assert verdict_of("billion", scaling_width=points) == DOES_NOT_HOLD


def test_width_of_a_thousand_must_be_measured():
    points = make_widths()
    assert verdict_of("thousand", scaling_width=points[points["width"] > 1_000]) == NOT_TESTED


@pytest.mark.parametrize(
    ("lsh", "verdict"), [((1, 1), HOLDS), ((1, 30), IN_PART), ((30, 30), DOES_NOT_HOLD)]
)
def test_energy(lsh, verdict):
    energy = pd.DataFrame(
        {
            "dataset_title": "First",
            "data_kind": "real",
            "rule": ["standard", "standard", "lsh", "lsh"],
            "width": [1_000, 4_000] * 2,
            "measured_microjoules": [10, 20, *lsh],
            "not_measured_because": "",
            "estimated_saved_percent": [0, 0, 90, 95],
        }
    )
    assert verdict_of("energy", energy=energy) == verdict
    estimated = energy.assign(measured_microjoules=np.nan, not_measured_because="no counter")
    judgement = judge(NAMED["energy"], {"energy": estimated})
    assert judgement.verdict == NOT_TESTED
    assert judgement.reason.startswith("no counter; the estimate")
    assert [cell.median for cell in judgement.cells] == [90, 95]


@pytest.mark.parametrize("claim", CLAIMS, ids=NAMED)
def test_without_runs_no_claim_is_tested(claim):
    judgement = judge(claim, {})
    assert judgement.verdict == NOT_TESTED
    assert judgement.reason


def test_other_levels_test_nothing(row):
    runs = make_runs(row, standard={}, lsh={})
    runs.loc[runs["rule"] == "lsh", "target_active_fraction"] = 0.25
    judgement = judge(NAMED["accuracy"], {"comparison": runs})
    assert judgement.verdict == NOT_TESTED
    assert judgement.reason == "no runs at 5 % active nodes; the lowest level is 25 %"


def make_claim(medians, kinds=("real",), reason=""):
    cells = [
        Cell("Data", kind, "2x8", "points", median, median - 1, median + 1, 3)
        for median in medians
        for kind in kinds
    ]

    def measure(tables):
        if reason:
            raise NotTestedError(reason, cells)
        return cells

    return Claim("name", "It is so.", "somewhere", "above 0", "%", measure, above_zero, ("a.csv",))


def above_zero(cell):
    return cell.median > 0


def test_verdict_names_the_kinds_of_data():
    words = {
        describe_verdict(judge(make_claim(medians, kinds), {}))
        for medians, kinds in [([1], ("real",)), ([1, -1], ("stand-in", "real")), ([-1], ("real",))]
    }
    assert words == {
        "holds, on real data",
        "holds in part (2 of 4), on real and stand-in data",
        "does not hold, on real data",
    }


def test_page_has_every_cell_and_the_rule():
    judgements = [judge(make_claim([1.5, -2]), {}), judge(make_claim([3], reason="no time"), {})]
    page = describe_claims(judgements)
    assert "holds in part: 1, not tested here: 1" in page
    assert "| Data (real) | 2x8 | points | 1.5 % (0.5 to 2.5) | 3 | yes |" in page
    assert "| Data (real) | 2x8 | points | -2.0 % (-3.0 to -1.0) | 3 | no |" in page
    assert "| Data (real) | 2x8 | points | 3.0 % (2.0 to 4.0) | 3 | not judged |" in page
    assert "Rule: above 0" in page
    assert "Not tested: no time." in page
    html = render_page(page)
    assert html.count("<table>") == 3
    assert "http" not in html  # nothing is loaded


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.234, "1.23"), (-0.5, "-0.50"), (123.4, "123"), (99.95, "99.95"), (99.99996, "99.99996")],
)
def test_numbers_are_told_from_100(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("low", "median", "high", "text"),
    [
        (0.54, 0.67, 0.85, "0.67 % (0.54 to 0.85)"),
        (0.541, 0.542, 0.543, "0.54 % (0.54 to 0.54)"),
        (1.234, 2.345, 5.678, "2.3 % (1.2 to 5.7)"),
        (80.0, 123.4, 160.0, "123 % (80 to 160)"),
        (99.99998, 99.9999954, 99.99999999, "over 99.9999 %"),
        (99.5, 99.7, 99.9, "99.70 % (99.50 to 99.90)"),
        (99.95, 99.95, 99.95, "99.95 %"),
    ],
)
def test_no_digit_that_the_interval_leaves_open(low, median, high, text):
    cell = Cell("Data", "real", "2x8", "share", median, low, high, 3)
    assert describe_number(cell, "%") == text


def test_table_has_a_row_a_cell():
    judgements = [judge(make_claim([1, -2]), {}), judge(make_claim([], reason="no time"), {})]
    table = tabulate(judgements)
    assert table["number"].tolist() == [1, 1, 2]
    assert table["fulfilled"].tolist()[:2] == [True, False]
    assert table["reason"].tolist() == ["", "", "no time"]
    assert set(table["files"]) == {"a.csv"}


def test_written_and_read_again(row, tmp_path):
    runs = make_runs(row, standard=accuracy(0.94), lsh=accuracy(0.93, 0.94, 0.80, 0.96))
    files = []
    for run_id, rows in runs[list(row)].groupby("run_id"):
        files.append(tmp_path / f"{run_id}.csv")
        write_rows(files[-1], rows.to_dict("records"))
    machine(2).to_csv(tmp_path / "machine.csv")
    outputs = [tmp_path / f"claims.{end}" for end in ("csv", "md", "html")]
    write_runs(files, tmp_path / "runs.csv")
    studies = {"comparison": [path.stem for path in files], "ablation": []}
    tables = {"machine": tmp_path / "machine.csv"}
    write_claims(tmp_path / "runs.csv", studies, tables, *outputs)
    table = read_claims(outputs[0])
    assert table["claim"].unique().tolist() == [*NAMED]
    first = table[table["claim"] == "accuracy"]
    assert first["verdict"].unique().tolist() == [IN_PART]
    assert first["found"].iloc[0] == (
        "holds in part (3 of 5), on real and generated data; NN was trained for fewer than 3 epochs"
    )
    assert outputs[1].read_text().startswith("# The paper's claims")
    assert "<td>1</td>" in outputs[2].read_text()


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n"])
def test_file_that_is_no_table_of_claims(tmp_path, text):
    path = tmp_path / "claims.csv"
    with pytest.raises(UserError, match=r"no table of claims; run `snakemake claims`"):
        read_claims(path)
    path.write_text(text)
    with pytest.raises(UserError, match=rf"^{path}: .*; run `snakemake claims`"):
        read_claims(path)


def make_epochs(row, standard, lsh):
    """One data set, network and seed with several epochs of both rules."""
    rows = []
    for rule, curve in (("standard", standard), ("lsh", lsh)):
        for epoch, accuracy in enumerate(curve, 1):
            names = {"rule": rule, "label": rule, "run_id": rule, "epoch": epoch}
            level = {"target_active_fraction": 1.0 if rule == "standard" else 0.05}
            numbers = {"validation_accuracy": accuracy, "test_accuracy": accuracy}
            rows.append(row | names | level | numbers)
    return {"comparison": compare_with_standard(pd.DataFrame(rows))}


@pytest.mark.parametrize(
    ("standard", "doubt"),
    [
        ((0.5, 0.6, 0.8, 0.9, 0.902, 0.903), ""),
        ((0.5, 0.6, 0.8, 0.85, 0.88, 0.90), "NN was still improving in 1 of 1 cells"),
        ((0.5, 0.9), "NN was trained for fewer than 3 epochs"),
        # Up and down about what it had long come to.
        ((0.5, 0.9, 0.91, 0.895, 0.89, 0.904), ""),
    ],
)
def test_a_baseline_that_still_improves_is_said(row, standard, doubt):
    tables = make_epochs(row, standard, [0.895] * len(standard))
    judgement = judge_with_baseline(NAMED["accuracy"], tables)
    assert judgement.doubt == doubt
    assert judgement.verdict == HOLDS
    assert describe_verdict(judgement).endswith(doubt or "data")
    reached = next(cell for cell in judgement.cells if cell.measure == "NN, accuracy")
    assert reached.fulfilled is None
    assert reached.median == pytest.approx(100 * standard[-1])
    page = describe_claims([judgement])
    assert f"NN, accuracy | {format_number(100 * standard[-1])} % |" in page
    assert ("To be read with care: " + doubt in page) == bool(doubt)


def test_baseline_is_no_part_of_claims_that_do_not_compare_with_it(row):
    tables = make_epochs(row, (0.5, 0.9), (0.5, 0.9))
    judgement = judge_with_baseline(NAMED["work"], tables)
    assert judgement.doubt == ""
    assert not [cell for cell in judgement.cells if cell.measure.startswith("NN")]
