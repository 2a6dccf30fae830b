"""Gather the runs in tables, draw each figure from its table."""

from lsh_dl.tables import FIGURES

FIGURE_FILES = expand(
    RESULTS / "figures" / "{figure}.{format}", figure=FIGURES, format=["svg", "png"]
)


rule tables:
    input:
        runs=expand(RESULTS / "runs" / "{run}.csv", run=RUNS),
        sources=source_files("lsh_dl.tables"),
    output:
        runs=report(
            RESULTS / "tables" / "runs.csv",
            caption="../report/runs.rst",
            category="Tables",
        ),
        figures=expand(RESULTS / "tables" / "{figure}.csv", figure=FIGURES),
    log:
        RESULTS / "logs" / "tables.log",
    conda:
        "../../environment.yml"
    message:
        "gather the tables"
    script:
        "../scripts/gather_tables.py"


for figure in FIGURES:

    rule:
        name:
            figure
        input:
            script=f"figures/{figure}.py",
            common=["figures/style.py", "figures/panels.py"],
            table=RESULTS / "tables" / f"{figure}.csv",
        output:
            svg=report(
                RESULTS / "figures" / f"{figure}.svg",
                caption=f"../report/{figure}.rst",
                category="Figures",
            ),
            png=RESULTS / "figures" / f"{figure}.png",
        log:
            RESULTS / "logs" / "figures" / f"{figure}.log",
        conda:
            "../../environment.yml"
        message:
            "draw {rule}"
        shell:
            "python {input.script:q} {input.table:q} {output:q} > {log:q} 2>&1"
