"""Run measurements: `python -m benchmarks` all of them, `python -m benchmarks speed data` some.

A measurement is a module of this folder with a function `main()` and a first line that says what
it measures; its file is all the registration there is.
"""

import importlib
import inspect
import pkgutil
import sys

import benchmarks


def main(names: list[str]) -> int:
    """Run the measurements `names`, or all; returns the exit code."""
    known = sorted(
        module.name
        for module in pkgutil.iter_modules(benchmarks.__path__)
        if not module.name.startswith("_")
    )
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"error: no measurement {unknown[0]!r}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    for name in names or known:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n{name}: {inspect.getdoc(module).splitlines()[0]}", flush=True)
        module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
