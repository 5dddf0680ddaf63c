//! Belt geometry on pictures: where the belt runs, how it is loaded, whether its cover is cut. No model.

mod job;
mod stages;

pub use job::{BeltJob, Measured, measure};
pub use stages::{BeltRow, BeltStages};
