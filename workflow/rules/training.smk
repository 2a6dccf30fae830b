"""One job a run: it trains one network and writes its CSV and its JSON."""


rule train:
    input:
        data=lambda wildcards: RESULTS
        / "data"
        / RUNS[wildcards.run].dataset
        / "meta.json",
        pick=lambda wildcards: pick_of(RUNS[wildcards.run]),
    output:
        csv=report(
            RESULTS / "runs" / "{run}.csv",
            caption="../report/run.rst",
            category="4 Runs",
            subcategory=lambda wildcards: RUNS[wildcards.run].dataset,
            labels={"run": "{run}"},
        ),
        json=RESULTS / "runs" / "{run}.json",
    log:
        RESULTS / "logs" / "train" / "{run}.log",
    group:
        group_of
    conda:
        "../../environment.yml"
    threads: lambda wildcards: claim_cores(wildcards.run)
    resources:
        mem_mb=by_size(estimate_megabytes),
        runtime=by_size(minutes_to_ask_for),
    params:
        # The whole run: a changed setting reruns the runs that it changes.
        spec=lambda wildcards: as_param(RUNS[wildcards.run].model_dump_json()),
        data=lambda wildcards, input: Path(input.data).parent,
        code=lambda wildcards: digest_sources(sources_of_run(RUNS[wildcards.run])),
    message:
        "train {wildcards.run}"
    script:
        "../scripts/train_run.py"
