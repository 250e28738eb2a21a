"""CSV files: what they may hold, and what the reader says when they hold something else."""

import numpy as np
import pytest

from aucmax.data import CSV


@pytest.fixture
def table(tmp_path, write_image):
    """Write a CSV file with images i0.png to i5.png beside it."""
    pixels = [write_image(f"i{i}.png", seed=i) for i in range(6)]

    def write(text, **options):
        path = tmp_path / "cells.csv"
        path.write_text(text, encoding=options.pop("encoding", "utf-8"))
        return CSV(path, **options).load()

    write.pixels = pixels
    return write


FULL = """image,id,sick,broken,patient,part
i0.png,a,0,1,p,train
i1.png,b,1,,p,Train
i2.png,c,FALSE,nan,q,val
i3.png,d,True,0,q,validation

i4.png,e,0.0,1.0,r,test
i5.png,f,1.0,0,"r, s",
"""


def test_everything(table):
    data = table(FULL, label=("sick", "broken"), id="id", group="patient", split="part")
    nan = np.nan
    np.testing.assert_array_equal(data.target, [[0, 1], [1, nan], [0, nan], [1, 0], [0, 1], [1, 0]])
    assert data.target.dtype == np.float32
    assert data.labels == ("sick", "broken")
    assert data.ids == tuple("abcdef")
    assert data.groups.tolist() == ["p", "p", "q", "q", "r", "r, s"]
    assert data.split.tolist() == ["train"] * 2 + ["validation"] * 2 + ["test", ""]
    for i, pixels in enumerate(table.pixels):
        np.testing.assert_array_equal(data.images[i].numpy(), pixels[None])


def test_smallest_file(table):
    data = table("image,label\ni0.png,0\ni1.png,1\n")
    assert data.ids == ("i0.png", "i1.png")
    assert data.groups is None
    assert data.split is None


def test_a_file_from_excel_with_byte_order_mark(table):
    assert len(table("image,label\r\ni0.png,0\r\ni1.png,1\r\n", encoding="utf-8-sig")) == 2


def test_root_and_home_of_paths(table, tmp_path):
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub" / "x.csv"
    path.write_text("image,label\ni0.png,0\ni1.png,1\n")
    assert len(CSV(path, root=tmp_path).load()) == 2
    with pytest.raises(FileNotFoundError, match=r"2 image files .*'image' start from '.*sub'"):
        CSV(path).load()


def test_exclude_drops_rows_before_files_are_looked_for(table):
    data = table("image,label\ni0.png,0\ngone.png,1\ni2.png,1\n", exclude="gone.png")
    assert data.ids == ("i0.png", "i2.png")
    np.testing.assert_array_equal(data.images[1].numpy(), table.pixels[2][None])


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "is empty; a header row"),
        ("image,label\n", {}, "holds only a header"),
        ("image,lable\ni0.png,1\n", {}, r"no column 'label'; did you mean 'lable'\?; its columns"),
        ("image|label\ni0.png|1\n", {}, r"no column 'image'; .*columns are 'image\|label'"),
        ("image,label,label\ni0.png,1,1\n", {}, "more than one column 'label'; rename"),
        ("image,label\ni0.png,1,2\n", {}, "line 2: 3 values where the header has 2 columns"),
        ("image,label\n\ni0.png,-1\n", {}, r"line 3: column 'label' holds '-1'.*uncertain"),
        ("image,label\n,1\n", {}, "line 2: column 'image' is blank"),
        ("image,label\ni0.png,1\ni0.png,0\n", {}, "more than once: 'i0.png'"),
        ("image,label\ni0.png,1\ni1.png,1\n", {}, "label 'label' holds one class only"),
        ("image,label\ni0.png,1\n", {"id": "name"}, "id: .* has no column 'name'"),
        ("image,label,s\ni0.png,1,dev\n", {"split": "s"}, r"column 's' holds 'dev'; allowed"),
        ("image,label,p\ni0.png,1,\n", {"group": "p"}, "line 2: column 'p' is blank"),
        ("image,label\ni0.png,1\n", {"exclude": "i9"}, "exclude: no row has the id 'i9'"),
        ("image,label\ni0.png,1\n", {"exclude": "i0.png"}, "exclude leaves none of the 1 rows"),
        ("image,label\nä.png,1\n", {"encoding": "latin-1"}, "save it as CSV in UTF-8"),
    ],
)
def test_refused(table, text, options, message):
    with pytest.raises(ValueError, match=message):
        table(text, **options)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cells.csw", r"csv: there is no file '.*cells.csw'; did you mean 'cells.csv'\?"),
        ("none/cells.csv", "nor its folder; paths start from"),
        ("", "is a folder; name a file in it"),
    ],
)
def test_no_such_file(tmp_path, name, message):
    (tmp_path / "cells.csv").touch()
    with pytest.raises(FileNotFoundError, match=message):
        CSV(tmp_path / name).load()


@pytest.mark.parametrize("text", ["image,label\ni0.png,0\nbad.png,1\n"])
def test_a_file_that_is_no_image(table, tmp_path, text):
    (tmp_path / "bad.png").write_text("no image")
    with pytest.raises(ValueError, match=r"bad.png' cannot be read: it is no image file"):
        table(text)


def test_all_problems_of_the_options_at_once():
    with pytest.raises(ValueError, match=r"^CSV: ") as caught:
        CSV("x.csv", label=(), group="", bits=8)
    for part in ("label must name", "group must name a column", "bits must be from 9 to 16"):
        assert part in str(caught.value)
    with pytest.raises(ValueError, match="label and group are the same column 'x'"):
        CSV("x.csv", label="x", group="x")
