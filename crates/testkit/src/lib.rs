//! Helpers for the workspace's tests: tiny ONNX models written byte by byte, model cards for them,
//! and where the shared data lies. Nothing here is shipped.

pub mod bench;
pub mod bert;
pub mod card;
pub mod hostile_http;
pub mod http;
pub mod kill;
pub mod load;
pub mod models;
pub mod mqtt;
pub mod onnx;
pub mod rtsp;
pub mod serve;
pub mod shared;
pub mod webhook;
pub mod wire;

pub use card::{CardSpec, sha256_hex, write_card};
pub use shared::{shared_dir, skip};
