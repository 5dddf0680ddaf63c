//! What the rings of a pattern say of its atoms. A ring of the pattern lies on a ring of the molecule, so that an
//! atom with three bonds in the pattern's rings has three ring bonds at least. Written into its expression, that
//! tells atoms apart where the pattern names no elements, as those of aromatic hydrocarbons do.

use super::query::{Expr, Prim, Query, Range, bonds};
use super::screen::certain;

/// Kinds of bonds that make rings of a molecule.
const OF_RINGS: u16 =
    bonds::SINGLE | bonds::DOUBLE | bonds::TRIPLE | bonds::QUADRUPLE | bonds::AROMATIC;

/// The pattern with the ring bonds of its atoms as a condition, where that says anything new.
pub(crate) fn with_ring_bonds(query: &Query) -> Query {
    let mut query = query.clone();
    for (atom, count) in ring_bonds(&query).into_iter().enumerate() {
        let expr = &mut query.atoms[atom];
        if count < 2 || (count == 2 && certain(expr).in_ring) {
            continue;
        }
        let implied = Expr::Prim(Prim::RingBonds(Range::at_least(count)));
        *expr = match std::mem::replace(expr, Expr::Prim(Prim::Any)) {
            Expr::And(mut all) => {
                all.push(implied);
                Expr::And(all)
            }
            own => Expr::And(vec![own, implied]),
        };
    }
    query
}

/// For each atom of a pattern, its bonds that lie in a ring of the pattern.
fn ring_bonds(query: &Query) -> Vec<i32> {
    let usable: Vec<(usize, usize)> = query
        .bonds
        .iter()
        .filter(|bond| bond.accepts & !OF_RINGS == 0)
        .map(|bond| (usize::from(bond.begin), usize::from(bond.end)))
        .collect();
    let mut counts = vec![0; query.atoms.len()];
    for (at, &(begin, end)) in usable.iter().enumerate() {
        if is_closed_without(&usable, at, counts.len()) {
            counts[begin] += 1;
            counts[end] += 1;
        }
    }
    counts
}

/// Whether the ends of a bond are joined by other bonds too.
fn is_closed_without(bonds: &[(usize, usize)], without: usize, atoms: usize) -> bool {
    let (begin, end) = bonds[without];
    let mut reached = vec![false; atoms];
    let mut open = vec![begin];
    while let Some(atom) = open.pop() {
        if atom == end {
            return true;
        }
        if std::mem::replace(&mut reached[atom], true) {
            continue;
        }
        for (at, &(a, b)) in bonds.iter().enumerate() {
            match atom {
                _ if at == without => {}
                x if x == a => open.push(b),
                x if x == b => open.push(a),
                _ => {}
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::{PatternOptions, parse_query};
    use super::*;

    fn counts(text: &str) -> Vec<i32> {
        ring_bonds(&parse_query(text, PatternOptions::default()).unwrap())
    }

    #[test]
    fn bonds_in_rings_are_counted_and_chains_are_not() {
        assert_eq!(counts("CCO"), [0, 0, 0]);
        assert_eq!(counts("C1CC1C"), [2, 2, 2, 0]);
        // Two rings on one bond, two on one atom, two joined by a chain.
        assert_eq!(counts("C12CC1C2"), [3, 2, 3, 2]);
        assert_eq!(counts("C1CC12CC2"), [2, 2, 4, 2, 2]);
        assert_eq!(counts("C1CC1C1CC1"), [2, 2, 2, 2, 2, 2]);
        // Any bond may be a dative one, which closes no ring.
        assert_eq!(counts("C1CC~1"), [0, 0, 0]);
    }

    #[test]
    fn conditions_are_added_where_they_say_something() {
        let query = |text| parse_query(text, PatternOptions::default()).unwrap();
        assert_eq!(with_ring_bonds(&query("c1ccccc1")), query("c1ccccc1"));
        let fused = with_ring_bonds(&query("a1aa2aaa1a2"));
        assert_eq!(fused.atoms.iter().filter(|expr| matches!(expr, Expr::And(_))).count(), 2);
        let carbons = with_ring_bonds(&query("[#6]1[#6][#6]1"));
        assert!(carbons.atoms.iter().all(|expr| matches!(expr, Expr::And(_))));
    }
}
