//! Hostile bytes for whatever reads files and requests: one function a target. cargo-fuzz runs them without end
//! (`cargo xtask fuzz`), the tests replay the corpora and every finding. A target asserts what is cheap to assert
//! beyond "no panic": that what is written reads as what it was, and that memory stays within [`guard::MEMORY_BYTES`].

#[cfg(feature = "apps")]
mod apps;
mod chem;
mod core;
pub mod corpus;
mod earth;
pub mod guard;
pub mod mutate;
mod text;
mod vision;

#[cfg(feature = "apps")]
pub use apps::{cameras, oip, scenario, table};
pub use chem::{molfile, smarts, smiles};
pub use core::{card, onnx};
pub use earth::{array, grib, netcdf, storms, zarr};
pub use text::{address, office, pdf, plain, tokenizer};
pub use vision::{annotations, picture, video};

/// A function that reads bytes from outside, and panics where something is wrong with how they were read.
pub type Run = fn(&[u8]);

/// All targets: their name, which is that of their program and of their folders, and their function.
pub const TARGETS: &[(&str, Run)] = &[
    ("onnx", onnx),
    ("grib", grib),
    ("netcdf", netcdf),
    ("pdf", pdf),
    ("office", office),
    ("picture", picture),
    ("smiles", smiles),
    ("molfile", molfile),
    #[cfg(feature = "apps")]
    ("oip", oip),
    ("video", video),
    ("plain", plain),
    ("zarr", zarr),
    ("array", array),
    ("card", card),
    ("smarts", smarts),
    ("tokenizer", tokenizer),
    ("storms", storms),
    ("annotations", annotations),
    ("address", address),
    #[cfg(feature = "apps")]
    ("scenario", scenario),
    #[cfg(feature = "apps")]
    ("cameras", cameras),
    #[cfg(feature = "apps")]
    ("table", table),
];
