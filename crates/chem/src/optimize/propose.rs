//! One proposal: a parent changed by moves until a product passes the gate.
use crate::Mol;
use crate::edit::Product;
use crate::split::Random;

use super::archive::since_start;
use super::constraint::{Gate, Refusal};
use super::moves::{Luck, Move, MoveSet};
use super::search::Tally;

/// Changes that are tried for one proposal.
const TRIES: usize = 24;

/// A molecule as the proposer needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parent<'a> {
    pub(super) id: u32,
    pub(super) smiles: &'a str,
    pub(super) start: u32,
    pub(super) origin: &'a [Option<u32>],
    pub(super) changed: &'a [bool],
}

/// A product that may be scored.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) product: Product,
    pub(super) step: Move,
    pub(super) detail: String,
    pub(super) parent: u32,
    pub(super) mate: Option<u32>,
    pub(super) start: u32,
    pub(super) similarity: f64,
    pub(super) origin: Vec<Option<u32>>,
    pub(super) changed: Vec<bool>,
}

/// Where parents come from, and which products are known.
pub(super) struct Pool<'a, 'p> {
    pub(super) pick: &'a dyn Fn(&mut Random) -> Parent<'p>,
    pub(super) known: &'a dyn Fn(&str) -> bool,
}

/// What makes proposals.
#[derive(Debug)]
pub(super) struct Proposer<'a> {
    pub(super) moves: &'a MoveSet,
    pub(super) gate: &'a Gate<'a>,
}

impl Proposer<'_> {
    /// Changes parents of the pool until a product passes that it does not know, or the tries are over. Counts
    /// what happened.
    pub(super) fn propose<'p>(
        &self,
        pool: &Pool<'_, 'p>,
        luck: &Luck,
        random: &mut Random,
    ) -> (Option<Proposal>, Tally) {
        let mut tally = Tally::default();
        for _ in 0..TRIES {
            let parent = (pool.pick)(random);
            let step = luck.choose(random);
            let mate = step.needs_mate().then(|| (pool.pick)(random));
            // Both were written by us and read before.
            let Ok(mol) = Mol::from_smiles(parent.smiles) else { continue };
            let other = mate.and_then(|mate| Mol::from_smiles(mate.smiles).ok());
            tally.tried += 1;
            let Ok((edit, detail)) = self.moves.make(step, (&mol, other.as_ref()), random) else {
                tally.impossible += 1;
                continue;
            };
            let Ok(product) = edit.finish() else {
                tally.invalid += 1;
                continue;
            };
            if (pool.known)(&product.smiles) {
                tally.known += 1;
                continue;
            }
            let (origin, changed) = since_start(&product, (parent.origin, parent.changed));
            match self.gate.admit(&product, (parent.start as usize, &origin)) {
                Err(Refusal::Likeness) => tally.unlike += 1,
                Err(Refusal::Scaffold) => tally.scaffold += 1,
                Err(_) => tally.unfit += 1,
                Ok(similarity) => {
                    tally.proposed += 1;
                    let (start, parent) = (parent.start, parent.id);
                    let mate = mate.map(|mate| mate.id);
                    let found = Proposal {
                        product,
                        step,
                        detail,
                        parent,
                        mate,
                        start,
                        similarity,
                        origin,
                        changed,
                    };
                    return (Some(found), tally);
                }
            }
        }
        (None, tally)
    }
}
