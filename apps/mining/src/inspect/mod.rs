//! Anomalies: a memory bank of normal pictures is fitted, calibrated from normals alone, and tells how unlike them a
//! new picture is, and where.

mod error;
mod features;
mod fit;
mod job;
mod stages;

pub use error::InspectError;
pub use features::FeatureModel;
pub use fit::{FitJob, Fitted, each_patches, fit};
pub use job::{InspectJob, Inspection, inspect, normal_scores};
pub use stages::{InspectStages, Inspected, Mode};
