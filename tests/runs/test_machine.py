"""What is told of the machine and the state of the code."""

from lsh_dl.runs import machine


def test_a_source_archive_has_no_commit(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "lsh_dl/runs/machine.py"))
    assert machine.describe_machine()["git_commit"] is None
    (tmp_path / ".git").write_text("gitdir: nowhere\n")  # a checkout that git can't read
    assert machine.describe_machine()["git_commit"] is None
