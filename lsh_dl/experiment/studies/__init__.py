"""Studies beside the main comparison, each a section of the config that expands to ordinary runs.

A study is a file here, a figure and a table:

1. `lsh_dl/studies/<name>.py`: a subclass of `Study` (base.py), which has data sets, networks,
   seeds, epochs, a level and named entries of rules; further keys, such as a list of threads, are
   its own. What differs from the product of all these is said in its `expand_runs`.
2. A field of its name in `Experiment` (lsh_dl/experiment/config.py), `None` unless given.
3. For each figure: an entry in `lsh_dl.results.tables.FIGURES`, `figures/<figure>.py` and
   `workflow/report/<figure>.rst`.

Its runs are trained, unless it is `measured`: then `measure_run` of the module lsh_dl.<name> does
whatever the study is about with each of them and writes a CSV.

The workflow runs its runs, makes its tables and draws its figures without another line;
`snakemake <figure>` asks for one. A run that two studies share is trained once.
"""
