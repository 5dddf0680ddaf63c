//! The transformations of matched pairs, looked up by what they replace, and applied.
use rustc_hash::FxHashMap;

use super::pairs::PairLimits;
use super::{EditMol, pairs, refused};
use crate::error::Result;
use crate::mol::Mol;
use crate::split::Random;

/// Cuts of a molecule that are tried until one has a transformation.
const TRIES: usize = 8;

/// A variable part.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Canonical SMILES, its ends numbered: `[*:1]OC`.
    pub smiles: String,
    graph: EditMol,
}

/// One variable part in the place of another.
#[derive(Debug, Clone, PartialEq)]
pub struct Transformation {
    /// Number of the variable part that goes.
    pub from: u32,
    /// Number of the one that comes.
    pub to: u32,
    /// Pairs it was seen in.
    pub count: u32,
    /// Mean change of each property over those pairs; NaN where none is known.
    pub deltas: Vec<f64>,
}

/// The transformations of a library.
#[derive(Debug, Clone, Default)]
pub struct PairTable {
    variables: Vec<Variable>,
    by_name: FxHashMap<String, u32>,
    /// By `from`, then by falling count.
    transformations: Vec<Transformation>,
    /// Where each variable part's transformations start; one longer than `variables`.
    starts: Vec<u32>,
    names: Vec<String>,
    max_variable: usize,
    complete: bool,
}

impl PairTable {
    pub(super) fn new(
        names: &[String],
        mut found: Vec<Transformation>,
        properties: Vec<String>,
        (limits, complete): (PairLimits, bool),
    ) -> Self {
        let by_count = |a: &Transformation, b: &Transformation| {
            let (x, y) = (
                (&names[a.from as usize], &names[a.to as usize]),
                (&names[b.from as usize], &names[b.to as usize]),
            );
            b.count.cmp(&a.count).then_with(|| x.cmp(&y))
        };
        found.sort_unstable_by(by_count);
        let complete = complete && found.len() <= limits.max_transformations;
        found.truncate(limits.max_transformations);
        // Only variable parts that are still used, by name, so that numbers don't depend on hashing.
        let mut used: Vec<u32> = found.iter().flat_map(|t| [t.from, t.to]).collect();
        used.sort_unstable_by(|a, b| names[*a as usize].cmp(&names[*b as usize]));
        used.dedup();
        let mut variables = Vec::new();
        let mut renamed: FxHashMap<u32, u32> = FxHashMap::default();
        for old in used {
            let smiles = names[old as usize].clone();
            let read = Mol::from_smiles(&smiles).and_then(|mol| EditMol::from_mol(&mol));
            let Ok(graph) = read else { continue };
            renamed.insert(old, variables.len() as u32);
            variables.push(Variable { smiles, graph: graph.foreign() });
        }
        let mut transformations: Vec<Transformation> = found
            .into_iter()
            .filter_map(|t| {
                Some(Transformation { from: *renamed.get(&t.from)?, to: *renamed.get(&t.to)?, ..t })
            })
            .collect();
        transformations
            .sort_by(|a, b| a.from.cmp(&b.from).then(b.count.cmp(&a.count)).then(a.to.cmp(&b.to)));
        let mut starts = vec![0u32; variables.len() + 1];
        for transformation in &transformations {
            starts[transformation.from as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let by_name = (0u32..).zip(&variables).map(|(n, v)| (v.smiles.clone(), n)).collect();
        let (names, max_variable) = (properties, limits.max_variable);
        Self { variables, by_name, transformations, starts, names, max_variable, complete }
    }

    /// Names of the properties whose changes are kept.
    #[must_use]
    pub fn properties(&self) -> &[String] {
        &self.names
    }

    /// The variable parts.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// All transformations; each has its reverse.
    #[must_use]
    pub fn transformations(&self) -> &[Transformation] {
        &self.transformations
    }

    /// Whether nothing was left out for the limits' sake.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// What a variable part was exchanged for, the most frequent first.
    #[must_use]
    pub fn of(&self, variable: &str) -> &[Transformation] {
        let Some(&number) = self.by_name.get(variable) else { return &[] };
        let (from, to) = (self.starts[number as usize], self.starts[number as usize + 1]);
        &self.transformations[from as usize..to as usize]
    }

    /// A transformation in words: `[*:1]C to [*:1]OC, 12 pairs`.
    #[must_use]
    pub fn describe(&self, transformation: &Transformation) -> String {
        let name = |number: u32| self.variables[number as usize].smiles.as_str();
        let pairs = if transformation.count == 1 { "pair" } else { "pairs" };
        let (from, to) = (name(transformation.from), name(transformation.to));
        format!("{from} for {to}, {} {pairs}", transformation.count)
    }

    /// Applies a random transformation, frequent ones more often, at a random place of a molecule.
    ///
    /// # Errors
    /// No transformation for the places that were tried.
    pub fn apply(&self, mol: &Mol, random: &mut Random) -> Result<(EditMol, String)> {
        let cutter = pairs::Cutter::new(mol)?;
        for _ in 0..TRIES.min(cutter.len() * 2) {
            let first = random.below(cutter.len());
            let cut = match random.below(3) {
                0 if cutter.len() > 1 => {
                    let second = (first + 1 + random.below(cutter.len() - 1)) % cutter.len();
                    cutter.double(first, second, self.max_variable)
                }
                side => cutter.single(first, side % 2, self.max_variable),
            };
            let Some(cut) = cut else { continue };
            let Some(chosen) = draw(self.of(&cut.variable), random) else { continue };
            let mut made = cut.rest;
            let new = &self.variables[chosen.to as usize].graph;
            let points = made.points();
            let offset = made.absorb(new);
            for (point, other) in points.into_iter().zip(new.points()) {
                made.join(point, offset + other)?;
            }
            return Ok((made, self.describe(chosen)));
        }
        Err(refused("no transformation fits"))
    }
}

fn draw<'a>(list: &'a [Transformation], random: &mut Random) -> Option<&'a Transformation> {
    if random.below(2) == 0 {
        return list.get(random.below(list.len()));
    }
    let total: u64 = list.iter().map(|t| u64::from(t.count)).sum();
    let mut ticket = random.below(total as usize) as u64;
    list.iter().find(|t| {
        let here = ticket < u64::from(t.count);
        ticket = ticket.wrapping_sub(if here { 0 } else { u64::from(t.count) });
        here
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mols(list: &[&str]) -> Vec<Mol> {
        list.iter().map(|smiles| Mol::from_smiles(smiles).unwrap()).collect()
    }

    #[test]
    fn pairs_of_a_series_are_found_with_their_changes() {
        let library =
            mols(&["COc1ccc(cc1)C(=O)NC", "Fc1ccc(cc1)C(=O)NC", "COc1cccnc1", "Fc1cccnc1"]);
        let names = vec!["x".to_owned()];
        let values = vec![vec![1.0], vec![3.0], vec![10.0], vec![14.0]];
        let table = pairs::mine(&library, (&names, &values), &PairLimits::default());
        let name = |smiles| Mol::from_smiles(smiles).unwrap().canonical_smiles();
        let (methoxy, fluorine) = (name("CO[*:1]"), name("F[*:1]"));
        let found = table.of(&methoxy);
        let fluoro = found.iter().find(|t| table.variables()[t.to as usize].smiles == fluorine);
        let fluoro = fluoro.expect("methoxy for fluoro");
        assert_eq!((fluoro.count, fluoro.deltas[0]), (2, 3.0));
        assert!(table.describe(fluoro).contains("2 pairs") && table.is_complete());
        let back = table.of(&fluorine).iter().find(|t| t.to == fluoro.from).expect("the reverse");
        assert_eq!(back.deltas[0], -3.0);
    }

    #[test]
    fn linkers_between_two_constants_are_pairs() {
        let library =
            mols(&["c1ccccc1C(=O)Nc1ccccn1", "c1ccccc1CNc1ccccn1", "c1ccccc1S(=O)(=O)Nc1ccccn1"]);
        let table = pairs::mine(&library, (&[], &[]), &PairLimits::default());
        let two_ends = |v: &&Variable| v.smiles.contains(":1]") && v.smiles.contains(":2]");
        let amide = table.variables().iter().filter(two_ends).find(|v| v.smiles.contains("=O"));
        let amide = &amide.expect("an amide linker").smiles;
        assert!(table.of(amide).len() >= 2, "{amide}");
        // Applied, the products are molecules of the series or its relatives.
        let mut random = Random::new(7);
        let mut made = 0;
        for _ in 0..200 {
            if let Ok((edit, said)) = table.apply(&library[0], &mut random) {
                let product = edit.finish().unwrap();
                assert!(said.contains(" for "), "{said}");
                assert!(
                    product.mol.atoms().iter().all(|atom| atom.element != 0),
                    "{}",
                    product.smiles
                );
                made += 1;
            }
        }
        assert!(made > 20, "{made}");
    }

    #[test]
    fn limits_bound_what_is_kept() {
        let library = mols(&["COc1ccccc1", "CCc1ccccc1", "Fc1ccccc1", "Clc1ccccc1", "Brc1ccccc1"]);
        let limits = PairLimits { max_transformations: 3, ..PairLimits::default() };
        let table = pairs::mine(&library, (&[], &[]), &limits);
        assert!(table.transformations().len() <= 3 && !table.is_complete());
    }
}
