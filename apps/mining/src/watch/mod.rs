//! `watch`: cameras are looked at by scenes, rules make events of what is seen, and events reach every
//! output exactly as the journal has them.

pub mod config;
pub mod event;
pub mod journal;
