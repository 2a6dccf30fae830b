"""Gather runs in tables, draw each figure from its table."""

from lsh_dl.results.tables import FIGURES

#: Figures whose study the config has, with a run that they show.
PRESENT = [
    name
    for name, figure in FIGURES.items()
    if any(figure.shows(run.rule) for run in RUNS_OF.get(figure.study, ()))
]

#: One for each data set, network and rule of the study of threads.
SIMULATIONS = [
    RESULTS / "simulations" / f"{run.id}.csv"
    for run in RUNS_OF.get("asynchronous", ())
    if run.threads == 1 and run.seed == RUNS_OF["asynchronous"][0].seed
]

TABLE_FILES = expand(RESULTS / "tables" / "{figure}.csv", figure=PRESENT)
FIGURE_FILES = expand(
    RESULTS / "figures" / "{figure}.{format}", figure=PRESENT, format=["svg", "png"]
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
    message:
        "gather all runs in one table"
    script:
        "../scripts/runs_table.py"


rule figure_table:
    input:
        runs=lambda wildcards: files_of(FIGURES[wildcards.figure].study),
        simulations=lambda wildcards: (
            SIMULATIONS if wildcards.figure == "asgd_speedup" else []
        ),
        sources=source_files("lsh_dl.results.tables"),
    output:
        report(
            RESULTS / "tables" / "{figure}.csv",
            caption="../report/figure_table.rst",
            category="3 Tables",
            labels={"table": "{figure}"},
        ),
    log:
        RESULTS / "logs" / "tables" / "{figure}.log",
    wildcard_constraints:
        figure="|".join(FIGURES),
    localrule: True
    conda:
        "../../environment.yml"
    params:
        # The study's section of the config decides the table too (headings, say).
        section=lambda wildcards: as_param(
            str(getattr(EXPERIMENT, FIGURES[wildcards.figure].study, ""))
        ),
    message:
        "gather the table of {wildcards.figure}"
    script:
        "../scripts/figure_table.py"


for figure in PRESENT:

    rule:
        name:
            figure
        input:
            script=locate(f"figures/{figure}.py"),
            common=[
                locate(f"figures/{name}.py") for name in ("style", "panels", "threads")
            ],
            table=RESULTS / "tables" / f"{figure}.csv",
        output:
            svg=report(
                RESULTS / "figures" / f"{figure}.svg",
                caption=f"../report/{figure}.rst",
                category="2 Figures",
                labels={"figure": figure},
            ),
            png=RESULTS / "figures" / f"{figure}.png",
        log:
            RESULTS / "logs" / "figures" / f"{figure}.log",
        localrule: True
        conda:
            "../../environment.yml"
        params:
            # A function, so that Snakemake takes no braces of titles for wildcards.
            shown=lambda wildcards, study=FIGURES[figure].study: shown_by(
                RUNS_OF[study]
            ),
        message:
            "draw {rule}"
        shell:
            '"$LSH_DL_PYTHON" {input.script:q} {input.table:q} {output:q} > {log:q} 2>&1'


for figure in set(FIGURES) - set(PRESENT):

    rule:
        name:
            figure
        input:
            lambda wildcards, figure=figure: refuse_absent(
                figure, FIGURES[figure].study
            ),
        message:
            "no {rule} without its section in the config"
