"""What is known of an atom and of a bond: the categories of the Open Graph Benchmark."""

ATOM_FEATURES = (
    "atomic number",
    "chirality",
    "degree",
    "formal charge",
    "hydrogens",
    "radical electrons",
    "hybridization",
    "aromatic",
    "in a ring",
)
"""Columns of ``Graph.atoms``. The degree counts hydrogens, implicit ones too."""

ATOM_SIZES = (119, 4, 12, 12, 10, 6, 6, 2, 2)
"""How many categories each has; where a value is none of its own, it counts as the last."""

BOND_FEATURES = ("bond type", "stereochemistry", "conjugated")
"""Columns of ``Graph.bonds``."""

BOND_SIZES = (5, 6, 2)
"""How many categories each has; where a value is none of its own, it counts as the last."""
