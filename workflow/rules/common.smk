"""The checked experiment, its runs, and what the rules ask about them."""

import hashlib
import ast
import base64
import json
import os
import re
import shlex
import sys
from pathlib import Path

from docutils.parsers.rst import directives
from docutils.parsers.rst.directives.images import Image
from snakemake.settings.types import DeploymentMethod
from snakemake.utils import update_config

from lsh_dl.experiment.config import check_config, locate_sources
from lsh_dl.common.errors import UserError
from lsh_dl.common.files import claim_folder, is_readable, require_place
from lsh_dl.common.yaml_files import read_yaml
from lsh_dl.results.provenance import describe_data, describe_experiment
from lsh_dl.experiment.resources import (
    estimate_megabytes,
    group_of_run,
    minutes_to_ask_for,
    sizes_of,
)
from lsh_dl.common.code import digest_sources, source_files
from lsh_dl.data.prepared.fetch import file_hash
from lsh_dl.data.prepared.prepare import resolve, sources_of_data
from lsh_dl.experiment.dependencies import sources_of_measurement, sources_of_run
from lsh_dl.experiment.expand import expand_studies, split_studies, timed_runs
from lsh_dl.experiment.studies._trials import TrialStudy


def find_config_files():
    """The files that the config is from: the command line's, or the default."""
    named = workflow.config_settings.configfiles
    return list(map(Path, named or [CHECKOUT / "configs" / "default.yaml"]))


def config_folders():
    """From where files that the config names are seen: what is laid over others comes first."""
    return [Path.cwd() / file.parent for file in reversed(find_config_files())] + [
        Path.cwd()
    ]


def name_config_files():
    """Those files as in `configs/default.yaml`."""
    here = Path.cwd()
    return " + ".join(
        str(file.relative_to(here) if file.is_relative_to(here) else file)
        for file in find_config_files()
    )


def load_experiment():
    """The experiment and its runs by study; a mistake in the config ends Snakemake with one line."""
    # In place: scripts are given the config too.
    config.update(locate_sources(config, config_folders()))
    try:
        experiment = check_config(config, name_place())
        return experiment, expand_studies(experiment)
    except UserError as error:
        sys.exit(f"error: {error}")


def name_place():
    """Where a mistake is: in the files, unless they are right without `--config`."""
    files = {}
    for file in find_config_files():
        update_config(files, read_yaml(file) or {})
    given = workflow.config_settings.config
    if not given:
        return CONFIG_FILES
    try:
        check_config(files, CONFIG_FILES, config_folders())
    except UserError as of_files:
        try:
            check_config(config, CONFIG_FILES)
        except UserError as of_all:
            return CONFIG_FILES if str(of_all) == str(of_files) else "--config"
    return "--config"


def refuse_absent(figure, study):
    """End with one line: asked for is a figure of whose study there is no run that it shows."""
    if EXPERIMENT.only:
        sys.exit(f"error: only: {EXPERIMENT.only!r} leaves nothing for {figure}")
    sys.exit(
        f"error: {CONFIG_FILES}: no section `{study}`, which {figure} shows;"
        " see configs/README.md"
    )


def refuse_file(folder):
    """End with one line where a file stands in the place of the results' folder."""
    try:
        require_place(folder)
    except UserError as error:
        sys.exit(f"error: results: {error}")


def claim_results():
    """Keep the results to this call of Snakemake, whose own lock would outlive a kill."""
    try:
        CLAIMS.append(claim_folder(RESULTS, RESULTS / "logs" / "pipeline.lock"))
    except UserError as error:
        sys.exit(f"error: {error}")


def by_size(estimate):
    """What a training job asks for: `estimate` of its run and its data set's size."""

    def of_job(wildcards):
        run = RUNS[wildcards.run]
        return estimate(run, SIZES[run.dataset])

    return of_job


def claim_cores(run):
    """Cores of a training job: its threads; all there are where its seconds are what counts."""
    return max(RUNS[run].threads, (run in TIMED and workflow.cores) or 1)


def trained_files(study):
    """The CSVs of a study's runs that are trained."""
    return [RESULTS / "runs" / f"{run.id}.csv" for run in TRAINED.get(study, ())]


def measured_files(study):
    """The CSVs of what is measured of a study's runs."""
    return [RESULTS / study / f"{run}.csv" for run in MEASURED.get(study, ())]


def pick_of(run):
    """Where a tuned run's settings are; nothing for another."""
    return RESULTS / "picks" / f"{run.tuned}.json" if run.tuned else []


def budget_of(group):
    """What picking in a group of trials heeds, as `write_pick` takes it."""
    for run in RUNS.values():
        if run.tuned == group and run.budget is not None:
            nearest = run.label in EXPERIMENT.budget.nearest
            return {"budget": run.budget, "nearest": nearest}
    return {"budget": None, "nearest": False}


def trials_of(wildcards):
    """The CSVs of the trials of a group."""
    return [
        RESULTS / study / f"{trial.id}.csv"
        for study, runs in MEASURED.items()
        if isinstance(EXPERIMENT.studies[study], TrialStudy)
        for trial in runs.values()
        if trial.group == wildcards.group
    ]


def as_param(text):
    """JSON text of the same meaning without `<`: Snakemake's report has parameters in a script."""
    return text.replace("<", "\\u003c")


def as_caption(text):
    """Text for a caption, in which no sign means something to reStructuredText or HTML."""
    text = text.replace("<", "‹").replace(">", "›")
    return re.sub(r"([\\`*_|:\[\]])", r"\\\1", text)


def table_if_present(name):
    """A table as an input; none where its study is absent."""
    return RESULTS / "tables" / f"{name}.csv" if name in PRESENT else []


def shown_by(runs):
    """What the caption of a figure says of the runs that it shows."""
    return {
        "data": as_caption(
            describe_data(EXPERIMENT, dict.fromkeys(run.dataset for run in runs))
        ),
        "seeds": ", ".join(str(seed) for seed in sorted({run.seed for run in runs})),
    }


def name_figure(figure):
    """Its place and what it shows, as the first line of its script says."""
    text = (CHECKOUT / "figures" / f"{figure}.py").read_text(encoding="utf-8")
    line = ast.get_docstring(ast.parse(text)).partition("\n")[0].rstrip(".")
    return f"{DRAWN.index(figure) + 1:02d} {line}"


class Picture(Image):
    """`.. picture:: FILE` of reStructuredText: a PNG within the report's first page."""

    def run(self):
        content = base64.b64encode(Path(self.arguments[0]).read_bytes()).decode()
        self.arguments[0] = f"data:image/png;base64,{content}"
        return super().run()


directives.register_directive("picture", Picture)


def measured_run(wildcards):
    return MEASURED[wildcards.study][wildcards.run]


def claim_cores_to_measure(wildcards):
    """All there are where seconds are what counts: nothing runs beside it."""
    return workflow.cores if EXPERIMENT.studies[wildcards.study].timed else 1


def minutes_to_measure(wildcards):
    """What the study says, or by the run's size."""
    run = measured_run(wildcards)
    minutes = EXPERIMENT.studies[wildcards.study].minutes
    return minutes or minutes_to_ask_for(run, SIZES[run.dataset])


def group_of(wildcards):
    """Runs that may share a job of a cluster, where a profile says how many (group-components).

    None share one where seconds are what counts. Within such a job the profile is not known.
    """
    run = RUNS[wildcards.run]
    group = None if run.id in TIMED else group_of_run(run, SIZES[run.dataset])
    shared = workflow.group_settings.group_components
    return group if group in shared or not workflow.is_main_process else None


def entry_of(dataset):
    """What decides the prepared arrays: the data set's source and its own settings."""
    entry = EXPERIMENT.datasets[dataset]
    return {"source": entry.source or dataset} | entry.settings


def find_own_files(dataset):
    """The user's own files that a data set is made of; one line where one is missing."""
    paths = resolve(dataset, entry_of(dataset)).paths()
    is_prepared = (RESULTS / "data" / dataset / "meta.json").is_file()
    for path in paths:
        if not is_readable(path) and not is_prepared:
            sys.exit(
                f"error: datasets.{dataset}: {path}: no such file, or not permitted to read it;"
                " mend its path"
            )
    return paths


def digest_files(paths):
    """One word for the contents of files; that of a missing one is empty."""
    contents = [file_hash(path) if is_readable(path) else "" for path in paths]
    return hashlib.sha256(" ".join(contents).encode()).hexdigest()[:16]


#: Where the Snakefile is; the working folder may be another (`--directory`, `--snakefile`).
CHECKOUT = Path(workflow.basedir)
CONFIG_FILES = name_config_files()
EXPERIMENT, RUNS_OF = load_experiment()
TRAINED, MEASURED = split_studies(EXPERIMENT, RUNS_OF)
#: By study, the entries that cannot run here, with the reason.
SKIPPED = {
    name: study.skipped(EXPERIMENT) for name, study in EXPERIMENT.studies.items()
}
#: All runs that are trained, by id; one may belong to several studies.
RUNS = {run.id: run for runs in TRAINED.values() for run in runs}
TIMED = timed_runs(EXPERIMENT, TRAINED)
#: Those that are measured, by study and id.
MEASURED = {study: {run.id: run for run in runs} for study, runs in MEASURED.items()}
SIZES = sizes_of(EXPERIMENT)
RESULTS = Path(EXPERIMENT.results)
refuse_file(RESULTS)
#: The user's own files of each data set.
OWN_FILES = {dataset: find_own_files(dataset) for dataset in EXPERIMENT.datasets}
#: What `claim_results` holds, until the process ends.
CLAIMS = []

# Where files come from is no part of the result: as parameters, these would rerun everything.
os.environ.update(
    {
        f"LSH_DL_{key.upper()}": value
        for key in ("mirror", "cache")
        if (value := getattr(EXPERIMENT, key))
    }
)


def locate(path):
    """A file of the checkout as an input: where the working folder is another, by its whole path."""
    whole = CHECKOUT / path
    return whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole


# What starts Python in a job: the one that runs Snakemake, whatever PATH says, or, where Snakemake
# makes environments for its jobs, the one in these. A variable: as part of a command, another place
# of the same environment would rerun everything.
own_environments = workflow.deployment_settings.deployment_method
os.environ.update(
    LSH_DL_PYTHON=(
        "python" if DeploymentMethod.CONDA in own_environments else sys.executable
    )
)
# Snakemake 9.27 starts scripts without quoting, which a folder with a blank in its name needs.
if Path(sys.executable).exists():
    sys.executable = shlex.quote(sys.executable)


wildcard_constraints:
    dataset=r"[^/]+",
    run=r"[^/]+",
