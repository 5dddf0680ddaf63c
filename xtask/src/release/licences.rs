//! The licences of the crates that are linked into the programs, with their texts: what MIT, BSD and Apache ask of
//! whoever hands out programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::graph::{Crate, Graph};

/// Beginnings of the names of files that hold a licence or what it asks to be kept.
const NAMES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// Every linked crate with its licence, then every text once, under the crates that carry it.
pub(super) fn text(graph: &Graph) -> Result<String> {
    let mut list = String::new();
    let mut texts: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for part in graph.values().filter(|part| part.linked && part.foreign) {
        let name = format!("{} {}", part.name, part.version);
        let files = files(part)?;
        let lacking = if files.is_empty() { " (its package carries no text)" } else { "" };
        let licence = part.licence.as_deref().unwrap_or("see its text");
        list += &format!("{name}: {licence}{lacking}\n");
        for file in files {
            let bytes =
                std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            // Line ends and margins differ between copies of one text.
            let same = text.split_whitespace().collect::<Vec<_>>().join(" ");
            texts.entry(same).or_insert_with(|| (text, Vec::new())).1.push(name.clone());
        }
    }
    let mut out = format!(
        "Crates linked into the programs of Strata, and their licences. ONNX Runtime's are in the folder lib.\n\n{list}"
    );
    let mut texts: Vec<(String, Vec<String>)> = texts.into_values().collect();
    texts.sort_by(|a, b| a.1.cmp(&b.1).then(a.0.cmp(&b.0)));
    for (text, mut crates) in texts {
        crates.dedup();
        out += &format!("\n{}\n{}\n\n{}\n", "=".repeat(80), crates.join(", "), text.trim_end());
    }
    Ok(out)
}

fn files(part: &Crate) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in [part.folder.clone(), part.folder.join("LICENSES"), part.folder.join("licenses")]
    {
        if !folder.is_dir() {
            continue;
        }
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("the sources of {} are not here", part.name))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_file() && (folder != part.folder || is_licence(&path)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_licence(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_uppercase());
    name.is_some_and(|name| NAMES.iter().any(|start| name.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_text_that_two_crates_share_stands_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut graph = Graph::new();
        for (name, text) in [("a", "The text\n"), ("b", "The  text\r\n"), ("c", "Another\n")] {
            let sources = folder.path().join(name);
            std::fs::create_dir(&sources).unwrap();
            std::fs::write(sources.join("LICENSE-MIT"), text).unwrap();
            std::fs::write(sources.join("lib.rs"), "no licence").unwrap();
            let part = Crate {
                name: name.to_owned(),
                version: "1.0.0".to_owned(),
                licence: Some("MIT".to_owned()),
                description: None,
                repository: None,
                folder: sources,
                foreign: true,
                linked: name != "x",
                needs: BTreeSet::new(),
            };
            graph.insert((name.to_owned(), "1.0.0".to_owned()), part);
        }
        let written = text(&graph).unwrap();
        assert_eq!(written.matches("The text").count(), 1, "{written}");
        assert!(written.contains("\na 1.0.0, b 1.0.0\n") && written.contains("c 1.0.0: MIT\n"));
        assert!(!written.contains("no licence"));
    }
}
