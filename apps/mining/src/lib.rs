//! Mining vision inspection: what the binary `strata-mining` is made of.

pub mod analysers;
pub mod belt;
pub mod cli;
pub mod detect;
pub mod evaluate;
pub mod http;
pub mod inspect;
pub mod models;
pub mod note;
pub mod overlay;
pub mod picture;
pub use strata_core::samples;
pub mod save;
pub mod scenario;
pub mod sources;
pub mod watch;
