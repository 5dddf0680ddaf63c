//! The parsed form of a SMARTS pattern: atoms as logical expressions over primitives, bonds as sets
//! of bond classes, and the merging of explicit query hydrogens into their heavy atoms.

/// An inclusive range of small integers; `D3` is `3..=3`, `D{2-}` is `2..=MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Range {
    pub(crate) lo: i32,
    pub(crate) hi: i32,
}

impl Range {
    /// No upper end.
    pub(crate) const OPEN: i32 = i32::MAX;

    pub(crate) fn exactly(n: i32) -> Self {
        Self { lo: n, hi: n }
    }

    pub(crate) fn at_least(n: i32) -> Self {
        Self { lo: n, hi: Self::OPEN }
    }

    pub(crate) fn contains(self, n: i32) -> bool {
        self.lo <= n && n <= self.hi
    }
}

/// One atom primitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Prim {
    /// `*`
    Any,
    /// `a`
    Aromatic,
    /// `A`
    Aliphatic,
    /// `#6` (any aromaticity), `C` (aliphatic) or `c` (aromatic).
    Element { number: u8, aromatic: Option<bool> },
    /// `D`: neighbours in the graph.
    Degree(Range),
    /// `d`: neighbours that are not hydrogen.
    HeavyDegree(Range),
    /// `X`: neighbours with hydrogens of every kind.
    TotalDegree(Range),
    /// `H`: hydrogens of every kind.
    TotalHs(Range),
    /// `h`: hydrogens that are not atoms of the graph.
    ImplicitHs(Range),
    /// `v`: total valence.
    Valence(Range),
    /// `R`: rings of the symmetrised SSSR the atom lies in.
    RingCount(Range),
    /// `r`: size of the smallest ring.
    MinRing(Range),
    /// `k`: size of any ring.
    RingSize(Range),
    /// `x`: ring bonds.
    RingBonds(Range),
    /// `z`: heteroatom neighbours.
    HeteroNeighbors(Range),
    /// `Z`: aliphatic heteroatom neighbours.
    AliphaticHeteroNeighbors(Range),
    /// `+`, `-2`.
    Charge(Range),
    /// `13` in front of the element.
    Isotope(u16),
    /// `^2`: 0 S, 1 SP, 2 SP2, 3 SP3, 4 SP3D, 5 SP3D2.
    Hybridisation(u8),
}

/// A logical expression over primitives and recursive patterns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Expr {
    Prim(Prim),
    Recursive(Box<Query>),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
}

/// Bond classes, two bits each (not in a ring, in a ring); a query is the set of those it accepts.
pub(crate) mod bonds {
    pub(crate) const SINGLE: u16 = 0b11;
    pub(crate) const DOUBLE: u16 = 0b11 << 2;
    pub(crate) const TRIPLE: u16 = 0b11 << 4;
    pub(crate) const QUADRUPLE: u16 = 0b11 << 6;
    pub(crate) const AROMATIC: u16 = 0b11 << 8;
    pub(crate) const DATIVE: u16 = 0b11 << 10;
    pub(crate) const ALL: u16 = 0xffff;
    pub(crate) const RING: u16 = 0b1010_1010_1010_1010;
    /// A bond left unwritten, and `/` and `\`, whose direction is not looked at.
    pub(crate) const DEFAULT: u16 = SINGLE | AROMATIC;
}

/// A bond of the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct QueryBond {
    pub(crate) begin: u16,
    pub(crate) end: u16,
    pub(crate) accepts: u16,
}

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Query {
    pub(crate) atoms: Vec<Expr>,
    pub(crate) bonds: Vec<QueryBond>,
    /// Component-level group of each atom, 0 where none was written.
    pub(crate) groups: Vec<u16>,
}

impl Query {
    fn degree(&self, atom: usize) -> usize {
        self.bonds
            .iter()
            .filter(|b| usize::from(b.begin) == atom || usize::from(b.end) == atom)
            .count()
    }

    /// Replaces explicit query hydrogens by conditions on the hydrogen count of the atom they hang
    /// on, as RDKit's `mergeHs` does: `C([#1])[#1]` becomes `[C;!H0;!H1]`. Patterns written for
    /// molecules with all hydrogens then match molecules without them.
    pub(crate) fn merge_hydrogens(&mut self) {
        let hydrogen: Vec<bool> = (0..self.atoms.len())
            .map(|i| is_mergeable_hydrogen(&self.atoms[i], self.degree(i)))
            .collect();
        let mut remove = vec![false; self.atoms.len()];
        for atom in 0..self.atoms.len() {
            if hydrogen[atom] {
                continue;
            }
            let mut merged = 0;
            for bond in &self.bonds {
                let (a, b) = (usize::from(bond.begin), usize::from(bond.end));
                let other = match atom {
                    x if x == a => b,
                    x if x == b => a,
                    _ => continue,
                };
                if hydrogen[other] {
                    remove[other] = true;
                    merged += 1;
                }
            }
            let mut expr = std::mem::replace(&mut self.atoms[atom], Expr::Prim(Prim::Any));
            merge_in_recursive(&mut expr);
            if merged > 0 {
                let mut all = vec![expr];
                all.extend(
                    (0..merged)
                        .map(|n| Expr::Not(Box::new(Expr::Prim(Prim::TotalHs(Range::exactly(n)))))),
                );
                expr = Expr::And(all);
            }
            self.atoms[atom] = expr;
        }
        self.retain(&remove);
    }

    fn retain(&mut self, remove: &[bool]) {
        let mut new_index = Vec::with_capacity(remove.len());
        let mut next = 0u16;
        for &gone in remove {
            new_index.push(next);
            next += u16::from(!gone);
        }
        self.bonds.retain(|b| !remove[usize::from(b.begin)] && !remove[usize::from(b.end)]);
        for bond in &mut self.bonds {
            bond.begin = new_index[usize::from(bond.begin)];
            bond.end = new_index[usize::from(bond.end)];
        }
        let mut keep = remove.iter().map(|gone| !gone);
        self.atoms.retain(|_| keep.next().unwrap_or(true));
        let mut keep = remove.iter().map(|gone| !gone);
        self.groups.retain(|_| keep.next().unwrap_or(true));
    }
}

fn merge_in_recursive(expr: &mut Expr) {
    match expr {
        Expr::Prim(_) => {}
        Expr::Recursive(query) => query.merge_hydrogens(),
        Expr::Not(inner) => merge_in_recursive(inner),
        Expr::And(all) | Expr::Or(all) => all.iter_mut().for_each(merge_in_recursive),
    }
}

/// Whether an atom stands for a plain hydrogen. Hydrogens inside an "or", negated, or with several
/// neighbours are left in the pattern.
fn is_mergeable_hydrogen(expr: &Expr, degree: usize) -> bool {
    const H: Expr = Expr::Prim(Prim::Element { number: 1, aromatic: None });
    if *expr == H {
        return true;
    }
    fn scan(expr: &Expr, names_h: &mut bool, has_or: &mut bool) {
        match expr {
            Expr::Prim(Prim::Element { number: 1, .. }) => *names_h = true,
            Expr::And(all) => all.iter().for_each(|e| scan(e, names_h, has_or)),
            Expr::Or(all) => {
                *has_or = true;
                all.iter().for_each(|e| scan(e, names_h, has_or));
            }
            _ => {}
        }
    }
    let (mut names_h, mut has_or) = (false, false);
    scan(expr, &mut names_h, &mut has_or);
    degree == 1 && names_h && !has_or && !mentions_isotope(expr)
}

fn mentions_isotope(expr: &Expr) -> bool {
    match expr {
        Expr::Prim(Prim::Isotope(_)) => true,
        Expr::Prim(_) | Expr::Recursive(_) => false,
        Expr::Not(inner) => mentions_isotope(inner),
        Expr::And(all) | Expr::Or(all) => all.iter().any(mentions_isotope),
    }
}
