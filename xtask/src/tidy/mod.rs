//! `cargo xtask tidy`: the rules of ARCHITECTURE.md and CONTRIBUTING.md that a machine can check.

mod data;
mod deps;
mod files;
mod links;
mod named;
mod private;
mod source;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use crate::workspace;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    file: PathBuf,
    /// Line from 1; 0 where the fault is the whole file's.
    line: usize,
    text: String,
}

impl Fault {
    fn new(file: &Path, line: usize, text: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, text: text.into() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.text),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.text),
        }
    }
}

/// The files of a workspace, read as text.
struct Tree {
    root: PathBuf,
    /// Path relative to the root, and the text.
    texts: Vec<(PathBuf, String)>,
    /// The code of each Rust file, comments and literals blanked out.
    code: Vec<(PathBuf, String)>,
    /// All paths, those of binary files too.
    paths: Vec<PathBuf>,
}

impl Tree {
    fn read(root: &Path) -> Result<Self> {
        let paths = workspace::files(root)?;
        let mut texts = Vec::new();
        for path in &paths {
            // Binary files have no rules; a file that vanished meanwhile has none either.
            if let Ok(text) = std::fs::read_to_string(root.join(path)) {
                texts.push((path.clone(), text));
            }
        }
        let rust = texts.iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "rs"));
        let code = rust.map(|(path, text)| (path.clone(), source::code_of(text))).collect();
        Ok(Self { root: root.to_owned(), texts, code, paths })
    }

    fn with_extension<'t>(
        &'t self,
        extension: &'t str,
    ) -> impl Iterator<Item = (&'t Path, &'t str)> {
        self.texts
            .iter()
            .filter(move |(path, _)| path.extension().is_some_and(|e| e == extension))
            .map(|(path, text)| (path.as_path(), text.as_str()))
    }
}

type Check = fn(&Tree) -> Vec<Fault>;

/// Every rule, by the words it is reported under.
const CHECKS: &[(&str, Check)] = &[
    ("dependency rule", deps::check),
    ("file heads", files::heads),
    ("file length", files::lengths),
    ("unfinished code", files::unfinished),
    ("links", links::check),
    ("named tests", named::check),
    ("machine paths and registries", private::check),
    ("model cards", data::cards),
    ("lock of models", data::locked),
    ("figures", data::figures),
    ("TOML files", data::tomls),
];

/// All faults of the workspace at `root`.
pub(crate) fn check(root: &Path) -> Result<Vec<Fault>> {
    let tree = Tree::read(root)?;
    let mut faults: Vec<Fault> = CHECKS.iter().flat_map(|(_, check)| check(&tree)).collect();
    faults.sort();
    Ok(faults)
}

/// Prints faults, or that there are none.
pub(crate) fn print(faults: &[Fault]) {
    for fault in faults {
        println!("tidy: {fault}");
    }
    if faults.is_empty() {
        let rules: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
        println!("tidy: ok ({})", rules.join(", "));
    } else {
        println!("tidy: FAILED, faults: {}", faults.len());
    }
}

/// Runs `tidy`.
pub(crate) fn main() -> Result<ExitCode> {
    let faults = check(&workspace::root()?)?;
    print(&faults);
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod testing {
    use super::*;

    /// The faults that `check` finds in a workspace of these files, as text.
    pub(super) fn faults(check: Check, files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let tree = Tree::read(folder.path()).unwrap();
        check(&tree).iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_workspace_has_no_fault_and_faults_name_their_place() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.rs"), "//! What it is for.\n").unwrap();
        assert_eq!(check(folder.path()).unwrap(), []);
        std::fs::write(folder.path().join("b.rs"), "fn b() {}\n").unwrap();
        let faults = check(folder.path()).unwrap();
        assert_eq!(faults.len(), 1);
        assert!(faults[0].to_string().starts_with("b.rs:1: "), "{}", faults[0]);
    }
}
