//! Alert rules of the user's own, from TOML or from lines of SMARTS.

use serde::Deserialize;

use super::{Alert, AlertCatalog};
use crate::ChemError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Set name of every rule that does not bring its own.
    #[serde(default = "default_set")]
    set: String,
    #[serde(default)]
    alerts: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: String,
    smarts: String,
    #[serde(default)]
    description: String,
    set: Option<String>,
    /// Matches allowed before the rule fires.
    #[serde(default)]
    allowed: usize,
}

fn default_set() -> String {
    "custom".to_owned()
}

impl AlertCatalog {
    /// Reads rules from TOML: `set = "…"`, then `[[alerts]]` with `name`, `smarts` and, if wanted,
    /// `description`, `set` and `allowed`.
    ///
    /// # Errors
    /// [`ChemError::Parameter`] naming the rule or the line.
    pub fn from_toml(text: &str) -> Result<Self, ChemError> {
        let file: File = toml::from_str(text).map_err(|error| problem(error.to_string()))?;
        if file.alerts.is_empty() {
            return Err(problem("no rules: write [[alerts]] with name and smarts".to_owned()));
        }
        let mut catalog = Self::default();
        for rule in file.alerts {
            let name = rule.name.clone();
            let alert = Alert {
                set: rule.set.unwrap_or_else(|| file.set.clone()),
                name: rule.name,
                description: rule.description,
                smarts: rule.smarts,
                allowed: rule.allowed,
            };
            catalog.push(alert).map_err(|error| problem(format!("rule `{name}`: {error}")))?;
        }
        Ok(catalog)
    }

    /// Reads rules from lines: a pattern, white space, a name. Empty lines and lines that start with
    /// `#` and a blank are left out; a rule without a name is called by its pattern.
    ///
    /// # Errors
    /// [`ChemError::Parameter`] naming the line.
    pub fn from_smarts_lines(text: &str, set: &str) -> Result<Self, ChemError> {
        let mut catalog = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line == "#" || line.starts_with("# ") {
                continue;
            }
            let (smarts, name) = line.split_once(char::is_whitespace).unwrap_or((line, line));
            let alert = Alert {
                set: set.to_owned(),
                name: name.trim().to_owned(),
                description: String::new(),
                smarts: smarts.to_owned(),
                allowed: 0,
            };
            catalog.push(alert).map_err(|error| problem(format!("line {}: {error}", index + 1)))?;
        }
        if catalog.is_empty() {
            return Err(problem("no rules: write one SMARTS and its name a line".to_owned()));
        }
        Ok(catalog)
    }
}

fn problem(reason: String) -> ChemError {
    ChemError::Parameter { name: "alert rules", reason }
}
