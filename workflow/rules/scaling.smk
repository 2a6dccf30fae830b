"""Costs over the width of a layer: one timed job a width and rule, tables, figure."""

#: The jobs by id; no run of them is trained to its end, so they are not among RUNS.
WIDTHS = {
    run.id: run
    for run in (
        EXPERIMENT.scaling.expand_runs(EXPERIMENT) if EXPERIMENT.scaling else ()
    )
    if not EXPERIMENT.only
}
SCALING_FILES = (
    expand(RESULTS / "figures" / "scaling_width.{format}", format=["svg", "png"])
    if WIDTHS
    else []
)


rule measure_width:
    input:
        data=lambda wildcards: RESULTS
        / "data"
        / WIDTHS[wildcards.width].dataset
        / "meta.json",
        sources=lambda wildcards: [
            *sources_of_rule(WIDTHS[wildcards.width].rule),
            *source_files("lsh_dl.measurements.scaling"),
        ],
    output:
        RESULTS / "scaling" / "{width}.csv",
    log:
        RESULTS / "logs" / "scaling" / "{width}.log",
    conda:
        "../../environment.yml"
    # Timed: nothing runs beside it.
    threads: workflow.cores
    resources:
        mem_mb=lambda wildcards: estimate_megabytes(
            WIDTHS[wildcards.width], SIZES[WIDTHS[wildcards.width].dataset]
        ),
        runtime=30,
    params:
        spec=lambda wildcards: as_param(WIDTHS[wildcards.width].model_dump_json()),
        data=lambda wildcards, input: Path(input.data).parent,
    message:
        "measure {wildcards.width}"
    script:
        "../scripts/measure_width.py"


rule scaling_tables:
    input:
        rows=expand(RESULTS / "scaling" / "{width}.csv", width=WIDTHS),
        sources=source_files("lsh_dl.results.scaling"),
    output:
        points=RESULTS / "tables" / "scaling_width.csv",
        widths=report(
            RESULTS / "tables" / "scaling.csv",
            caption="../report/scaling.rst",
            category="3 Tables",
            labels={"table": "scaling"},
        ),
        energy=report(
            RESULTS / "tables" / "energy.csv",
            caption="../report/energy.rst",
            category="3 Tables",
            labels={"table": "energy"},
        ),
    log:
        RESULTS / "logs" / "tables" / "scaling.log",
    localrule: True
    conda:
        "../../environment.yml"
    message:
        "gather the tables over widths"
    script:
        "../scripts/scaling_tables.py"


rule scaling_width:
    input:
        script=locate("figures/scaling_width.py"),
        common=[locate("figures/style.py")],
        # Asked for where the config has no such section, it ends in one clear line.
        table=lambda wildcards: (
            RESULTS / "tables" / "scaling_width.csv"
            if WIDTHS
            else refuse_absent("scaling_width", "scaling")
        ),
    output:
        svg=report(
            RESULTS / "figures" / "scaling_width.svg",
            caption="../report/scaling_width.rst",
            category="2 Figures",
            labels={"figure": "scaling_width"},
        ),
        png=RESULTS / "figures" / "scaling_width.png",
    log:
        RESULTS / "logs" / "figures" / "scaling_width.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        shown=lambda wildcards: shown_by(WIDTHS.values()),
    message:
        "draw scaling_width"
    shell:
        '"$LSH_DL_PYTHON" {input.script:q} {input.table:q} {output:q} > {log:q} 2>&1'
