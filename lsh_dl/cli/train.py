"""The command `lsh-dl train`: one run, described by options.

What it needs is imported inside: `--help` starts fast.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from lsh_dl.cli.data import entry_option, place_options
from lsh_dl.cli.params import (
    Seconds,
    Setting,
    Widths,
    complete_datasets,
    complete_rules,
    file,
    folder,
    gather_once,
    random_seed,
    thread_count,
)
from lsh_dl.common.errors import UserError
from lsh_dl.runs.spec import MOST_EPOCHS, Run, Training, name_settings

#: Options that are keys of `training`; without them the config's values hold, or the defaults.
TRAINING = ("epochs", "learning_rate", "momentum", "adagrad", "adam", "alpha")


def _default(key: str, words: Mapping[Any, str] | None = None) -> str:
    """What an option of `TRAINING` is where it is not given."""
    value = getattr(Training(), key)
    return f"[default: the config's, or {words[value] if words else value}]"


@click.command()
@click.option(
    "--dataset",
    metavar="NAME|FILE",
    shell_complete=complete_datasets,
    help="Data set (lsh-dl data list), its config entry, FILE.py or package.module:Class.",
)
@click.option("--data", type=folder, help="A prepared folder, instead of --dataset.")
@click.option(
    "--rule",
    metavar="NAME|FILE",
    shell_complete=complete_rules,
    help="Rule (lsh-dl rules list), its config entry, FILE.py or package.module:Class.",
)
@click.option(
    "--hidden",
    type=Widths(),
    default="400,400",
    show_default=True,
    help="Widths of the hidden layers.",
)
@click.option(
    "--active",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.05,
    show_default=True,
    help="Wanted share of active nodes.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1, MOST_EPOCHS),
    help=f"Passes over the training part. {_default('epochs')}",
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    help=f"Step size. {_default('learning_rate')}",
)
@click.option(
    "--momentum",
    type=click.FloatRange(0, 1, max_open=True),
    help=f"Decay of the velocity; 0: none. {_default('momentum')}",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0),
    help=f"L2 penalty on the weights that a sample touches; 0: none. {_default('alpha')}",
)
@click.option(
    "--adagrad/--sgd",
    default=None,
    help="Optimiser: steps scaled by each weight's history, or not. "
    + _default("adagrad", {True: "--adagrad", False: "--sgd"}),
)
@click.option(
    "--adam/--no-adam",
    default=None,
    help="Adam, lazily as in PyTorch's SparseAdam, in place of Adagrad. "
    + _default("adam", {True: "--adam", False: "--no-adam"}),
)
@click.option("--seed", type=random_seed, default=1, show_default=True)
@click.option("--threads", type=thread_count, default=1, show_default=True)
@click.option(
    "--set",
    "settings",
    type=Setting(),
    multiple=True,
    callback=gather_once,
    help="A setting of the rule (lsh-dl rules show NAME); may be repeated.",
)
@entry_option
@click.option("--config", type=file, help="Take data set, rule and training from this config.")
@click.option("--label", help="Name of the rule with these settings. [default: the rule's]")
@click.option(
    "--out",
    type=folder,
    default=Path("results/trials"),
    show_default=True,
    help="Folder of the CSV and the JSON.",
)
@click.option("--model", type=file, help="Also write the trained model, for lsh-dl predict.")
@click.option(
    "--checkpoint-seconds",
    type=Seconds(),
    default=20.0,
    envvar="LSH_DL_CHECKPOINT_SECONDS",
    show_default=True,
    show_envvar=True,
    help="Least time between checkpoints, from which an interrupted run goes on.",
)
@place_options
def train(**options: Any) -> None:
    """Train one network and show how it does, epoch by epoch.

    \b
    lsh-dl train --dataset digits --rule lsh
    lsh-dl train --dataset digits --rule lsh --active 0.1 --epochs 5 --set K=6 --set L=10
    lsh-dl train --dataset digits --rule my_rule.py --epochs 1
    lsh-dl train --dataset convex --rule wta --hidden 1000,1000,1000 --entry '{"train": 2000}'
    lsh-dl train --config configs/mnist.yaml --dataset mnist --rule lsh --epochs 1

    The data set is prepared at its first use and kept in the cache folder. With --config, its
    entries of that name and its `training` are taken; options are laid over them. The run's CSV
    and JSON go to --out; `lsh-dl runs show FILE` draws the table again. They stay out of
    results/runs, which belongs to `snakemake`. Names of
    files say what is not the default. After an interruption the same command goes on where the
    last checkpoint was written.
    """
    from lsh_dl.cli.runs import show_run
    from lsh_dl.training.job import run_to_files

    kept = {"model_path": options["model"], "interval": options["checkpoint_seconds"]}
    if not options["rule"]:
        raise click.UsageError("give a --rule (lsh-dl rules list)")
    if bool(options["dataset"]) == bool(options["data"]):
        raise click.UsageError("give either --dataset NAME (lsh-dl data list) or --data FOLDER")
    if options["data"] and options["entry"]:
        raise click.UsageError("--entry says how --dataset is prepared; --data is already")
    run, data = describe_run(options)
    csv = options["out"] / f"{run.id}.csv"
    if csv.exists():
        click.echo(f"{csv}: will be replaced by the run of the same name", err=True)
    try:
        run_to_files(run, data, csv, csv.with_suffix(".json"), **kept)
    except KeyboardInterrupt:
        click.echo(
            "\ninterrupted; the same command goes on after the last epoch of which there is a "
            "checkpoint",
            err=True,
        )
        sys.exit(130)
    except (UserError, OSError):
        raise
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}"
        if isinstance(error, SystemExit):
            what = f"its code ends the process (exit {error})"
        elif run.source is None:  # a rule of the package: a mistake of ours, shown in full
            raise
        raise UserError(
            f"{run.reference}: {what}; `lsh-dl rules check` tells what is wrong with a rule, "
            "`lsh-dl --debug train ...` shows where"
        ) from error
    show_run(csv)


def name_variant(training: Training, settings: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """What of a run is not the default, as part of its name: `learning_rate=0.02,K=6`.

    Trials that differ so have files of their own. Empty where all is the default.
    """
    usual = Training().model_dump()
    changed = {key: value for key, value in training.model_dump().items() if value != usual[key]}
    changed |= dict(settings) | {key: value for key, value in data.items() if key != "source"}
    return name_settings(changed)


def describe_run(options: dict[str, Any]) -> tuple[Run, Path]:
    """The run that the options describe, and its prepared data, made where it has to be."""
    from lsh_dl.common.discovery import find, is_outside
    from lsh_dl.common.validation import validate
    from lsh_dl.data.base import DataSet
    from lsh_dl.data.prepared.cache import prepare_once
    from lsh_dl.data.prepared.store import open_prepared
    from lsh_dl.experiment.comparison import default_title
    from lsh_dl.experiment.config import read_config
    from lsh_dl.rules.base import Rule

    config = read_config(options["config"]) if options["config"] else None
    name = options["rule"]
    entry = config.rules.get(name) if config else None
    reference = (entry and entry.source) or name
    rule = find("lsh_dl.rules", Rule, reference)
    settings = (entry.settings if entry else {}) | options["settings"]
    validate(rule.Settings, settings, f"rule {rule.name}")

    dataset = options["dataset"] or open_prepared(options["data"]).meta["label"]
    source = {}
    if is_outside(dataset):
        source = {"source": dataset}
        dataset = find("lsh_dl.data", DataSet, dataset).name
    of_config = config.datasets.get(dataset) if config else None
    level = options["active"] if rule.uses_active_fraction else 1.0
    training = config.training_for(dataset, level) if of_config else config and config.training
    training = entry.adapt(training or Training()) if entry else training
    given = {key: options[key] for key in TRAINING if options[key] is not None}
    label = options["label"] or (rule.name if is_outside(name) else name)
    training = validate(
        Training, (training or Training()).model_dump() | given, "lsh-dl train: training"
    )
    data_entry = {"source": of_config.source or dataset} | of_config.settings if of_config else {}
    data_entry |= source | options["entry"]
    if options["data"]:  # is as it is, whatever a config says of a set of that name
        data_entry = {}
    run = validate(
        Run,
        {
            "dataset": dataset,
            "rule": rule.name,
            "source": reference if is_outside(reference) else None,
            "label": label,
            "title": (entry and entry.title) or default_title(rule, label),
            "settings": settings,
            "hidden": options["hidden"],
            "active_fraction": level,
            "seed": options["seed"],
            "threads": options["threads"],
            "training": training,
            "variant": name_variant(training, settings, data_entry) or None,
        },
        "lsh-dl train",
    )
    if options["data"]:
        return run, options["data"]
    mirror = options["mirror"] or (config and config.mirror)
    cache = options["cache"] or (config and config.cache)
    return run, prepare_once(dataset, data_entry, mirror, cache)
