//! Names of targets: the model knows them by ChEMBL identifier alone, so names come from a table.

use std::collections::HashMap;
use std::path::Path;

use crate::tools::ToolError;

/// Gene, protein, organism and class of the targets we name ourselves: widely studied ones, not all of the model's.
const BUILT_IN: &str = include_str!("names.csv");

/// What is known of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct TargetInfo {
    /// ChEMBL identifier.
    pub target: String,
    /// Symbol of its gene; empty where it is not in the table.
    pub gene: String,
    /// The protein; empty where it is not in the table.
    pub name: String,
    /// Organism; empty where it is not in the table.
    pub organism: String,
    /// Class of the protein, such as `kinase`; empty where it is not in the table.
    pub class: String,
}

impl TargetInfo {
    /// Its name for people: the protein, else the identifier.
    #[must_use]
    pub fn label(&self) -> &str {
        if self.name.is_empty() { &self.target } else { &self.name }
    }

    fn matches(&self, text: &str) -> bool {
        let fields = [&self.target, &self.gene, &self.name, &self.organism, &self.class];
        fields.iter().any(|field| field.to_lowercase().contains(text))
    }
}

/// A table of names.
#[derive(Debug, Clone, Default)]
pub struct TargetNames {
    known: HashMap<String, TargetInfo>,
}

impl TargetNames {
    /// The program's own table.
    #[must_use]
    pub fn built_in() -> Self {
        let mut names = Self::default();
        names.add(BUILT_IN, ',');
        names
    }

    /// The program's own table and a file: comma- or tab-separated, a ChEMBL target identifier in any column, and behind it the
    /// name, organism and class as far as they go. ChEMBL's own `chembl_uniprot_mapping.txt` is such a file.
    ///
    /// # Errors
    /// Where the file cannot be read or names no target.
    pub fn with_file(path: &Path) -> Result<Self, ToolError> {
        let text = std::fs::read_to_string(path).map_err(ToolError::io(path))?;
        let mut names = Self::built_in();
        let separator = if text.contains('\t') { '\t' } else { ',' };
        if names.add_others(&text, separator) == 0 {
            let (path, example) = (path.display(), "CHEMBL203,Epidermal growth factor receptor");
            let text = format!("{path} names no target: it needs rows such as `{example}`");
            return Err(ToolError::Request(text));
        }
        Ok(names)
    }

    /// Rows `target,gene,name,organism,class`.
    fn add(&mut self, text: &str, separator: char) {
        for line in text.lines().filter(|line| line.starts_with("CHEMBL")) {
            let mut fields = line.split(separator).map(str::trim).map(str::to_owned);
            let mut next = || fields.next().unwrap_or_default();
            let (target, gene) = (next(), next());
            let info = TargetInfo { target, gene, name: next(), organism: next(), class: next() };
            self.known.insert(info.target.clone(), info);
        }
    }

    fn add_others(&mut self, text: &str, separator: char) -> usize {
        let mut added = 0;
        for line in text.lines() {
            let mut fields =
                line.split(separator).map(|field| field.trim().trim_matches('"').to_owned());
            let Some(target) = fields.find(|field| is_target(field)) else { continue };
            let [name, organism, class] = [(); 3].map(|()| fields.next().unwrap_or_default());
            // The mapping's last column says that a target is a single protein, as all here are.
            let organism = if organism == "SINGLE PROTEIN" { String::new() } else { organism };
            let info = self.known.entry(target.clone()).or_default();
            info.target = target;
            for (place, given) in
                [(&mut info.name, name), (&mut info.organism, organism), (&mut info.class, class)]
            {
                if !given.is_empty() {
                    *place = given;
                }
            }
            added += 1;
        }
        added
    }

    /// What is known of a target: its identifier at least.
    #[must_use]
    pub fn of(&self, target: &str) -> TargetInfo {
        let bare = || TargetInfo { target: target.to_owned(), ..TargetInfo::default() };
        self.known.get(target).cloned().unwrap_or_else(bare)
    }

    /// Those of `ids` whose identifier, gene, name, organism or class holds `text`, in any case, in their order.
    #[must_use]
    pub fn search(&self, ids: &[String], text: &str) -> Vec<TargetInfo> {
        let text = text.trim().to_lowercase();
        ids.iter().map(|id| self.of(id)).filter(|info| info.matches(&text)).collect()
    }

    /// The place in `ids` of the one target that `asked` means: an identifier, a gene, a name, or a part of one name alone.
    ///
    /// # Errors
    /// [`ToolError::Request`] where it is none, or several, naming them.
    pub fn find(&self, ids: &[String], asked: &str) -> Result<usize, ToolError> {
        let same = |info: &TargetInfo| {
            [&info.target, &info.gene, &info.name]
                .iter()
                .any(|f| f.eq_ignore_ascii_case(asked.trim()))
        };
        let part = self.search(ids, asked);
        let whole: Vec<&TargetInfo> = part.iter().filter(|info| same(info)).collect();
        let found = if whole.is_empty() { part.iter().collect() } else { whole };
        let listed = |found: &[&TargetInfo]| {
            let one = |info: &&TargetInfo| format!("{} ({})", info.target, info.label());
            found.iter().take(8).map(one).collect::<Vec<_>>().join(", ")
        };
        match &found[..] {
            [one] => Ok(ids.iter().position(|id| *id == one.target).unwrap_or_default()),
            [] => Err(ToolError::Request(format!(
                "the model has no target {asked:?}: `strata-drug targets --list` shows all {}; names of more come with --names FILE",
                ids.len()
            ))),
            several => Err(ToolError::Request(format!(
                "{asked:?} may mean {} targets; give one identifier: {}",
                several.len(),
                listed(several)
            ))),
        }
    }
}

fn is_target(field: &str) -> bool {
    field
        .strip_prefix("CHEMBL")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> Vec<String> {
        ["CHEMBL203", "CHEMBL206", "CHEMBL242", "CHEMBL9999999"].map(str::to_owned).to_vec()
    }

    #[test]
    fn targets_are_found_by_identifier_gene_and_name() {
        let names = TargetNames::built_in();
        let find = |text| names.find(&ids(), text);
        assert_eq!(find("chembl206").unwrap(), 1);
        assert_eq!(find("EGFR").unwrap(), 0);
        assert_eq!(find("epidermal growth").unwrap(), 0);
        assert_eq!(find("CHEMBL9999999").unwrap(), 3);
        let several = find("estrogen").unwrap_err().to_string();
        assert!(several.contains("CHEMBL206") && several.contains("CHEMBL242"), "{several}");
        assert!(find("no such protein").unwrap_err().to_string().contains("--list"));
    }

    #[test]
    fn a_file_adds_names_and_the_table_is_sound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mapping.txt");
        std::fs::write(&path, "# x\nP0\tCHEMBL9999999\tSome protein\tSINGLE PROTEIN\n").unwrap();
        let names = TargetNames::with_file(&path).unwrap();
        assert_eq!(names.of("CHEMBL9999999").name, "Some protein");
        assert_eq!(names.of("CHEMBL203").gene, "EGFR");
        std::fs::write(&path, "nothing\n").unwrap();
        assert!(TargetNames::with_file(&path).is_err());
        for line in BUILT_IN.lines().skip(1) {
            assert_eq!(line.split(',').count(), 5, "{line}");
        }
        let rows = BUILT_IN.lines().skip(1).count();
        assert_eq!(names.known.len(), rows + 1, "a target is named twice");
    }
}
