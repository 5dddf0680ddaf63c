//! The chemistry kit.
