"""The CSV exchange format."""

import csv
import gzip
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles_report import made_predictions

from aucmax._csv import is_missing
from aucmax.report import Predictions, read_predictions, write_predictions

NAMES = st.text(min_size=1, max_size=8).filter(
    lambda s: s == s.strip() and s.isprintable() and s != "﻿" and not is_missing(s)
)
SCORES = st.floats(allow_nan=False, allow_infinity=False)


def _same(p, q):
    assert (p.ids, p.labels) == (q.ids, q.labels)
    # Compare bits, so that -0.0 and the last digit count.
    assert p.scores.tobytes() == q.scores.tobytes()
    for name in ("target", "groups"):
        mine, other = getattr(p, name), getattr(q, name)
        assert (mine is None) == (other is None)
        if mine is not None:
            np.testing.assert_array_equal(mine, other)


@st.composite
def _any_predictions(draw):
    ids = draw(st.lists(st.text(min_size=1).filter(_writable), min_size=1, max_size=6, unique=True))
    labels = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    shape = (len(ids), len(labels))
    cells = shape[0] * shape[1]
    scores = draw(st.lists(SCORES, min_size=cells, max_size=cells))
    values = st.lists(st.sampled_from([0, 1, np.nan]), min_size=cells, max_size=cells)
    target = draw(st.none() | values)
    group_names = st.lists(NAMES, min_size=len(ids), max_size=len(ids))
    target = None if target is None else np.reshape(target, shape)
    return Predictions(
        ids, labels, np.reshape(scores, shape), target, draw(st.none() | group_names)
    )


def _writable(text):
    return (
        text == text.strip() != ""
        and "\0" not in text
        and not any("\ud800" <= c <= "\udfff" for c in text)
    )


@given(_any_predictions())
def test_reading_gives_back_the_same_floats_and_names(tmp_path_factory, p):
    path = tmp_path_factory.mktemp("csv") / "p.csv"
    assert write_predictions(path, p) == path
    _same(read_predictions(path), p)


def test_columns_are_those_of_the_documented_format(tmp_path):
    p = Predictions(("a", "b"), ("target",), [[0.1], [1e-17]], [[1], [np.nan]])
    text = write_predictions(tmp_path / "p.csv", p).read_text()
    assert text == "id,score,target\na,0.1,1\nb,1e-17,\n"
    q = Predictions(("a",), ("x", "y"), [[0.5, 2]], [[1, 0]], ["p 1"])
    text = write_predictions(tmp_path / "q.csv", q).read_text()
    assert text == "id,score_x,target_x,score_y,target_y,group\na,0.5,1,2.0,0,p 1\n"


def test_numpy_reads_the_same_numbers(tmp_path):
    p = made_predictions(3, labels=("x", "y"), unknown=0.2)
    path = write_predictions(tmp_path / "p.csv", p)
    table = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")
    assert tuple(table["id"]) == p.ids
    for j, label in enumerate(p.labels):
        np.testing.assert_array_equal(table[f"score_{label}"], p.scores[:, j])
        # A blank integer cell reads as -1: unknown.
        np.testing.assert_array_equal(
            table[f"target_{label}"], np.where(np.isnan(p.target[:, j]), -1, p.target[:, j])
        )


def test_files_from_elsewhere_are_read(tmp_path):
    path = tmp_path / "p.csv"
    path.write_bytes(
        b"\xef\xbb\xbftarget_cat, id ,path,score_cat\r\n1.0,a,x.png,2\r\n\r\n"
        b"NaN,b,y.png,-3e2\r\n0,c,,1"
    )
    p = read_predictions(str(path))
    assert (p.ids, p.labels, p.groups) == (("a", "b", "c"), ("cat",), None)
    np.testing.assert_array_equal(p.scores, [[2], [-300], [1]])
    np.testing.assert_array_equal(p.target, [[1], [np.nan], [0]])


def test_a_file_without_target_columns_has_no_targets(tmp_path):
    (tmp_path / "p.csv").write_text("id,score\na,1\n")
    assert read_predictions(tmp_path / "p.csv").target is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; a header row"),
        ("\n , \n", "is empty; a header row"),
        ("id,score,target\n", "a header but no rows"),
        (
            "name,score\na,1\n",
            "no column 'id'; if 'name' is meant, rename it to 'id'; its columns are 'name', ",
        ),
        ("id|score\na|1\n", r"no column 'id'; .*its columns are 'id\|score'"),
        (
            "id,scores,target\na,1,0\n",
            "no column 'score' or 'score_NAME'; if 'scores' is meant, rename it to",
        ),
        ("id,score,score_x\na,1,0\n", "both a column 'score' and columns 'score_NAME'"),
        ("id,score,score\na,1,0\n", "more than one column 'score'; rename or remove all but one"),
        ("id,score_x,score_y,target_x\na,1,1,0\n", "label 'y' has a score column but no target"),
        ("id,score_x,target_x,target_y\na,1,1,0\n", "label 'y' has a target column but no score"),
        ("id,score\na,nan\n", "line 2: column 'score': a score must be a finite number, got 'nan'"),
        ("id,score\na,1\nb,inf\n", "line 3: .* got 'inf'"),
        ("id,score\na,\n", "line 2: .* got ''"),
        ("id,score\na,1_0\n", "line 2: .* got '1_0'"),
        ("id,score\na,high\n", "line 2: .* got 'high'"),
        ("id,score,target\na,1,2\n", r"line 2: column 'target': .* 0, 1 or blank .* got '2'"),
        ("id,score,target\na,1,yes\n", "line 2: .* got 'yes'"),
        ("id,score\na,1\n\nb,1\na,2\n", "line 5: id 'a' already stands in line 2"),
        ("id,score\n ,1\n", "line 2: column 'id' is blank"),
        ("id,score,group\na,1,\n", "line 2: column 'group' is blank"),
        ("id,score\na,1,2\n", "line 2: 3 values where the header has 2 columns"),
        ('id,score\n"a"b,1\n', "cannot be read as CSV at line 2: text follows a closing quote"),
    ],
)
def test_a_file_that_breaks_the_format_is_refused_by_line(tmp_path, text, message):
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_predictions(path)
    assert str(path) in str(error.value)


def test_a_missing_file_and_a_binary_file_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no predictions file .*none\.csv"):
        read_predictions(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match="no predictions file"):
        read_predictions(tmp_path)
    (tmp_path / "p.csv").write_bytes(b"id,score\n\xff\xfe,1\n")
    with pytest.raises(ValueError, match=r"p.csv', line 2: byte 0xff is not text in UTF-8"):
        read_predictions(tmp_path / "p.csv")


@given(_any_predictions(), st.data())
def test_samples_that_failed_have_rows_of_their_own_in_the_wanted_order(tmp_path_factory, p, data):
    path = tmp_path_factory.mktemp("csv") / "p.csv"
    names = st.lists(NAMES.filter(lambda s: s not in p.ids), max_size=3, unique=True)
    failed = {name: f"cannot be read: {name}" for name in data.draw(names)}
    order = data.draw(st.permutations([*p.ids, *failed]))
    write_predictions(path, p, failed=failed, order=order)
    found = read_predictions(path)
    at = [p.ids.index(name) for name in order if name in p.ids]
    assert found.ids == tuple(p.ids[row] for row in at)
    assert found.scores.tobytes() == p.scores[at].tobytes()
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == list(order)
    for row in rows:
        assert row["error"] == failed.get(row["id"], "")
        if row["id"] in failed:
            assert not any(value for name, value in row.items() if name not in {"id", "error"})


def test_failed_samples_come_last_where_no_order_is_told(tmp_path):
    p = Predictions(("a", "b"), ("target",), [[0.1], [0.2]], None)
    path = write_predictions(tmp_path / "p.csv", p, failed={"c": 'no, "it" cannot'}, order=())
    assert path.read_text() == 'id,score,error\na,0.1,\nb,0.2,\nc,,"no, ""it"" cannot"\n'
    assert write_predictions(path, p, failed={}).read_text() == "id,score,error\na,0.1,\nb,0.2,\n"


def test_rows_with_an_error_are_left_out_aloud(tmp_path, caplog):
    path = tmp_path / "p.csv"
    path.write_text(
        "id,score,target,group,error\na,,,,no ring\nb,1,0,g,\nc,x,7,,worse\nd,2,1,h, \n"
    )
    p = read_predictions(path)
    assert (p.ids, p.groups.tolist()) == (("b", "d"), ["g", "h"])
    np.testing.assert_array_equal(p.scores, [[1], [2]])
    np.testing.assert_array_equal(p.target, [[0], [1]])
    (record,) = caplog.records
    assert record.getMessage() == f"{path}: 2 of 4 rows have an error and no score: left out"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,score,error\na,,no\nb,,no\n", "all 2 rows have an error and no score"),
        ("id,score,error\na,,no\na,1,\n", "line 3: id 'a' already stands in line 2"),
        ("id,score,error\na,,\n", "line 2: column 'score': .* got ''"),
        ("id,error,error,score\na,,,1\n", "more than one column 'error'"),
    ],
)
def test_what_is_refused_of_rows_with_an_error(tmp_path, text, message):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_predictions(tmp_path / "p.csv")


HEAD = "id,score,target,group"
ROWS = [("a", "0.5", "1", "p"), ("b", "-2", "0", "p"), ("c", "3", "", "q")]


def _dialect(delimiter=",", end="\n", pad="", extra="", between="", header=HEAD):
    """The same predictions as text of some dialect."""
    lines = [header.split(","), *ROWS]
    text = end.join(delimiter.join(f"{pad}{cell}{pad}" for cell in row) + extra for row in lines)
    return text.replace(end, end + between + end) if between else text


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("pad", ["", "  "])
@pytest.mark.parametrize("extra", ["", "DD"])
@pytest.mark.parametrize("between", ["", "   ", "DDD", " D D D "])
@pytest.mark.parametrize("mark", ["", "\ufeff", "sep=D\n"])
def test_every_dialect_reads_the_same(tmp_path, delimiter, end, pad, extra, between, mark):
    text = mark + _dialect(delimiter, end, pad, extra, between)
    path = tmp_path / "p.csv"
    path.write_bytes(text.replace("D", delimiter).encode())
    p = read_predictions(path)
    assert (p.ids, p.labels) == (("a", "b", "c"), ("target",))
    np.testing.assert_array_equal(p.scores[:, 0], [0.5, -2, 3])
    np.testing.assert_array_equal(p.target[:, 0], [1, 0, np.nan])
    assert p.groups.tolist() == ["p", "p", "q"]


@pytest.mark.parametrize(
    "header",
    ["ID,Score,Target,Group", "Id,SCORE,TARGET,GROUP", "id,Score_Edema,target_edema,group"],
)
def test_the_case_of_column_names_does_not_matter(tmp_path, header):
    (tmp_path / "p.csv").write_text(_dialect(header=header))
    p = read_predictions(tmp_path / "p.csv")
    assert p.labels == (("Edema",) if "Edema" in header else ("target",))
    np.testing.assert_array_equal(p.target[:, 0], [1, 0, np.nan])
    assert p.groups.tolist() == ["p", "p", "q"]


def test_labels_that_differ_in_case_only_stay_apart(tmp_path):
    p = Predictions(("x", "y"), ("m", "M"), [[1, 2], [3, 4]], [[0, 1], [1, 0]])
    _same(read_predictions(write_predictions(tmp_path / "p.csv", p)), p)


@pytest.mark.parametrize("word", ["", " ", "NA", "n/a", "NaN", "nan", "None", "null", "<NA>"])
def test_one_rule_says_what_is_unknown(tmp_path, word):
    path = tmp_path / "p.csv"
    path.write_text(f"id,score,target,error\na,1,{word},{word}\nb,2,True,\nNA,3,1.00,\n")
    p = read_predictions(path)
    assert p.ids == ("a", "b", "NA")  # a name is a name
    np.testing.assert_array_equal(p.target[:, 0], [np.nan, 1, 1])
    for column in ("score", "group"):
        header = "id,score,group\n"
        row = f"a,{word},g\n" if column == "score" else f"a,1,{word}\n"
        path.write_text(header + row)
        with pytest.raises(ValueError, match=f"line 2: column '{column}'"):
            read_predictions(path)


def test_true_and_false_are_labels_and_columns_that_are_not_read_may_be_anything(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("id,note,score,note,target,,\na,x,1,y,TRUE,,\nb,,2,,false,z,\n")
    assert read_predictions(path).target.tolist() == [[1], [0]]


def test_a_compressed_file_is_unpacked(tmp_path):
    path = tmp_path / "p.csv.gz"
    path.write_bytes(gzip.compress(_dialect().encode()))
    assert read_predictions(path).ids == ("a", "b", "c")
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ValueError, match=r"cannot be unpacked: .*; the download may be incomplete"):
        read_predictions(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,score\na,1\n".encode("utf-16"), "is text in UTF-16; save it as CSV in UTF-8"),
        ("id,score\na,1\n".encode("utf-16-le"), "line 1: a NUL byte; the file is damaged, or"),
        ("id,score\nä,1\n".encode("latin-1"), "line 2: byte 0xe4 is not text in UTF-8 .it may be"),
        (b"id,score\na,1\nb\0,2\n", "line 3: a NUL byte"),
        (b"PK\x03\x04xx", "is an Excel workbook or another zip archive; save it as CSV in UTF-8"),
        (b"\n <!DOCTYPE html><html>", "is a web page, not CSV: the download failed"),
        (b'id,score\na,1\nb,"2\nc,3\n', "at line 3: the file ends within a cell; a quote"),
        (b'id,score\na,1\nb,"' + b"x" * 140_000, "line 3: a cell holds more than 131,072 char"),
        (b"id;score\na;0,5\n", "got '0,5'; write decimals with a point"),
        (b"id,score,group,Group,GROUP\na,1,g,h,i\n", None),
        (b"id,score,Group,GROUP\na,1,g,h\n", "more than one column 'GROUP' and 'Group'; rename"),
        (b"id,prob,y\na,1,0\n", "no column 'score' .* if 'prob' is meant, rename it to 'score'"),
        (b"id,score,target\na,1,yes\n", "a target must be 0, 1 or blank .unknown., got 'yes'"),
    ],
)
def test_files_that_are_no_plain_csv_are_told_with_the_cure(tmp_path, content, message):
    path = tmp_path / "p.csv"
    path.write_bytes(content)
    if message is None:
        assert read_predictions(path).groups.tolist() == ["g"]
        return
    with pytest.raises(ValueError, match=message) as error:
        read_predictions(path)
    assert str(path) in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("name", ["patient_id", "PatientID", "subject", "case id", "Patient"])
def test_a_column_that_may_be_the_group_is_noted_once(tmp_path, caplog, name):
    path = tmp_path / "p.csv"
    path.write_text(f"id,score,{name},study\na,1,p,s\nb,2,p,s\n")
    assert read_predictions(path).groups is None
    (record,) = caplog.records
    assert f"column {name!r} is not used, and rows count as independent" in record.getMessage()
    assert "rename it to 'group'" in record.getMessage()
    caplog.clear()
    path.write_text(f"id,score,{name},Group\na,1,p,s\nb,2,p,s\n")  # there is a group
    read_predictions(path)
    path.write_text(f"id,score,{name}\na,1,p\nb,2,q\n")  # nothing belongs together
    read_predictions(path)
    assert not caplog.records


def test_many_foreign_columns_and_many_rows_take_linear_time(tmp_path):
    """Ten times as much takes about ten times as long, not a hundred times."""

    def seconds(columns, rows):
        path = tmp_path / "p.csv"
        names = ",".join(f"c{i}" for i in range(columns))
        cells = "," * columns
        lines = "\n".join(f"s{row},{row / 7},{row % 2}{cells}" for row in range(rows))
        path.write_text(f"id,score,target,{names}\n{lines}\n")
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            assert len(read_predictions(path)) == rows
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(40_000, 10) < 20 * seconds(4_000, 10) + 0.2
    assert seconds(1, 40_000) < 20 * seconds(1, 4_000) + 0.2
