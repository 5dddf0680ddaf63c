//! `plot`: pictures of what files hold: maps, animations, panels of an ensemble, meteograms of a place.

mod maps;
mod pick;
mod point;
pub mod words;

pub use maps::{MapJob, Projecting, animation, map, stamps};
pub use pick::{Files, Moment, Pick};
pub use point::{PointJob, meteogram};
