"""Scores and truth in two files: joined by names, and refused where names differ."""

import numpy as np
import pytest

from aucmax.report import predictions_from_tables

SCORES = "Study,Edema,Atelectasis\np1,1.25,0.5\np2,0.75,-3e-2\n"
TRUTH = "Study,No Finding,Atelectasis,Edema\np2,0,1,0\np1,1,0,"  # no final line end


def joined(folder, scores=SCORES, truth=TRUTH, labels=None):
    (folder / "scores.csv").write_text(scores)
    (folder / "truth.csv").write_text(truth)
    return predictions_from_tables(folder / "scores.csv", folder / "truth.csv", labels)


def test_rows_and_columns_are_joined_by_name(tmp_path):
    found = joined(tmp_path)
    assert (found.ids, found.labels) == (("p1", "p2"), ("Edema", "Atelectasis"))
    assert found.scores.tolist() == [[1.25, 0.5], [0.75, -0.03]]
    np.testing.assert_array_equal(found.target, [[np.nan, 0], [0, 1]])


def test_labels_choose_the_columns_and_their_order(tmp_path):
    found = joined(tmp_path, labels=["Atelectasis"])
    assert found.labels == ("Atelectasis",)
    assert found.scores.tolist() == [[0.5], [-0.03]]


def test_the_id_column_may_be_called_id_and_a_nameless_column_is_passed_over(tmp_path):
    found = joined(tmp_path, scores=",id,Edema\n0,p1,1\n1,p2,2\n")
    assert (found.ids, found.labels) == (("p1", "p2"), ("Edema",))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scores": SCORES + "p3,1,1\np4,1,1\n"}, r"same ids; 2 only in .*scores.csv: 'p3', 'p4'"),
        ({"truth": TRUTH + "\np9,0,0,0"}, r"1 only in .*truth.csv: 'p9'"),
        ({"labels": ["Oedema"]}, r"scores.csv: no column for 'Oedema'; .*'Edema', 'Atelectasis'"),
        ({"truth": "Study,Edema\np1,1\np2,0"}, r"truth.csv: no column for 'Atelectasis'"),
        ({"scores": "Study,Edema\np1,1\np2,high"}, r"scores.csv, line 3: column 'Edema': .*'high'"),
        ({"truth": TRUTH.replace("1,0,", "1,2,")}, r"truth.csv, line 3: column 'Atelect.*got '2'"),
        ({"scores": "Edema\n1"}, r"exactly one of the columns 'id' and 'Study'.*got neither"),
        ({"scores": "id,Study,Edema\n1,1,1"}, r"got 'id' and 'Study'"),
        ({"scores": "Study\np1\np2"}, r"no column besides 'Study'"),
        ({"scores": "Study,Edema\n"}, r"a header but no rows"),
        ({"scores": ""}, r"is empty; a header row"),
        ({"scores": "Study,Edema,Edema\np1,1,1"}, r"more than one column 'Edema'"),
        ({"scores": "Study,Edema\np1,1,1"}, r"line 2: 3 values where the header has 2"),
        ({"scores": "Study,Edema\n ,1"}, r"line 2: column 'Study' is blank"),
        ({"scores": "Study,Edema\np1,1\n\np1,1"}, r"line 4: id 'p1' already stands in line 2"),
        ({"scores": 'Study,Edema\np1,"1'}, r"cannot be read as CSV at line 2: the file ends"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        joined(tmp_path, **changed)


def test_a_missing_or_foreign_file_is_named(tmp_path):
    joined(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no file of the truth .*nothing.csv"):
        predictions_from_tables(tmp_path / "scores.csv", tmp_path / "nothing.csv")
    (tmp_path / "scores.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is text in UTF-16, not CSV in UTF-8; save"):
        predictions_from_tables(tmp_path / "scores.csv", tmp_path / "truth.csv")


def test_tables_follow_the_rules_of_all_csv_files(tmp_path):
    scores = "note;note; edema ;STUDY\n;;1.5; p1 \n;;;\n;;2;p2\n"
    found = joined(tmp_path, scores, "Study\tEdema\np2\tNA\np1\tTRUE\n", labels=["Edema"])
    assert (found.ids, found.labels) == (("p1", "p2"), ("Edema",))
    assert found.scores.tolist() == [[1.5], [2.0]]
    np.testing.assert_array_equal(found.target, [[1], [np.nan]])
    with pytest.raises(ValueError, match="more than one column 'note'; rename or remove all but"):
        joined(tmp_path, scores)
