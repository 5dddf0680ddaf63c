//! A radar of percentiles as SVG: one axis a property, the better end outside.

use std::f64::consts::TAU;
use std::fmt::Write as _;

use super::Profile;
use crate::report::escape;

/// Endpoints of the radar with short titles, clockwise from the top.
const AXES: [(&str, &str); 8] = [
    ("HIA_Hou", "Absorbed"),
    ("Solubility_AqSolDB", "Soluble"),
    ("Bioavailability_Ma", "Bioavailable"),
    ("BBB_Martins", "Into the brain"),
    ("CYP3A4_Veith", "No CYP3A4 inhibition"),
    ("hERG", "hERG safe"),
    ("DILI", "Liver safe"),
    ("AMES", "Not mutagenic"),
];

const SIZE: f64 = 420.0;
const HEIGHT: f64 = 340.0;
const RADIUS: f64 = 112.0;

/// The radar; `None` where no axis has a percentile. Each axis runs from 0 in the middle to 100 at the rim; where a
/// lower value is the better one it shows 100 less the percentile.
#[must_use]
pub fn radar(profile: &Profile) -> Option<String> {
    let axes: Vec<(&str, Option<f64>)> = AXES
        .iter()
        .map(|&(name, title)| {
            let endpoint = profile.endpoint(name);
            let percentile = endpoint.and_then(|found| {
                let percentile = found.percentile?;
                Some(if found.higher_is_better == Some(false) {
                    100.0 - percentile
                } else {
                    percentile
                })
            });
            (title, percentile)
        })
        .collect();
    if axes.iter().all(|(_, percentile)| percentile.is_none()) {
        return None;
    }
    let point = |axis: usize, share: f64| {
        let angle = TAU * axis as f64 / axes.len() as f64;
        (SIZE / 2.0 + RADIUS * share * angle.sin(), HEIGHT / 2.0 - RADIUS * share * angle.cos())
    };
    let outline = |share: &dyn Fn(usize) -> f64| {
        let points = (0..axes.len()).map(|axis| point(axis, share(axis)));
        points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
    };
    let said: Vec<String> = axes
        .iter()
        .map(|(title, p)| p.map_or(format!("{title} unknown"), |p| format!("{title} {p:.0}")))
        .collect();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {SIZE} {HEIGHT}\" role=\"img\" aria-label=\"ADMET \
         percentiles among reference molecules: {}\" font-family=\"sans-serif\" font-size=\"11\">",
        escape(&said.join(", "))
    );
    for ring in [0.25, 0.5, 0.75, 1.0] {
        let _ = write!(
            svg,
            "<polygon points=\"{}\" fill=\"none\" stroke=\"#8a94a0\" stroke-opacity=\"0.45\"/>",
            outline(&|_| ring)
        );
    }
    for axis in 0..axes.len() {
        let ((x, y), (cx, cy)) = (point(axis, 1.0), point(axis, 0.0));
        let _ = write!(
            svg,
            "<line x1=\"{cx:.1}\" y1=\"{cy:.1}\" x2=\"{x:.1}\" y2=\"{y:.1}\" stroke=\"#8a94a0\" stroke-opacity=\"0.45\"/>"
        );
    }
    let _ = write!(
        svg,
        "<polygon points=\"{}\" fill=\"#1f77b4\" fill-opacity=\"0.25\" stroke=\"#1f77b4\" stroke-width=\"2\"/>",
        outline(&|axis| axes[axis].1.unwrap_or(0.0) / 100.0)
    );
    for (axis, (title, percentile)) in axes.iter().enumerate() {
        let (x, y) = point(axis, 1.12);
        let anchor = match x - SIZE / 2.0 {
            side if side > 8.0 => "start",
            side if side < -8.0 => "end",
            _ => "middle",
        };
        let value = percentile.map_or_else(|| "–".to_owned(), |p| format!("{p:.0}"));
        let _ = write!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" fill=\"currentColor\">{} <tspan font-weight=\"bold\">{value}</tspan></text>",
            y + 4.0,
            escape(title)
        );
        if let Some(percentile) = percentile {
            let (x, y) = point(axis, percentile / 100.0);
            let _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#1f77b4\"/>");
        }
    }
    svg.push_str("</svg>");
    Some(svg)
}

#[cfg(test)]
mod tests {
    use super::super::{Domain, EndpointValue, Group};
    use super::*;

    fn profile(percentile: Option<f64>) -> Profile {
        let herg = EndpointValue {
            name: "hERG".to_owned(),
            title: "hERG".to_owned(),
            unit: None,
            value: Some(0.2),
            percentile,
            higher_is_better: Some(false),
        };
        Profile {
            smiles: String::new(),
            id: String::new(),
            canonical_smiles: None,
            error_code: None,
            error: None,
            properties: Vec::new(),
            alerts: None,
            groups: vec![Group { name: "Toxicity".to_owned(), endpoints: vec![herg] }],
            nn_tanimoto: None,
            domain: Domain::Unknown,
            score: None,
            radar_svg: None,
        }
    }

    #[test]
    fn the_better_end_is_outside_and_nothing_is_made_up() {
        let svg = radar(&profile(Some(20.0))).unwrap();
        assert!(svg.contains("hERG safe 80") && svg.contains("Soluble unknown"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(radar(&profile(None)).is_none());
    }
}
