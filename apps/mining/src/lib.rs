//! Mining vision inspection: what the binary `strata-mining` is made of.

pub mod sources;
