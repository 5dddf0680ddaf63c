//! Turns parsed patterns into search plans over a shared pool: equal atom expressions and equal
//! recursive patterns of a whole catalogue are stored, and later evaluated, once.

use rustc_hash::FxHashMap;

use super::implied::with_ring_bonds;
use super::query::{Expr, Prim, Query, Range, bonds};
use super::screen::{Needs, needs};

/// An atom expression with its parts interned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    Prim(Prim),
    /// Index into [`Pool::recursive`].
    Recursive(u32),
    Not(u32),
    And(Box<[u32]>),
    Or(Box<[u32]>),
}

/// Everything that a set of patterns shares.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pool {
    pub(crate) nodes: Vec<Node>,
    pub(crate) recursive: Vec<Plan>,
    node_ids: FxHashMap<Node, u32>,
    recursive_ids: FxHashMap<Query, u32>,
}

/// One atom of a plan, in the order of the search.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Index of the atom in the pattern.
    pub(crate) atom: u16,
    /// Its expression.
    pub(crate) node: u32,
    /// Index (in the pattern) of the atom it is reached from; `None` starts a component.
    pub(crate) parent: Option<u16>,
    /// Bond classes accepted on the way.
    pub(crate) accepts: u16,
    /// Further bonds to atoms placed before: (atom in the pattern, bond classes).
    pub(crate) closures: Box<[(u16, u16)]>,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) steps: Box<[Step]>,
    /// Distinct expressions and how many atoms of the pattern have each, those that rarely match first.
    pub(crate) checks: Box<[(u32, u32)]>,
    pub(crate) needs: Needs,
    /// Component-level groups by atom of the pattern; empty where none was written.
    pub(crate) groups: Box<[u16]>,
}

impl Pool {
    /// Compiles a pattern; `anchored` plans start at its first atom, others at its rarest.
    pub(crate) fn compile(&mut self, query: &Query, anchored: bool) -> Plan {
        let query = &with_ring_bonds(query);
        let nodes: Vec<u32> = query.atoms.iter().map(|expr| self.intern(expr)).collect();
        let rarity: Vec<f32> = query.atoms.iter().map(likelihood).collect();
        let start = if anchored { Some(0) } else { None };
        let steps = order(query, &nodes, &rarity, start);
        let mut by_rarity: Vec<usize> = (0..nodes.len()).collect();
        by_rarity.sort_by(|&a, &b| rarity[a].total_cmp(&rarity[b]));
        let mut checks: Vec<(u32, u32)> = Vec::with_capacity(nodes.len());
        for atom in by_rarity {
            match checks.iter_mut().find(|(node, _)| *node == nodes[atom]) {
                Some((_, count)) => *count += 1,
                None => checks.push((nodes[atom], 1)),
            }
        }
        let grouped = query.groups.iter().any(|&g| g != 0);
        Plan {
            steps: steps.into(),
            checks: checks.into(),
            needs: needs(query),
            groups: if grouped { query.groups.clone().into() } else { Box::default() },
        }
    }

    fn intern(&mut self, expr: &Expr) -> u32 {
        let node = match expr {
            Expr::Prim(prim) => Node::Prim(*prim),
            Expr::Not(inner) => Node::Not(self.intern(inner)),
            Expr::And(all) => Node::And(self.intern_sorted(all)),
            Expr::Or(all) => Node::Or(self.intern_sorted(all)),
            Expr::Recursive(query) => {
                let id = match self.recursive_ids.get(query.as_ref()) {
                    Some(&id) => id,
                    None => {
                        let plan = self.compile(query, true);
                        let id = self.recursive.len() as u32;
                        self.recursive.push(plan);
                        self.recursive_ids.insert(query.as_ref().clone(), id);
                        id
                    }
                };
                Node::Recursive(id)
            }
        };
        if let Some(&id) = self.node_ids.get(&node) {
            return id;
        }
        let id = self.nodes.len() as u32;
        self.nodes.push(node.clone());
        self.node_ids.insert(node, id);
        id
    }

    /// Parts in the order of rising cost, so that equal expressions written in another order
    /// meet and recursive parts come last.
    fn intern_sorted(&mut self, parts: &[Expr]) -> Box<[u32]> {
        let mut ids: Vec<(u8, u32)> =
            parts.iter().map(|part| (cost(part), self.intern(part))).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().map(|(_, id)| id).collect()
    }
}

fn cost(expr: &Expr) -> u8 {
    match expr {
        Expr::Prim(_) => 0,
        Expr::Recursive(_) => 9,
        Expr::Not(inner) => cost(inner),
        Expr::And(all) | Expr::Or(all) => all.iter().map(cost).max().unwrap_or(0).max(1),
    }
}

/// Rough share of a drug-like molecule's atoms that an expression accepts; it only steers the order
/// of the search.
fn likelihood(expr: &Expr) -> f32 {
    match expr {
        Expr::Prim(prim) => match *prim {
            Prim::Any => 1.0,
            Prim::Aromatic => 0.5,
            Prim::Aliphatic => 0.5,
            Prim::Element { number, aromatic } => {
                let share = match number {
                    6 => 0.72,
                    7 => 0.12,
                    8 => 0.12,
                    16 => 0.02,
                    9 => 0.015,
                    17 => 0.01,
                    35 => 0.003,
                    _ => 0.001,
                };
                if aromatic.is_some() { share * 0.55 } else { share }
            }
            Prim::Charge(range) => {
                if range.contains(0) {
                    0.98
                } else {
                    0.02
                }
            }
            Prim::Isotope(_) => 0.001,
            Prim::RingCount(Range { lo, hi }) => match (lo, hi) {
                (0, 0) => 0.4,
                (1, Range::OPEN) => 0.6,
                (1, 1) => 0.5,
                _ => 0.12,
            },
            Prim::RingBonds(Range { lo: 3.., .. }) => 0.12,
            _ => 0.35,
        },
        Expr::Recursive(query) => query.atoms.first().map_or(0.3, likelihood) * 0.3,
        Expr::Not(inner) => (1.0 - likelihood(inner)).max(0.02),
        Expr::And(all) => {
            let mut shares: Vec<f32> = all.iter().map(likelihood).collect();
            shares.sort_by(f32::total_cmp);
            // Conditions on one atom overlap: the later ones count less.
            shares.iter().enumerate().fold(1.0, |p, (i, s)| if i == 0 { *s } else { p * s.sqrt() })
        }
        Expr::Or(all) => all.iter().map(likelihood).sum::<f32>().min(1.0),
    }
}

/// Orders the atoms so that each is reached over a bond from one placed before.
fn order(query: &Query, nodes: &[u32], rarity: &[f32], start: Option<usize>) -> Vec<Step> {
    let count = query.atoms.len();
    let mut neighbors: Vec<Vec<(usize, u16)>> = vec![Vec::new(); count];
    for bond in &query.bonds {
        let (a, b) = (usize::from(bond.begin), usize::from(bond.end));
        neighbors[a].push((b, bond.accepts));
        neighbors[b].push((a, bond.accepts));
    }
    let mut placed = vec![false; count];
    let mut steps: Vec<Step> = Vec::with_capacity(count);
    let mut forced = start;
    while steps.len() < count {
        // Next: most bonds to placed atoms (they prune), then rarest.
        let key = |atom: usize| {
            let links = neighbors[atom].iter().filter(|(n, _)| placed[*n]).count();
            (links, -rarity[atom])
        };
        let next = forced.take().or_else(|| {
            (0..count).filter(|&a| !placed[a]).max_by(|&a, &b| {
                let (ka, kb) = (key(a), key(b));
                ka.0.cmp(&kb.0).then(ka.1.total_cmp(&kb.1)).then(b.cmp(&a))
            })
        });
        let Some(atom) = next else { break };
        let mut links = neighbors[atom].iter().filter(|(n, _)| placed[*n]);
        let first = links.next();
        let closures: Vec<(u16, u16)> = links.map(|&(n, accepts)| (n as u16, accepts)).collect();
        steps.push(Step {
            atom: atom as u16,
            node: nodes[atom],
            parent: first.map(|&(n, _)| n as u16),
            accepts: first.map_or(bonds::ALL, |&(_, accepts)| accepts),
            closures: closures.into(),
        });
        placed[atom] = true;
    }
    steps
}
