//! The chemistry kit.
pub mod arena;
