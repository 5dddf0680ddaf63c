//! The gate: every state that is wrong in a way people meet is repaired or refused by name.
#![allow(clippy::unwrap_used, reason = "tests")]

mod atmosphere;
mod refusals;
mod repairs;

use strata_earth::card::Contract;
use strata_earth::gate::{GateError, Options, Refusal, Repair, Report, prepare};
use strata_earth::source::Source;
use strata_earth::state::State;

fn passes(source: &dyn Source, contract: &Contract, options: &Options) -> (State, Vec<Repair>) {
    match prepare(source, contract, options) {
        Ok((state, report)) => (state, report.repairs),
        Err(error) => panic!("{error}"),
    }
}

fn refused(source: &dyn Source, contract: &Contract, options: &Options) -> Report {
    match prepare(source, contract, options) {
        Ok((_, report)) => panic!("passed with {report}"),
        Err(GateError::Refused(report)) => report,
        Err(error) => panic!("{error}"),
    }
}

/// The only refusal there is.
fn refusal(source: &dyn Source) -> Refusal {
    let report = refused(source, &atmosphere::contract(), &Options::default());
    assert_eq!(report.refusals.len(), 1, "{report}");
    report.refusals[0].clone()
}
