"""Slow, obvious statements about molecules: one atom, one list, one look-up at a time."""

import numpy as np
from rdkit import Chem, rdBase

SMILES = """
C O N [He] [Na+] [Cl-] [H][H] [H+] [2H] [2H]C([2H])([2H])O [3H]c1ccccc1 [13CH4] [CH3] [CH2] [O][O]
CCO C=O C#N CC(=O)O C[N+](C)(C)C [O-][N+](=O)c1ccccc1 CN(=O)=O OCl(=O)(=O)=O CS(C)=O CP(=O)(O)O
FS(F)(F)(F)(F)F FP(F)(F)(F)F ClI(Cl)Cl [Si](C)(C)(C)C C[B-](F)(F)F B(O)(O)c1ccccc1 N#[N+][N-]C
c1ccccc1 c1ccncc1 c1cc[nH]c1 c1ccoc1 c1ccc2ccccc2c1 c1ccc2[nH]ccc2c1 c1ccc2cccc-2cc1 C1CC1
C1=CC=CC=CC=C1 O=c1cc[nH]cc1 Cn1cnc2c1c(=O)n(C)c(=O)n2C C1CC2CCC1C2 C1CCC2(CC1)CCCCC2
C/C=C/C C/C=C\\C F/C=C/F C(/F)(Cl)=C(/F)Br CC=CC C/C=N/O C/N=N\\C OC1=CC=CC=C1
N[C@@H](C)C(=O)O N[C@H](C)C(=O)O C[C@@](O)(F)Cl C[S@](=O)c1ccccc1 C[C@H]1CC[C@@H](C)CC1
OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O
[Na+].[Cl-] CC(=O)[O-].[Na+] [Fe+2].[Cl-].[Cl-] c1ccccc1.OCC [NH4+].[NH4+].[O-]S(=O)(=O)[O-]
[Cu+2] [Pt](Cl)(Cl)(N)N C[Hg]C C[Mg]Br Cl[Zn]Cl [Fe] O=[Os](=O)(=O)=O [U] [Xe] *CC* [*]c1ccccc1
N->[Cu] [NH3]->[Pt](Cl)Cl [Fe]<-N F[Pt@SP1](Cl)(Br)I C[Co@OH1](F)(Cl)(Br)(I)N [C-]#[O+] [C-]#N
O=C=O [O-][O+]=O [NH2] [O] [OH] C[CH]C [CH2]c1ccccc1 [C] [Si] N1([O])C(C)(C)CCCC1(C)C
CCCCCCCCCCCCCCCCCC(=O)OCC(O)CO OC(=O)CC(O)(C(=O)O)CC(=O)O c1ccc(cc1)-c1ccccc1 CC(=O)Nc1ccc(O)cc1
CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5 C1=CC2=CC=CC=C2C=C1 [Pb](C)(C)(C)C
O=S(=O)(N)c1ccc(cc1)N=Nc1ccccc1 [O-]c1ccccc1.[K+] FC(F)(F)c1ccccc1 ClC(Cl)(Cl)Cl BrCCBr ICI
""".split()  # noqa: SIM905
"""Charged, radicals, isotopes, chiral, salts, metals, cis and trans, aromatic, single atoms."""

LENIENT = [
    "CN(C)(C)C",
    "O=C1O[Al]23(OC1=O)(OC(=O)C(=O)O2)OC(=O)C(=O)O3",
    "Cc1ccc([B-2]2(c3ccc(C)cc3)=NCCO2)cc1",
    "N[C@@H](C)C(=O)O.CN(C)(C)C",
    "[2H]N([2H])([2H])[2H]",
    "C(C)(C)(C)(C)/C=C/C",
]
"""A valence that cannot be; everything else is in order."""

BAD = {
    "C(C": "extra open parentheses near position 2",
    "C1CC": "unclosed ring",
    "hello": "syntax error near position 1",
    "[Xx]": "syntax error near position 2",
    "c1cccc1": "Can't kekulize mol.  Unkekulized atoms: 0 1 2 3 4",
    "c1cccc1[C@H](F)Cl": "Can't kekulize mol.  Unkekulized atoms: 0 1 2 3 4",
    "c1cccc1N(C)(C)(C)C": "Explicit valence for atom # 5 N, 5, is greater than permitted; "
    "Can't kekulize mol.  Unkekulized atoms: 0 1 2 3 4",
    "C/C=C/C(C": "extra open parentheses near position 8",
}
"""No molecule, and why."""

ATOMS = [
    ([*range(1, 119), "else"], lambda atom: atom.GetAtomicNum()),
    (
        ["CHI_UNSPECIFIED", "CHI_TETRAHEDRAL_CW", "CHI_TETRAHEDRAL_CCW", "else"],
        lambda atom: str(atom.GetChiralTag()),
    ),
    ([*range(11), "else"], lambda atom: atom.GetTotalDegree()),
    ([*range(-5, 6), "else"], lambda atom: atom.GetFormalCharge()),
    ([*range(9), "else"], lambda atom: atom.GetTotalNumHs()),
    ([*range(5), "else"], lambda atom: atom.GetNumRadicalElectrons()),
    (["SP", "SP2", "SP3", "SP3D", "SP3D2", "else"], lambda atom: str(atom.GetHybridization())),
    ([False, True], lambda atom: atom.GetIsAromatic()),
    ([False, True], lambda atom: atom.IsInRing()),
]
BONDS = [
    (["SINGLE", "DOUBLE", "TRIPLE", "AROMATIC", "else"], lambda bond: str(bond.GetBondType())),
    (
        ["STEREONONE", "STEREOZ", "STEREOE", "STEREOCIS", "STEREOTRANS", "else"],
        lambda bond: str(bond.GetStereo()),
    ),
    ([False, True], lambda bond: bond.GetIsConjugated()),
]


def category(values, value):
    """Place of a value in a list; the last place if it is not there."""
    return values.index(value) if value in values else len(values) - 1


def molecule(smiles):
    """RDKit's molecule; None where it gives none."""
    with rdBase.BlockLogs():
        return Chem.MolFromSmiles(smiles)


def lenient_molecule(smiles):
    """The molecule with all of RDKit's sanitisation except for the check of valences."""
    with rdBase.BlockLogs():
        found = Chem.MolFromSmiles(smiles, sanitize=False)
        found.UpdatePropertyCache(strict=False)
        for name, operation in Chem.SanitizeFlags.names.items():
            if name not in ("SANITIZE_ALL", "SANITIZE_NONE", "SANITIZE_PROPERTIES"):
                Chem.SanitizeMol(found, sanitizeOps=operation)
        Chem.AssignStereochemistry(found, cleanIt=True, force=True)
    return found


def graph(found):
    """Lists: categories of each atom, ends of each edge, categories of each edge."""
    atoms = [[category(values, ask(a)) for values, ask in ATOMS] for a in found.GetAtoms()]
    edges, bonds = [], []
    for bond in found.GetBonds():
        ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        for i, j in (ends, ends[::-1]):
            edges.append([i, j])
            bonds.append([category(values, ask(bond)) for values, ask in BONDS])
    return atoms, edges, bonds


def lists(graph):
    """Those lists from a graph of the package."""
    return graph.atoms.tolist(), graph.edges.T.tolist(), graph.bonds.tolist()


def split_of_scaffolds(names, validation, test):
    """Rows of the three parts, by the rule of DeepChem's splitter."""
    sets = {}
    for row, name in enumerate(names):
        sets[name] = [*sets.get(name, []), row]
    parts = {"train": [], "validation": [], "test": []}
    limit_train = round(1 - validation - test, 9) * len(names)
    limit_seen = round(1 - test, 9) * len(names)
    for _, _, rows in sorted([(len(s), s[0], s) for s in sets.values()], reverse=True):
        if len(parts["train"]) + len(rows) <= limit_train:
            parts["train"] += rows
        elif len(parts["train"]) + len(parts["validation"]) + len(rows) <= limit_seen:
            parts["validation"] += rows
        else:
            parts["test"] += rows
    return parts


def same_arrays(a, b):
    """Whether two sets of graphs hold equal arrays of equal types."""
    one, two = vars(a), vars(b)
    return one.keys() == two.keys() and all(
        one[k].dtype == two[k].dtype and np.array_equal(one[k], two[k]) for k in one
    )


def same_results(a, b):
    """Whether two results of featurising agree in everything."""
    rows = a.rows.tolist() == b.rows.tolist()
    return same_arrays(a.graphs, b.graphs) and rows and a.errors == b.errors and a.notes == b.notes


def kept(folder):
    """Finished chunks and when they were written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
