//! The errors of the chemistry kit: each names what was wrong with the input and what to do about it.
use thiserror::Error;

/// What can be wrong with a molecule, a pattern or a file.
#[derive(Debug, Error, Clone, PartialEq)]
#[non_exhaustive]
pub enum ChemError {
    /// Nothing was given.
    #[error("empty input: give a SMILES string or a molecule record")]
    Empty,
    /// The text is not what its format asks for.
    #[error("cannot parse {what} at character {position}: {reason}")]
    Parse {
        /// The format, e.g. `SMILES`.
        what: &'static str,
        /// Where, counted from 1.
        position: usize,
        /// Why.
        reason: String,
    },
    /// An atom has more bonds than its element and charge allow.
    #[error(
        "atom {atom} ({symbol}) has valence {valence}, more than is allowed: check its charge, bonds and hydrogens"
    )]
    Valence {
        /// Index of the atom, from 0.
        atom: usize,
        /// Element symbol.
        symbol: &'static str,
        /// Valence found.
        valence: i32,
    },
    /// An aromatic ring has no arrangement of single and double bonds.
    #[error(
        "cannot assign double bonds to the aromatic atoms {atoms:?}: check lower-case atoms and missing [nH]"
    )]
    Kekulize {
        /// Indices of atoms left without a partner, from 0.
        atoms: Vec<u32>,
    },
    /// A lower-case atom that is in no ring.
    #[error("atom {atom} is written aromatic (lower case) but is in no ring")]
    AromaticNotInRing {
        /// Index of the atom, from 0.
        atom: usize,
    },
    /// More atoms, rings or text than the limits allow.
    #[error("{what} has size {size}, more than the limit {limit}: split it or leave it out")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// A parameter is out of range.
    #[error("bad parameter {name}: {reason}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// What is wrong with it and what is allowed.
        reason: String,
    },
    /// The molecule cannot be handled by an operation.
    #[error("{operation} failed: {reason}")]
    Operation {
        /// Name of the operation.
        operation: &'static str,
        /// Why.
        reason: String,
    },
}

impl ChemError {
    /// A stable short code for result tables.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Parse { .. } => "parse",
            Self::Valence { .. } => "valence",
            Self::Kekulize { .. } | Self::AromaticNotInRing { .. } => "kekulize",
            Self::TooLarge { .. } => "too_large",
            Self::Parameter { .. } => "parameter",
            Self::Operation { .. } => "operation",
        }
    }
}

/// Result of the chemistry kit.
pub type Result<T> = std::result::Result<T, ChemError>;
