//! `cargo xtask release`: the four programs, ONNX Runtime, models, scenarios, samples and papers in one archive.
//!
//! Whoever unpacks it has everything: no network, no Python, no Rust. The archive's own bytes depend on its content
//! alone: entries are sorted, owners are nobody's, and times are the commit's.

mod archive;
mod check;
mod licences;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use strata_core::paths::LIBRARY_FOLDER;
use strata_fetch::hash_file;

use crate::download::human;
use crate::graph::{self, PROGRAMS};
use crate::{process, sbom, setup, workspace};
use archive::Entry;

/// Options of `release`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: setup::Args,
    /// Folder for the archive, its bill of materials and their digests [default: `dist` in cargo's target folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Unpack the archive elsewhere and run every program from it, without network where the system lets us
    #[arg(long)]
    check: bool,
}

/// Beginnings of the paths of the tree that ship as they are.
const SHIPPED: &[&str] = &["shared-models/", "datasets/", "config/", "docs/", "bench/runs/"];
/// Single files that ship at the top.
const TOP: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "models.lock",
];
/// Names of files that the archive has and the tree has not.
const BILL: &str = "sbom.cdx.json";
const NOTICES: &str = "THIRD-PARTY-LICENCES.txt";

/// Runs `release`.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let root = workspace::root()?;
    let target = process::target_dir(&root)?;
    let out = args.out.clone().unwrap_or_else(|| target.join("dist"));
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let runtime = setup::for_release(&args.setup)?;
    build(&root)?;

    let host = graph::host()?;
    let bill = sbom::text(&root, &host)?;
    let notices = licences::text(&graph::shipped(&root, &host)?)?;
    let mut entries = of_the_tree(&workspace::files(&root)?, &root);
    entries.extend(programs(&target.join("release")));
    entries.extend(runtime.into_iter().map(|path| library(&path)).collect::<Result<Vec<_>>>()?);
    entries.push(Entry::text("INSTALL.md", std::fs::read_to_string(root.join("docs/install.md"))?));
    entries.push(Entry::text(BILL, bill.clone()));
    entries.push(Entry::text(NOTICES, notices));

    let name = format!("strata-{}-{host}", env!("CARGO_PKG_VERSION"));
    let path = out.join(format!("{name}.tar.gz"));
    archive::write(&path, &name, entries, commit_time(&root))?;
    let bill_path = out.join(format!("{name}.{BILL}"));
    std::fs::write(&bill_path, bill)?;
    let sums = sums(&[&path, &bill_path])?;
    std::fs::write(out.join("SHA256SUMS"), &sums)?;
    print!("{sums}");
    println!("{}: {}", path.display(), human(std::fs::metadata(&path)?.len()));
    if args.check {
        check::run(&path, &name)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn build(root: &Path) -> Result<()> {
    let mut command = process::cargo();
    command.args(["build", "--release", "--locked"]).current_dir(root);
    for program in PROGRAMS {
        command.args(["--package", program, "--bin", program]);
    }
    process::must(&mut command)
}

/// Files of the tree that ship, under their own paths.
fn of_the_tree(files: &[PathBuf], root: &Path) -> Vec<Entry> {
    let ships = |path: &str| {
        SHIPPED.iter().any(|start| path.starts_with(start))
            || TOP.contains(&path)
            || (path.starts_with("apps/") && path.contains("/scenarios/"))
    };
    files
        .iter()
        .filter_map(|file| {
            let path = file.components().map(|part| part.as_os_str().to_string_lossy());
            let path = path.collect::<Vec<_>>().join("/");
            ships(&path).then(|| Entry::file(path, root.join(file), false))
        })
        .collect()
}

fn programs(folder: &Path) -> Vec<Entry> {
    let suffix = std::env::consts::EXE_SUFFIX;
    let names = PROGRAMS.iter().map(|name| format!("{name}{suffix}"));
    names.map(|name| Entry::file(name.clone(), folder.join(name), true)).collect()
}

/// A library of ONNX Runtime or a text about it, in the folder where programs look for it.
fn library(path: &Path) -> Result<Entry> {
    let name = path.file_name().and_then(|name| name.to_str()).context("a library has no name")?;
    Ok(Entry::file(format!("{LIBRARY_FOLDER}/{name}"), path.to_owned(), false))
}

/// What `sha256sum --check` reads.
fn sums(files: &[&Path]) -> Result<String> {
    let mut out = String::new();
    for file in files {
        let (_, digest) = hash_file(file)?;
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        out += &format!("{digest}  {name}\n");
    }
    Ok(out)
}

/// Seconds for every entry: `SOURCE_DATE_EPOCH`, else the commit's time, else the beginning of 1970.
fn commit_time(root: &Path) -> u64 {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok();
    let commit = || {
        process::capture(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root))
            .ok()
    };
    given.or_else(commit).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_ships_what_the_programs_and_their_readers_need() {
        let root = workspace::root().unwrap();
        let entries = of_the_tree(&workspace::files(&root).unwrap(), &root);
        let has = |path: &str| entries.iter().any(|entry| entry.path == path);
        for path in TOP.iter().chain(&[
            "shared-models/esol/esol.onnx",
            "shared-models/esol/card.toml",
            "apps/gov/scenarios/policy-qa.toml",
            "datasets/demo-library.smi",
            "datasets/weather/analysis.nc",
            "docs/install.md",
            "docs/security.md",
        ]) {
            assert!(has(path), "{path}");
        }
        assert!(!entries.iter().any(|e| e.path.starts_with("crates/") || e.path.ends_with(".rs")));
    }

    #[test]
    fn sums_are_in_the_form_that_sha256sum_checks() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        std::fs::write(&file, "abc").unwrap();
        assert_eq!(
            sums(&[&file]).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.txt\n"
        );
    }
}
