"""YAML is plain data, each key once, of bounded size; all else is one line with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsh_dl.common.errors import UserError
from lsh_dl.common.yaml_files import MOST_BYTES, parse_yaml, read_yaml

LAUGHS = "a0: &a0 [1, 1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
MISTAKES = {
    "key twice": ("a: 1\nb: 2\na: 3", "x.yaml: line 3: 'a' is given twice, first in line 1"),
    "inner key twice": ("a:\n  b: 1\n  'b': 2", "x.yaml: line 3: 'b' is given twice"),
    "key twice in braces": ("a: {b: 1, b: 2}", "x.yaml: line 1: 'b' is given twice"),
    "equal numbers as keys": ("1: a\n0x1: b", "x.yaml: line 2: 1 is given twice"),
    "merged twice": ("x: {<<: {a: 1}, <<: {a: 2}}", "x.yaml: line 1: '<<' is given twice"),
    "octal": ("a: 1\nx: -010", "x.yaml: line 2: -010 is octal for -8; write a number plainly"),
    "octal key": ("010: a", "x.yaml: line 1: 010 is octal for 8"),
    "minutes": ("x: [1:30]", "x.yaml: line 1: 1:30 is of base 60 for 90; write a number plainly"),
    "seconds": ("x: 1:30.5", "x.yaml: line 1: 1:30.5 is of base 60 for 90.5"),
    "key that is a list": ("? [a]\n: 1", "x.yaml: line 1: a key must be text"),
    "list in itself": ("a: 1\nx: &a [*a]", "x.yaml: line 2: an alias of itself"),
    "mapping in itself": ("x: &a {b: [*a]}", "x.yaml: line 1: an alias of itself"),
    "nested deeply": ("x: " + "[" * 100_000, "x.yaml: line 1: nested more than 30 deep"),
    "nested by dashes": ("- " * 5000, "x.yaml: line 1: nested more than 30 deep"),
    "a billion values": (LAUGHS, "more than 100,000 values, those of aliases included"),
    "endless number": ("x: 0x" + "f" * 9000, "x.yaml: line 1: a number of so many digits"),
    "decimal digits": ("x: " + "9" * 9000, "x.yaml: not YAML"),
    "other objects": ("x: !!python/object/apply:os.system [echo]", "x.yaml: line 1: not YAML"),
    "no such day": ("x: 2024-13-40", "x.yaml: not YAML: month"),
    "NUL": ("x: \0", "x.yaml: not YAML"),
    "open bracket": ("a: 1\nb: [1", "x.yaml: line 2: not YAML"),
    "two documents": ("a: 1\n---\nb: 2", "x.yaml: line 2: not YAML"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_one_line_with_its_place(text, message):
    with pytest.raises(UserError) as caught:
        parse_yaml(text, "x.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_aliases_and_merges_of_plain_data():
    text = "a: &a {x: 1, y: 2}\nb: &b {<<: *a, y: 3}\nc: {<<: *b, y: 4}\nd: [*a, *a]"
    assert parse_yaml(text, "") == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": {"x": 1, "y": 4},
        "d": [{"x": 1, "y": 2}] * 2,
    }


def test_numbers_of_one_meaning():
    text = "[007, 0x1F, 0b11, 1_000, 1.5e+3, .5, '010', '1:30']"
    assert parse_yaml(text, "") == [7, 31, 3, 1000, 1500.0, 0.5, "010", "1:30"]


def test_several_merges_in_a_list():
    assert parse_yaml("{<<: [{a: 1}, {a: 2, b: 3}]}", "") == {"a": 1, "b": 3}


ENCODINGS = {
    "Latin-1": ("# ü".encode("latin-1"), "line 1: not UTF-8"),
    "UTF-16": ("a: 1".encode("utf-16"), "line 1: not UTF-8"),
    "in a later line": (b"a: 1\nb: \xff", "line 2: not UTF-8"),
    "too large": (b"#" * (MOST_BYTES + 1), "larger than 1,000,000 bytes"),
}


@pytest.mark.parametrize(("content", "message"), ENCODINGS.values(), ids=ENCODINGS)
def test_files_that_are_refused(tmp_path, content, message):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_utf_8_with_a_mark(tmp_path):
    (tmp_path / "a.yaml").write_bytes("a: ü".encode("utf-8-sig"))
    assert read_yaml(tmp_path / "a.yaml") == {"a": "ü"}


@pytest.mark.parametrize("path", ["none.yaml", ".", "a\0b"])
def test_what_is_no_file(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="give the path of a config file"):
        read_yaml(path)


@given(st.text("ab:-[]{}*&?!|>'\" \n\t#,0.=<%@`~\0ü", max_size=40))
def test_any_text_is_data_or_one_line(text):
    try:
        parse_yaml(text, "x")
    except UserError as error:
        message = str(error)
    else:
        message = "x: none"
    assert message.startswith("x: ")
    assert "\n" not in message
