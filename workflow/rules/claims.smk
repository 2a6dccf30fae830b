"""What the results say of the paper's claims, and what they were made with."""


rule provenance:
    input:
        runs=expand(RESULTS / "runs" / "{run}.json", run=RUNS),
        sources=source_files("lsh_dl.results.provenance"),
    output:
        config=RESULTS / "config.yaml",
        machine=RESULTS / "machine.csv",
        page=report(
            RESULTS / "provenance.html",
            caption="../report/provenance.rst",
            category="5 Config and machine",
            labels={"page": "config and machine"},
        ),
    log:
        RESULTS / "logs" / "provenance.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        # A function, so that Snakemake takes no braces of titles for wildcards.
        experiment=lambda wildcards: as_param(
            json.dumps(describe_experiment(EXPERIMENT))
        ),
    message:
        "write down config and machine"
    script:
        "../scripts/describe_provenance.py"


rule claims:
    input:
        runs=rules.runs_table.output[0],
        machine=rules.provenance.output.machine,
        scaling_width=table_if_present("scaling_width"),
        energy=table_if_present("energy"),
        # Not read, but named as files behind the numbers.
        tables=TABLE_FILES,
        sources=source_files("lsh_dl.results.claims.table"),
    output:
        csv=RESULTS / "claims.csv",
        markdown=RESULTS / "claims.md",
        page=report(
            RESULTS / "claims.html",
            caption="../report/claims.rst",
            category="1 Claims",
            labels={"page": "the paper's claims"},
        ),
    log:
        RESULTS / "logs" / "claims.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        # Which runs are of which study decides too.
        studies={study: [run.id for run in runs] for study, runs in TRAINED.items()},
    message:
        "judge the paper's claims"
    script:
        "../scripts/judge_claims.py"
