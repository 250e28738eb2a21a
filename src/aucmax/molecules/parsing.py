"""SMILES to RDKit's molecules, with a reason where that fails."""

import re
from typing import NamedTuple

from ._packages import Chem, rdBase

_HYDROGEN = re.compile(r"\[\d*H")
"""Beginning of a hydrogen that is an atom of its own."""

SHOWN = 80
"""Characters of a SMILES that a message repeats."""

MAX_ATOMS = 1_000
MAX_RINGS = 200
"""Limits within which RDKit needs seconds at most; of larger cages it searches rings for minutes,
and nothing can interrupt it."""

_SPACE = re.compile(r"\s(?!\s*\|)")
"""White space, at which RDKit stops reading; an extension between bars may follow it."""

_ALL_BUT_VALENCE = Chem.SANITIZE_ALL ^ Chem.SANITIZE_PROPERTIES


class Parsed(NamedTuple):
    """A molecule as RDKit understands it.

    Args:
        molecule: sanitised, without the hydrogens that RDKit makes implicit.
        note: why its valences could not be checked; "" if they are right.
        plain: see :func:`is_plain`; then it has no stereochemistry.
    """

    molecule: Chem.Mol
    note: str
    plain: bool


def parse(smiles: str) -> Parsed:
    """The molecule of a SMILES, as ``Chem.MolFromSmiles`` reads it.

    A molecule with an impossible valence, where RDKit gives none, is sanitised in all other ways
    and comes with a note. Nothing is printed.

    Args:
        smiles: of one molecule, with at least one atom, at most 1,000 atoms and 200 rings.

    Raises:
        TypeError: if it is no text.
        ValueError: if it is no SMILES, has no atom or white space between atoms, is too large, or
            its aromatic rings cannot be resolved.

    >>> parse("CCO").molecule.GetNumAtoms()
    3
    >>> parse("CN(C)(C)C").note
    'Explicit valence for atom # 1 N, 4, is greater than permitted'
    """
    if not isinstance(smiles, str):
        raise TypeError(f"smiles must be a str, got {type(smiles).__name__}")
    smiles = smiles.strip()
    if (space := _SPACE.search(smiles.partition(" |")[0])) is not None:
        raise _unreadable(
            smiles,
            f"white space at position {space.start() + 1}; a SMILES has none (a name after it "
            "belongs in a column of its own)",
        )
    plain = is_plain(smiles)
    with rdBase.BlockLogs():
        try:
            return _parsed(smiles, plain)
        except (RuntimeError, OverflowError, MemoryError) as error:  # RDKit's own broken promises
            raise _unreadable(smiles, _violation(str(error))) from None


def _parsed(smiles: str, plain: bool) -> Parsed:
    _check_size(smiles)
    try:
        return Parsed(_sanitised(smiles, plain), "", plain)
    except Chem.AtomValenceException as error:
        note = str(error)
    except Chem.MolSanitizeException as error:
        raise _unreadable(smiles, str(error)) from None
    try:
        return Parsed(_unchecked(smiles), note, plain)
    except Chem.MolSanitizeException as error:
        raise _unreadable(smiles, f"{note}; {error}") from None


def _check_size(smiles: str) -> None:
    """Refuse what is too large, before RDKit looks for rings."""
    if len(smiles) <= 2 * MAX_RINGS:  # cannot have that many atoms, nor digits for the rings
        return
    molecule = Chem.MolFromSmiles(smiles, sanitize=False)
    if molecule is None:
        return  # said by what follows
    atoms = molecule.GetNumAtoms()
    rings = molecule.GetNumBonds() - atoms + len(Chem.GetMolFrags(molecule))
    if atoms > MAX_ATOMS or rings > MAX_RINGS:
        raise _unreadable(
            smiles,
            f"it has {atoms:,} atoms and {rings:,} rings; molecules of up to {MAX_ATOMS:,} atoms "
            f"and {MAX_RINGS} rings are read",
        )


def _violation(text: str) -> str:
    """The first line of RDKit's complaint about itself that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("****", "Pre-condition", "Invariant"))]
    return (told or lines or ["RDKit gives no reason"])[0]


def is_plain(smiles: str) -> bool:
    """Whether a SMILES has no mark of stereochemistry, and no hydrogen that is an atom."""
    marked = "@" in smiles or "/" in smiles or "\\" in smiles or "|" in smiles
    return not marked and _HYDROGEN.search(smiles) is None


def _sanitised(smiles: str, plain: bool) -> Chem.Mol:
    """What ``MolFromSmiles`` gives; without marks, in three quarters of the time."""
    if plain:
        molecule = _raw(smiles)
        Chem.SanitizeMol(molecule)
        return molecule
    with rdBase.CaptureErrorLog() as log:
        molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        Chem.SanitizeMol(_raw(smiles))  # says why, as an exception, in nearly all cases
        raise _unreadable(smiles, _first_reason(log.messages))
    return molecule


def _unchecked(smiles: str) -> Chem.Mol:
    molecule = _raw(smiles)
    Chem.SanitizeMol(molecule, _ALL_BUT_VALENCE)
    molecule = Chem.RemoveHs(molecule, sanitize=False)
    Chem.AssignStereochemistry(molecule, cleanIt=True, force=True)
    return molecule


def _raw(smiles: str) -> Chem.Mol:
    molecule = Chem.MolFromSmiles(smiles, sanitize=False)
    if smiles.strip() and molecule is None:
        with rdBase.CaptureErrorLog() as log:
            Chem.MolFromSmiles(smiles, sanitize=False)
        raise _unreadable(smiles, _first_reason(log.messages))
    if molecule is None or not molecule.GetNumAtoms():
        raise ValueError(f"smiles must hold at least one atom, got {smiles!r}")
    return molecule


def _first_reason(messages: str) -> str:
    """The first line of RDKit's complaint, without time, heading and the SMILES; and the place."""
    line = re.sub(r"^\[[\d:]+\] (SMILES Parse Error: )?", "", messages.partition("\n")[0])
    reason = re.sub(r"( while parsing: | for input: ).*", "", line) or "RDKit gives no reason"
    place = re.search(r"around position (\d+)", messages)
    return reason if place is None else f"{reason} near position {place[1]}"


def _unreadable(smiles: str, reason: str) -> ValueError:
    shown = smiles if len(smiles) <= SHOWN else f"{smiles[:SHOWN]}..."
    return ValueError(f"smiles {shown!r} cannot be read: {reason}")
