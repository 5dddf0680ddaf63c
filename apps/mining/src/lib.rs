//! Mining vision inspection: what the binary `strata-mining` is made of.

pub mod detect;
pub mod inspect;
pub mod models;
pub mod picture;
pub mod samples;
pub mod save;
pub mod scenario;
