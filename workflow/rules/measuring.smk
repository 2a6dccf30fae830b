"""One job a run of the studies that measure: what their `measure` says."""


rule measure:
    input:
        data=lambda wildcards: RESULTS
        / "data"
        / measured_run(wildcards).dataset
        / "meta.json",
    output:
        RESULTS / "{study}" / "{run}.csv",
    log:
        RESULTS / "logs" / "{study}" / "{run}.log",
    wildcard_constraints:
        study="|".join(MEASURED or ["none"]),
    conda:
        "../../environment.yml"
    threads: claim_cores_to_measure
    resources:
        mem_mb=lambda wildcards: estimate_megabytes(
            measured_run(wildcards), SIZES[measured_run(wildcards).dataset]
        ),
        runtime=minutes_to_measure,
    params:
        spec=lambda wildcards: as_param(measured_run(wildcards).model_dump_json()),
        data=lambda wildcards, input: Path(input.data).parent,
        code=lambda wildcards: digest_sources(
            sources_of_measurement(wildcards.study, measured_run(wildcards))
        ),
    message:
        "measure {wildcards.study} of {wildcards.run}"
    script:
        "../scripts/measure_run.py"
