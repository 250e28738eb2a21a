"""Files of predictions in every dialect, and what is said of those that are none."""

import gzip
import time

import numpy as np
import pytest

from aucmax.report import Predictions, read_predictions, write_predictions

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
    found = read_predictions(write_predictions(tmp_path / "p.csv", p))
    assert (found.ids, found.labels) == (p.ids, p.labels)
    assert found.scores.tolist() == p.scores.tolist()
    assert found.target.tolist() == p.target.tolist()


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
        ("id,score\na,1\n".encode("utf-16"), "is text in UTF-16, not CSV in UTF-8; save"),
        ("id,score\na,1\n".encode("utf-16-le"), "line 1: a NUL byte; the file is damaged, or"),
        ("id,score\nä,1\n".encode("latin-1"), "line 2: byte 0xe4 is not text in UTF-8 .it may be"),
        (b"id,score\na,1\nb\0,2\n", "line 3: a NUL byte"),
        (b"PK\x03\x04xx", "is an Excel workbook or another zip archive, not CSV in UTF-8; save"),
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
