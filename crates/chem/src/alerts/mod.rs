//! Structural alerts: PAINS, Brenk and NIH rules, and rules of the user's own.
//!
//! Patterns are read as RDKit's FilterCatalog reads them: explicit hydrogens of a pattern are merged
//! into their heavy atoms, and a rule may allow a number of matches before it fires.
//!
//! ```
//! use strata_chem::{Mol, alerts::AlertCatalog};
//!
//! let catalog = AlertCatalog::builtin(&["pains", "brenk"])?;
//! let rhodanine = Mol::from_smiles("O=C1NC(=S)SC1=Cc1ccccc1")?;
//! let names: Vec<&str> = catalog.hits(&rhodanine).iter().map(|a| a.name.as_str()).collect();
//! assert!(names.contains(&"ene_rhod_A(235)"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod custom;

use std::sync::LazyLock;

use crate::smarts::{PatternOptions, PatternSet, SetMatcher, SmartsError, Target};
use crate::{ChemError, Mol};

/// The built-in sets and their tables.
const TABLES: [(&str, &str); 3] = [
    ("pains", include_str!("../../data/pains.tsv")),
    ("brenk", include_str!("../../data/brenk.tsv")),
    ("nih", include_str!("../../data/nih.tsv")),
];

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The set it belongs to, e.g. `PAINS_A`.
    pub set: String,
    /// Its name within the set.
    pub name: String,
    /// Why it is there.
    pub description: String,
    /// Its pattern.
    pub smarts: String,
    /// Matches a molecule may have before the rule fires.
    pub allowed: usize,
}

impl Alert {
    /// `SET:name`, as result tables write it.
    pub fn label(&self) -> String {
        format!("{}:{}", self.set, self.name)
    }
}

/// A rule that fired and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertHit<'a> {
    /// The rule.
    pub alert: &'a Alert,
    /// The atoms of every match that differs in its set of atoms.
    pub atoms: Vec<Vec<u32>>,
}

/// A catalogue of rules, compiled together.
#[derive(Debug, Clone, Default)]
pub struct AlertCatalog {
    alerts: Vec<Alert>,
    patterns: PatternSet,
}

/// Names [`AlertCatalog::builtin`] knows.
pub const BUILTIN: [&str; 3] = ["pains", "brenk", "nih"];

static PAINS: LazyLock<AlertCatalog> = LazyLock::new(|| AlertCatalog::of_tables(&["pains"]));
static BRENK: LazyLock<AlertCatalog> = LazyLock::new(|| AlertCatalog::of_tables(&["brenk"]));
static NIH: LazyLock<AlertCatalog> = LazyLock::new(|| AlertCatalog::of_tables(&["nih"]));

impl AlertCatalog {
    /// The 480 PAINS rules, families A, B and C (Baell and Holloway 2010).
    pub fn pains() -> &'static Self {
        &PAINS
    }

    /// The 105 rules of Brenk et al. (2008).
    pub fn brenk() -> &'static Self {
        &BRENK
    }

    /// The 180 NIH rules (Jadhav et al. 2010, Doveston et al. 2015).
    pub fn nih() -> &'static Self {
        &NIH
    }

    /// Several built-in sets in one catalogue: faster than asking one after another.
    ///
    /// # Errors
    /// [`ChemError::Parameter`] for a name outside [`BUILTIN`].
    pub fn builtin(names: &[&str]) -> Result<Self, ChemError> {
        match names.iter().find(|name| !BUILTIN.contains(name)) {
            Some(unknown) => Err(ChemError::Parameter {
                name: "alerts",
                reason: format!("no alert set `{unknown}`; known are {}", BUILTIN.join(", ")),
            }),
            None => Ok(Self::of_tables(names)),
        }
    }

    fn of_tables(names: &[&str]) -> Self {
        let mut catalog = Self::default();
        for name in names {
            let table = TABLES.iter().find(|t| t.0 == *name).map_or("", |t| t.1);
            for row in crate::descriptors::periodic::rows(table) {
                let [set, rule, allowed, smarts] = row.as_slice() else { continue };
                // The tables are part of the program; a test counts their rules.
                let _ = catalog.push(Alert {
                    set: (*set).to_owned(),
                    name: (*rule).to_owned(),
                    description: describe(set).to_owned(),
                    smarts: (*smarts).to_owned(),
                    allowed: allowed.parse().unwrap_or(0),
                });
            }
        }
        catalog
    }

    /// Adds a rule.
    ///
    /// # Errors
    /// [`SmartsError::Syntax`] where its pattern cannot be read.
    pub fn push(&mut self, alert: Alert) -> Result<(), SmartsError> {
        self.patterns.add(&alert.smarts, PatternOptions { merge_hydrogens: true })?;
        self.alerts.push(alert);
        Ok(())
    }

    /// Adds all rules of another catalogue.
    ///
    /// # Errors
    /// [`SmartsError::Syntax`] where a pattern cannot be read.
    pub fn extend(&mut self, other: &Self) -> Result<(), SmartsError> {
        other.alerts.iter().try_for_each(|alert| self.push(alert.clone()))
    }

    /// The rules.
    pub fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// Number of rules.
    pub fn len(&self) -> usize {
        self.alerts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    /// The rules that fire on a molecule, in the order of the catalogue. A rule whose search had to be
    /// given up (a pattern built to explode) counts as firing: a molecule never passes unchecked.
    pub fn hits(&self, mol: &Mol) -> Vec<&Alert> {
        self.hits_on(&Target::new(mol))
    }

    /// [`AlertCatalog::hits`] for a prepared molecule.
    pub fn hits_on(&self, target: &Target) -> Vec<&Alert> {
        let mut on = self.patterns.on(target);
        self.alerts
            .iter()
            .enumerate()
            .filter(|(index, alert)| fires(&mut on, *index, alert).unwrap_or(true))
            .map(|(_, alert)| alert)
            .collect()
    }

    /// The rules that fire.
    ///
    /// # Errors
    /// [`ChemError::Operation`] naming the rule whose search was given up.
    pub fn try_hits(&self, mol: &Mol) -> Result<Vec<&Alert>, ChemError> {
        let target = Target::new(mol);
        let mut on = self.patterns.on(&target);
        let mut hits = Vec::new();
        for (index, alert) in self.alerts.iter().enumerate() {
            let fired = fires(&mut on, index, alert).map_err(|error| ChemError::Operation {
                operation: "structural alerts",
                reason: format!("{}: {error}", alert.label()),
            })?;
            if fired {
                hits.push(alert);
            }
        }
        Ok(hits)
    }

    /// The rules that fire, each with the atoms it matched.
    pub fn hits_with_atoms(&self, mol: &Mol) -> Vec<AlertHit<'_>> {
        let target = Target::new(mol);
        let mut on = self.patterns.on(&target);
        let mut hits = Vec::new();
        for (index, alert) in self.alerts.iter().enumerate() {
            if fires(&mut on, index, alert).unwrap_or(true) {
                hits.push(AlertHit { alert, atoms: on.find(index).unwrap_or_default() });
            }
        }
        hits
    }
}

fn fires(on: &mut SetMatcher<'_>, index: usize, alert: &Alert) -> Result<bool, SmartsError> {
    match alert.allowed {
        0 => on.matches(index),
        allowed => Ok(on.matches(index)? && on.count(index)? > allowed),
    }
}

fn describe(set: &str) -> &'static str {
    match set {
        "PAINS_A" => "pan-assay interference, family A: many hits (Baell and Holloway 2010)",
        "PAINS_B" => "pan-assay interference, family B: some hits (Baell and Holloway 2010)",
        "PAINS_C" => "pan-assay interference, family C: few hits (Baell and Holloway 2010)",
        "BRENK" => "reactive, toxic or otherwise unwanted group (Brenk et al. 2008)",
        _ => "annotation of the NIH molecular libraries (Jadhav et al. 2010)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_all_their_rules() {
        let counts = [AlertCatalog::pains(), AlertCatalog::brenk(), AlertCatalog::nih()]
            .map(AlertCatalog::len);
        assert_eq!(counts, [480, 105, 180]);
    }

    #[test]
    fn every_row_of_the_tables_is_read() {
        for (name, table) in TABLES {
            for row in crate::descriptors::periodic::rows(table) {
                let [_, _, allowed, smarts] = row.as_slice() else { panic!("{name}: {row:?}") };
                assert!(allowed.parse::<usize>().is_ok(), "{name}: {row:?}");
                assert!(crate::smarts::Pattern::parse(smarts).is_ok(), "{name}: {row:?}");
            }
        }
    }

    #[test]
    fn unknown_sets_are_named() {
        let error = AlertCatalog::builtin(&["pains", "pain"]).unwrap_err();
        assert!(error.to_string().contains("`pain`"), "{error}");
    }
}
