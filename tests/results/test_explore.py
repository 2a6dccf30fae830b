"""The page to explore runs, in a browser: headless Chromium, started once."""

import base64
import shutil
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import Select, WebDriverWait

from lsh_dl.results.explore import (
    OVER_EPOCHS,
    OVER_LEVELS,
    add_measures,
    gather_points,
    join_points,
    read_settings,
    write_page,
)
from lsh_dl.results.looks import LOOKS
from lsh_dl.results.tables import write_runs
from lsh_dl.runs.record import read_table_of_runs, write_record, write_rows
from lsh_dl.runs.spec import Run
from lsh_dl.runs.summary import NAMED_CURVES

WIDTHS = (1280, 400)
ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # which root cannot use
    "--disable-dev-shm-usage",  # a container has little shared memory
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TITLES = {"standard": "NN", "lsh": "LSH", "mine": "a rule of <b>my</b> own"}
#: Titles, kinds and networks of the data sets.
DATA = {
    "digits": ("Digits (MNIST stand-in)", "stand-in", [(8, 8), (8, 4)]),
    "toys": ("Toys", "generated", [(8, 8, 8)]),
}

#: Elements by a selector, those in shadow roots too: Bokeh's all are.
FIND = """
const find = (root, selector) => [...root.querySelectorAll("*")].flatMap(element => [
    ...(element.matches(selector) ? [element] : []),
    ...(element.shadowRoot ? find(element.shadowRoot, selector) : []),
])
"""
#: Label and axes of each point that is drawn.
POINTS = """
const plot = Bokeh.documents[0].get_model_by_name("plot")
const drawn = plot.renderers.filter(part => part.visible && part.glyph.type == "Scatter")
const names = ["label", "dataset", "hidden", "x", "accuracy"]
return drawn.flatMap(({view, data_source}) =>
    [...view.indices.ones()].map(i => names.map(name => data_source.data[name][i])))
"""
#: Middle of the plot's point of largest accuracy, in pixels of the window.
PLACE = """
const [x, y] = arguments
const plot = Bokeh.documents[0].get_model_by_name("plot")
const view = Bokeh.index.find_one(plot)
const {left, top} = view.canvas_view.el.getBoundingClientRect()
return [left + view.frame.x_scale.compute(x), top + view.frame.y_scale.compute(y)]
"""
#: Of every element with text of its own: the text and the size of its letters in pixels.
LETTERS = """
return find(document, "*").filter(element => !["STYLE", "SCRIPT"].includes(element.tagName)
    && [...element.childNodes].some(node => node.nodeType == 3 && node.data.trim())
    && element.getClientRects().length
).map(element => [element.textContent, parseFloat(getComputedStyle(element).fontSize)])
"""
#: Sizes of the letters that are drawn: the axes'.
DRAWN_LETTERS = """
const plot = Bokeh.documents[0].get_model_by_name("plot")
return [...plot.below, ...plot.left].flatMap(
    axis => [axis.axis_label_text_font_size, axis.major_label_text_font_size])
"""


@pytest.fixture(scope="module")
def results(row, tmp_path_factory):
    """A folder of results with a page; two seeds of three epochs."""
    folder = tmp_path_factory.mktemp("results")
    for dataset, (title, kind, networks) in DATA.items():
        for hidden, rule, seed in product(networks, TITLES, (1, 2)):
            levels = [1.0] if rule == "standard" else [0.05, 0.5]
            for level, threads in product(levels, (1, 2) if rule == "lsh" else (1,)):
                if dataset == "toys" and rule == "mine":
                    continue
                run = Run(
                    dataset=dataset,
                    rule=rule,
                    label=rule,
                    title=TITLES[rule],
                    hidden=hidden,
                    active_fraction=level,
                    seed=seed,
                    threads=threads,
                    settings={"K": 7} if rule == "lsh" else {},
                )
                widths = f"{len(hidden)}x8" if set(hidden) == {8} else "8-4"
                changed = {
                    "run_id": run.id,
                    "dataset": dataset,
                    "dataset_title": title,
                    "data_kind": kind,
                    "rule": rule,
                    "label": rule,
                    "title": run.title,
                    "hidden": widths,
                    "hidden_layers": len(hidden),
                    "target_active_fraction": level,
                    "active_fraction": level,
                    "training_percent": 40 * level,
                    "seed": seed,
                    "threads": threads,
                }
                accuracy = 0.5 + 0.1 * level + 0.02 * seed + 0.03 * len(hidden)
                accuracy += {"standard": 0.1, "lsh": 0.05, "mine": 0}[rule]
                rows = [
                    row | changed | {"epoch": epoch, "test_accuracy": accuracy + 0.01 * epoch}
                    for epoch in (1, 2, 3)
                ]
                write_rows(folder / f"runs/{run.id}.csv", rows)
                write_record(
                    folder / f"runs/{run.id}.json", {"run_id": run.id, "run": run.model_dump()}
                )
    files = sorted((folder / "runs").glob("*.csv"))
    write_runs(files, folder / "tables/runs.csv", "last")
    records = [file.with_suffix(".json") for file in files]
    write_page(folder / "tables/runs.csv", records, folder / "explore.html")
    return folder


@pytest.fixture(scope="module")
def runs(results):
    records = sorted((results / "runs").glob("*.json"))
    return add_measures(
        read_table_of_runs(results / "tables/runs.csv"), [read_settings(file) for file in records]
    )


class Page:
    """The page in a browser, as a reader uses it."""

    def __init__(self, browser: webdriver.Chrome):
        self.browser = browser
        self.wait = WebDriverWait(browser, 60)

    def open(self, file: Path, width: int = WIDTHS[0]) -> None:
        size = {"width": width, "height": 1200, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.browser.get(file.as_uri())
        self.wait_until_drawn()

    def wait_until_drawn(self) -> None:
        self.wait.until(lambda _: self.run("return window.Bokeh?.documents[0]?.is_idle"))
        self.wait.until(lambda _: self.find(".slick-row"))

    def run(self, script: str, *arguments):
        return self.browser.execute_script(FIND + script, *arguments)

    def errors(self) -> list:
        """What the console says since this was asked last."""
        return [line for line in self.browser.get_log("browser") if line["level"] != "INFO"]

    def find(self, selector: str) -> list:
        return self.run("return find(document, arguments[0])", selector)

    def choose(self, title: str, option: str) -> None:
        Select(self._list(title)).select_by_visible_text(option)

    def options(self, title: str) -> list[str]:
        return [option.text for option in Select(self._list(title)).options]

    def _list(self, title: str):
        (group,) = [e for e in self.find(".bk-input-group") if e.text.startswith(title)]
        return group.find_element("css selector", "select")

    def points(self) -> pd.DataFrame:
        return pd.DataFrame(self.run(POINTS), columns=["label", "dataset", "hidden", "x", "y"])

    def picture(self) -> bytes:
        (plot,) = self.find(".bk-Figure")
        return plot.screenshot_as_png

    def legend(self) -> dict:
        """Entries that are seen, by their text."""
        return {item.text: item for item in self.find(".bk-item") if item.is_displayed()}

    def column(self, number: int) -> list[str]:
        """Cells of the table from top to bottom."""
        rows = sorted(self.find(".slick-row"), key=lambda row: row.rect["y"])
        return [row.find_elements("css selector", ".slick-cell")[number].text for row in rows]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A browser without a page."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("no chromium with chromedriver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, Service(driver))
    yield Page(browser)
    browser.quit()


@pytest.fixture
def opened(page, results):
    """The page as it opens at the larger width."""
    page.open(results / "explore.html")
    yield page
    assert not page.errors()


def test_a_point_is_the_median_over_its_seeds(runs):
    points = gather_points(runs)
    assert set(points["axis"]) == {*OVER_LEVELS, *OVER_EPOCHS}
    one = points[
        (points["dataset"] == "digits")
        & (points["hidden"] == "2x8")
        & (points["label"] == "mine")
        & (points["target_active_fraction"] == 0.5)
    ]
    (point,) = one[one["axis"] == "Multiplications, training (% of dense)"].to_dict("records")
    assert point["x"] == 20
    assert point["at"] == 3
    assert [point[name] for name in ("low", "accuracy", "high")] == pytest.approx([66, 67, 68])
    assert point["seeds"] == "1, 2"
    seconds = one[one["axis"] == "Training so far (seconds)"]
    assert seconds["x"].tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_lines_join_levels_or_epochs_of_the_same_threads(runs):
    lines = join_points(gather_points(runs))
    lines = lines[(lines["hidden"] == "8-4") & (lines["label"] == "lsh")].set_index("axis")
    over_levels = lines.loc["Multiplications, training (% of dense)"]
    assert [list(xs) for xs in over_levels["xs"]] == [[2, 20], [2, 20]]  # of one thread and of two
    over_epochs = lines.loc["Training so far (epochs)"]
    assert [list(xs) for xs in over_epochs["xs"]] == [[1, 2, 3]] * 4


def test_energy_is_estimated_from_the_counts(runs):
    # Adagrad keeps a number for each weight; all of it fits the smallest cache.
    row = runs.iloc[0]
    works = {name: row[f"training_{name}"] for name in ("select", "forward", "backward", "update")}
    accesses = sum(works.values()) + works["update"] * (1 + 2)
    work = sum(works.values())
    picojoules = 3.7 * (work + row["training_optimiser"]) + 0.9 * work + 10 * accesses
    assert row["estimated_microjoules"] == pytest.approx(picojoules / 1e6)


def test_no_energy_is_estimated_for_batches(results):
    table = read_table_of_runs(results / "tables/runs.csv")
    settings = [read_settings(file) for file in sorted((results / "runs").glob("*.json"))]
    runs = add_measures(
        table, [one | {"in_batches": "_mine_" in one["run_id"]} for one in settings]
    )
    absent = runs["estimated_microjoules"].isna()
    assert set(runs.loc[absent, "label"]) == {"mine"}
    points = gather_points(runs)
    energies = points[points["axis"] == "Energy of a training sample (µJ, estimate)"]
    assert set(energies["label"]) == {"standard", "lsh"}


def test_page_is_one_small_file(results):
    assert (results / "explore.html").stat().st_size < 1e6


@pytest.mark.parametrize("width", WIDTHS)
def test_page_is_readable(page, results, width):
    page.open(results / "explore.html", width)
    small = [text for text, size in page.run(LETTERS) if size < 11]
    assert not small
    assert len(page.run(LETTERS)) > 30
    assert all(int(size.removesuffix("px")) >= 11 for size in page.run(DRAWN_LETTERS))
    assert page.run("return document.documentElement.scrollWidth") <= width
    for item in page.legend().values():
        assert item.rect["x"] + item.rect["width"] <= width
    assert not page.errors()
    assert page.run("return performance.getEntriesByType('resource').length") == 0


def test_page_shows_within_a_report(page, results, tmp_path):
    # As Snakemake's report has it: Chromium leaves a frame blank whose URL is longer than 2 MB.
    packed = base64.b64encode((results / "explore.html").read_bytes()).decode()
    report = tmp_path / "report.html"
    report.write_text(f'<iframe src="data:text/html;charset=utf8;base64,{packed}"></iframe>')
    page.browser.get(report.as_uri())
    page.browser.switch_to.frame(0)
    page.wait_until_drawn()
    assert not page.points().empty
    assert not page.errors()


def test_data_sets_are_called_what_they_are(opened):
    assert opened.options("Data set") == ["Digits (MNIST stand-in)", "Toys (generated)"]
    assert opened.options("Network") == ["2 hidden layers of 8", "hidden layers of 8, 4"]


def test_data_set_is_chosen(opened):
    before, picture = opened.points(), opened.picture()
    assert set(before["dataset"]) == {"digits"}
    opened.choose("Data set", "Toys (generated)")
    assert opened.options("Network") == ["3 hidden layers of 8"]
    assert set(opened.points()["dataset"]) == {"toys"}
    assert set(opened.points()["hidden"]) == {"3x8"}
    assert list(opened.legend()) == ["NN", "LSH"]
    opened.wait.until(lambda _: opened.picture() != picture)
    assert all(run.startswith("toys_") for run in opened.column(0))


def test_network_is_chosen(opened):
    picture = opened.picture()
    opened.choose("Network", "hidden layers of 8, 4")
    assert set(opened.points()["hidden"]) == {"8-4"}
    opened.wait.until(lambda _: opened.picture() != picture)
    assert all("_8-4_" in run for run in opened.column(0))


def test_x_axis_is_chosen(opened):
    pictures = {opened.picture()}
    for axis in [*OVER_LEVELS, *OVER_EPOCHS][1:]:
        opened.choose("x axis", axis)
        opened.wait.until(lambda _: opened.picture() not in pictures)
        pictures.add(opened.picture())
        label = "return Bokeh.documents[0].get_model_by_name('plot').below[0].axis_label"
        assert opened.run(label) == axis
    assert set(opened.points()["x"]) == {1, 2, 3}


def test_rule_goes_off_and_on_by_its_legend_entry(opened):
    everything, picture = opened.points(), opened.picture()
    opened.legend()["LSH"].click()
    assert set(opened.points()["label"]) == {"standard", "mine"}
    opened.wait.until(lambda _: opened.picture() != picture)
    opened.legend()["LSH"].click()
    assert opened.points().equals(everything)


def test_rules_have_the_colours_of_the_figures(opened):
    colours = dict(
        opened.run(
            "return Bokeh.documents[0].get_model_by_name('legend').items.map("
            "item => [item.name, item.renderers[0].glyph.fill_color.value])"
        )
    )
    numbers = {name: NAMED_CURVES.index(name) for name in ("standard", "lsh")}
    assert colours == {
        label: LOOKS[number][0] for label, number in (numbers | {"mine": len(NAMED_CURVES)}).items()
    }


def test_point_tells_its_runs(opened):
    points = opened.points()
    point = points[points["label"] == "mine"].iloc[0]
    x, y = opened.run(PLACE, float(point["x"]), float(point["y"]))
    actions = ActionChains(opened.browser, duration=20)
    actions.w3c_actions.pointer_action.move_to_location(round(x) - 3, round(y))
    actions.w3c_actions.pointer_action.move_to_location(round(x), round(y))
    actions.perform()
    opened.wait.until(lambda _: opened.find(".bk-Tooltip"))
    told = "\n".join(element.text for element in opened.find(".bk-Tooltip"))
    for part in (
        TITLES["mine"],  # as text, not as HTML
        f"digits_mine_2x8_{'5' if point['x'] == 2 else '50'}pct_seed1 (seeds 1, 2)",
        "learning_rate 0.01",
        f"{point['y']:.2f} % ({point['y'] - 1:.2f} to {point['y'] + 1:.2f})",
    ):
        assert part in told


def test_table_is_sorted_by_a_click_and_links_to_runs(opened, results):
    (heading,) = [e for e in opened.find(".slick-header-column") if e.text == "test accuracy %"]
    for order in (False, True):
        heading.click()
        values = list(map(float, opened.column(3)))
        assert values == sorted(values, reverse=order)
    links = {link.get_attribute("href") for link in opened.find(".slick-row a")}
    files = {file.as_uri() for file in (results / "runs").glob("digits_*_2x8_*.csv")}
    assert links == files
