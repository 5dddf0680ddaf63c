//! The dependency rule: who may name the runtime, the web framework and the network, and that apps stay apart.

use std::path::Path;

use super::source::lines_with;
use super::{Fault, Tree};

/// A crate from outside and the only folder of ours that may name it.
const OWNERS: &[(&str, &str)] = &[("ort", "crates/core"), ("axum", "crates/serve")];

/// Kits: they read data and compute; what they may not name.
const KITS: &[&str] = &["crates/chem", "crates/vision", "crates/text", "crates/earth"];
const NETWORK: &[&str] = &["ureq", "strata-fetch", "strata-serve", "hyper", "reqwest", "tokio"];

/// Checks manifests and sources.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let apps = app_names(tree);
    for (path, text) in tree.with_extension("toml") {
        if path.file_name().is_some_and(|n| n == "Cargo.toml") {
            faults.extend(manifest(path, text, &apps));
        }
    }
    for (path, code) in &tree.code {
        faults.extend(sources(path, code));
    }
    faults
}

/// Package names of the apps.
fn app_names(tree: &Tree) -> Vec<String> {
    let manifests = tree.with_extension("toml").filter(|(path, _)| {
        path.starts_with("apps") && path.file_name().is_some_and(|n| n == "Cargo.toml")
    });
    manifests
        .filter_map(|(_, text)| {
            let table: toml::Table = text.parse().ok()?;
            Some(table.get("package")?.get("name")?.as_str()?.to_owned())
        })
        .collect()
}

fn manifest(path: &Path, text: &str, apps: &[String]) -> Vec<Fault> {
    let Ok(table) = text.parse::<toml::Table>() else { return Vec::new() };
    let own = table.get("package").and_then(|p| p.get("name")).and_then(toml::Value::as_str);
    let mut faults = Vec::new();
    for name in dependencies(&table) {
        let line = text
            .lines()
            .position(|l| l.trim_start().trim_start_matches('"').starts_with(name.as_str()))
            .map_or(0, |i| i + 1);
        let mut fault = |why: String| faults.push(Fault::new(path, line, why));
        for (krate, owner) in OWNERS {
            if name == *krate && !path.starts_with(owner) {
                fault(format!("only {owner} may depend on {krate}"));
            }
        }
        if is_kit(path) && NETWORK.contains(&name.as_str()) {
            fault(format!("a kit does no network input or output: {name} does not belong here"));
        }
        if path.starts_with("apps") && apps.contains(&name) && own != Some(name.as_str()) {
            fault(format!("apps do not depend on each other: {name} is one"));
        }
    }
    faults
}

/// Package names of all dependencies of a crate, renamed ones by their real name. The workspace's own table of
/// versions is no dependency.
fn dependencies(table: &toml::Table) -> Vec<String> {
    let mut found = Vec::new();
    let mut tables: Vec<&toml::Table> = vec![table];
    let targets = table.get("target").and_then(toml::Value::as_table);
    tables.extend(targets.into_iter().flatten().filter_map(|(_, t)| t.as_table()));
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(list) = table.get(kind).and_then(toml::Value::as_table) else { continue };
            for (name, value) in list {
                let real = value.get("package").and_then(toml::Value::as_str).unwrap_or(name);
                found.push(real.to_owned());
            }
        }
    }
    found
}

fn sources(path: &Path, code: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut forbid = |name: &str, why: String| {
        for line in lines_with(code, &format!("{name}::")) {
            faults.push(Fault::new(path, line, why.clone()));
        }
    };
    for (krate, owner) in OWNERS {
        if !path.starts_with(owner) {
            forbid(krate, format!("only {owner} may name {krate}"));
        }
    }
    if is_kit(path) {
        for name in NETWORK.iter().map(|n| n.replace('-', "_")).chain(["std::net".to_owned()]) {
            forbid(
                &name,
                format!("a kit does no network input or output: {name} does not belong here"),
            );
        }
    }
    faults
}

fn is_kit(path: &Path) -> bool {
    KITS.iter().any(|kit| path.starts_with(kit))
}

#[cfg(test)]
mod tests {
    use super::super::testing::faults;
    use super::*;

    const APP: &str = "[package]\nname = \"strata-b\"\n";

    #[test]
    fn the_owners_may_and_others_may_not() {
        let core = ("crates/core/Cargo.toml", "[dependencies]\nort = \"2\"\n");
        let code = ("crates/core/src/a.rs", "use ort::Session;");
        assert_eq!(faults(check, &[core, code]), [""; 0]);
        let found = faults(
            check,
            &[
                ("apps/a/Cargo.toml", "[dependencies]\nserde = \"1\"\nort.workspace = true\n"),
                (
                    "crates/chem/Cargo.toml",
                    "[target.'cfg(unix)'.dependencies]\nx = { package = \"axum\" }\n",
                ),
                ("xtask/src/a.rs", "// ort::x\nfn a() { ort::init(); }"),
            ],
        );
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("apps/a/Cargo.toml:3: only crates/core"), "{found:?}");
        assert!(found[2].starts_with("xtask/src/a.rs:2: "), "{found:?}");
    }

    #[test]
    fn kits_stay_off_the_network() {
        let found = faults(
            check,
            &[
                ("crates/chem/Cargo.toml", "[dependencies]\nstrata-fetch.workspace = true\n"),
                ("crates/text/src/a.rs", "use std::net::TcpStream;\n"),
                ("crates/earth/src/a.rs", "fn f() { strata_fetch::fetch() }"),
            ],
        );
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(
            faults(check, &[("crates/fetch/src/a.rs", "use std::net::TcpStream;")]),
            [""; 0]
        );
    }

    #[test]
    fn apps_do_not_know_each_other() {
        let a = "[package]\nname = \"strata-a\"\n[dependencies]\nstrata-b = { path = \"../b\" }\n";
        let found = faults(check, &[("apps/a/Cargo.toml", a), ("apps/b/Cargo.toml", APP)]);
        assert_eq!(
            found,
            ["apps/a/Cargo.toml:4: apps do not depend on each other: strata-b is one"]
        );
    }

    #[test]
    fn the_workspace_table_of_versions_is_no_dependency() {
        let root = ("Cargo.toml", "[workspace.dependencies]\nort = \"2\"\naxum = \"1\"\n");
        assert_eq!(faults(check, &[root]), [""; 0]);
    }
}
