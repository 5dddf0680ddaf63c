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

/// Name, type and TOML shape of the ports a file declares, as lines of a card.
fn port_lines(table: &str, ports: &[strata_core::verify::ValueInfo]) -> String {
    use strata_core::verify::{Dimension, ValueKind};
    let mut text = String::new();
    for port in ports {
        let ValueKind::Tensor { data_type, shape: Some(shape) } = &port.kind else {
            panic!("{} is no tensor with a shape", port.name);
        };
        let dtype = strata_core::card::Dtype::from_onnx(*data_type).expect("a type cards know");
        let dims: Vec<String> = shape
            .iter()
            .map(|dim| match dim {
                Dimension::Fixed(n) => n.to_string(),
                Dimension::Symbol(s) => format!("{s:?}"),
                Dimension::Unknown => "\"?\"".to_owned(),
            })
            .collect();
        text.push_str(&format!(
            "[[{table}]]\nname = {:?}\ndtype = \"{dtype}\"\nshape = [{}]\nmeaning = \"m\"\n",
            port.name,
            dims.join(", ")
        ));
    }
    text
}

/// Writes a card for an ONNX file that has none, from what the file says about itself. Returns the
/// card and the folder it lies in, which must be kept.
pub fn card_of(file: &std::path::Path) -> (ModelCard, tempfile::TempDir) {
    let dir = ok(tempfile::tempdir());
    let folder = dir.path().join("real");
    ok(std::fs::create_dir(&folder));
    let bytes = ok(std::fs::read(file));
    ok(std::fs::write(folder.join("model.onnx"), &bytes));
    let signature = ok(strata_core::verify::walk(&bytes, &Limits::default(), &[])).signature;
    let (size, digest) = (bytes.len(), strata_testkit::sha256_hex(&bytes));
    let card = format!(
        "name = \"real\"\nlayer = \"foundation\"\nkind = \"scientific\"\ntask = \"regression\"\n\
         title = \"t\"\ndescription = \"d\"\nversion = \"1.0.0\"\nlicence = \"MIT\"\n\
         [source]\nurl = \"shared models\"\n\
         [[files]]\npath = \"model.onnx\"\nbytes = {size}\nsha256 = \"{digest}\"\nrole = \"model\"\n\
         [[variants]]\nname = \"only\"\nfile = \"model.onnx\"\nprecision = \"fp32\"\n\
         latency = \"balanced\"\n{}{}",
        port_lines("inputs", &signature.inputs),
        port_lines("outputs", &signature.outputs),
    );
    ok(std::fs::write(folder.join("card.toml"), card));
    (ok(ModelCard::load(&folder)), dir)
}
