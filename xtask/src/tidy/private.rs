//! Nothing of one machine in the sources: no absolute paths of somebody's, no package registry's host.

use std::path::{Path, PathBuf};

use super::{Fault, Tree};

/// Hosts that lock files may name and nothing else. Written in two halves, or this table would be a fault itself.
const REGISTRIES: &[(&str, &str)] = &[
    ("pypi", ".org"),
    ("pythonhosted", ".org"),
    ("static.crates", ".io"),
    ("index.crates", ".io"),
    ("registry.npmjs", ".org"),
    ("deb.debian", ".org"),
    ("archive.ubuntu", ".com"),
];
/// Folders that exist on one machine only.
const FOLDERS: &[(&str, &str)] =
    &[("/ro", "ot/"), ("/wo", "rk/"), ("/Use", "rs/"), ("C:\\Use", "rs\\")];
/// Written by cargo, or a setting about the registry itself.
const EXEMPT: &[&str] = &["Cargo.lock", "deny.toml"];

/// Checks every text file.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let joined = |pairs: &[(&str, &str)]| -> Vec<String> {
        pairs.iter().map(|(a, b)| [*a, *b].concat()).collect()
    };
    let hosts = joined(REGISTRIES);
    let mut folders = joined(FOLDERS);
    folders.extend(machine_folders(&tree.root));
    let mut faults = Vec::new();
    for (path, text) in &tree.texts {
        if EXEMPT.iter().any(|name| path == Path::new(name)) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let mut fault = |why: String| faults.push(Fault::new(path, number + 1, why));
            if let Some(host) = hosts.iter().find(|host| line.contains(host.as_str())) {
                fault(format!(
                    "names a package registry ({host}): a machine's own settings choose it"
                ));
            }
            if let Some(folder) = folders.iter().find(|folder| begins_a_path(line, folder)) {
                fault(format!("holds a path of one machine ({folder})"));
            }
        }
    }
    faults
}

/// This machine's own folders: the workspace and the home, unless they are too short to tell.
fn machine_folders(root: &Path) -> Vec<String> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let folders = [Some(root.to_owned()), home].into_iter().flatten();
    folders
        .filter(|folder| folder.components().count() > 2)
        .map(|folder| format!("{}/", folder.display()))
        .collect()
}

/// True where `folder` stands at the beginning of a path, not in the middle of one (`target/work/x`).
fn begins_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | '>'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::faults;
    use super::*;

    #[test]
    fn machine_paths_and_registries_are_found() {
        let home = FOLDERS[0].0.to_owned() + FOLDERS[0].1;
        let host = REGISTRIES[0].0.to_owned() + REGISTRIES[0].1;
        let bad = format!("see {home}x\nfrom https://{host}/simple\n");
        let found = faults(check, &[("a.md", &bad), ("Cargo.lock", &bad), ("deny.toml", &bad)]);
        assert_eq!(found.len(), 2, "{found:?}");
        let fine = format!("target{home}x and a/b{home}c\n");
        assert_eq!(faults(check, &[("b.md", &fine)]), [""; 0]);
    }

    #[test]
    fn the_workspaces_own_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("const X: &str = \"{}/data\";\n", folder.path().display());
        std::fs::write(folder.path().join("a.txt"), text).unwrap();
        let tree = Tree::read(folder.path()).unwrap();
        assert_eq!(check(&tree).len(), 1);
    }
}
