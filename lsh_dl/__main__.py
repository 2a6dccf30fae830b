"""`python -m lsh_dl`: the same as `lsh-dl`, in whatever environment `python` is."""

from lsh_dl.cli.main import main

if __name__ == "__main__":
    main(prog_name="lsh-dl")
