//! Drug molecule screening: the work behind the `strata-drug` commands.
//!
//! The commands in [`cli`] translate arguments; what they do lies in the modules beside it, so that
//! tests, the workspace's commands and later doors call the same functions.

pub mod admet;
pub mod cli;
pub mod http;
pub mod input;
pub mod optimize;
pub mod output;
pub mod report;
pub mod scenario;
pub mod screen;
pub mod targets;
pub mod tools;
