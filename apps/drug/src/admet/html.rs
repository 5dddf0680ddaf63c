//! A profile as one HTML page: no scripts, nothing from the network.

use std::fmt::Write as _;

use strata_chem::Mol;

use super::{Profile, radar, text};
use crate::report::escape;
use crate::screen::Provenance;
use crate::tools::depict::draw;

/// The page: drawing, radar, tables, and where the numbers come from.
#[must_use]
pub fn page(profile: &Profile, provenance: &Provenance) -> String {
    let name = profile.canonical_smiles.as_deref().unwrap_or(&profile.smiles);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>ADMET profile: {}</title><style>{}\
         .pair{{display:flex;flex-wrap:wrap;gap:1rem}}.pair svg{{width:24rem;height:auto}}</style></head>\
         <body><header><p class=\"kicker\">ADMET profile</p><h1>{}</h1></header><main>",
        escape(name),
        include_str!("../report/style.css"),
        escape(name)
    );
    if let Some(code) = &profile.error_code {
        let error = profile.error.as_deref().unwrap_or("");
        let _ =
            write!(page, "<p>No profile (<code>{}</code>): {}</p>", escape(code), escape(error));
        page.push_str("</main></body></html>\n");
        return page;
    }
    page.push_str("<section class=\"pair\">");
    // A molecule that cannot be laid out has no drawing.
    let drawing = Mol::from_smiles(name).ok().and_then(|mol| draw(&mol, None).ok());
    page.push_str(&drawing.unwrap_or_default());
    page.push_str(&radar(profile).unwrap_or_default());
    page.push_str("</section>");
    let properties: Vec<String> =
        profile.properties.iter().map(|p| format!("{} {:.2}", escape(&p.name), p.value)).collect();
    let _ = write!(page, "<p>{}</p>", properties.join(" · "));
    let _ = write!(page, "<p>Alerts: {}</p>", escape(profile.alerts.as_deref().unwrap_or("none")));
    let _ = write!(page, "<p>{}</p>", escape(&text::domain(profile)));
    for group in &profile.groups {
        let _ = write!(
            page,
            "<section><h2>{}</h2><table><thead><tr><th>Endpoint</th><th>Value</th><th>Unit</th>\
             <th>Percentile</th></tr></thead><tbody>",
            escape(&group.name)
        );
        for endpoint in &group.endpoints {
            let number = |value: Option<f64>, decimals: usize| {
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
            };
            let _ = write!(
                page,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&endpoint.title),
                number(endpoint.value, 3),
                escape(endpoint.unit.as_deref().unwrap_or("")),
                number(endpoint.percentile, 0)
            );
        }
        page.push_str("</tbody></table></section>");
    }
    page.push_str("<section><h2>Where the numbers come from</h2><ul>");
    for model in &provenance.models {
        let _ = write!(
            page,
            "<li>{} {} (<code>{}</code>)</li>",
            escape(&model.model),
            escape(&model.version),
            escape(&model.sha256)
        );
    }
    for set in &provenance.references {
        let _ = write!(
            page,
            "<li>percentiles: {} (<code>{}</code>)</li>",
            escape(&set.name),
            escape(&set.sha256)
        );
    }
    page.push_str("</ul></section></main></body></html>\n");
    page
}
