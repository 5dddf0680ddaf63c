//! Element symbols as SMARTS reads them inside brackets.

/// Symbols by atomic number, hydrogen left out: `H` in brackets is a count.
const SYMBOLS: [&str; 119] = [
    "", "", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S",
    "Cl", "Ar", "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge",
    "As", "Se", "Br", "Kr", "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd",
    "In", "Sn", "Sb", "Te", "I", "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd",
    "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg",
    "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm",
    "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn",
    "Nh", "Fl", "Mc", "Lv", "Ts", "Og",
];

/// The element symbol `text` begins with: its length, atomic number and the aromaticity it asks for
/// (`C` aliphatic, `c` aromatic, metals either).
pub(super) fn symbol(text: &[u8]) -> Option<(usize, u8, Option<bool>)> {
    let (&first, second) = (text.first()?, text.get(1).copied());
    if first.is_ascii_lowercase() {
        return match (first, second) {
            (b'a', Some(b's')) => Some((2, 33, Some(true))),
            (b's', Some(b'e')) => Some((2, 34, Some(true))),
            (b's', Some(b'i')) => Some((2, 14, Some(true))),
            (b't', Some(b'e')) => Some((2, 52, Some(true))),
            (b'b', _) => Some((1, 5, Some(true))),
            (b'c', _) => Some((1, 6, Some(true))),
            (b'n', _) => Some((1, 7, Some(true))),
            (b'o', _) => Some((1, 8, Some(true))),
            (b'p', _) => Some((1, 15, Some(true))),
            (b's', _) => Some((1, 16, Some(true))),
            _ => None,
        };
    }
    let find = |symbol: &[u8]| SYMBOLS.iter().skip(2).position(|s| s.as_bytes() == symbol);
    let two = second.filter(u8::is_ascii_lowercase).and_then(|b| find(&[first, b]));
    let (length, index) = match two {
        Some(index) => (2, index),
        None => (1, find(&[first])?),
    };
    let number = (index + 2) as u8;
    let organic = matches!(number, 5..=9 | 15..=17 | 35 | 53);
    Some((length, number, organic.then_some(false)))
}
