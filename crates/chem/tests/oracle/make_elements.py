"""Writes src/mol/elements.rs: the periodic table as the reference toolkit (RDKit) knows it.

Usage: python make_elements.py > ../../src/mol/elements.rs
"""
from rdkit import Chem, rdBase
rdBase.DisableLog("rdApp.*")
pt = Chem.GetPeriodicTable()
print("//! Data table: the elements (symbols, weights, outer electrons, allowed valences, isotope masses).")
print("//!")
print("//! Facts from IUPAC and NIST as collected by RDKit's periodic table (BSD-3-Clause);")
print("//! written by `tests/oracle/make_elements.py`. A valence of -1 means `anything goes`.")
print()
print("/// What the chemistry code needs to know about an element.")
print("#[derive(Debug, Clone, Copy)]")
print("pub struct Element {")
print("    /// Symbol, e.g. `Cl`; `*` for the dummy atom.\n    pub symbol: &'static str,")
print("    /// Average atomic weight in g/mol.\n    pub weight: f64,")
print("    /// Outer-shell electrons.\n    pub outer_electrons: u8,")
print("    /// Allowed valences, the default first; `[-1]` or a trailing -1: no upper limit.\n    pub valences: &'static [i8],")
print("    /// Covalent radius in ångström.\n    pub covalent_radius: f64,")
print("    /// Mass of the most common isotope in g/mol.\n    pub common_isotope_mass: f64,")
print("}")
print()
print("/// The elements by atomic number; 0 is the dummy atom.")
print("#[rustfmt::skip]\npub static ELEMENTS: [Element; 119] = [")
for z in range(119):
    sym = pt.GetElementSymbol(z)
    w = pt.GetAtomicWeight(z); n = pt.GetNOuterElecs(z) if z else 0
    v = list(pt.GetValenceList(z)) if z else [-1]
    cm = pt.GetMostCommonIsotopeMass(z)
    print(f'    Element {{ symbol: "{sym}", weight: {w!r}, outer_electrons: {n}, valences: &{v}, covalent_radius: {pt.GetRcovalent(z)!r}, common_isotope_mass: {cm!r} }},')
print("];")
print()
print("/// Isotope masses in g/mol: (atomic number, mass number, mass), sorted.")
rows = []
for z in range(1, 119):
    for a in range(1, 400):
        m = pt.GetMassForIsotope(z, a)
        if m > 0: rows.append((z, a, m))
print(f"#[rustfmt::skip]\npub static ISOTOPES: [(u8, u16, f64); {len(rows)}] = [")
for i in range(0, len(rows), 6):
    print("    " + " ".join(f"({z}, {a}, {m!r})," for z, a, m in rows[i:i+6]))
print("];")
