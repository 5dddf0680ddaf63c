//! `cargo xtask sbom`: a bill of materials in CycloneDX 1.5: every crate of the programs, the models, ONNX Runtime.
//!
//! The same tree gives the same bytes: nothing is taken from the clock unless `SOURCE_DATE_EPOCH` says a time, and the
//! serial number is a digest of the rest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use strata_core::calendar::civil_from_days;
use strata_core::paths::ORT_VERSION;
use strata_fetch::Digest;

use crate::graph::{self, Crate, Graph, Key, PROGRAMS};
use crate::lock::{self, Lock};
use crate::{setup, workspace};

/// Options of `sbom`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to write it [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Platform the programs are for, as a target triple [default: this machine's]
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
}

/// C sources that a crate carries and compiles in: the crate, what it carries, its licence.
const BUNDLED: &[(&str, &str, &str)] = &[
    ("libdeflate-sys", "libdeflate", "MIT"),
    ("libsqlite3-sys", "SQLite", "blessing"),
    ("openh264-sys2", "OpenH264", "BSD-2-Clause"),
    ("zstd-sys", "Zstandard", "BSD-3-Clause"),
];

/// Runs `sbom`.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let root = workspace::root()?;
    let target = args.target.clone().map_or_else(graph::host, Ok)?;
    let text = text(&root, &target)?;
    match &args.out {
        None => print!("{text}"),
        Some(path) => {
            std::fs::write(path, &text)
                .with_context(|| format!("cannot write {}", path.display()))?;
            println!("{}: {} bytes", path.display(), text.len());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The bill of the workspace at `root`, for programs of `target`.
pub(crate) fn text(root: &Path, target: &str) -> Result<String> {
    let parts = Parts {
        graph: graph::shipped(root, target)?,
        checksums: checksums(&std::fs::read_to_string(root.join("Cargo.lock"))?)?,
        models: Lock::read(root)?.with_context(|| {
            format!("there is no {}: run `cargo xtask models lock`", lock::LOCK_FILE)
        })?,
        target: target.to_owned(),
        time: epoch(std::env::var("SOURCE_DATE_EPOCH").ok().as_deref())?,
    };
    Ok(serde_json::to_string_pretty(&bill(&parts))? + "\n")
}

/// What a bill is made of.
struct Parts {
    graph: Graph,
    checksums: BTreeMap<Key, String>,
    models: Lock,
    target: String,
    time: Option<String>,
}

fn bill(parts: &Parts) -> Value {
    let mut components: Vec<Value> =
        parts.graph.values().map(|c| component(c, parts.checksums.get(&key(c)))).collect();
    components.extend(bundled(&parts.graph));
    components.push(runtime(&parts.target));
    components.extend(parts.models.models.iter().map(model));
    let version = env!("CARGO_PKG_VERSION");
    let mut metadata = json!({
        "component": {"type": "application", "bom-ref": "strata", "name": "strata", "version": version,
            "licenses": [{"license": {"id": "Apache-2.0"}}]},
        "properties": [{"name": "strata:target", "value": parts.target}],
        "tools": {"components": [{"type": "application", "name": "xtask sbom", "version": version}]},
    });
    if let Some(time) = &parts.time {
        metadata["timestamp"] = json!(time);
    }
    let mut bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": metadata,
        "components": components,
        "dependencies": dependencies(parts),
    });
    // Of everything above: two trees with the same serial number are the same.
    bill["serialNumber"] = json!(serial(&bill.to_string()));
    bill
}

fn key(part: &Crate) -> Key {
    (part.name.clone(), part.version.clone())
}

fn purl(name: &str, version: &str) -> String {
    // A version's `+` would be read as a blank.
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

fn component(part: &Crate, checksum: Option<&String>) -> Value {
    let purl = purl(&part.name, &part.version);
    let kind = if PROGRAMS.contains(&part.name.as_str()) { "application" } else { "library" };
    let mut value = json!({
        "type": kind, "bom-ref": purl, "name": part.name, "version": part.version, "purl": purl,
        "scope": if part.linked { "required" } else { "excluded" },
        "licenses": licences(part.licence.as_deref().unwrap_or("see the crate's files")),
    });
    if let Some(sha256) = checksum {
        value["hashes"] = json!([{"alg": "SHA-256", "content": sha256}]);
    }
    if let Some(text) = &part.description {
        value["description"] = json!(text.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if let Some(url) = &part.repository {
        value["externalReferences"] = json!([{"type": "vcs", "url": url}]);
    }
    value
}

/// A licence as CycloneDX wants it: one SPDX name, an expression of several, or a name of our own.
fn licences(text: &str) -> Value {
    let words: Vec<&str> = text.split([' ', '(', ')']).filter(|word| !word.is_empty()).collect();
    let spdx = |word: &&str| {
        matches!(*word, "OR" | "AND" | "WITH")
            || word.chars().any(|c| c.is_ascii_uppercase())
                && word.contains(['-', '0', '1', '2', '3', '4'])
            || ["MIT", "ISC", "Zlib", "IJG", "Unlicense", "blessing"].contains(word)
    };
    match words.as_slice() {
        [one] if spdx(one) => json!([{"license": {"id": one}}]),
        all if !all.is_empty() && all.iter().all(spdx) => json!([{"expression": text}]),
        _ => json!([{"license": {"name": text}}]),
    }
}

fn bundled(graph: &Graph) -> Vec<Value> {
    let carried = BUNDLED.iter().filter_map(|(name, what, licence)| {
        let part = graph.values().find(|part| part.name == *name && part.linked)?;
        Some(json!({
            "type": "library", "bom-ref": format!("bundled:{what}"), "name": what, "scope": "required",
            "description": format!("C sources compiled in by the crate {name} {}", part.version),
            "licenses": licences(licence),
        }))
    });
    carried.collect()
}

/// ONNX Runtime: the wheel it is taken from and the libraries in it, where the platform has a pin.
fn runtime(target: &str) -> Value {
    let mut value = json!({
        "type": "library", "bom-ref": "onnxruntime", "name": "onnxruntime", "version": ORT_VERSION,
        "scope": "required", "purl": format!("pkg:pypi/onnxruntime@{ORT_VERSION}"),
        "supplier": {"name": "Microsoft"},
        "licenses": licences("MIT"),
        "externalReferences": [{"type": "vcs", "url": "https://github.com/microsoft/onnxruntime"}],
    });
    let (os, arch) = (
        ["linux", "macos", "windows"]
            .into_iter()
            .find(|os| target.contains(os))
            .unwrap_or(if target.contains("darwin") { "macos" } else { "" }),
        target.split('-').next().unwrap_or_default(),
    );
    if let Some(pin) = setup::pin(os, arch) {
        value["hashes"] = json!([{"alg": "SHA-256", "content": pin.sha256}]);
        value["properties"] = json!([{"name": "strata:wheel", "value": pin.wheel}]);
        let files = pin.libraries.iter().map(|library| {
            json!({"type": "file", "bom-ref": format!("onnxruntime/{}", library.name), "name": library.name,
                "hashes": [{"alg": "SHA-256", "content": library.sha256}]})
        });
        value["components"] = files.collect();
    }
    value
}

fn model(model: &lock::Model) -> Value {
    let shipped = model.files.iter().all(|file| file.shipped) && model.files.len() > 1;
    let reference = format!("model:{}", model.name);
    let files = model.files.iter().map(|file| {
        json!({"type": "file", "bom-ref": format!("{reference}/{}", file.path), "name": file.path,
            "hashes": [{"alg": "SHA-256", "content": file.sha256}],
            "properties": [{"name": "strata:bytes", "value": file.bytes.to_string()},
                {"name": "strata:shipped", "value": file.shipped.to_string()}]})
    });
    json!({
        "type": "machine-learning-model", "bom-ref": reference, "name": model.name, "version": model.version,
        // A card whose files are elsewhere is a way to a public model, which whoever wants it fetches.
        "scope": if shipped { "required" } else { "optional" },
        "licenses": licences(&model.licence),
        "components": files.collect::<Vec<_>>(),
    })
}

fn dependencies(parts: &Parts) -> Value {
    let mut all = Vec::new();
    let mut first: Vec<String> = vec!["onnxruntime".to_owned()];
    for (key, part) in &parts.graph {
        if PROGRAMS.contains(&key.0.as_str()) {
            first.push(purl(&key.0, &key.1));
        }
        let mut needs: Vec<String> = part.needs.iter().map(|(n, v)| purl(n, v)).collect();
        let carried = BUNDLED.iter().filter(|(name, ..)| *name == key.0 && part.linked);
        needs.extend(carried.map(|(_, what, _)| format!("bundled:{what}")));
        all.push(json!({"ref": purl(&key.0, &key.1), "dependsOn": needs}));
    }
    first.extend(parts.models.models.iter().map(|model| format!("model:{}", model.name)));
    all.insert(0, json!({"ref": "strata", "dependsOn": first}));
    all.into()
}

/// A UUID made of a digest (version 8: the bits are ours).
fn serial(text: &str) -> String {
    let hex = Digest::of(text.as_bytes()).to_string();
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

/// Digests of the registry's crates, from the lock of cargo.
fn checksums(lock: &str) -> Result<BTreeMap<Key, String>> {
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
        checksum: Option<String>,
    }
    #[derive(Deserialize)]
    struct CargoLock {
        package: Vec<Package>,
    }
    let lock: CargoLock = toml::from_str(lock).context("Cargo.lock does not parse")?;
    let known = lock.package.into_iter();
    Ok(known.filter_map(|p| Some(((p.name, p.version), p.checksum?))).collect())
}

/// `SOURCE_DATE_EPOCH` as a time in UTC.
fn epoch(value: Option<&str>) -> Result<Option<String>> {
    let Some(value) = value.filter(|v| !v.is_empty()) else { return Ok(None) };
    let Ok(seconds) = value.parse::<u32>() else {
        bail!("SOURCE_DATE_EPOCH is {value:?}: set it to seconds since 1970, or unset it");
    };
    let (year, month, day) = civil_from_days(i64::from(seconds / 86_400));
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    Ok(Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")))
}

#[cfg(test)]
#[path = "sbom_tests.rs"]
mod tests;
