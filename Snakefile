"""From a config file to the figures: `snakemake --cores all`."""

from snakemake.utils import min_version

min_version("9.1")

# Snakemake lays --configfile over `configfile:`, which would leave the default's data sets in.
if not workflow.config_settings.configfiles:

    configfile: f"{workflow.basedir}/configs/default.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/picking.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/measuring.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/explore.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/progress.smk"


rule all:
    default_target: True
    input:
        rules.runs_table.output,
        TABLE_FILES,
        FIGURE_FILES,
        rules.explore.output,
        rules.claims.output,
        rules.provenance.output,
