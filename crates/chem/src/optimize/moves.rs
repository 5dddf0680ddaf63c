//! The moves, and how an island learns which of them pay.
use serde::{Deserialize, Serialize};

use crate::edit::fragments::{FragmentLimits, Fragments};
use crate::edit::pairs::{PairLimits, PairTable, mine};
use crate::edit::{EditMol, crossover, mutate};
use crate::error::Result;
use crate::mol::Mol;
use crate::split::Random;

/// Least share of a move, so that none is given up for good.
const LEAST: f64 = 0.02;

/// What older tries count for, a generation later.
const FADING: f64 = 0.9;

/// A way to change a molecule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Move {
    /// Nothing: a start.
    Start,
    /// An atom in the place of a hydrogen.
    Append,
    /// An atom between two.
    Insert,
    /// An atom removed.
    Delete,
    /// Another element.
    Exchange,
    /// Another bond order.
    BondOrder,
    /// A ring closed.
    CloseRing,
    /// A ring opened.
    OpenRing,
    /// A library's fragment in the place of a hydrogen.
    Decorate,
    /// A BRICS fragment for another.
    Brics,
    /// A matched pair's exchange.
    Pair,
    /// A part of another molecule, joined at a chain bond.
    ChainCrossover,
    /// A part of another molecule's ring.
    RingCrossover,
}

impl Move {
    /// All but the start.
    pub const ALL: [Self; 12] = [
        Self::Append,
        Self::Insert,
        Self::Delete,
        Self::Exchange,
        Self::BondOrder,
        Self::CloseRing,
        Self::OpenRing,
        Self::Decorate,
        Self::Brics,
        Self::Pair,
        Self::ChainCrossover,
        Self::RingCrossover,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Append => "append",
            Self::Insert => "insert",
            Self::Delete => "delete",
            Self::Exchange => "exchange",
            Self::BondOrder => "bond-order",
            Self::CloseRing => "close-ring",
            Self::OpenRing => "open-ring",
            Self::Decorate => "decorate",
            Self::Brics => "brics",
            Self::Pair => "pair",
            Self::ChainCrossover => "chain-crossover",
            Self::RingCrossover => "ring-crossover",
        }
    }

    /// Whether it takes a second molecule.
    pub(super) fn needs_mate(self) -> bool {
        matches!(self, Self::ChainCrossover | Self::RingCrossover)
    }
}

/// What moves draw on: fragments and pairs of a library.
#[derive(Debug, Default)]
pub struct MoveSet {
    /// Fragments.
    pub fragments: Fragments,
    /// Matched pairs.
    pub pairs: PairTable,
}

impl MoveSet {
    /// Mines a library for fragments and pairs; see [`mine`] for the properties.
    #[must_use]
    pub fn mine(
        library: &[Mol],
        properties: (&[String], &[Vec<f64>]),
        (fragments, pairs): (&FragmentLimits, &PairLimits),
    ) -> Self {
        Self {
            fragments: Fragments::mine(library, fragments),
            pairs: mine(library, properties, pairs),
        }
    }

    /// Whether a move can be made at all.
    pub(super) fn has(&self, step: Move) -> bool {
        match step {
            Move::Start => false,
            Move::Decorate | Move::Brics => !self.fragments.is_empty(),
            Move::Pair => !self.pairs.transformations().is_empty(),
            _ => true,
        }
    }

    /// Makes a move; gives the graph and what was done, in words.
    pub(super) fn make(
        &self,
        step: Move,
        (mol, mate): (&Mol, Option<&Mol>),
        random: &mut Random,
    ) -> Result<(EditMol, String)> {
        match (step, mate) {
            (Move::ChainCrossover, Some(mate)) => crossover::chain(mol, mate, random),
            (Move::RingCrossover, Some(mate)) => crossover::ring(mol, mate, random),
            (Move::Append, _) => mutate::append(mol, random),
            (Move::Insert, _) => mutate::insert(mol, random),
            (Move::Delete, _) => mutate::delete(mol, random),
            (Move::Exchange, _) => mutate::exchange(mol, random),
            (Move::BondOrder, _) => mutate::bond_order(mol, random),
            (Move::CloseRing, _) => mutate::close_ring(mol, random),
            (Move::OpenRing, _) => mutate::open_ring(mol, random),
            (Move::Decorate, _) => self.fragments.decorate(mol, random),
            (Move::Brics, _) => self.fragments.swap(mol, random),
            (Move::Pair, _) => self.pairs.apply(mol, random),
            (Move::Start | Move::ChainCrossover | Move::RingCrossover, _) => {
                Err(crate::edit::refused("the move needs a second molecule"))
            }
        }
    }
}

/// An island's experience with each move.
#[derive(Debug, Clone)]
pub(super) struct Luck {
    tries: [f64; Move::ALL.len()],
    wins: [f64; Move::ALL.len()],
    possible: [bool; Move::ALL.len()],
}

impl Luck {
    pub(super) fn new(moves: &MoveSet) -> Self {
        let possible = Move::ALL.map(|step| moves.has(step));
        Self { tries: [0.0; Move::ALL.len()], wins: [0.0; Move::ALL.len()], possible }
    }

    /// A move: the more often it succeeded, the likelier.
    pub(super) fn choose(&self, random: &mut Random) -> Move {
        let share = |at: usize| match self.possible[at] {
            true => LEAST + (self.wins[at] + 1.0) / (self.tries[at] + 4.0),
            false => 0.0,
        };
        let total: f64 = (0..Move::ALL.len()).map(share).sum();
        let mut ticket = unit(random) * total;
        for (at, step) in Move::ALL.into_iter().enumerate() {
            ticket -= share(at);
            if ticket < 0.0 {
                return step;
            }
        }
        Move::Append
    }

    /// Counts a candidate that a move made.
    pub(super) fn count(&mut self, step: Move, won: bool) {
        if let Some(at) = Move::ALL.iter().position(|known| *known == step) {
            self.tries[at] += 1.0;
            self.wins[at] += f64::from(u8::from(won));
        }
    }

    /// A generation passes.
    pub(super) fn fade(&mut self) {
        for number in self.tries.iter_mut().chain(&mut self.wins) {
            *number *= FADING;
        }
    }
}

/// A number from 0 up to 1.
pub(super) fn unit(random: &mut Random) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A stream of random numbers for one place of a search, whatever thread works on it.
pub(super) fn stream(seed: u64, place: [u64; 3]) -> Random {
    let mut mixed = Random::new(seed).next_u64();
    for part in place {
        mixed = Random::new(mixed ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15)).next_u64();
    }
    Random::new(mixed)
}
