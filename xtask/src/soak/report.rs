//! What a soak showed: as JSON for programs, as a page for people; and whether it held.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::chaos::{LEFT_OUT, panics};
use super::documents::Counts;
use super::fleet::Server;
use super::memory::{ALLOWED_MB, Memory};
use super::record::{Record, Tally};
use super::schedule::Event;
use super::unit::Sample;
use super::work::{Ledger, Promise, State};

/// Points of a memory curve that are kept.
const POINTS: usize = 120;
/// Part of a request's answers that may be refusals while the server is there; below so many answers nothing is said.
const REFUSED: f64 = 0.02;
const ENOUGH: u64 = 50;
/// How soon after a new start a server must answer.
const LIVE_S: f64 = 10.0;

/// Everything that a report is made of.
pub(crate) struct Found<'a> {
    pub(crate) servers: &'a [Server],
    pub(crate) record: &'a Record,
    pub(crate) ledger: &'a Ledger,
    pub(crate) documents: Counts,
    /// Head of the report: date, machine, seed, length, rate.
    pub(crate) head: Value,
}

impl Found<'_> {
    /// The report, and whether everything held.
    pub(crate) fn report(&self) -> (Value, bool) {
        let mut broken = self.broken();
        let (count, faults) = self.record.faults();
        if count > 0 {
            broken.push(format!("{count} faults"));
        }
        let servers: Map<String, Value> =
            self.servers.iter().map(|s| (s.unit.name().to_owned(), self.of_server(s))).collect();
        let events = self.record.events();
        let events: Vec<Value> = events
            .iter()
            .map(|e| {
                json!({"at_s": tenth(e.at), "took_s": tenth(e.took), "server": e.server, "event": e.event,
                       "note": e.note})
            })
            .collect();
        let faults: Vec<Value> = faults
            .iter()
            .map(|f| json!({"at_s": tenth(f.at), "server": f.server, "what": f.what}))
            .collect();
        let held = broken.is_empty();
        let mut report = self.head.clone();
        if let Some(report) = report.as_object_mut() {
            report.extend([
                ("held".to_owned(), held.into()),
                ("broken".to_owned(), broken.into()),
                ("servers".to_owned(), servers.into()),
                ("jobs".to_owned(), of_jobs(&self.ledger.promises(), self.ledger.refused())),
                ("documents".to_owned(), of_documents(self.documents)),
                ("not_done".to_owned(), self.not_done()),
                ("events".to_owned(), events.into()),
                ("fault_count".to_owned(), count.into()),
                ("faults".to_owned(), faults.into()),
            ]);
        }
        (report, held)
    }

    /// What does not hold beside the faults.
    fn broken(&self) -> Vec<String> {
        let mut broken: Vec<String> = self.record.tallies().iter().filter_map(refuses).collect();
        for server in self.servers {
            let name = server.unit.name();
            if let Some(memory) = Memory::of(&server.unit.samples())
                && memory.held() == Some(false)
            {
                let growth = memory.growth_mb();
                broken.push(format!("strata-{name} grew by {growth:.1} MB of {ALLOWED_MB}"));
            }
            for outage in server.unit.outages().iter().filter(|o| o.live_s > LIVE_S) {
                broken.push(format!("strata-{name} was live {:.1} s after a start", outage.live_s));
            }
            match panics(server) {
                Ok(lines) => broken.extend(lines.iter().map(|l| format!("strata-{name}: {l}"))),
                Err(error) => broken.push(format!("strata-{name}: no log: {error}")),
            }
        }
        broken
    }

    fn not_done(&self) -> Value {
        let mut all = Vec::new();
        for server in self.servers {
            for event in Event::ALL {
                if let Some(why) = server.cannot(event) {
                    all.push(
                        json!({"server": server.unit.name(), "event": event.name(), "why": why}),
                    );
                }
            }
        }
        all.into()
    }

    fn of_server(&self, server: &Server) -> Value {
        let name = server.unit.name();
        let tallies = self.record.tallies();
        let own = tallies.iter().filter(|((of, _), _)| *of == name);
        let asks: Map<String, Value> =
            own.clone().map(|((_, ask), tally)| ((*ask).to_owned(), of_tally(tally))).collect();
        let mut whole = Tally::default();
        for (_, tally) in own {
            add(&mut whole, tally);
        }
        let samples = server.unit.samples();
        let memory = Memory::of(&samples).map(|m| {
            json!({
                "life_s": tenth(m.life), "settled_mb": round(m.settled_mb), "final_mb": round(m.final_mb),
                "growth_mb": round(m.growth_mb()), "allowed_mb": ALLOWED_MB, "held": m.held(),
                "peak_mb": round(m.peak_mb),
                "handles_settled": m.handles.0, "handles_final": m.handles.1,
                "threads_settled": m.threads.0, "threads_final": m.threads.1,
            })
        });
        let restarts: Vec<Value> = server
            .unit
            .outages()
            .iter()
            .map(|o| {
                let down = o.until.map(|until| tenth(until.saturating_sub(o.from)));
                json!({"at_s": tenth(o.from), "signal": if o.killed { "KILL" } else { "TERM" },
                       "away_s": down, "live_after_s": round(o.live_s), "ready_after_s": round(o.ready_s)})
            })
            .collect();
        json!({
            "all": of_tally(&whole), "asks": asks, "memory": memory, "restarts": restarts,
            "course": thinned(&samples).iter().map(|s| json!([tenth(s.at), round(s.resident_mb), s.handles, s.threads]))
                .collect::<Vec<_>>(),
        })
    }
}

/// A server that refuses what it should answer gives no wrong answer, and is of no use.
fn refuses(((server, ask), tally): (&(&str, &str), &Tally)) -> Option<String> {
    let answers: u64 = tally.statuses.values().sum();
    let share = tally.refused as f64 / answers.max(1) as f64;
    let often = answers >= ENOUGH && share > REFUSED || answers > 0 && tally.right == 0;
    often.then(|| {
        format!(
            "strata-{server}: {ask}: {} of {answers} refused while it was there, {} right",
            tally.refused, tally.right
        )
    })
}

fn add(whole: &mut Tally, tally: &Tally) {
    tally.statuses.iter().for_each(|(s, n)| *whole.statuses.entry(*s).or_default() += n);
    tally.cut.iter().for_each(|(why, n)| *whole.cut.entry(why).or_default() += n);
    whole.right += tally.right;
    whole.refused += tally.refused;
    whole.micros.extend(&tally.micros);
}

fn of_tally(tally: &Tally) -> Value {
    let mut micros = tally.micros.clone();
    micros.sort_unstable();
    let rank = |percent: usize| {
        let at = (micros.len() * percent).div_ceil(100).max(1) - 1;
        micros.get(at).map(|m| round(f64::from(*m) / 1000.0))
    };
    let statuses: Map<String, Value> =
        tally.statuses.iter().map(|(s, n)| (s.to_string(), json!(n))).collect();
    json!({
        "answers": tally.statuses.values().sum::<u64>(), "right": tally.right,
        "refused_while_there": tally.refused, "statuses": statuses, "cut_in_outages": tally.cut,
        "p50_ms": rank(50), "p99_ms": rank(99), "max_ms": rank(100),
    })
}

fn of_jobs(promises: &[Promise], refused: u64) -> Value {
    let count = |state: State| promises.iter().filter(|p| p.state == state).count();
    let mut kinds: Map<String, Value> = Map::new();
    for promise in promises {
        let name = format!("{} {}", promise.server, promise.job);
        let entry = kinds.entry(name).or_insert_with(|| json!(0));
        *entry = json!(entry.as_u64().unwrap_or(0) + 1);
    }
    let times = promises.iter().filter_map(|p| Some(p.ended?.saturating_sub(p.accepted)));
    json!({
        "accepted": promises.len(), "finished_right": count(State::Kept),
        "failed_for_a_full_disk": count(State::DiskFull),
        "broken": count(State::Broken), "unfinished": count(State::Waiting), "refused": refused,
        "resumed": promises.iter().filter(|p| p.attempts > 1).count(),
        "longest_s": times.max().map(tenth), "kinds": kinds,
    })
}

fn of_documents(counts: Counts) -> Value {
    json!({"put": counts.put, "deleted": counts.deleted, "read": counts.read,
           "refused_for_a_full_disk": counts.disk_full, "unanswered_in_outages": counts.unanswered})
}

fn thinned(samples: &[Sample]) -> Vec<Sample> {
    let step = samples.len().div_ceil(POINTS).max(1);
    samples.iter().step_by(step).copied().collect()
}

fn tenth(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// The report as a page.
pub(crate) fn page(report: &Value, plot: &str) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    };
    let mut page = format!(
        "# Soak: {} minutes of traffic and trouble\n\n{}, seed {}, {} requests a second in all. **{}**\n\n",
        text(&report["minutes"]),
        text(&report["date"]),
        text(&report["seed"]),
        text(&report["per_second"]),
        if report["held"] == true { "Everything held." } else { "It did not hold:" },
    );
    for what in report["broken"].as_array().into_iter().flatten() {
        let _ = writeln!(page, "- {}", text(what));
    }
    page += "\n| server | answers | right | 429, 503 while there | cut in outages | p50 ms | p99 ms | worst ms |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for (name, server) in report["servers"].as_object().into_iter().flatten() {
        let all = &server["all"];
        let cut = all["cut_in_outages"].as_object().into_iter().flatten();
        let cut: u64 = cut.filter_map(|(_, count)| count.as_u64()).sum();
        let cells = ["answers", "right", "refused_while_there"].map(|key| text(&all[key]));
        let times = ["p50_ms", "p99_ms", "max_ms"].map(|key| text(&all[key]));
        let _ =
            writeln!(page, "| {name} | {} | {cut} | {} |", cells.join(" | "), times.join(" | "));
    }
    page += "\n| server | life min | settled MB | final MB | growth MB | peak MB | handles | threads | restarts | live after s |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for (name, server) in report["servers"].as_object().into_iter().flatten() {
        let memory = &server["memory"];
        let minutes = memory["life_s"].as_f64().unwrap_or(0.0) / 60.0;
        let cells =
            ["settled_mb", "final_mb", "growth_mb", "peak_mb"].map(|key| text(&memory[key]));
        let pair = |what: &str| {
            let of = |when: &str| text(&memory[format!("{what}_{when}").as_str()]);
            format!("{} → {}", of("settled"), of("final"))
        };
        let restarts = server["restarts"].as_array().map_or(&[][..], Vec::as_slice);
        let slowest =
            restarts.iter().filter_map(|r| r["live_after_s"].as_f64()).fold(0.0, f64::max);
        let _ = writeln!(
            page,
            "| {name} | {minutes:.1} | {} | {} | {} | {} | {slowest} |",
            cells.join(" | "),
            pair("handles"),
            pair("threads"),
            restarts.len()
        );
    }
    let _ = write!(page, "\n![Memory]({plot})\n\n");
    list(&mut page, "Jobs", &report["jobs"]);
    list(&mut page, "Documents", &report["documents"]);
    events(&mut page, report);
    for one in report["not_done"].as_array().into_iter().flatten() {
        let words = ["server", "event", "why"].map(|key| text(&one[key]));
        let _ = writeln!(page, "- not done: strata-{}: {}: {}", words[0], words[1], words[2]);
    }
    for fault in report["faults"].as_array().into_iter().flatten() {
        let words = ["at_s", "server", "what"].map(|key| text(&fault[key]));
        let _ = writeln!(page, "- fault at {} s, strata-{}: {}", words[0], words[1], words[2]);
    }
    page
}

fn list(page: &mut String, title: &str, value: &Value) {
    let words: Vec<String> = value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_object())
        .map(|(name, value)| format!("{} {value}", name.replace('_', " ")))
        .collect();
    let _ = write!(page, "{title}: {}.\n\n", words.join(", "));
}

/// How often each event was carried out, by server.
fn events(page: &mut String, report: &Value) {
    let all = report["events"].as_array().map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = report["servers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    let _ = write!(
        page,
        "| event | {} |\n| --- |{}\n",
        names.join(" | "),
        " ---: |".repeat(names.len())
    );
    for event in Event::ALL {
        let of = |name: &&str| {
            all.iter().filter(|e| e["event"] == event.name() && e["server"] == **name).count()
        };
        let counts: Vec<String> = names.iter().map(|name| of(name).to_string()).collect();
        let _ = writeln!(page, "| {} | {} |", event.name(), counts.join(" | "));
    }
    let left_out = all.iter().filter(|e| e["event"] == LEFT_OUT).count();
    if left_out > 0 {
        let _ = write!(
            page,
            "\n{left_out} further events came too late on this machine and were left out.\n"
        );
    }
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_give_exact_ranks() {
        let tally =
            Tally { micros: (1..=200).rev().map(|n| n * 1000).collect(), ..Tally::default() };
        let shown = of_tally(&tally);
        assert_eq!(
            (&shown["p50_ms"], &shown["p99_ms"], &shown["max_ms"]),
            (&100.0.into(), &198.0.into(), &200.0.into())
        );
        assert!(of_tally(&Tally::default())["p50_ms"].is_null());
    }

    #[test]
    fn a_server_that_only_refuses_does_not_hold() {
        let tally = |right: u64, refused: u64| Tally {
            statuses: [(200, right), (503, refused)].into(),
            right,
            refused,
            ..Tally::default()
        };
        let told = |right, refused| refuses((&("weather", "map"), &tally(right, refused)));
        assert!(told(0, 3).is_some_and(|text| text.contains("3 of 3 refused")));
        assert!(told(90, 10).is_some());
        assert_eq!(told(999, 5), None);
        assert_eq!(told(9, 1), None);
    }

    #[test]
    fn jobs_are_counted_by_what_became_of_them() {
        let promise = |state, attempts| Promise {
            server: "drug",
            job: "screen",
            id: "a".to_owned(),
            accepted: Duration::from_secs(1),
            ended: Some(Duration::from_secs(4)),
            attempts,
            state,
        };
        let shown = of_jobs(&[promise(State::Kept, 2), promise(State::Broken, 1)], 3);
        assert_eq!(
            (&shown["accepted"], &shown["finished_right"], &shown["broken"], &shown["resumed"]),
            (&json!(2), &json!(1), &json!(1), &json!(1))
        );
        assert_eq!((&shown["longest_s"], &shown["kinds"]["drug screen"]), (&json!(3.0), &json!(2)));
    }

    #[test]
    fn a_page_tells_what_did_not_hold() {
        let report = json!({
            "minutes": 1, "date": "d", "seed": 7, "per_second": 20, "held": false, "broken": ["1 faults"],
            "servers": {"drug": {"all": {"answers": 5, "cut_in_outages": {"reset": 2}},
                                 "memory": {"growth_mb": 1.5}, "restarts": [{"live_after_s": 0.4}]}},
            "faults": [{"at_s": 1.0, "server": "drug", "what": "wrong answer"}],
            "events": [{"event": "SIGHUP", "server": "drug"}],
            "not_done": [{"server": "drug", "event": "full disk", "why": "no"}],
        });
        let page = page(&report, "soak.svg");
        for wanted in [
            "It did not hold",
            "- 1 faults",
            "| drug | 5 | – | – | 2 |",
            "| SIGHUP | 1 |",
            "wrong answer",
            "not done: strata-drug: full disk: no",
            "![Memory](soak.svg)",
        ] {
            assert!(page.contains(wanted), "{wanted} in {page}");
        }
    }
}
