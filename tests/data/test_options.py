"""The readers' fields are the command line's options, and their words its help."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from aucmax.data import CSV, NPZ, Digits, Folder, Source
from aucmax.data._messages import near

SOURCES = (CSV, Digits, Folder, NPZ)


def parsed(*words):
    parser = ArgumentParser()
    parser.add_argument("--data", type=Source)
    return parser.instantiate(parser.parse_args(list(words))).data


def test_one_and_several_names_from_the_command_line():
    one = parsed("--data", "CSV", "--data.csv", "x.csv", "--data.label", "sick")
    assert one == CSV("x.csv", label="sick")
    several = parsed("--data", "CSV", "--data.csv=x.csv", "--data.label=[a, b]", "--data.bits=12")
    assert several == CSV("x.csv", label=("a", "b"), bits=12)
    assert parsed("--data=NPZ", "--data.npz=x.npz", "--data.positive=[1,2]") == NPZ(
        "x.npz", positive=(1, 2)
    )
    assert parsed("--data=Digits", "--data.positives=0.1") == Digits(positives=0.1)
    assert parsed("--data=Folder", "--data.root=x", r"--data.group=(p\d+)") == Folder(
        "x", group=r"(p\d+)"
    )


@pytest.mark.parametrize("source", SOURCES)
def test_every_field_has_a_text_for_the_help(source):
    own = [base for base in source.__mro__ if base.__module__.startswith("aucmax.")]
    code = "".join(inspect.getsource(base) for base in own)
    for field in dataclasses.fields(source):
        assert re.search(rf'\n    {field.name}: [^\n]*\n    r?"""[A-Z]', code), field.name


@pytest.mark.parametrize("source", SOURCES)
def test_sources_are_frozen_and_only_hold_options(source):
    assert issubclass(source, Source)
    first = next(field for field in dataclasses.fields(source) if not field.kw_only)
    made = source() if source is Digits else source(**{first.name: Path("absent")})
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, first.name, "x")
    assert hash(made) == hash(dataclasses.replace(made))


def test_no_hint_where_nothing_is_near():
    assert near("zebra", ["image", "label"]) == ""
