//! What was seen: answers by request, faults, events that were carried out.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use strata_testkit::load::Failure;

use super::compare::Golden;
use super::unit::{Outage, locked};

/// Most faults that are told in words; all are counted.
const TOLD: usize = 200;

/// What a request of one name met.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Answers by their status, whenever they came.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Requests without an answer while the server was not there, by the reason.
    pub(crate) cut: BTreeMap<&'static str, u64>,
    /// Answers that were compared with the golden one, and were the same.
    pub(crate) right: u64,
    /// 429 and 503 while the server was there.
    pub(crate) refused: u64,
    /// Microseconds of compared answers, outside of outages.
    pub(crate) micros: Vec<u32>,
}

/// Something that must not happen.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) at: Duration,
    pub(crate) server: &'static str,
    pub(crate) what: String,
}

/// An event that was carried out.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) at: Duration,
    pub(crate) took: Duration,
    pub(crate) server: &'static str,
    pub(crate) event: &'static str,
    pub(crate) note: String,
}

/// Everything that was seen.
#[derive(Default)]
pub(crate) struct Record {
    tallies: Mutex<BTreeMap<(&'static str, &'static str), Tally>>,
    faults: Mutex<(u64, Vec<Fault>)>,
    events: Mutex<Vec<Done>>,
}

/// One request and what came of it.
pub(crate) struct Met<'a> {
    pub(crate) server: &'static str,
    pub(crate) ask: &'static str,
    pub(crate) golden: &'a Golden,
    /// When it began.
    pub(crate) from: Duration,
    pub(crate) took: Duration,
    pub(crate) answer: Result<(u16, &'a [u8]), Failure>,
    /// The outage that it fell into.
    pub(crate) outage: Option<Outage>,
}

impl Record {
    /// Judges a request.
    pub(crate) fn judge(&self, met: &Met<'_>) {
        let mut tallies = locked(&self.tallies);
        let tally = tallies.entry((met.server, met.ask)).or_default();
        let fault = verdict(met, tally);
        drop(tallies);
        if let Some(what) = fault {
            self.fault(met.from, met.server, format!("{}: {what}", met.ask));
        }
    }

    pub(crate) fn fault(&self, at: Duration, server: &'static str, what: String) {
        let mut faults = locked(&self.faults);
        faults.0 += 1;
        if faults.1.len() < TOLD {
            eprintln!("FAULT at {:.1} s, strata-{server}: {what}", at.as_secs_f64());
            faults.1.push(Fault { at, server, what });
        }
    }

    pub(crate) fn done(&self, done: Done) {
        locked(&self.events).push(done);
    }

    /// How many there were, and the first of them.
    pub(crate) fn faults(&self) -> (u64, Vec<Fault>) {
        locked(&self.faults).clone()
    }

    pub(crate) fn events(&self) -> Vec<Done> {
        locked(&self.events).clone()
    }

    pub(crate) fn tallies(&self) -> BTreeMap<(&'static str, &'static str), Tally> {
        locked(&self.tallies).clone()
    }
}

/// Counts a request; what is wrong with it.
fn verdict(met: &Met<'_>, tally: &mut Tally) -> Option<String> {
    let (status, body) = match met.answer {
        Ok(answer) => answer,
        Err(failure) => {
            if met.outage.as_ref().is_some_and(|outage| may_fail(outage, failure)) {
                *tally.cut.entry(failure.name()).or_default() += 1;
                return None;
            }
            let when = if met.outage.is_some() { "in an outage" } else { "while it was there" };
            return Some(format!("no answer {when}: {}", failure.name()));
        }
    };
    *tally.statuses.entry(status).or_default() += 1;
    let starting = met.outage.is_some() && met.ask.starts_with("list of");
    if status == met.golden.status && !starting {
        if let Err(why) = met.golden.check(body) {
            return Some(format!("wrong answer: {why}"));
        }
        tally.right += 1;
        if met.outage.is_none() {
            tally.micros.push(u32::try_from(met.took.as_micros()).unwrap_or(u32::MAX));
        }
        return None;
    }
    if starting && status == met.golden.status {
        return None;
    }
    if matches!(status, 429 | 503) {
        tally.refused += u64::from(met.outage.is_none());
        return None;
    }
    Some(format!("status {status}: {}", super::compare::shown(body)))
}

/// A killed server answers nothing. One that is told to go must not break off within an answer.
fn may_fail(outage: &Outage, failure: Failure) -> bool {
    outage.killed || matches!(failure, Failure::Connect | Failure::Closed | Failure::Reset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::compare::Like;

    fn outage(killed: bool) -> Option<Outage> {
        let from = Duration::ZERO;
        Some(Outage { killed, from, until: None, live_s: 0.0, ready_s: 0.0 })
    }

    fn judged(answer: Result<(u16, &[u8]), Failure>, outage: Option<Outage>) -> (Tally, u64) {
        let record = Record::default();
        let golden = Golden::new(Like::Json, 200, br#"{"x":1}"#).unwrap();
        let (from, took) = (Duration::ZERO, Duration::from_micros(7));
        let (server, ask) = ("drug", "predict");
        record.judge(&Met { server, ask, golden: &golden, from, took, answer, outage });
        (record.tallies()[&("drug", "predict")].clone(), record.faults().0)
    }

    #[test]
    fn right_answers_and_refusals_are_no_faults() {
        let (tally, faults) = judged(Ok((200, br#"{"x":1}"#)), None);
        assert_eq!((tally.right, tally.micros, faults), (1, vec![7], 0));
        for status in [429, 503] {
            let (tally, faults) = judged(Ok((status, b"{}")), None);
            assert_eq!((tally.refused, tally.right, faults), (1, 0, 0));
        }
    }

    #[test]
    fn wrong_answers_and_other_statuses_are() {
        for (status, body) in [(200, &br#"{"x":2}"#[..]), (500, b"{}"), (404, b"{}"), (200, b"")] {
            assert_eq!(judged(Ok((status, body)), None).1, 1, "{status}");
            assert_eq!(judged(Ok((status, body)), outage(true)).1, 1, "also in an outage");
        }
    }

    #[test]
    fn a_server_that_is_there_answers_and_one_that_goes_does_not_break_off() {
        let all = [
            Failure::Connect,
            Failure::Closed,
            Failure::Reset,
            Failure::CutOff,
            Failure::TimedOut,
            Failure::Malformed,
        ];
        for failure in all {
            assert_eq!(judged(Err(failure), None).1, 1, "{failure:?}");
            assert_eq!(judged(Err(failure), outage(true)).1, 0, "{failure:?}");
            let told = judged(Err(failure), outage(false)).1;
            let fine = matches!(failure, Failure::Connect | Failure::Closed | Failure::Reset);
            assert_eq!(told == 0, fine, "{failure:?}");
        }
    }
}
