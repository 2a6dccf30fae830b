"""Gather runs in tables, draw each figure from its table."""

from lsh_dl.experiment.config import known_tables

#: The study of each table that there can be, by the table's name.
TABLES = known_tables()
#: Those whose study the config has, with a run that they show.
PRESENT = [
    name
    for name, study in TABLES.items()
    if any(
        study.tables[name].has_place_for(run.rule)
        for run in RUNS_OF.get(study.name, ())
    )
]
#: Those of them that are drawn.
DRAWN = [name for name in PRESENT if TABLES[name].tables[name].drawn]

TABLE_FILES = expand(RESULTS / "tables" / "{table}.csv", table=PRESENT)
FIGURE_FILES = expand(
    RESULTS / "figures" / "{figure}.{format}", figure=DRAWN, format=["svg", "png"]
)


# Steps of seconds: on a cluster too, they run where Snakemake does.


rule runs_table:
    input:
        runs=expand(RESULTS / "runs" / "{run}.csv", run=RUNS),
        sources=source_files("lsh_dl.results.tables"),
    output:
        report(
            RESULTS / "tables" / "runs.csv",
            caption="../report/runs.rst",
            category="3 Tables",
            labels={"table": "runs"},
        ),
    log:
        RESULTS / "logs" / "tables" / "runs.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        epoch=EXPERIMENT.reported_epoch,
    message:
        "gather all runs in one table"
    script:
        "../scripts/runs_table.py"


rule study_table:
    input:
        runs=lambda wildcards: trained_files(TABLES[wildcards.table].name),
        measured=lambda wildcards: measured_files(TABLES[wildcards.table].name),
        tables=lambda wildcards: [
            RESULTS / "tables" / f"{name}.csv"
            for name in TABLES[wildcards.table].tables[wildcards.table].reads
            if name in ("runs", *PRESENT)
        ],
        sources=lambda wildcards: source_files(
            "lsh_dl.results.tables", TABLES[wildcards.table].__module__
        ),
    output:
        report(
            RESULTS / "tables" / "{table}.csv",
            caption="../report/table.rst",
            category="3 Tables",
            labels={"table": "{table}"},
        ),
    log:
        RESULTS / "logs" / "tables" / "{table}.log",
    wildcard_constraints:
        table="|".join(TABLES),
    localrule: True
    conda:
        "../../environment.yml"
    params:
        about=lambda wildcards: TABLES[wildcards.table].tables[wildcards.table].about,
        epoch=EXPERIMENT.reported_epoch,
        skipped=lambda wildcards: dict(SKIPPED[TABLES[wildcards.table].name]),
        # The study's section of the config decides the table too (headings, say).
        section=lambda wildcards: as_param(
            str(EXPERIMENT.studies[TABLES[wildcards.table].name])
        ),
    message:
        "gather the table of {wildcards.table}"
    script:
        "../scripts/study_table.py"


for figure in DRAWN:

    rule:
        name:
            figure
        input:
            script=locate(f"figures/{figure}.py"),
            common=[
                locate(f"figures/{name}.py") for name in ("style", "panels", "threads")
            ],
            sources=source_files("lsh_dl.results.looks"),
            table=RESULTS / "tables" / f"{figure}.csv",
        output:
            svg=report(
                RESULTS / "figures" / f"{figure}.svg",
                caption=f"../report/{figure}.rst",
                category="2 Figures",
                labels={"figure": name_figure(figure)},
            ),
            png=RESULTS / "figures" / f"{figure}.png",
        log:
            RESULTS / "logs" / "figures" / f"{figure}.log",
        localrule: True
        conda:
            "../../environment.yml"
        params:
            # A function, so that Snakemake takes no braces of titles for wildcards.
            shown=lambda wildcards, study=TABLES[figure].name: shown_by(RUNS_OF[study]),
        message:
            "draw {rule}"
        shell:
            '"$LSH_DL_PYTHON" {input.script:q} {input.table:q} {output:q} > {log:q} 2>&1'


for figure in sorted(set(TABLES) - set(PRESENT)):

    rule:
        name:
            figure
        input:
            lambda wildcards, figure=figure: refuse_absent(figure, TABLES[figure].name),
        message:
            "no {rule} without its section in the config"
