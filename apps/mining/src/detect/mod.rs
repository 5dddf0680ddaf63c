//! Detection: a picture in, the things found in it out. One [`Detector`] is behind the command line, the
//! server, the evaluation and the cameras.

mod detector;
mod job;
mod outputs;
mod stages;

pub use detector::{DetectError, Detector, Settings};
pub(crate) use job::Rows;
pub use job::{DetectJob, Detected, detect};
pub use outputs::{Format, OutputError};
pub(crate) use stages::write_row;
pub use stages::{DetectStages, Found, FoundObject, Trouble};
