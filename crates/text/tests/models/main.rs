//! Models of texts: tokens as the published tokenizers make them, vectors and scores as plain loops compute them.
#![cfg(feature = "models")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod embed;
mod ours;
mod rerank;
mod shipped;
mod support;
mod tokens;
