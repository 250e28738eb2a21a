"""The rules that all tables share: here they are tried on tables of images and of molecules."""

import gzip

import numpy as np
import pytest

from aucmax._csv import group_like, normalized, open_csv, parse_label
from aucmax.data._csvfile import CSVFile

ROWS = [("i0.png", "1", "p"), ("i1.png", "0", "q"), ("i2.png", "", "q")]


def text(delimiter=",", end="\n", pad="", extra="", between=""):
    lines = [("Image", "LABEL", "group"), *ROWS]
    rows = [delimiter.join(f"{pad}{cell}{pad}" for cell in row) + extra for row in lines]
    return f"{end}{between}".join(rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("pad", ["", " "])
@pytest.mark.parametrize("extra", ["", "DD"])
@pytest.mark.parametrize("between", ["", "E", "  E", "DDE"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_dialect_reads_the_same(tmp_path, delimiter, end, pad, extra, between, packed):
    def real(part):
        return part.replace("D", delimiter).replace("E", end)

    data = text(delimiter, end, pad, real(extra), real(between)).encode("utf-8-sig")
    path = tmp_path / "x.csv"
    path.write_bytes(gzip.compress(data, mtime=0) if packed else data)
    table = CSVFile.read(path)
    assert table.column("image", "image") == ["i0.png", "i1.png", "i2.png"]
    assert table.filled("group", "Group") == ["p", "q", "q"]
    meaning = {"0": 0.0, "1": 1.0, "": np.nan}
    np.testing.assert_array_equal(table.mapped("label", "label", meaning), [1, 0, np.nan])


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1", 1), (" 1.0 ", 1), ("1.00", 1), ("1e0", 1), ("TRUE", 1), ("true", 1), ("0", 0), ("-0", 0),
     ("0.0", 0), ("False", 0), ("", np.nan), (" ", np.nan), ("NA", np.nan), ("n/a", np.nan),
     ("NaN", np.nan), ("None", np.nan), ("NULL", np.nan), ("<NA>", np.nan)],
)  # fmt: skip
def test_labels(tmp_path, cell, value):
    np.testing.assert_equal(parse_label(cell), value)
    path = tmp_path / "x.csv"
    path.write_text(f"id,label\na,{cell}\n")
    found = CSVFile.read(path).mapped("label", "label", {"0": 0.0, "1": 1.0, "": np.nan})
    np.testing.assert_equal(found, [value])


@pytest.mark.parametrize("cell", ["2", "-1", "yes", "1_0", "inf", "0,5", "0.5", "unknown", "-"])
def test_what_is_no_label(tmp_path, cell):
    with pytest.raises(ValueError, match=r"must be 0, 1 or blank \(unknown\), got"):
        parse_label(cell)
    path = tmp_path / "x.csv"
    path.write_text(f'id,label\na,"{cell}"\n')
    with pytest.raises(ValueError, match=f"line 2: column 'label' holds '{cell}'; allowed are"):
        CSVFile.read(path).mapped("label", "label", {"0": 0.0, "1": 1.0, "": np.nan})


def test_a_blank_group_is_refused_in_every_form(tmp_path):
    path = tmp_path / "x.csv"
    for word in ("", "NA", "nan", "None", "null"):
        path.write_text(f"id,group\na,p\nb,{word}\n")
        with pytest.raises(ValueError, match="line 3: column 'group' is blank"):
            CSVFile.read(path).filled("group", "group", words=True)


def test_words_are_compared_in_any_case_and_numbers_by_their_value():
    assert [normalized(x) for x in ("BENIGN", "-1.0", "1e2", "0.50", "NaN", "1_0")] == [
        "benign", "-1", "100", "0.5", "", "1_0",
    ]  # fmt: skip


def test_column_names(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,A,b,,note,note,\n1,2,3,x,y,z,\n")
    table = CSVFile.read(path)
    assert [table.column("", name) for name in ("a", "A", "B")] == [["1"], ["2"], ["3"]]
    with pytest.raises(ValueError, match="has more than one column 'note'; rename or remove"):
        table.column("", "note")
    with pytest.raises(
        ValueError, match=r"image: '.*x.csv' has no column 'bb'; did you mean 'b'\?;"
    ):
        table.column("image", "bb")


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('sep=;\n\na;b\n\n"x\ny";1\n ; \nz;2\n')
    with open_csv(path) as reader:
        assert reader.header == ("a", "b")
        assert list(reader.rows()) == [(6, ["x\ny", "1"]), (8, ["z", "2"])]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; a header row with the names of the columns is needed"),
        (b"\n ,, \n", "is empty"),
        (b"a,b\n", "holds only a header"),
        (
            b"a,b\n1\n",
            "line 2: 1 values where the header has 2 columns; a value with a comma needs",
        ),
        (b"a;b\n1;2\n1;2;3\n", "line 3: 3 values .* a value with a semicolon needs quotes"),
        (
            b'a,b\n"1,2\n3,4\n',
            "at line 2: the file ends within a cell; a quote .* may not be closed",
        ),
        (
            b'a,b\n"1"x,2\n',
            'line 2: text follows a closing quote; within a cell in quotes write ""',
        ),
        (
            b'a,b\n1,"' + b"x" * 150_000 + b'"\n',
            "line 2: a cell holds more than 131,072 characters",
        ),
        (
            b"a,b\n1,\xe4\n",
            "line 2: byte 0xe4 is not text in UTF-8 .*Windows-1252.*save it as CSV in",
        ),
        (b"a,b\n1,\0\n", "line 2: a NUL byte"),
        ("a,b\n1,2\n".encode("utf-16"), "is text in UTF-16, not CSV"),
        (b"\xd0\xcf\x11\xe0", "is an Excel workbook, not CSV"),
        (b"\x89PNG\r\n\x1a\n", "is an image, not CSV"),
        (b"<html>", "is a web page, not CSV: the download failed; get the file again"),
        (b"\x1f\x8b\x08\0", "cannot be unpacked: .*; the download may be incomplete"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "cannot be unpacked: "),
    ],
)
def test_what_is_no_table_is_told_with_the_cure(tmp_path, content, message):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        CSVFile.read(path)
    assert str(path) in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    "name", ["patient_id", "PatientID", "Subject", "case no", "MRN", "lesion_id"]
)
def test_columns_that_may_be_groups(name):
    assert group_like(["id", name, "score"]) == [name]


@pytest.mark.parametrize("name", ["id", "score", "age", "image_id", "caseload", "patient_age", ""])
def test_columns_that_may_not(name):
    assert group_like([name]) == []
