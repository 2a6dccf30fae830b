"""The Extreme Classification Repository's text: there and back, and what is refused."""

import bz2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array
from sklearn.datasets import load_svmlight_file

from lsh_dl.common.errors import UserError
from lsh_dl.data.formats.xc_text import read_xc, write_xc

VALUES = st.one_of(st.just(0.0), st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False))
SAMPLE = """4 5 3
0,2 0:1.5 3:-2e-3
 4:1
1
2,1 1:.5 0:7.25
"""


@settings(max_examples=60)
@given(st.data(), st.integers(1, 6), st.integers(1, 8), st.integers(1, 5))
def test_what_was_written_is_read(tmp_path_factory, data, samples, features, labels):
    x = csr_array(data.draw(arrays(np.float32, (samples, features), elements=VALUES)))
    y = csr_array(data.draw(arrays(np.int8, (samples, labels), elements=st.integers(0, 1))))
    path = tmp_path_factory.mktemp("text") / "a.txt"
    write_xc(path, x, y)
    got_x, got_y = read_xc(path)
    for got, expected in ((got_x, x), (got_y, y)):
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        assert got.has_canonical_format
        np.testing.assert_array_equal(got.toarray(), expected.toarray())


@pytest.mark.parametrize("pack", [bytes, bz2.compress])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_labels_may_be_absent_and_features_in_any_order(tmp_path, pack, end):
    path = tmp_path / "a.txt"
    path.write_bytes(pack(SAMPLE.replace("\n", end).encode()))
    x, y = read_xc(path)
    np.testing.assert_allclose(
        x.toarray(),
        [[1.5, 0, 0, -0.002, 0], [0, 0, 0, 0, 1], [0] * 5, [7.25, 0.5, 0, 0, 0]],
    )
    assert y.toarray().tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0], [0, 1, 1]]


def test_it_is_read_as_scikit_learn_reads_it(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((200, 300)) * (generator.random((200, 300)) < 0.1)
    y = (generator.random((200, 40)) < 0.05).astype(np.int8)
    path = tmp_path / "a.txt"
    write_xc(path, csr_array(x.astype(np.float32)), csr_array(y))
    (tmp_path / "b.txt").write_text("".join(path.read_text().splitlines(True)[1:]))
    theirs, labels = load_svmlight_file(
        str(tmp_path / "b.txt"), n_features=300, dtype=np.float32, multilabel=True, zero_based=True
    )
    got_x, got_y = read_xc(path)
    np.testing.assert_array_equal(got_x.toarray(), theirs.toarray())
    assert [tuple(map(float, np.flatnonzero(line))) for line in got_y.toarray()] == labels


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("4 5 3\n", "", "line 1 is not"),
        ("4 5 3", "4", "line 1 is not"),
        ("4 5 3", "4 -5 3", "line 1 is not"),
        ("4 5 3", "0 5 3", "line 1 is not"),
        ("4 5 3", "5 5 3", "4 lines of samples, its first line says 5"),
        ("4 5 3", "3 5 3", "line 5 is one more than its first line says"),
        ("0,2", "0,3", "line 2 has a label that is no whole number, or out of range"),
        ("0,2", "0,,2", "line 2 has a label"),
        ("0,2", "0,2,", "line 2 has a label"),
        ("0,2", "0.5", "line 2 has a label"),
        ("0,2", "a", "line 2 has a label"),
        ("0,2", "2,2", "line 2 has label 2 twice"),
        ("4:1", "5:1", "line 3 has a feature out of range"),
        ("4:1", "-4:1", "line 3 has a feature that is no whole number"),
        ("4:1", "4", "line 3 has a feature without a colon"),
        ("4:1", "4:", "line 3 has a value that is no finite number"),
        ("4:1", "4:nan", "line 3 has a value"),
        ("4:1", "4:inf", "line 3 has a value"),
        ("4:1", "4:1e39", "line 3 has a value"),
        ("4:1", "4:1e", "line 3 has a value"),
        ("4:1", "4:1.2.3", "line 3 has a value"),
        ("1:.5 0:7.25", "1:.5 1:7.25", "line 5 has feature 1 twice"),
        (SAMPLE, "", "line 1 is not"),
    ],
)
def test_a_bad_line_is_named(tmp_path, old, new, reason):
    path = tmp_path / "a.txt"
    path.write_text(SAMPLE.replace(old, new, 1))
    with pytest.raises(UserError) as error:
        read_xc(path)
    assert str(error.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.txt: No such file"):
        read_xc(tmp_path / "none.txt")
