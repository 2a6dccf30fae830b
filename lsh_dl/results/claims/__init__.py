"""The claims of the paper, each measured in the tables of an experiment and judged.

A claim is an entry of `CLAIMS` in the file of its subject here: what the paper says and where, the
rule by which it is judged, in words and as a function, and the function that measures it in the
tables. `table.py` gathers all of them.
"""
