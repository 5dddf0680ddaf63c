//! A profile as text for a terminal.

use std::fmt::Write as _;

use super::{Domain, Profile};

/// The profile: properties, then a block a group with value, unit and percentile.
#[must_use]
pub fn text(profile: &Profile) -> String {
    let mut out = String::new();
    if let (Some(code), error) = (&profile.error_code, &profile.error) {
        let _ = writeln!(
            out,
            "{}\n  no profile ({code}): {}",
            profile.smiles,
            error.as_deref().unwrap_or("")
        );
        return out;
    }
    let _ = writeln!(out, "{}", profile.canonical_smiles.as_deref().unwrap_or(&profile.smiles));
    let properties: Vec<String> =
        profile.properties.iter().map(|p| format!("{} {:.2}", p.name, p.value)).collect();
    let _ = writeln!(out, "  {}", properties.join(", "));
    let _ = writeln!(out, "  alerts: {}", profile.alerts.as_deref().unwrap_or("none"));
    let _ = writeln!(out, "  {}", domain(profile));
    for group in &profile.groups {
        let _ = writeln!(out, "\n{:<54} {:>10}  {:<18} percentile", group.name, "value", "unit");
        for endpoint in &group.endpoints {
            let number = |value: Option<f64>, decimals: usize| {
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
            };
            let title: String = endpoint.title.chars().take(52).collect();
            let _ = writeln!(
                out,
                "  {title:<52} {:>10}  {:<18} {:>6}",
                number(endpoint.value, 3),
                endpoint.unit.as_deref().unwrap_or(""),
                number(endpoint.percentile, 0),
            );
        }
    }
    out
}

/// How near the molecule is to what the models learnt from, as a sentence.
pub(super) fn domain(profile: &Profile) -> String {
    let nearest = profile.nn_tanimoto.unwrap_or(0.0);
    match profile.domain {
        Domain::Inside => format!("inside the models' domain: nearest known molecule {nearest:.2}"),
        Domain::Outside => format!(
            "OUTSIDE the models' domain: nearest known molecule only {nearest:.2}; take with care"
        ),
        Domain::Unknown => "the models bring no molecules to compare with".to_owned(),
    }
}
