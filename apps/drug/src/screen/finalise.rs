//! From the journal to the result: scores are ranked, rows written in order, the best kept for the
//! summary. Two passes over the journal; memory is a few bytes a row, plus the hits.

use std::path::Path;

use strata_core::stream::{Frames, Journal, Ranking};

use crate::input::Layout;
use crate::output::{self, Cell, OutKind, OutputError, RowReader};

use super::JobError;
use super::summary::{Histogram, Hit, OwnedCell, Summary};

/// Sees a row: its number and its cells, to which it may add.
type Visit<'a> = dyn FnMut(u64, &mut Vec<Cell<'_>>) -> Result<(), JobError> + 'a;

/// The rows of a journal, one by one.
struct Rows<'a> {
    frames: Frames,
    columns: usize,
    visit: &'a mut Visit<'a>,
}

impl Rows<'_> {
    fn run(mut self) -> Result<u64, JobError> {
        let mut row = 0;
        while let Some(frame) = self.frames.next_frame()? {
            let mut reader = RowReader::new(&frame.payload);
            let mut cells = Vec::with_capacity(self.columns + 1);
            for _ in 0..frame.rows {
                let read = reader.row(self.columns, &mut cells);
                read.ok_or(OutputError::Damaged { row })?;
                (self.visit)(row, &mut cells)?;
                row += 1;
            }
        }
        Ok(row)
    }
}

/// What the first pass learns.
struct Overview {
    scores: Vec<f32>,
    ranges: Vec<Option<(f64, f64)>>,
}

fn overview(journal: &Journal, summary: &mut Summary) -> Result<Overview, JobError> {
    let schema = summary.schema.clone();
    let at = |name| schema.position(name).unwrap_or(usize::MAX);
    let (code, flags, alerts, score) = (at("error_code"), at("flags"), at("alerts"), at("score"));
    let mut seen = Overview { scores: Vec::new(), ranges: vec![None; schema.columns.len()] };
    let mut visit = |_, cells: &mut Vec<Cell<'_>>| {
        match cells[code].text() {
            "" => {}
            code => *summary.failed.entry(code.to_owned()).or_default() += 1,
        }
        summary.flagged += u64::from(!cells[flags].text().is_empty());
        summary.alerted += u64::from(!cells[alerts].text().is_empty());
        seen.scores.push(cells[score].number().map_or(f32::NAN, |score| score as f32));
        for (cell, range) in cells.iter().zip(&mut seen.ranges).skip(schema.given) {
            if let Some(value) = cell.number() {
                let (low, high) = range.unwrap_or((value, value));
                *range = Some((low.min(value), high.max(value)));
            }
        }
        Ok(())
    };
    let rows =
        Rows { frames: journal.frames()?, columns: schema.columns.len() - 1, visit: &mut visit };
    summary.rows = rows.run()?;
    Ok(seen)
}

/// Where results go, and how many of the best are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) out: &'a Path,
    pub(super) top_out: Option<&'a Path>,
    pub(super) top: usize,
    pub(super) layout: &'a Layout,
}

/// Writes the result; `notes` gives what goes into files that have a place for it, once the counts
/// are known. The journal stays: the caller deletes it when everything else is written.
pub(super) fn finalise(
    journal: &Journal,
    target: Target<'_>,
    summary: &mut Summary,
    notes: impl FnOnce(&Summary) -> Vec<(String, String)>,
) -> Result<(), JobError> {
    let seen = overview(journal, summary)?;
    let ranking = Ranking::from_scores(&seen.scores);
    drop(seen.scores);
    let notes = notes(summary);
    let schema = summary.schema.clone();
    let columns = schema.columns.iter().enumerate().skip(schema.given);
    let mut histograms: Vec<(usize, Histogram)> = columns
        .filter(|(_, column)| column.kind != OutKind::Text)
        .filter_map(|(at, column)| {
            let (low, high) = seen.ranges[at]?;
            Some((at, Histogram::new(column.name.clone(), low, high)))
        })
        .collect();
    let mut table = output::create(target.out, &schema)?;
    let mut hits = Vec::new();
    let mut visit = |row: u64, cells: &mut Vec<Cell<'_>>| {
        for (at, histogram) in &mut histograms {
            if let Some(value) = cells[*at].number() {
                histogram.count(value);
            }
        }
        let rank = ranking.rank(row);
        cells.push(rank.map_or(Cell::Null, |rank| Cell::Integer(i64::from(rank))));
        table.row(cells)?;
        if let Some(rank) = rank.filter(|&rank| rank as usize <= target.top) {
            let id = target.layout.id.map_or("", |id| cells[id].text());
            let name = if id.is_empty() { format!("row {}", row + 1) } else { id.to_owned() };
            let cells = cells.iter().map(|&cell| OwnedCell::from(cell)).collect();
            hits.push(Hit { rank, row, name, cells });
        }
        Ok(())
    };
    let rows =
        Rows { frames: journal.frames()?, columns: schema.columns.len() - 1, visit: &mut visit };
    rows.run()?;
    table.finish(&notes)?;
    hits.sort_unstable_by_key(|hit| hit.rank);
    if let Some(path) = target.top_out {
        let mut table = output::create(path, &schema)?;
        for hit in &hits {
            let cells: Vec<Cell<'_>> = hit.cells.iter().map(OwnedCell::cell).collect();
            table.row(&cells)?;
        }
        table.finish(&notes)?;
    }
    summary.hits = hits;
    summary.histograms = histograms.into_iter().map(|(_, histogram)| histogram).collect();
    Ok(())
}
