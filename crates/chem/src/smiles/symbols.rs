//! Element symbols in SMILES brackets.
use crate::mol::ELEMENTS;

/// The element whose symbol starts `text`, the longer symbol first.
pub(super) fn element_symbol(text: &[u8]) -> Option<(u8, usize)> {
    if text.first() == Some(&b'*') {
        return Some((0, 1));
    }
    for (old, z) in [("Uun", 110u8), ("Uuu", 111), ("Uub", 112), ("Uut", 113), ("Uuq", 114)]
        .into_iter()
        .chain([("Uup", 115), ("Uuh", 116), ("Uus", 117), ("Uuo", 118)])
    {
        if text.starts_with(old.as_bytes()) {
            return Some((z, 3));
        }
    }
    for length in [2, 1] {
        if let Some(symbol) = text.get(..length)
            && let Some(z) = ELEMENTS.iter().skip(1).position(|e| e.symbol.as_bytes() == symbol)
        {
            return Some((z as u8 + 1, length));
        }
    }
    None
}
