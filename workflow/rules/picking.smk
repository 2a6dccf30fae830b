"""Settings that were best in their trials, which runs are trained with."""


rule pick:
    input:
        trials=trials_of,
        sources=source_files("lsh_dl.runs.picks"),
    output:
        RESULTS / "picks" / "{group}.json",
    log:
        RESULTS / "logs" / "picks" / "{group}.log",
    wildcard_constraints:
        group=r"[^/]+",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        budget=lambda wildcards: budget_of(wildcards.group),
    message:
        "pick the settings of {wildcards.group}"
    script:
        "../scripts/pick_settings.py"
