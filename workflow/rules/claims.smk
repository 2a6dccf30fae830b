"""What the results say of the paper's claims, and what they were made with."""

from lsh_dl.provenance import describe_experiment


rule describe_experiment:
    input:
        sources=source_files("lsh_dl.provenance"),
    output:
        RESULTS / "config.yaml",
    log:
        RESULTS / "logs" / "config.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        text=describe_experiment(EXPERIMENT),
    message:
        "write down the config"
    script:
        "../scripts/describe_experiment.py"


rule describe_machine:
    input:
        runs=expand(RESULTS / "runs" / "{run}.json", run=RUNS),
        sources=source_files("lsh_dl.provenance"),
    output:
        RESULTS / "machine.csv",
    log:
        RESULTS / "logs" / "machine.log",
    localrule: True
    conda:
        "../../environment.yml"
    message:
        "write down the machine"
    script:
        "../scripts/describe_machine.py"


rule claims:
    input:
        runs=expand(RESULTS / "runs" / "{run}.csv", run=RUNS),
        machine=RESULTS / "machine.csv",
        scaling=rules.scaling_tables.output.points if WIDTHS else [],
        energy=rules.scaling_tables.output.energy if WIDTHS else [],
        # Not read, but named as the files behind the numbers.
        tables=[*rules.runs_table.output, *TABLE_FILES],
        sources=source_files("lsh_dl.claims.table"),
    output:
        csv=RESULTS / "claims.csv",
        markdown=RESULTS / "claims.md",
        page=report(
            RESULTS / "claims.html",
            caption="../report/claims.rst",
            category="1 Claims",
        ),
    log:
        RESULTS / "logs" / "claims.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        # Which runs are of which study decides too.
        studies={
            study: [run.id for run in runs] for study, runs in TRAINED.items()
        },
    message:
        "judge the paper's claims"
    script:
        "../scripts/judge_claims.py"
