//! The index against brute force, against readers who may not see everything, against kills and damaged files.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod access;
mod crash;
mod damage;
mod life;
mod oracle;
mod support;
mod versions;
