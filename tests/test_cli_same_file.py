"""A predictions file that is given twice would be compared with itself."""

import pytest

from aucmax.cli import main


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = "\n".join(f"{i},{i / 7},{i % 2}" for i in range(30))
    (tmp_path / "a.csv").write_text(f"id,score,target\n{lines}\n")
    (tmp_path / "b.csv").write_text(f"id,score,target\n{lines}\n")  # equal, but another file
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    return tmp_path


@pytest.mark.parametrize("second", ["a.csv", "./a.csv", "link.csv"])
@pytest.mark.parametrize("command", ["compare", "ensemble", "report"])
def test_the_same_file_twice_is_refused(files, capsys, command, second):
    assert main([command, "a.csv", second]) == 2
    message = capsys.readouterr().err
    assert "is given twice" in message
    assert "name each file once" in message
    assert not (files / "ensemble.csv").exists()
    assert not (files / "report.html").exists()


@pytest.mark.parametrize("command", ["compare", "ensemble"])
def test_equal_files_are_two(files, command):
    assert main([command, "a.csv", "b.csv"]) == 0


def test_the_same_reader_twice_is_refused(files, capsys):
    (files / "r.csv").write_text("id,target\n" + "\n".join(f"{i},{i % 2}" for i in range(30)))
    assert main(["evaluate", "a.csv", "--readers", "r.csv", "r.csv"]) == 2
    assert "r.csv is given twice" in capsys.readouterr().err
