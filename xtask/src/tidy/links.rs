//! Links in Markdown: relative ones lead to files that are there.

use std::path::Path;

use super::{Fault, Tree};

/// Checks every `[text](target)` and `[name]: target` outside code.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.with_extension("md") {
        let mut fenced = false;
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for target in targets(&without_code(line)) {
                if let Some(why) = dead(tree, path, &target) {
                    faults.push(Fault::new(
                        path,
                        number + 1,
                        format!("dead link `{target}`: {why}"),
                    ));
                }
            }
        }
    }
    faults
}

/// A line with its `code spans` taken out.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

fn targets(line: &str) -> Vec<String> {
    let mut found: Vec<String> = line
        .match_indices("](")
        .filter_map(|(at, _)| {
            let rest = &line[at + 2..];
            let inside = &rest[..rest.find(')')?];
            // A title may follow: [text](target "title").
            inside.split_whitespace().next().map(|t| t.trim_matches(['<', '>']).to_owned())
        })
        .collect();
    if let Some((name, target)) = line.split_once("]: ")
        && name.starts_with('[')
        && !name.starts_with("[^")
    {
        found.extend(target.split_whitespace().next().map(str::to_owned));
    }
    found
}

/// Why a link leads nowhere; `None` when it is alive or leads out of the workspace.
fn dead(tree: &Tree, page: &Path, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") || target.starts_with('#') {
        return None;
    }
    let file = target.split(['#', '?']).next().unwrap_or(target);
    if file.starts_with('/') {
        return Some("write it relative to the page");
    }
    let folder = tree.root.join(page.parent().unwrap_or(Path::new("")));
    (!folder.join(file).exists()).then_some("there is no such file")
}

#[cfg(test)]
mod tests {
    use super::super::testing::faults;
    use super::*;

    #[test]
    fn dead_links_are_found_and_live_ones_are_not() {
        let page = "[a](b.md) [c](docs/) ![p](docs/p.svg \"t\") [w](https://x/y) [h](#top) [s](b.md#part)\n\
                    `[code](nowhere.md)`\n```\n[fenced](nowhere.md)\n```\n[up](../nowhere.md)\n[abs](/b.md)\n\
                    [ref]: gone.md\n[^1]: a note\n";
        let found = faults(check, &[("a.md", page), ("b.md", ""), ("docs/p.svg", "")]);
        assert_eq!(found.len(), 3, "{found:?}");
        for (fault, line) in found.iter().zip(["a.md:6:", "a.md:7:", "a.md:8:"]) {
            assert!(fault.starts_with(line), "{fault}");
        }
    }
}
