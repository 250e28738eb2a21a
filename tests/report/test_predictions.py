"""The CSV exchange format."""

import csv

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
