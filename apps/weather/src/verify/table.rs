//! The report for the terminal: a line a variable, level and metric, a column a lead time.

use std::collections::BTreeMap;

use strata_cli::text::TextTable;

use super::Report;

/// Columns that a table has at most; longer forecasts are thinned evenly, the last lead time kept.
const MOST_LEADS: usize = 10;

/// A table of a report, one for each region, and what was not compared.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut regions: Vec<&str> = Vec::new();
    for row in &report.rows {
        if !regions.contains(&row.region.as_str()) {
            regions.push(&row.region);
        }
    }
    let mut text = String::new();
    for region in &regions {
        if regions.len() > 1 {
            text += &format!("{region}\n");
        }
        text += &one(report, region);
    }
    text += &format!("{} pairs of fields\n", report.pairs);
    for unpaired in &report.unpaired {
        text += &format!("not compared: {unpaired}\n");
    }
    text
}

/// First cells and figures by lead time (its bits).
type Line = (Vec<String>, BTreeMap<u64, f64>);

fn one(report: &Report, region: &str) -> String {
    let rows = || report.rows.iter().filter(|row| row.region == region);
    let mut leads: Vec<f64> = rows().map(|row| row.lead_hours).collect();
    leads.sort_by(f64::total_cmp);
    leads.dedup();
    let leads = thinned(&leads);
    let mut cells: BTreeMap<(usize, usize), Line> = BTreeMap::new();
    let mut order: Vec<(&str, &str)> = Vec::new();
    for row in rows() {
        let name = (row.variable.as_str(), row.level.as_str());
        let place = order.iter().position(|known| *known == name).unwrap_or_else(|| {
            order.push(name);
            order.len() - 1
        });
        let head = || vec![row.variable.clone(), row.level.clone(), row.metric.name().to_owned()];
        let line =
            cells.entry((place, row.metric as usize)).or_insert_with(|| (head(), BTreeMap::new()));
        if let Some(value) = row.value {
            line.1.insert(row.lead_hours.to_bits(), value);
        }
    }
    let heads: Vec<String> = leads.iter().map(|lead| format!("{lead} h")).collect();
    let mut headings = vec!["variable", "level", "metric"];
    headings.extend(heads.iter().map(String::as_str));
    let mut table = TextTable::new(&headings);
    for (mut head, values) in cells.into_values() {
        let cell =
            |lead: &f64| values.get(&lead.to_bits()).map_or_else(|| "–".to_owned(), |v| short(*v));
        head.extend(leads.iter().map(cell));
        table.row(head);
    }
    table.render()
}

/// A number with four digits that say something.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e6).contains(&size) => format!("{value:.3e}"),
        size => {
            let decimals = (3 - size.log10().floor() as i64).clamp(0, 6);
            format!("{value:.*}", usize::try_from(decimals).unwrap_or(0))
        }
    }
}

fn thinned(leads: &[f64]) -> Vec<f64> {
    if leads.len() <= MOST_LEADS {
        return leads.to_vec();
    }
    (1..=MOST_LEADS).map(|at| leads[at * leads.len() / MOST_LEADS - 1]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits_and_leads_are_thinned() {
        let said = [0.0, 0.98765, 1.23456, 333.74, 54321.6, 1.5e-5, -12.5].map(short);
        assert_eq!(said, ["0", "0.9877", "1.235", "333.7", "54322", "1.500e-5", "-12.50"]);
        let leads: Vec<f64> = (1..=40).map(|at| f64::from(at) * 6.0).collect();
        let thinned = thinned(&leads);
        assert_eq!((thinned.len(), thinned[0], thinned[9]), (10, 24.0, 240.0));
    }
}
