//! Shared by the runtime's tests: tiny verified models, and results that show their message.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test binary uses a part of it")]

use std::fmt::Display;

use strata_core::card::ModelCard;
use strata_core::paths::SearchPath;
use strata_core::runtime::{PoolConfig, SessionPool};
use strata_core::verify::{Limits, VerifiedModel, verify};
use strata_testkit::onnx::Model;
use strata_testkit::{CardSpec, write_card};

/// The value, or a panic with the error's own message (which names the remedy).
pub fn ok<T, E: Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

pub fn message<T, E: Display>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => error.to_string(),
    }
}

/// A model that went through card and verification like any other.
pub fn verified(name: &str, model: &Model) -> VerifiedModel {
    let dir = ok(tempfile::tempdir());
    let folder = ok(write_card(dir.path(), &CardSpec::new(name), model));
    let card = ok(ModelCard::load(&folder));
    let search = SearchPath::only(dir.path());
    ok(verify(&card, &card.variants[0], &search, &Limits::default()))
}

pub fn pool(name: &str, model: &Model, config: &PoolConfig) -> SessionPool {
    ok(SessionPool::load(&verified(name, model), config))
}

pub fn sessions(count: usize) -> PoolConfig {
    PoolConfig { sessions: count, ..PoolConfig::default() }
}
