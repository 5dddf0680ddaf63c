//! A page of a report beside its plots: what was compared, the figures by lead time, and every plot. It needs nothing but the folder.

use super::{Plot, Report, Row};

const STYLE: &str = "\
body{font:15px/1.45 system-ui,sans-serif;color:#1d2430;background:#fff;max-width:1240px;margin:2rem auto;padding:0 1rem}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}caption{text-align:left;font-weight:600;padding:.5rem 0}\
th,td{padding:.2rem .6rem;border-bottom:1px solid #dde2e8;text-align:right;white-space:nowrap}th[scope=row]{text-align:left;font-weight:400}th:nth-child(-n+4){text-align:left}\
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,380px),1fr));gap:1rem}img{width:100%;height:auto}";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What is different, in the order it comes.
fn distinct<'a, T: PartialEq>(values: impl Iterator<Item = T> + 'a) -> Vec<T> {
    let mut known = Vec::new();
    for value in values {
        if !known.contains(&value) {
            known.push(value);
        }
    }
    known
}

/// The page, with links to the plots by their files' names.
#[must_use]
pub fn page(report: &Report, plots: &[Plot]) -> String {
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Verification</title><style>{STYLE}</style></head><body>\n<h1>Verification</h1>\n<p>{} pairs of fields",
        report.pairs
    );
    let times = report.rows.iter().map(|row| row.times).max().unwrap_or(0);
    let members = report.rows.iter().map(|row| row.members).max().unwrap_or(0);
    text += &format!(" of {times} forecast{}", if times == 1 { "" } else { "s" });
    if members > 1 {
        text += &format!(", {members} members");
    }
    text += ".</p>\n";
    if !report.unpaired.is_empty() {
        text += "<details><summary>Not compared</summary><ul>\n";
        for unpaired in &report.unpaired {
            text += &format!("<li>{}</li>\n", escaped(&unpaired.to_string()));
        }
        text += "</ul></details>\n";
    }
    for region in distinct(report.rows.iter().map(|row| row.region.as_str())) {
        text += &figures(report, region);
    }
    text += "<h2>Plots</h2>\n<div class=\"plots\">\n";
    for (name, _) in plots {
        let words = name.trim_end_matches(".svg").replace(['-', '_'], " ");
        let (name, words) = (escaped(name), escaped(&words));
        text += &format!(
            "<a href=\"{name}\"><img loading=\"lazy\" width=\"760\" height=\"460\" src=\"{name}\" alt=\"{words}\"></a>\n"
        );
    }
    text + "</div>\n</body></html>\n"
}

/// The figures of a region: a line a variable, level and metric, a column a lead time.
fn figures(report: &Report, region: &str) -> String {
    let rows: Vec<&Row> = report.rows.iter().filter(|row| row.region == region).collect();
    let mut leads = distinct(rows.iter().map(|row| row.lead_hours));
    leads.sort_by(f64::total_cmp);
    let mut text = format!(
        "<div class=\"wide\"><table><caption>{}</caption>\n<tr><th scope=\"col\">variable</th><th scope=\"col\">level</th>\
         <th scope=\"col\">metric</th><th scope=\"col\">unit</th>",
        escaped(region)
    );
    for lead in &leads {
        text += &format!("<th scope=\"col\">{lead} h</th>");
    }
    text += "</tr>\n";
    let of = |row: &Row| (row.variable.clone(), row.level.clone(), row.metric);
    for head in distinct(rows.iter().map(|row| of(row))) {
        let mine: Vec<&&Row> = rows.iter().filter(|row| of(row) == head).collect();
        let unit = mine.first().map_or("", |row| row.unit.as_str());
        text += "<tr>";
        for cell in [head.0.as_str(), head.1.as_str(), head.2.name(), unit] {
            text += &format!("<th scope=\"row\">{}</th>", escaped(cell));
        }
        for lead in &leads {
            let value = mine.iter().find(|row| row.lead_hours == *lead).and_then(|row| row.value);
            text += &format!("<td>{}</td>", value.map_or("–".to_owned(), number));
        }
        text += "</tr>\n";
    }
    text + "</table></div>\n"
}

/// Four digits.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        size if !(1e-4..1e7).contains(&size) => return format!("{value:.3e}"),
        size => (3 - size.log10().floor() as i32).clamp(0, 8) as usize,
    };
    format!("{value:.digits$}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let shown = [68.123_4, 0.995_12, -1234.6, 0.0, 2.0e-9].map(number);
        assert_eq!(shown, ["68.12", "0.9951", "−1235", "0", "2.000e-9"]);
        assert_eq!(escaped("<a & b>"), "&lt;a &amp; b&gt;");
    }
}
