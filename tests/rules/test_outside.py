"""Rules and data sets in files outside of the package: configs, estimator, pickles, model files."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from documents import blocks

from lsh_dl import SparseMLPClassifier
from lsh_dl.cli.main import main
from lsh_dl.common.discovery import find
from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.prepare import sources_of_data
from lsh_dl.experiment.config import read_config
from lsh_dl.experiment.dependencies import sources_of_run
from lsh_dl.experiment.expand import expand_runs
from lsh_dl.rules.base import Rule
from lsh_dl.training.model_file import read_model

CONFIG = """
seeds: [1]
networks: [[20]]
active_fractions: [0.3]
datasets: {lines: {source: plugins/stripes_own.py, train: 60, test: 20}}
rules: {mine: {source: plugins/norm.py}, standard: }
training: {epochs: 1}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the tutorials' files in `conf/plugins` and a config that names them."""
    plugins = tmp_path / "conf/plugins"
    plugins.mkdir(parents=True)
    (plugins / "norm.py").write_text(blocks("docs/add_a_rule.md", "python")[0])
    (plugins / "stripes_own.py").write_text(blocks("docs/add_a_data_set.md", "python")[0])
    (tmp_path / "conf/my.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LSH_DL_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_config_names_files_as_seen_from_itself(folder):
    experiment = read_config("conf/my.yaml")
    mine, standard = expand_runs(experiment)
    assert (mine.rule, mine.source) == ("weighted_norm", "conf/plugins/norm.py")
    assert (standard.rule, standard.source) == ("standard", None)
    assert "conf/plugins/norm.py" in map(str, sources_of_run(mine))
    source = experiment.datasets["lines"].source
    assert "conf/plugins/stripes_own.py" in map(str, sources_of_data(source))


def test_broken_file_is_named_by_config_and_line(folder):
    (folder / "conf/plugins/norm.py").write_text("x = 1\ndef f(:\n")
    with pytest.raises(UserError, match=r"my\.yaml: rules\.mine: .*norm\.py:2: invalid syntax"):
        read_config("conf/my.yaml")
    config = yaml.safe_load(CONFIG) | {"rules": {"standard": None}}
    (folder / "conf/other.yaml").write_text(yaml.safe_dump(config))
    read_config("conf/other.yaml")


def lsh_dl(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def test_train_and_predict(folder):
    small = ["--entry", '{"train": 60, "test": 20}', "--epochs", 1, "--hidden", 20]
    files = ["--rule", "conf/plugins/norm.py", "--dataset", "conf/plugins/stripes_own.py"]
    done = lsh_dl("train", *files, *small, "--model", "m", "--out", "out")
    assert done.exit_code == 0, done.output
    assert [file.name.split("_1x20")[0] for file in folder.glob("out/*.csv")] == [
        "stripes_weighted_norm"
    ]
    (samples,) = folder.glob("cache/prepared/stripes-*/")
    refused = lsh_dl("predict", "m", "--data", samples)
    assert refused.exit_code == 1
    assert "norm.py:WeightedNorm; give that file" in refused.stderr
    done = lsh_dl("predict", "m", "--data", samples, "--rule", "conf/plugins/norm.py")
    assert done.exit_code == 0, done.output
    with pytest.raises(UserError, match="its rule is weighted_norm, not wta"):
        read_model(folder / "m", "wta")


@pytest.mark.parametrize(
    ("start", "body", "message"),
    [
        ("State(0)", "raise SystemExit(0)", "its code ends the process"),
        ("State(0)", "raise RuntimeError('no nodes today')", "RuntimeError: no nodes today"),
        ("State(0)", "return None", "Error: "),
        ("None", "return 0", "start: returns NoneType; a NamedTuple of arrays"),
        ("{'one': 0}", "return 0", "start: returns dict; a NamedTuple of arrays"),
        ("State([0])", "return 0", "start: state.one is a list"),
        ("State(np.array([np.inf]))", "return 0", "state.one is not finite, and so could not be"),
        ("State(np.broadcast_to(1.0, 3))", "return 0", "state.one cannot be written; give a copy"),
        ("State(np.ones(3, '>f8'))", "return 0", "state.one is >f8; native numbers are needed"),
        ("State('many')", "return 0", "start: state.one is <U4; native numbers"),
    ],
)
def test_rule_that_fails_ends_in_one_line(folder, start, body, message):
    (folder / "mine.py").write_text(
        "# -*- coding: latin-1 -*-\n# größe\nfrom typing import NamedTuple\n\n"
        "import numpy as np\n\n"
        "from lsh_dl.rules.base import Rule\n\n\nclass State(NamedTuple):\n    one: int\n\n\n"
        'class Mine(Rule):\n    """Mine."""\n\n    name = "mine"\n    title = "Mine"\n\n'
        f"    def start(self, network):\n        return {start}\n\n"
        f"    @staticmethod\n    def select(*given):\n        {body}\n",
        encoding="latin-1",
    )
    small = ["--dataset", "digits", "--entry", '{"train": 60, "test": 20}', "--epochs", 1]
    done = lsh_dl("train", "--rule", "mine.py", *small, "--hidden", 20)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith(("error: mine.py: ", "error: rule mine: "))
    assert message in done.stderr
    assert isinstance(done.exception, SystemExit), "no traceback"


def test_low_rank_rule_of_the_tutorial(folder):
    (folder / "my_rules").mkdir()
    (folder / "my_rules/low_rank.py").write_text(blocks("docs/add_a_rule.md", "python")[2])
    (rules,) = (yaml.safe_load(text) for text in blocks("docs/add_a_rule.md", "yaml")[1:])
    (folder / "my.yaml").write_text(
        yaml.safe_dump(yaml.safe_load(CONFIG) | {"datasets": {"convex": {}}} | rules)
    )
    (run,) = expand_runs(read_config("my.yaml"))
    assert (run.rule, run.settings) == ("low_rank", {"rank": 4})
    done = lsh_dl("rules", "check", run.source)
    assert done.exit_code == 0, done.output


X = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
READ = """
import pickle, sys
model, X, predicted = pickle.load(open(sys.argv[1], "rb"))
assert (model.predict(X) == predicted).all()
"""


def test_estimator_takes_a_path_or_a_class(folder):
    path = "conf/plugins/norm.py"
    predicted = []
    for rule in (path, find("lsh_dl.rules", Rule, path)):
        model = SparseMLPClassifier(
            (10,), rule=rule, active_fraction=0.5, max_iter=2, random_state=0
        )
        predicted.append(model.fit(X, Y).predict_proba(X))
    np.testing.assert_array_equal(*predicted)
    model.set_params(rule=path)
    model.fit(X, Y)
    (folder / "pickled").write_bytes(pickle.dumps((model, X, model.predict(X))))
    # Another process has not loaded the file.
    subprocess.run([sys.executable, "-c", READ, str(folder / "pickled")], check=True)
