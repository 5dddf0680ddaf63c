//! Detection: a picture in, the things found in it out. One [`Detector`] is behind the command line, the
//! server, the evaluation and the cameras.

mod detector;
mod stages;

pub use detector::{DetectError, Detector, Looked, Settings};
pub use stages::{DetectStages, Found, FoundObject};
