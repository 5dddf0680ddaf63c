//! The scenario file's format. Unknown keys are refused everywhere.

use serde::Deserialize;
use toml::Spanned;

use super::Shape;

/// What a good molecule is for one purpose.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Short name, as in `--profile NAME`.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// What it is for and where its thresholds come from.
    pub description: String,
    /// Version of the file.
    pub version: String,
    /// Models to run, by the names of their cards.
    #[serde(default)]
    pub models: Vec<String>,
    /// How the parts become one number.
    #[serde(default)]
    pub score: ScoreSettings,
    /// How desirable the values of properties are.
    #[serde(default, rename = "desirability")]
    pub desirabilities: Vec<Desirability>,
    /// Hard limits: crossing one flags the molecule, and costs what the cut-off says.
    #[serde(default, rename = "cutoff")]
    pub cutoffs: Vec<Cutoff>,
    /// Structural alerts that are looked for.
    #[serde(default, rename = "alerts")]
    pub alerts: Vec<AlertRule>,
}

/// How desirabilities become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScoreMethod {
    /// exp(Σ wᵢ ln max(dᵢ, floor) / Σ wᵢ): one bad property cannot be made good by others.
    #[default]
    Geometric,
    /// Σ wᵢ dᵢ / Σ wᵢ.
    Arithmetic,
}

/// What a property without a value does to the score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissingPolicy {
    /// Its weight is left out.
    #[default]
    Skip,
    /// It counts as undesirable.
    Zero,
    /// There is no score.
    Empty,
}

/// The `[score]` table.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScoreSettings {
    /// How parts become one number.
    pub method: ScoreMethod,
    /// Lowest desirability a geometric mean sees, so that a single zero does not make all else equal.
    pub floor: f64,
    /// What a property without a value does.
    pub missing: MissingPolicy,
}

impl Default for ScoreSettings {
    fn default() -> Self {
        Self { method: ScoreMethod::default(), floor: 0.01, missing: MissingPolicy::default() }
    }
}

/// A `[[desirability]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desirability {
    /// A numeric column of the results.
    pub property: Spanned<String>,
    /// Its share of the score.
    #[serde(default = "one")]
    pub weight: Spanned<f64>,
    /// From value to desirability, 0 to 1.
    pub shape: Spanned<Shape>,
    /// Why, for people.
    #[serde(default)]
    pub reason: String,
}

/// A `[[cutoff]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cutoff {
    /// A numeric column of the results.
    pub property: Spanned<String>,
    /// Values below are flagged.
    pub min: Option<f64>,
    /// Values above are flagged.
    pub max: Option<f64>,
    /// What the score is multiplied with when the molecule is flagged.
    #[serde(default = "one")]
    pub penalty: Spanned<f64>,
    /// What the `flags` column says; by default `property>max` or `property<min`.
    pub label: Option<String>,
}

/// An `[[alerts]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// A built-in set, `PAINS` or `Brenk`.
    pub set: Option<Spanned<String>>,
    /// Or a file of one's own: TOML or lines of SMARTS and name.
    pub file: Option<Spanned<String>>,
    /// What the score is multiplied with when any alert of the set hits.
    #[serde(default = "one")]
    pub penalty: Spanned<f64>,
}

fn one() -> Spanned<f64> {
    Spanned::new(0..0, 1.0)
}
