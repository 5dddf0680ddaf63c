//! Documents that are put into a server and taken out again: what was acknowledged holds, also after a restart.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use strata_testkit::kill::Dice;
use strata_testkit::load::{Failure, Request};

use super::fleet::Server;
use super::record::Record;
use super::traffic::sleep;
use super::unit::locked;

/// A department of its own, so that the answers to everybody else stay what they were.
const DEPARTMENT: &str = "%E6%B5%B8%E6%B3%A1%E5%B1%80";
/// Documents that are there at a time.
const THERE: usize = 8;
/// Names that are used in turns.
const NAMES: u64 = 24;

/// What the server must say of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    /// There, with the text of this number.
    Be(u64),
    Miss,
    /// The last change was not answered: either is right.
    Unknown,
}

/// What was done with documents.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) put: u64,
    pub(crate) deleted: u64,
    pub(crate) read: u64,
    /// Changes that were refused because the disk was full.
    pub(crate) disk_full: u64,
    /// Changes that were not answered, in an outage.
    pub(crate) unanswered: u64,
}

/// The documents and what must be true of them.
#[derive(Default)]
pub(crate) struct Shelf {
    must: Mutex<BTreeMap<String, Must>>,
    counts: Mutex<Counts>,
}

impl Shelf {
    pub(crate) fn counts(&self) -> Counts {
        *locked(&self.counts)
    }

    /// Puts, takes out and reads documents until told to stop, a change every `every`.
    pub(crate) fn keep(
        &self,
        server: &Server,
        record: &Record,
        (every, seed): (Duration, u64),
        stop: &AtomicBool,
    ) {
        let mut dice = Dice::new(seed);
        let mut number = 0;
        while !stop.load(Ordering::Relaxed) {
            sleep(every, stop);
            number += 1;
            let name = format!("soak-{}.md", number % NAMES);
            let there: Vec<String> = {
                let must = locked(&self.must);
                must.iter().filter(|(_, m)| **m != Must::Miss).map(|(n, _)| n.clone()).collect()
            };
            match there.len() > THERE {
                true => self.take_out(server, record, &there[0]),
                false => self.put(server, record, &name, number),
            }
            let known: Vec<String> = locked(&self.must).keys().cloned().collect();
            if let Some(name) = known.get((dice.roll() % known.len().max(1) as u64) as usize) {
                self.read(server, record, name);
            }
        }
    }

    /// Reads every document that was ever put.
    pub(crate) fn read_all(&self, server: &Server, record: &Record) {
        let all: Vec<String> = locked(&self.must).keys().cloned().collect();
        all.iter().for_each(|name| self.read(server, record, name));
    }

    fn put(&self, server: &Server, record: &Record, name: &str, number: u64) {
        let path = format!("/v1/documents?name={name}&labels={DEPARTMENT}");
        let text = format!("# 第{number}号记录\n\n一、浸泡记录第{number}号，自即日起实行。\n");
        let kind = [("Content-Type", "text/markdown")];
        let request = Request::new("POST", &server.unit.target(&path), &kind, text.as_bytes());
        if self.change(server, record, name, (&request, Must::Be(number))) {
            locked(&self.counts).put += 1;
        }
    }

    fn take_out(&self, server: &Server, record: &Record, name: &str) {
        let path = format!("/v1/documents/{name}?department={DEPARTMENT}");
        let request = Request::new("DELETE", &server.unit.target(&path), &[], b"");
        if self.change(server, record, name, (&request, Must::Miss)) {
            locked(&self.counts).deleted += 1;
        }
    }

    /// Sends a change; whether it was acknowledged.
    fn change(
        &self,
        server: &Server,
        record: &Record,
        name: &str,
        (request, then): (&Request, Must),
    ) -> bool {
        let (unit, from) = (&server.unit, server.unit.now());
        let was = locked(&self.must).get(name).copied().unwrap_or(Must::Miss);
        let fault = |what: String| record.fault(from, unit.name(), format!("{name}: {what}"));
        let answer = unit.ask(request);
        let must = match &answer {
            Ok((200, _)) => then,
            // It was taken out by a request that was not answered.
            Ok((404, _)) if then == Must::Miss && was == Must::Unknown => then,
            Ok((503, _)) if server.was_full(from) => {
                locked(&self.counts).disk_full += 1;
                Must::Unknown
            }
            Ok((429 | 503, _)) => was,
            Err(_) if unit.outage(from).is_some() => {
                locked(&self.counts).unanswered += 1;
                Must::Unknown
            }
            Ok((status, body)) => {
                fault(format!("{status}: {}", super::compare::shown(body)));
                Must::Unknown
            }
            Err(failure) => {
                fault(failure.name().to_owned());
                Must::Unknown
            }
        };
        locked(&self.must).insert(name.to_owned(), must);
        matches!(answer, Ok((200, _)))
    }

    fn read(&self, server: &Server, record: &Record, name: &str) {
        let (unit, from) = (&server.unit, server.unit.now());
        let must = locked(&self.must).get(name).copied().unwrap_or(Must::Unknown);
        let answer = unit.get(&format!("/v1/documents/{name}?department={DEPARTMENT}"));
        if let Some(what) = wrong(must, &answer)
            && (answer.is_ok() || unit.outage(from).is_none())
        {
            record.fault(from, unit.name(), format!("{name}: {what}"));
        }
        locked(&self.counts).read += 1;
    }
}

/// What is wrong with what a server says of a document.
fn wrong(must: Must, answer: &Result<(u16, Vec<u8>), Failure>) -> Option<String> {
    let (status, body) = match answer {
        Ok(answer) => answer,
        Err(failure) => return Some(failure.name().to_owned()),
    };
    match (must, *status) {
        (_, 429 | 503) | (Must::Miss | Must::Unknown, 404) | (Must::Unknown, 200) => None,
        (Must::Be(number), 200) => {
            let reply: Value = serde_json::from_slice(body).unwrap_or_default();
            let text = reply["text"].as_str().unwrap_or_default();
            let there = text.contains(&format!("浸泡记录第{number}号"));
            (!there).then(|| format!("not the text of change {number}: {text:?}"))
        }
        (Must::Be(number), 404) => Some(format!("change {number} was acknowledged, and is lost")),
        (Must::Miss, 200) => Some("it was taken out, and is there".to_owned()),
        (_, status) => Some(format!("{status}: {}", super::compare::shown(body))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_must_be_so() {
        let says = |text: &str| Ok((200, format!("{{\"text\":\"{text}\"}}").into_bytes()));
        let none = Ok((404, Vec::new()));
        assert_eq!(wrong(Must::Be(7), &says("一、浸泡记录第7号，自")), None);
        assert!(wrong(Must::Be(7), &says("浸泡记录第77号")).is_some());
        assert!(wrong(Must::Be(7), &none).unwrap().contains("lost"));
        assert_eq!(wrong(Must::Miss, &none), None);
        assert!(wrong(Must::Miss, &says("")).is_some());
        assert_eq!(wrong(Must::Unknown, &none), None);
        assert_eq!(wrong(Must::Unknown, &says("")), None);
        assert!(wrong(Must::Unknown, &Ok((500, Vec::new()))).is_some());
        assert!(wrong(Must::Unknown, &Err(Failure::CutOff)).is_some());
    }
}
