"""A user's own samples as text: read through what files hold, or refused with the place."""

import bz2
import gzip
import lzma
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lsh_dl.common.errors import UserError
from lsh_dl.data.formats.libsvm_floats import read_libsvm_floats
from lsh_dl.data.formats.text_table import read_text_table
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared

X = [[1.5, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, -12]]
PLAIN = "1.5,2,3,4\n5,6,7,8\n9,10,11,-12\n"
PACKERS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def write(path, text):
    content = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(PACKERS.get(path.suffix, bytes)(content))
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        "\n" + PLAIN,
        "  \n\n" + PLAIN.replace("\n", "\n\n") + "\n",
        PLAIN.rstrip("\n"),
        PLAIN.replace(",", " , "),
        "".join(",".join(f'"{v}"' for v in row) + "\n" for row in X),
        "a,b,c,d\n" + PLAIN,
        '\ufeff\n"a b","b, c",c,d\n' + PLAIN,
        PLAIN.replace("1.5", "+15e-1"),
        "1.5,2,3,4\n" + PLAIN.partition("\n")[2],
    ],
)
def test_csv_without_labels(tmp_path, text, end):
    x, y = read_text_table(write(tmp_path / "a.csv", text.replace("\n", end)), 4)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, np.array(X, np.float32))
    assert y is None


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("1,2,0\n3,4,1\n", [0, 1]),
        ("1,2,0.0\n3,4,1.0\n", [0, 1]),
        ("a,b,label\n1,2,0\n3,4,1\n", [0, 1]),
        ("label,a,b\n0,1,2\n1,3,4\n", [0, 1]),
        ("Label,a,b\n0,1,2\n1,3,4\n", [0, 1]),
        ("0,1,label\n1,2,0\n3,4,1\n", [0, 1]),
        ("label,0,1\n0,1,2\n1,3,4\n", [0, 1]),
        ("a,b,label\n1,2,cat\n3,4,dog\n", ["cat", "dog"]),
        ("1,2,cat\n3,4,dog\n", ["cat", "dog"]),
    ],
)
@pytest.mark.parametrize("packed", PACKERS)
def test_csv_with_labels(tmp_path, text, labels, packed):
    x, y = read_text_table(write(tmp_path / f"a.csv{packed}", text), 2)
    np.testing.assert_array_equal(x, [[1, 2], [3, 4]])
    assert y.tolist() == labels


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("a,b,c,d\n", "headings only"),
        ("0,1,2,3\n" + PLAIN, "line 1 counts 0, 1, ...: are these headings?"),
        ("1,2,3,4\n" + PLAIN, "line 1 counts 1, 2, ...: are these headings?"),
        ("2019,2020,2021\n7,8,6\n", "line 1 counts 2019, 2020, ...: are these headings?"),
        ("400,410,420,class\n" + PLAIN, "line 1 counts 400, 410, ...: are these headings?"),
        ("400,410,420,430\n" + PLAIN, "line 1 counts 400, 410, ...: are these headings?"),
        ("2018,2020,2021,kind\n.1,.5,.3,cat\n.2,.1,.9,dog\n.2,.7,.9,cat\n", "line 1 counts 2018"),
        ("4000,3998,3996,kind\n1,5,3,cat\n2,1,9,dog\n2,7,9,cat\n", "line 1 counts 4000"),
        ("400.5,401,401.5,kind\n1,5,3,cat\n2,1,9,dog\n2,7,9,cat\n", "line 1 counts 400.5"),
        ("2019,2020,class\n1,5,cat\n2,1,dog\n2,7,cat\n", "line 1 counts 2019"),
        ("2019,2020,2021,kind\n1,2,3,cat\n2,1,9,dog\n2,7,9,cat\n", "line 1 counts 2019"),
        ("inf,inf,1,0\n" + PLAIN, "line 1, column 1: inf is missing or not finite"),
        ("1,2,3,4\n7,inf,inf,4\n", "line 2, column 2: inf is missing or not finite"),
        (PLAIN.replace("\n", ",?\n"), "line 1, column 5: ? label"),
        (",a,b,c\n" + PLAIN, "line 1: column 1 has no heading"),
        (",2,3,4\n" + PLAIN, "line 1, column 1: missing"),
        ("1,,3,4\n" + PLAIN, "line 1, column 2: missing"),
        (PLAIN + "1,2,3,\n", "line 4, column 4: missing (a comma at the line's end?)"),
        ("a,b,c,d\n" + PLAIN + "1,2,NaN,4\n", "line 5, column 3 ('c'): NaN is missing or not"),
        (PLAIN + "1,2,NA,4\n", "line 4, column 3: 'NA' is no number"),
        (PLAIN + "1,2,inf,4\n", "line 4, column 3: inf is missing or not finite"),
        (PLAIN + "1,2,3,1e300\n", "line 4, column 4: 1e300 is missing or not finite"),
        (PLAIN + "1,2,3,1_0\n", "line 4, column 4: '1_0' is no number"),
        (PLAIN + "1,2,3\n", "line 4 has 3 fields, the first line 4"),
        (PLAIN.replace("\n", ",\n"), "line 1, column 5: no label"),
        (PLAIN + "1,2,3,4,\n", "line 4 has 5 fields, the first line 4; a comma"),
        (PLAIN.replace(",", ";"), "line 1: parted by semicolons"),
        (PLAIN.replace(",", "\t"), "line 1: parted by tabulators"),
        ("1,5;2,5\n3,5;4,5\n", "line 1"),
        ("a;b\n1;2\n", "line 1: parted by semicolons"),
        ("a\tb\n1\t2\n", "line 1: parted by tabulators"),
        (PLAIN.replace("\n", ",inf\n"), "line 1, column 5: inf label"),
        (PLAIN.replace("\n", ",nan\n"), "line 1, column 5: nan label"),
        (PLAIN.replace("\n", ",1.5\n"), "label 1.5; whole numbers are needed"),
        (PLAIN.replace("\n", ",0\n") + "1,2,3,4,cat\n", "the label 'cat' beside labels that are"),
        ("a,label,label\n1,2,3\n", "line 1: two columns are called `label`"),
        ("a,label,Label\n1,2,3\n", "line 1: two columns are called `label`"),
        ("a,a,label\n1,2,3\n", "line 1: two columns are called `a`"),
        (PLAIN.replace("\n", ",NA\n"), "line 1, column 5: NA label"),
        (PLAIN.replace("\n", ",null\n"), "line 1, column 5: null label"),
        (PLAIN.replace("\n", ",9007199254740993\n"), "label 9.0072e+15; whole numbers"),
        ("label\n1\n2\n", "labels only"),
        (PLAIN.encode("utf-16"), "line 1: not UTF-8"),
        ("größe,b,c,d\n".encode("latin-1") + PLAIN.encode(), "line 1: not UTF-8"),
        (PLAIN + '"1,2,3,4\n', "line "),
        (PLAIN + "1,2,\0,4\n", "line "),
        (PLAIN.replace("\n", "\r"), "line 1: lines end in CR alone"),
        (PLAIN + "9" * 200_000 + ",2,3,4\n", "line "),
    ],
)
def test_other_csv_is_refused_with_its_place(tmp_path, text, reason):
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(UserError) as caught:
        read_text_table(path, 4)
    assert str(caught.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(caught.value)


def prepare_own(tmp_path, source, train, test, suffix, **entry):
    paths = [write(tmp_path / f"{p}{suffix}", t) for p, t in (("train", train), ("test", test))]
    entry |= {"source": source, "train_file": str(paths[0]), "test_file": str(paths[1])}
    return open_prepared(prepare("mine", {"validation": 0} | entry, tmp_path / "prepared"))


@pytest.mark.parametrize("other", ["b,a,label", "a,c,label", "label,b,a"])
def test_columns_of_the_test_file_are_those_of_training(tmp_path, other):
    train = "a,b,label\n" + "1,2,0\n3,4,1\n" * 5
    test = f"{other}\n1,1,1\n0,0,0\n"
    with pytest.raises(UserError, match=r"test.csv: column '.' stands where .*train.csv has '.'"):
        prepare_own(tmp_path, "csv", train, test, ".csv")
    data = prepare_own(tmp_path, "csv", train, "label,a,b\n1,1,1\n0,0,0\n", ".CSV")
    assert every(data.test)[1] == [1, 0]


def every(samples):
    x, y = samples.take(np.arange(len(samples)))
    return x.tolist(), y.tolist()


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("names", [("0", "1"), ("3", "7"), ("-1", "+1"), ("cat", "dog")])
def test_csv_as_a_data_set(tmp_path, packed, names):
    texts = [f"1,2,{names[1]}\n3,4,{names[0]}\n", f"a,b,label\n5,6,{names[0]}\n"]
    data = prepare_own(tmp_path, "csv", *texts, f".csv{packed}")
    assert every(data.train) == ([[1, 2], [3, 4]], [1, 0])
    assert every(data.test) == ([[5, 6]], [0])
    assert (data.classes, data.title) == (2, "train")
    assert names[1].lstrip("+") in data.provenance


def test_amat_as_a_data_set(tmp_path):
    data = prepare_own(tmp_path, "amat", "  1.5  2 0.0\n\n3 4\t1.0\n", "5 6 1\n", ".amat")
    assert every(data.train) == ([[1.5, 2], [3, 4]], [0, 1])
    assert every(data.test) == ([[5, 6]], [1])


LIBSVM = "# a comment\n+1 1:0.5 3:-2e0 # another\n-1\n\n-1 2:7\n"


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("packed", PACKERS)
def test_libsvm_as_a_data_set(tmp_path, sparse, packed):
    suffix = f".svm{packed}"
    data = prepare_own(tmp_path, "libsvm", "\ufeff" + LIBSVM, "1 4:1\n", suffix, sparse=sparse)
    assert every(data.train) == ([[0.5, 0, -2, 0], [0, 0, 0, 0], [0, 7, 0, 0]], [1, 0, 0])
    assert every(data.test) == ([[0, 0, 0, 1]], [1])
    assert data.train.take(np.array([2, 2, 0]))[0].tolist() == [[0, 7, 0, 0]] * 2 + [
        [0.5, 0, -2, 0]
    ]
    assert (tmp_path / "prepared" / "x_train.npy").exists() != sparse


def test_indices_may_count_from_0(tmp_path):
    data = prepare_own(tmp_path, "libsvm", "1 0:1\n0 1:2\n", "1 0:3\n", ".txt", first_index=0)
    assert every(data.train)[0] == [[1, 0], [0, 2]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 0:1\n", "line 1: the index of '0:1' does not rise"),
        ("1 1:1\n1 2:1 2:3\n", "line 2: the index of '2:3' does not rise"),
        ("1 1:1\n1 99999999999999999999:1\n", "line 2: the index"),
        ("1 1:1\n1 -1:1\n", "line 2: the index"),
        ("1 1:x\n", "line 1: "),
        ("1 1:1\n1 2:1_0\n", "line 2: '2:1_0' is no number"),
        ("1_0 1:1\n", "line 1: `_` in a number"),
        ("1 1\n", "line 1: '1' is no `index:value`"),
        ("cat 1:1\n", "line 1: "),
        ("1,2 1:1\n", "line 1: "),
        ("1 1:nan\n", "sample 1 has a value that is not finite"),
        ("1 1:1e300\n", "sample 1 has a value that is not finite"),
        ("nan 1:1\n", "label nan"),
        ("0.5 1:1\n", "label 0.5"),
        ("", "no samples"),
        ("1\n", "no samples with features"),
    ],
)
def test_other_libsvm_is_refused_with_its_place(tmp_path, text, reason):
    path = write(tmp_path / "a.svm", text)
    with pytest.raises(UserError) as caught:
        read_libsvm_floats(path)
    assert str(caught.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(caught.value)


@settings(max_examples=40, deadline=None)
@given(
    x=arrays(
        np.float32,
        st.tuples(st.integers(1, 8), st.integers(1, 6)),
        elements=st.floats(-1e6, 1e6, width=32),
    )
)
def test_what_was_written_is_read(tmp_path_factory, x):
    folder, y = tmp_path_factory.mktemp("own"), np.arange(len(x))
    rows = [[f"{v:.9g}" for v in row] for row in x.tolist()]
    csv = "label," + ",".join(f"f{i}" for i in range(x.shape[1])) + "\n"
    csv += "".join(f"{label}," + ",".join(row) + "\n" for label, row in zip(y, rows, strict=True))
    svm = "".join(
        f"{label} " + " ".join(f"{i}:{v}" for i, v in enumerate(row, 1)) + "\n"
        for label, row in zip(y, rows, strict=True)
    )
    for got_x, got_y in (
        read_text_table(write(folder / "a.csv", csv)),
        read_libsvm_floats(write(folder / "a.svm", svm)),
    ):
        dense = got_x if isinstance(got_x, np.ndarray) else got_x.toarray()
        np.testing.assert_array_equal(dense, x)
        np.testing.assert_array_equal(got_y, y)


@pytest.mark.parametrize(
    "text",
    [
        "3,4,5\n1,7,2\n",
        "3,4,5,cat\n1,7,2,dog\n",
        "400,410,420,cat\n1,7,2,cat\n",
        "1,2,3,4\n5,6,7,8\n",
        "200,210,220\n5,15,25\n",
        "10,20,30,40,up\n40,10,20,30,down\n20,40,10,30,down\n",
        "0,1\n1,0\n",
        "0,1,2\n1,0,1\n2,2,0\n",
        "1,2,3,cat\n9,9,1,dog\n7,2,8,eel\n",
        "1,2,3,cat\n4,6,5,dog\n7,2,8,cat\n",
        "7,7,7,7\n1,2,2,4\n",
        "4,3,2,1\n1,2,2,4\n",
        "0.5,1.5,2.5,3\n1,2,2,4\n",
        "2019,2020,2021\n",
    ],
)
def test_a_first_sample_is_not_taken_for_headings(tmp_path, text):
    x, _ = read_text_table(write(tmp_path / "a.csv", text))
    assert len(x) == text.count("\n")


TIMES = "{0},1700000001,5,0\n{0},1700000060,6,1\n{0},1700000031,9,0\n"


def test_features_that_float32_makes_constant(tmp_path):
    text = TIMES.format(3)
    tables = {"csv": text, "amat": text.replace(",", " ")}
    lines = (line.rsplit(",", 1) for line in text.splitlines())
    tables["libsvm"] = "".join(
        f"{y} " + " ".join(f"{i}:{v}" for i, v in enumerate(x.split(","), 1)) + "\n"
        for x, y in lines
    )
    for source, table in tables.items():
        suffix = f".{source}"
        with pytest.raises(UserError) as caught:
            prepare_own(tmp_path, source, table, table, suffix)
        assert str(caught.value).startswith(f"{tmp_path / 'train'}{suffix}: feature 1 (from 0 on) ")
        assert "subtract its mean first, or leave it out" in str(caught.value)
        # The test part may be of one moment.
        prepare_own(tmp_path, source, table.replace("1700000001", "1"), table, suffix)
    x = np.array([line.split(",")[:3] for line in text.splitlines()], np.float64)
    arrays = {"x_test": x, "y_train": [0, 1, 0], "y_test": [0, 1, 0]}
    np.savez(tmp_path / "a.npz", x_train=x, **arrays)
    with pytest.raises(UserError, match=r"a.npz: x_train: feature 1 \(from 0 on\) goes from 17000"):
        prepare("mine", {"source": "npz", "path": str(tmp_path / "a.npz")}, tmp_path / "npz")
    x = 2**60 + np.arange(9).reshape(3, 3)
    np.savez(tmp_path / "a.npz", x_train=x, **arrays)
    with pytest.raises(UserError, match=r"feature 0 .* goes from 1152921504606846976 to 11529215"):
        prepare("mine", {"source": "npz", "path": str(tmp_path / "a.npz")}, tmp_path / "npz")
    text = "1e-60,1,0\n3e-60,2,1\n"
    with pytest.raises(UserError, match="one number in float32; multiply it, or leave it out"):
        prepare_own(tmp_path, "csv", text, text, ".csv")


def test_an_array_that_is_twice_in_a_file(tmp_path):
    arrays = {f"x_{part}": np.eye(3) for part in ("train", "test")}
    np.savez(tmp_path / "a.npz", **arrays, y_train=range(3), y_test=range(3))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own, of the name
        archive.writestr("x_train.npy", archive.read("x_test.npy"))
    with pytest.raises(UserError, match=r"a.npz: an array is in it twice"):
        prepare("mine", {"source": "npz", "path": str(tmp_path / "a.npz")}, tmp_path / "npz")


def test_wide_libsvm_is_looked_at_where_it_is_stored(tmp_path):
    text = "0 1:1 2000000000:1\n1 1:2 2000000000:3\n"
    with pytest.raises(UserError, match="samples of 2000000000"):
        prepare_own(tmp_path, "libsvm", text, text, ".svm")


def test_rounding_is_no_variation(tmp_path):
    text = "0.3,1,0\n0.30000000000000004,2,1\n0.3,3,0\n"
    prepare_own(tmp_path, "csv", text, text, ".csv")


def test_test_labels_must_be_known(tmp_path):
    with pytest.raises(UserError, match="label 'cow' is none of the classes cat"):
        prepare_own(tmp_path, "csv", "1,2,cat\n2,2,dog\n", "1,2,cow\n", ".csv")


def test_one_class_is_nothing_to_learn(tmp_path):
    with pytest.raises(UserError, match=r"train.csv: every label is cat; .* two classes at least"):
        prepare_own(tmp_path, "csv", "1,2,cat\n2,2,cat\n", "1,2,cat\n", ".csv")
    arrays = {f"x_{part}": np.eye(3) for part in ("train", "test")}
    np.savez(tmp_path / "a.npz", **arrays, y_train=[4, 4, 4], y_test=[0, 1, 2])
    with pytest.raises(UserError, match=r"a.npz: y_train: every label is 4"):
        prepare("mine", {"source": "npz", "path": str(tmp_path / "a.npz")}, tmp_path / "npz")


def test_parts_in_other_units_are_refused(tmp_path):
    with pytest.raises(UserError, match="same units"):
        prepare_own(tmp_path, "csv", "0,255,0\n3,200,1\n", "0.25,0.5,1\n", ".csv")


def test_features_must_agree(tmp_path):
    with pytest.raises(UserError, match="both need the same"):
        prepare_own(tmp_path, "csv", "0,255,0\n1,255,1\n", "0,1,2,1\n", ".csv")
    with pytest.raises(UserError, match="index 3, but `features` is 2"):
        prepare_own(tmp_path, "libsvm", LIBSVM, LIBSVM, ".svm", features=2)
