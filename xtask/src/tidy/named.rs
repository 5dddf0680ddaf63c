//! Tests that papers name: `path/file.rs::test` must be there, or a claim stands on nothing.

use std::path::Path;

use super::{Fault, Tree};

/// Checks every test that a page or the table of targets names.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let papers = tree.with_extension("md").chain(tree.with_extension("toml"));
    let mut faults = Vec::new();
    for (path, text) in papers {
        for (number, line) in text.lines().enumerate() {
            for (file, test) in line.split(['`', '"']).filter_map(named) {
                if let Some(why) = absent(tree, file, test) {
                    faults.push(Fault::new(path, number + 1, why));
                }
            }
        }
    }
    faults
}

/// `path/file.rs::test`, and nothing else.
fn named(text: &str) -> Option<(&str, &str)> {
    let (file, test) = text.split_once("::")?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_path = file.ends_with(".rs") && file.chars().all(|c| word(c) || "/.-".contains(c));
    (is_path && !test.is_empty() && test.chars().all(word)).then_some((file, test))
}

fn absent(tree: &Tree, file: &str, test: &str) -> Option<String> {
    let Some((_, code)) = tree.code.iter().find(|(path, _)| path == Path::new(file)) else {
        return Some(format!("names a test of {file}, and there is no such file"));
    };
    let there = code.contains(&format!("fn {test}("));
    (!there).then(|| format!("names the test {test}, which {file} does not have"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::faults;
    use super::*;

    #[test]
    fn tests_that_are_gone_are_told_and_other_code_is_left_alone() {
        let code = ("a/t.rs", "//! T.\n#[test]\nfn it_holds() {}\n// fn gone() {}\n");
        let good = "`a/t.rs::it_holds` and `Vec::new`, `std::net`, `x.rs::`\n";
        assert_eq!(faults(check, &[code, ("p.md", good)]), [""; 0]);
        let bad = "`a/t.rs::gone`\n`b/t.rs::it_holds`\n";
        let found = faults(check, &[code, ("p.md", bad), ("t.toml", "x = \"a/t.rs::gone\"\n")]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("p.md:1: names the test gone"), "{found:?}");
    }
}
