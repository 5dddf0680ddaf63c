//! MDL molfiles and SD files.
use crate::error::{ChemError, Result};
use crate::mol::Mol;

pub(crate) fn mol_from_block(block: &str) -> Result<Mol> {
    Err(ChemError::Parse { what: "molblock", position: block.len(), reason: "not readable yet".into() })
}
