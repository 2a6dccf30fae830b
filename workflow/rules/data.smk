"""Fetch or generate each data set that the config names, and no other."""


rule prepare_data:
    input:
        # Their contents decide (see params), not their time.
        own=lambda wildcards: [ancient(path) for path in OWN_FILES[wildcards.dataset]],
    output:
        # The last file of the folder to be complete: the folder appears as a whole.
        meta=RESULTS / "data" / "{dataset}" / "meta.json",
    log:
        RESULTS / "logs" / "data" / "{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        entry=lambda wildcards: as_param(json.dumps(entry_of(wildcards.dataset))),
        folder=lambda wildcards, output: Path(output.meta).parent,
        own=lambda wildcards: digest_files(OWN_FILES[wildcards.dataset]),
        code=lambda wildcards: digest_sources(
            sources_of_data(entry_of(wildcards.dataset)["source"])
        ),
    message:
        "prepare {wildcards.dataset}"
    shell:
        '"$LSH_DL_PYTHON" -m lsh_dl data prepare --label {wildcards.dataset:q} --entry {params.entry:q}'
        " --out {params.folder:q} > {log:q} 2>&1"
