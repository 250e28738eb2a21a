"""SMILES are read as RDKit reads them, with a reason where it reads none."""

import contextlib
import logging
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles_molecules import BAD, LENIENT, SMILES, graph, lenient_molecule, molecule
from rdkit import Chem, rdBase

from aucmax.molecules.parsing import is_plain, parse

PIECES = [*"CNOSPFBcnos()[]=#:-+@/\\.1234%*~", "Cl", "[nH]", "[H]", "[2H]", "[C@H]", "[C@@H]",
          "/C=C/", "[Fe]", "->", "[O-]", "[N+]", "[Cu+2]", "N(=O)=O", "c1ccccc1", "[Pt@SP1]",
          "[Al]"]  # fmt: skip


def parsed_or_reason(smiles):
    """What parsing gives, and ""; or None and what follows "cannot be read: "."""
    try:
        return parse(smiles), ""
    except ValueError as error:
        return None, str(error).partition(" cannot be read: ")[2]


@pytest.mark.parametrize("smiles", SMILES)
def test_a_molecule_is_that_of_rdkit(smiles):
    parsed = parse(smiles)
    assert parsed.note == ""
    assert parsed.plain is is_plain(smiles)
    assert graph(parsed.molecule) == graph(molecule(smiles))
    assert Chem.MolToSmiles(parsed.molecule) == Chem.MolToSmiles(molecule(smiles))


@pytest.mark.parametrize("smiles", LENIENT)
def test_an_impossible_valence_is_noted(smiles):
    parsed = parse(smiles)
    assert molecule(smiles) is None
    assert parsed.note.startswith("Explicit valence for atom #")
    if "[2H]" not in smiles:
        assert graph(parsed.molecule) == graph(lenient_molecule(smiles))


@pytest.mark.parametrize("smiles", BAD)
def test_what_is_no_molecule_is_refused_with_the_reason(smiles):
    assert molecule(smiles) is None
    with pytest.raises(ValueError, match="cannot be read") as caught:
        parse(smiles)
    assert str(caught.value) == f"smiles {smiles!r} cannot be read: {BAD[smiles]}"


@pytest.mark.parametrize("smiles", ["", " ", "\t\n"])
def test_nothing_is_no_molecule(smiles):
    with pytest.raises(ValueError, match=r"smiles must hold at least one atom, got '.*'"):
        parse(smiles)


@pytest.mark.parametrize("smiles", [None, float("nan"), b"C", 6])
def test_what_is_no_text_is_refused(smiles):
    with pytest.raises(TypeError, match=f"smiles must be a str, got {type(smiles).__name__}"):
        parse(smiles)


def test_a_long_smiles_is_shortened_in_the_message():
    with pytest.raises(ValueError, match=r"'C{80}\.\.\.' cannot be read: unclosed ring"):
        parse("C" * 100 + "1")


def test_nothing_is_printed_and_the_settings_of_the_log_stay(capfd):
    before = rdBase.LogStatus()
    for smiles in [*SMILES, *LENIENT]:
        parse(smiles)
    for smiles in BAD:
        with pytest.raises(ValueError, match="cannot"):
            parse(smiles)
    assert capfd.readouterr() == ("", "")
    assert rdBase.LogStatus() == before
    Chem.MolFromSmiles("C(C")  # RDKit itself talks as before
    assert "SMILES Parse Error" in capfd.readouterr().err


def test_the_reason_is_known_where_the_log_is_off():
    with rdBase.BlockLogs(), pytest.raises(ValueError, match="unclosed ring"):
        parse("C1CC")


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=10).map("".join))
def test_whatever_rdkit_reads_is_read_the_same_and_all_else_has_a_reason(smiles):
    expected = molecule(smiles)
    parsed, reason = parsed_or_reason(smiles)
    if parsed is None:
        assert expected is None
        assert reason
    elif expected is None:
        assert parsed.note
    else:
        assert parsed.note == ""
        assert graph(parsed.molecule) == graph(expected)
        assert Chem.MolToSmiles(parsed.molecule) == Chem.MolToSmiles(expected)


def test_marks_of_stereochemistry_are_seen():
    assert is_plain("Cc1c[nH]c[13cH]1.[O-][N+](C)=O")
    marked = ["N[C@H](C)F", "C/C=C/C", "C\\C=C\\C", "CC |w:1.0|", "[H]C", "[2H]C", "C[H+]"]
    assert not any(map(is_plain, marked))


def test_python_logging_is_left_alone(caplog):
    with caplog.at_level(logging.DEBUG), pytest.raises(ValueError, match="unclosed"):
        parse("C1CC")
    assert not caplog.records


@pytest.mark.parametrize(
    ("smiles", "message"),
    [
        ("[#119]", "Atomic number not found"),
        ("[#999]C", "Atomic number not found"),
        ("CC\nO", "white space at position 3; a SMILES has none .a name after it belongs in a col"),
        ("CC O", "white space at position 3"),
        ("CCO\tethanol", "white space at position 4"),
        ("C\u2028O", "white space at position 2"),
        (
            "C" * 1_001,
            "it has 1,001 atoms and 0 rings; molecules of up to 1,000 atoms and 200 rings",
        ),
        ("C1CC1" * 201, "it has 603 atoms and 201 rings"),
    ],
)
def test_what_rdkit_itself_would_not_refuse_in_words(smiles, message):
    with pytest.raises(ValueError, match=message) as error:
        parse(smiles)
    assert "\n" not in str(error.value)


def test_space_around_and_extensions_are_no_matter():
    assert parse(" CCO\n").molecule.GetNumAtoms() == 3
    assert parse("C[C@H](O)F |o1:1|").molecule.GetNumAtoms() == 4
    for smiles in ("C" * 1_000, "C1CC1" * 200):
        assert parse(smiles).molecule.GetNumAtoms() <= 1_000


def test_random_text_is_read_or_refused():
    rng = random.Random(0)
    letters = "CcNnOo[]()=#@+-123%./\\$:*H&~^?><|, \tZzUu9{}!;"
    for _ in range(5_000):
        text = "".join(rng.choice(letters) for _ in range(rng.randint(1, 12)))
        with contextlib.suppress(ValueError):
            parse(text)
