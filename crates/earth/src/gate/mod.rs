//! The gate before a weather model: a file's fields become the model's state, or are refused by name.
//!
//! What is certain is repaired and told (order of rows, columns and levels, units, heights for geopotentials by unit and by
//! range); what is not is refused: missing fields and points, other grids and planets, several times, values that the
//! atmosphere does not have, constant fields, geopotentials and temperatures that contradict each other. Not to be found out
//! from a state: u and v that were swapped, or an analysis that is wrong within the atmosphere's bounds.

mod arrange;
pub mod bounds;
mod hydrostatic;
mod pick;
pub mod report;
pub mod units;
mod values;

use std::sync::Arc;

use rayon::prelude::*;

use crate::card::Contract;
use crate::grid::Grid;
use crate::regrid::Method;
use crate::source::Source;
use crate::state::State;
use crate::time::Time;
use pick::Pick;
pub use report::{Refusal, Repair, Report};

/// What is asked of a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// When; needed where the file has several times.
    pub time: Option<Time>,
    /// Which member; the control (0) where it is not said.
    pub member: Option<u32>,
    /// Regrids another grid instead of refusing it.
    pub regrid: Option<Method>,
}

/// Why no state comes out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The card's contract is none.
    #[error("the model's card: {0}")]
    Contract(String),
    /// The file is refused.
    #[error("{0}")]
    Refused(Report),
}

/// Says what would be repaired and what is refused.
#[must_use]
pub fn check(source: &dyn Source, contract: &Contract, options: &Options) -> Report {
    match prepare(source, contract, options) {
        Ok((_, report)) | Err(GateError::Refused(report)) => report,
        Err(GateError::Contract(why)) => {
            Report { repairs: Vec::new(), refusals: vec![Refusal::Unreadable { why }] }
        }
    }
}

/// The model's state of a time and a member.
///
/// # Errors
/// [`GateError::Refused`] holds all refusals, not the first alone.
pub fn state(
    source: &dyn Source,
    contract: &Contract,
    time: Option<Time>,
    member: Option<u32>,
) -> Result<State, GateError> {
    let options = Options { time, member, regrid: None };
    prepare(source, contract, &options).map(|(state, _)| state)
}

/// The model's state, and what was repaired.
///
/// # Errors
/// [`GateError`]
pub fn prepare(
    source: &dyn Source,
    contract: &Contract,
    options: &Options,
) -> Result<(State, Report), GateError> {
    contract.check().map_err(GateError::Contract)?;
    let mut report = Report::default();
    let (picks, time) = pick::pick(source, contract, options, &mut report);
    // A file of another planet has no values worth reading, nor one that is not complete.
    if !report.passes() {
        return Err(GateError::Refused(report));
    }
    let grid = contract.grid();
    let ways = Ways::new(source, &picks, &grid, options, &mut report);
    let fields: Vec<Result<values::Taken, Refusal>> =
        picks.par_iter().map(|pick| values::take(source, pick, &grid, &ways)).collect();
    let mut ports: Vec<Vec<f32>> =
        (0..contract.ports.len()).map(|port| vec![0.0; contract.port_len(port)]).collect();
    for (pick, taken) in picks.iter().zip(fields) {
        match taken {
            Ok(taken) => {
                taken.repairs.into_iter().for_each(|one| values::tell(&mut report, one));
                report.refusals.extend(taken.refusals);
                if let Some(place) = ports[pick.place.port].get_mut(pick.place.range.clone()) {
                    place.copy_from_slice(&taken.values);
                }
            }
            Err(refusal) => {
                if !report.refusals.contains(&refusal) {
                    report.refusals.push(refusal);
                }
            }
        }
    }
    if report.passes() {
        hydrostatic::check(contract, &ports, &grid, &mut report);
    }
    if report.passes() {
        return Ok((State { reference: time, ports }, report));
    }
    Err(GateError::Refused(report))
}

/// The ways from the file's grids to the model's: one for each grid that occurs.
struct Ways {
    known: Vec<(Arc<Grid>, Way)>,
}

/// The way from one grid.
enum Way {
    Same,
    Arranged(arrange::Arrangement),
    Regridded(Box<crate::regrid::Regrid>, Method),
}

impl Ways {
    fn new(
        source: &dyn Source,
        picks: &[Pick],
        to: &Arc<Grid>,
        options: &Options,
        report: &mut Report,
    ) -> Self {
        let mut known: Vec<(Arc<Grid>, Way)> = Vec::new();
        for at in picks.iter().flat_map(|pick| &pick.found) {
            let from = &source.headers()[*at].grid;
            if known.iter().any(|(one, _)| Arc::ptr_eq(one, from) || one == from) {
                continue;
            }
            let refused = Refusal::Grid { found: from.to_string(), expected: to.to_string() };
            if report.refusals.contains(&refused) {
                continue;
            }
            let regridded = |method| {
                let regrid = crate::regrid::Regrid::new(Arc::clone(from), Arc::clone(to), method);
                regrid.ok().map(|regrid| Way::Regridded(Box::new(regrid), method))
            };
            let way = if from.same_points(to) {
                Some(Way::Same)
            } else if let Some(way) = arrange::Arrangement::new(from, to) {
                Some(Way::Arranged(way))
            } else {
                options.regrid.and_then(regridded)
            };
            match way {
                Some(way) => known.push((Arc::clone(from), way)),
                None => report.refusals.push(refused),
            }
        }
        Self { known }
    }

    fn of(&self, grid: &Arc<Grid>) -> Option<&Way> {
        let found = self.known.iter().find(|(one, _)| Arc::ptr_eq(one, grid) || one == grid);
        found.map(|(_, way)| way)
    }
}
