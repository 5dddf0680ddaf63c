//! The chemistry kit: molecules parsed and sanitised once, and everything that reads them.
//!
//! Accepts what RDKit accepts and agrees with it on hydrogens, rings, aromaticity and
//! fingerprints; RDKit itself is only the oracle of the tests.
pub mod alerts;
pub mod arena;
pub mod cluster;
pub mod db;
pub mod depict;
pub mod descriptors;
pub mod druglike;
pub mod edit;
pub mod error;
pub mod features;
pub mod fingerprint;
pub mod graph_features;
pub mod learn;
pub mod library;
pub mod maccs;
pub mod metrics;
pub mod mol;
pub mod optimize;
pub mod qed;
pub mod sa_score;
pub mod scaffold;
pub mod sdf;
mod sdf_drawing;
pub mod sdf_write;
pub mod smarts;
pub mod smiles;
pub mod split;
pub mod standardize;
mod wedge;

pub use error::{ChemError, Result};
pub use mol::Mol;
