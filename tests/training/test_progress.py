import pytest

from lsh_dl.runs.spec import Run, Training
from lsh_dl.training.progress import Progress, describe_epoch, describe_seconds, read_epoch


def test_line_of_an_epoch_is_read_again(row):
    line = describe_epoch(row | {"epoch": 2, "test_accuracy": 0.9375}, 4)
    assert line.startswith("epoch 2 of 4: test 93.75 %, validation 75.00 %, loss 0.5000, ")
    found = read_epoch(f"compiling\n{describe_epoch(row, 4)}\n{line}\n")
    assert (found.number, found.epochs, found.test_accuracy, found.left) == (2, 4, 93.75, "0 s")


def test_last_epoch_and_a_diverged_one_are_the_end(row):
    assert read_epoch(describe_epoch(row | {"epoch": 2}, 2)).left == ""
    diverged = describe_epoch(row | {"status": "diverged", "validation_accuracy": None}, 2)
    assert diverged.endswith("diverged, done")
    assert "validation" not in diverged
    assert read_epoch(diverged).left == ""


def test_log_without_an_epoch():
    assert read_epoch("") is None
    assert read_epoch("error: no space left") is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (99.4, "99 s"), (99.6, "2 min"), (3540, "59 min"), (12000, "3 h 20 min")],
)
def test_times_in_words(seconds, words):
    assert describe_seconds(seconds) == words


def test_no_bar_without_a_terminal(row, capsys):
    run = Run(
        dataset="digits",
        rule="wta",
        label="wta",
        title="WTA",
        hidden=(8,),
        active_fraction=0.5,
        seed=1,
        training=Training(epochs=1),
    )
    with Progress(run, 100) as progress:
        progress.end_epoch(row)
    captured = capsys.readouterr()
    assert captured.out == describe_epoch(row, 1) + "\n"
    assert captured.err == ""
