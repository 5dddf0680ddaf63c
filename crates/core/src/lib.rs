//! The shared core: model cards, verification before load, running models, streaming records.
//! Only this crate names the library that runs models.

pub mod batching;
pub mod calendar;
pub mod card;
pub mod hub;
pub mod memory;
pub mod paths;
pub mod provenance;
pub mod runtime;
pub mod samples;
pub mod scenario;
pub mod stream;
pub mod verify;
