import subprocess
import sys


def test_training_side_imports_nothing_heavy():
    """Every training job imports the store: it must not bring what only preparing needs."""
    code = (
        "import sys, lsh_dl.data.prepared.store\n"
        "heavy = {'sklearn', 'pandas', 'pooch', 'requests', 'matplotlib', 'scipy', 'numba'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
