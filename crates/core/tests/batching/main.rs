//! Dynamic batching: the queue under a made-up clock, the batcher with a made-up model, tensors and
//! records with real ones.
#![allow(clippy::unwrap_used, reason = "a test's helpers stop the test as it does itself")]

mod batcher;
mod properties;
mod queue;
mod records;
mod rows;
#[path = "../runtime_support/mod.rs"]
mod runtime_support;
mod tensors;
