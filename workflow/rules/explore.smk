"""A page on which a reader explores all runs."""


rule explore:
    input:
        table=rules.runs_table.output[0],
        records=expand(RESULTS / "runs" / "{run}.json", run=RUNS),
        sources=source_files("lsh_dl.results.explore"),
    output:
        report(
            RESULTS / "explore.html",
            caption="../report/explore.rst",
            category="6 Explore",
            labels={"page": "explore the runs"},
        ),
    log:
        RESULTS / "logs" / "explore.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        # A function, so that Snakemake takes no braces of titles for wildcards.
        shown=lambda wildcards: shown_by(RUNS.values()),
    message:
        "make the page to explore the runs"
    script:
        "../scripts/explore_page.py"
