//! The crates that the shipped programs are made of, as cargo resolves them: for the bill of materials and for the
//! texts of licences in a release.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// The shipped programs, which are cargo packages of the same name.
pub(crate) const PROGRAMS: [&str; 4] =
    ["strata-drug", "strata-mining", "strata-gov", "strata-weather"];

/// One crate of the graph.
#[derive(Debug, Clone)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    /// SPDX expression, where the crate has one.
    pub(crate) licence: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) repository: Option<String>,
    /// Folder of its sources on this machine.
    pub(crate) folder: PathBuf,
    /// False for the workspace's own.
    pub(crate) foreign: bool,
    /// Part of a program; otherwise only of building it (build scripts, procedural macros).
    pub(crate) linked: bool,
    /// Keys of the crates it depends on, those of tests left out.
    pub(crate) needs: BTreeSet<Key>,
}

/// Name and version, which are unique in a graph.
pub(crate) type Key = (String, String);

/// The crates by key.
pub(crate) type Graph = BTreeMap<Key, Crate>;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    description: Option<String>,
    repository: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dep>,
}

#[derive(Deserialize)]
struct Dep {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

#[derive(Deserialize)]
struct DepKind {
    kind: Option<String>,
}

impl Dep {
    fn is(&self, kind: Option<&str>) -> bool {
        self.dep_kinds.iter().any(|k| k.kind.as_deref() == kind)
    }
}

/// The crates of [`PROGRAMS`] on `platform` (a target triple), with the features that the workspace asks for.
pub(crate) fn shipped(root: &Path, platform: &str) -> Result<Graph> {
    let text = process::capture(
        process::cargo()
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", platform])
            .current_dir(root),
    )?;
    let metadata = serde_json::from_str(&text).context("cargo metadata wrote something else")?;
    reachable(&metadata, &PROGRAMS)
}

fn reachable(metadata: &Metadata, programs: &[&str]) -> Result<Graph> {
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|p| (p.id.as_str(), p)).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|n| (n.id.as_str(), n)).collect();
    let mut linked = BTreeSet::new();
    let mut building = BTreeSet::new();
    let roots = metadata.packages.iter().filter(|p| programs.contains(&p.name.as_str()));
    // What is linked is walked first, so that a crate that both links and builds counts as linked.
    let mut waiting: Vec<&str> = roots.map(|p| p.id.as_str()).collect();
    while let Some(id) = waiting.pop() {
        let macros = packages.get(id).is_some_and(|p| is_macro(p));
        if macros || !linked.insert(id) {
            building.extend(macros.then_some(id));
            continue;
        }
        for dep in nodes.get(id).map_or(&[][..], |n| &n.deps) {
            if dep.is(None) {
                waiting.push(&dep.pkg);
            } else if dep.is(Some("build")) {
                building.insert(dep.pkg.as_str());
            }
        }
    }
    let mut waiting: Vec<&str> = building.iter().copied().collect();
    let mut built = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !built.insert(id) {
            continue;
        }
        let deps = nodes.get(id).map_or(&[][..], |n| &n.deps);
        waiting.extend(deps.iter().filter(|d| !only_tests(d)).map(|d| d.pkg.as_str()));
    }
    let all: BTreeSet<&str> = linked.union(&built).copied().collect();
    let mut graph = Graph::new();
    for id in &all {
        let package = packages.get(id).with_context(|| format!("cargo names no package {id}"))?;
        let deps = nodes.get(id).map_or(&[][..], |n| &n.deps);
        let needs = deps.iter().filter(|d| !only_tests(d) && all.contains(d.pkg.as_str()));
        let needs = needs.filter_map(|d| packages.get(d.pkg.as_str())).map(|p| key(p)).collect();
        graph.insert(
            key(package),
            Crate {
                name: package.name.clone(),
                version: package.version.clone(),
                licence: package.license.as_deref().map(expression),
                description: package.description.clone(),
                repository: package.repository.clone(),
                folder: package.manifest_path.parent().map(Path::to_owned).unwrap_or_default(),
                foreign: package.source.is_some(),
                linked: linked.contains(id),
                needs,
            },
        );
    }
    Ok(graph)
}

fn key(package: &Package) -> Key {
    (package.name.clone(), package.version.clone())
}

fn is_macro(package: &Package) -> bool {
    package.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"))
}

fn only_tests(dep: &Dep) -> bool {
    !dep.is(None) && !dep.is(Some("build"))
}

/// Cargo's older way of writing a choice, as SPDX writes it.
fn expression(licence: &str) -> String {
    licence.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")
}

/// The triple of this machine, as the compiler says it.
pub(crate) fn host() -> Result<String> {
    let text = process::capture(std::process::Command::new("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        let package = |name: &str, kind: &str, source: Option<&str>| {
            serde_json::json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0",
                "manifest_path": format!("/src/{name}/Cargo.toml"), "source": source,
                "targets": [{"kind": [kind]}]})
        };
        let node = |name: &str, deps: &[(&str, Option<&str>)]| {
            let deps: Vec<_> = deps
                .iter()
                .map(|(pkg, kind)| serde_json::json!({"pkg": pkg, "dep_kinds": [{"kind": kind}]}))
                .collect();
            serde_json::json!({"id": name, "deps": deps})
        };
        let registry = Some("registry");
        serde_json::from_value(serde_json::json!({
            "packages": [package("app", "bin", None), package("lib", "lib", registry), package("mac", "proc-macro", registry),
                package("syn", "lib", registry), package("cc", "lib", registry), package("test", "lib", registry),
                package("other", "bin", None)],
            "resolve": {"nodes": [
                node("app", &[("lib", None), ("mac", None), ("test", Some("dev"))]),
                node("lib", &[("cc", Some("build"))]),
                node("mac", &[("syn", None)]),
                node("syn", &[]), node("cc", &[("syn", None)]), node("test", &[]), node("other", &[("test", None)])]}
        }))
        .unwrap()
    }

    #[test]
    fn what_is_linked_and_what_only_builds_are_told_apart() {
        let graph = reachable(&metadata(), &["app"]).unwrap();
        let names = |linked| -> Vec<&str> {
            graph.values().filter(|c| c.linked == linked).map(|c| c.name.as_str()).collect()
        };
        assert_eq!(names(true), ["app", "lib"]);
        assert_eq!(names(false), ["cc", "mac", "syn"], "no test dependency, no other program");
        let app = &graph[&("app".to_owned(), "1.0.0".to_owned())];
        assert!(!app.foreign && app.needs.len() == 2, "{app:?}");
        assert_eq!(app.licence.as_deref(), Some("MIT OR Apache-2.0"));
    }
}
