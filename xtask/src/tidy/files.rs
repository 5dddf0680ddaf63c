//! Rules about single source files: their heads, their length, nothing unfinished.

use std::path::Path;

use super::source::lines_with;
use super::{Fault, Tree};

/// Lines a Rust file may have, unless its head says that it is a data table.
const MAX_LINES: usize = 500;

/// A file opens with what it is for.
pub(super) fn heads(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.with_extension("rs") {
        if !text.starts_with("//!") {
            faults.push(Fault::new(
                path,
                1,
                "begin with a `//!` line that says what the file is for",
            ));
        }
    }
    for (path, text) in tree.with_extension("py") {
        let first = text.lines().find(|l| !l.trim().is_empty() && !l.starts_with("#!"));
        let said = first
            .is_none_or(|l| ["\"\"\"", "'''", "r\"\"\"", "# "].iter().any(|h| l.starts_with(h)));
        // An empty `__init__.py` marks a package and says all it has to.
        if !said {
            faults.push(Fault::new(
                path,
                1,
                "begin with a docstring that says what the file is for",
            ));
        }
    }
    for (path, text) in tree.texts.iter().filter(|(path, _)| is_shell(path)) {
        let said = text.lines().nth(1).is_some_and(|l| l.starts_with("# "));
        if !said {
            faults.push(Fault::new(
                path,
                2,
                "say in a comment below the first line what the script is for",
            ));
        }
    }
    faults
}

fn is_shell(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "sh") || path.starts_with(".ci")
}

/// Files stay short enough to be read.
pub(super) fn lengths(tree: &Tree) -> Vec<Fault> {
    let long = tree.with_extension("rs").filter_map(|(path, text)| {
        let lines = text.lines().count();
        let table = text.lines().take(5).any(|l| l.contains("Data table"));
        (lines > MAX_LINES && !table).then(|| {
            Fault::new(
                path,
                0,
                format!("{lines} lines, {MAX_LINES} are the limit: divide it by what it does"),
            )
        })
    });
    long.collect()
}

/// Nothing is left for later.
pub(super) fn unfinished(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, code) in &tree.code {
        for name in ["todo!", "unimplemented!"] {
            for line in lines_with(code, name) {
                faults.push(Fault::new(path, line, format!("{name}() is unfinished code")));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::testing::faults;
    use super::*;

    #[test]
    fn heads_are_missed() {
        let good = [
            ("a.rs", "//! A.\n"),
            ("a.py", "#!/usr/bin/env python3\n\"\"\"A.\"\"\"\n"),
            ("b.py", "# B\nimport os\n"),
            ("p/__init__.py", ""),
            ("s.sh", "#!/bin/sh\n# S.\n"),
        ];
        assert_eq!(faults(heads, &good), [""; 0]);
        let bad = [
            ("a.rs", "\n//! A.\n"),
            ("b.rs", "/// B.\nfn b() {}"),
            ("a.py", "import os\n"),
            (".ci/run", "#!/bin/bash\nset -e\n"),
        ];
        assert_eq!(faults(heads, &bad).len(), 4);
    }

    #[test]
    fn long_files_are_found_and_tables_are_spared() {
        let long = "//! A.\n".to_owned() + &"// x\n".repeat(500);
        let table = long.replacen("A.", "Data table: A.", 1);
        let found = faults(lengths, &[("a.rs", &long), ("b.rs", &table), ("c.rs", &long[..500])]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("501 lines"), "{found:?}");
    }

    #[test]
    fn unfinished_code_is_found_and_words_are_not() {
        let text = "//! A.\nfn a() {\n    todo!()\n}\nfn b() { unimplemented!(\"later\") }\n// todo!\nconst T: &str = \"todo!\";\n";
        assert_eq!(faults(unfinished, &[("a.rs", text)]).len(), 2);
    }
}
