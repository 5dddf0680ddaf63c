//! From rounds to figures: medians with their ends, ratios by round, growth by size.

use std::collections::BTreeMap;

use super::case::number;
use super::record::{Case, Growth, OURS, Ratios, Round, Side, Spread};
use super::stats;

/// What a side may print that has a place of its own.
const KNOWN: [&str; 9] = [
    "items",
    "seconds",
    "cpu_seconds",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "model_seconds",
    "first_answer_seconds",
    "size",
];

/// Fills in everything that follows from the case's rounds.
pub(crate) fn fill(case: &mut Case) {
    let mut names: Vec<String> = case.rounds.iter().map(|round| round.side.clone()).collect();
    names.sort();
    names.dedup();
    let at = |name: &str, size| -> Vec<&Round> {
        case.rounds.iter().filter(|r| r.side == name && r.size == size).collect()
    };
    let ours = at(OURS, case.size);
    for name in &names {
        let rounds = at(name, case.size);
        if !rounds.is_empty() {
            case.sides.insert(name.clone(), side(&rounds));
        }
        if name != OURS && !ours.is_empty() && !rounds.is_empty() {
            case.ratios.insert(name.clone(), ratios(&ours, &rounds));
        }
        let mut sizes: Vec<u64> =
            case.rounds.iter().filter(|r| r.side == *name).filter_map(|r| r.size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        if sizes.len() > 1 {
            let by_size: Vec<Vec<&Round>> =
                sizes.iter().map(|size| at(name, Some(*size))).collect();
            case.growth.insert(name.clone(), growth(sizes, &by_size));
        }
    }
}

/// The timed work's seconds: the side's own word, or else the whole process.
fn seconds(round: &Round) -> f64 {
    number(&round.inner, "seconds").unwrap_or(round.wall_s)
}

fn cpu_seconds(round: &Round) -> f64 {
    number(&round.inner, "cpu_seconds").unwrap_or(round.cpu_s)
}

fn peak_mb(round: &Round) -> f64 {
    round.peak_kb as f64 / 1024.0
}

fn items(round: &Round) -> Option<f64> {
    number(&round.inner, "items").or(round.size.map(|size| size as f64))
}

fn side(rounds: &[&Round]) -> Side {
    let inner = |key: &str| stats::spread(rounds.iter().filter_map(|r| number(&r.inner, key)));
    let rate =
        |round: &&&Round| Some(items(round)? / seconds(round)).filter(|rate| rate.is_finite());
    let share = |round: &&&Round| Some(number(&round.inner, "model_seconds")? / seconds(round));
    Side {
        items: rounds.first().and_then(|round| items(round)),
        seconds: stats::spread(rounds.iter().map(|round| seconds(round))),
        cpu_seconds: stats::spread(rounds.iter().map(|round| cpu_seconds(round))),
        per_second: stats::spread(rounds.iter().filter_map(|round| rate(&round))),
        wall_s: stats::spread(rounds.iter().map(|round| round.wall_s)),
        cpu_s: stats::spread(rounds.iter().map(|round| round.cpu_s)),
        peak_mb: stats::spread(rounds.iter().map(|round| peak_mb(round))),
        p50_ms: inner("p50_ms"),
        p95_ms: inner("p95_ms"),
        p99_ms: inner("p99_ms"),
        model_share: stats::spread(rounds.iter().filter_map(|round| share(&round))),
        first_answer_s: inner("first_answer_seconds"),
        disk_mb: None,
        inner: others(rounds),
    }
}

/// The numbers that have no place of their own.
fn others(rounds: &[&Round]) -> BTreeMap<String, Spread> {
    let mut values: BTreeMap<&String, Vec<f64>> = BTreeMap::new();
    for object in rounds.iter().filter_map(|round| round.inner.as_object()) {
        for (key, value) in object {
            if let (Some(value), false) = (value.as_f64(), KNOWN.contains(&key.as_str())) {
                values.entry(key).or_default().push(value);
            }
        }
    }
    let spreads = values.into_iter().map(|(key, of)| Some((key.clone(), stats::spread(of)?)));
    spreads.flatten().collect()
}

fn ratios(ours: &[&Round], theirs: &[&Round]) -> Ratios {
    let pairs = |of: fn(&Round) -> f64| {
        let pair = |peer: &&Round| {
            let mine = ours.iter().find(|mine| mine.round == peer.round)?;
            Some((of(peer), of(mine)))
        };
        stats::ratios(theirs.iter().filter_map(pair))
    };
    Ratios {
        seconds: pairs(seconds),
        cpu_seconds: pairs(cpu_seconds),
        wall_s: pairs(|round| round.wall_s),
        peak_mb: pairs(peak_mb),
    }
}

fn growth(sizes: Vec<u64>, by_size: &[Vec<&Round>]) -> Growth {
    let medians = |of: fn(&Round) -> f64| -> Vec<f64> {
        let median = |rounds: &Vec<&Round>| stats::spread(rounds.iter().map(|round| of(round)));
        by_size.iter().map(|rounds| median(rounds).map_or(0.0, |spread| spread.median)).collect()
    };
    let (seconds, peak_mb) = (medians(seconds), medians(peak_mb));
    let as_float: Vec<f64> = sizes.iter().map(|size| *size as f64).collect();
    Growth {
        exponent: stats::exponent(&as_float, &seconds),
        memory_exponent: stats::exponent(&as_float, &peak_mb),
        sizes,
        seconds,
        peak_mb,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn round(side: &str, size: u64, round: usize, inner: Value) -> Round {
        let (wall_s, cpu_s) = (size as f64 * 0.01, size as f64 * 0.008);
        Round {
            side: side.to_owned(),
            size: Some(size),
            round,
            wall_s,
            cpu_s,
            peak_kb: 10_240,
            inner,
        }
    }

    fn filled(rounds: Vec<Round>) -> Case {
        let mut case = Case { size: Some(100), rounds, ..Case::default() };
        fill(&mut case);
        case
    }

    #[test]
    fn a_sides_own_seconds_come_before_its_process() {
        let own = json!({ "items": 50, "seconds": 0.5, "model_seconds": 0.4, "p50_ms": 3.0, "parse_s": 0.1 });
        let case = filled(vec![round(OURS, 100, 0, own), round("peer", 100, 0, json!({}))]);
        let ours = &case.sides[OURS];
        assert_eq!(ours.items, Some(50.0));
        assert_eq!(ours.seconds.unwrap().median, 0.5);
        assert_eq!(ours.wall_s.unwrap().median, 1.0);
        assert_eq!(ours.per_second.unwrap().median, 100.0);
        assert_eq!(ours.model_share.unwrap().median, 0.8);
        assert_eq!(ours.p50_ms.unwrap().median, 3.0);
        assert_eq!(ours.inner.keys().collect::<Vec<_>>(), ["parse_s"]);
        let peer = &case.sides["peer"];
        assert_eq!((peer.seconds.unwrap().median, peer.per_second.unwrap().median), (1.0, 100.0));
        assert_eq!(case.ratios["peer"].seconds.unwrap().median, 2.0);
        assert_eq!(case.ratios["peer"].peak_mb.unwrap().median, 1.0);
        assert!(!case.ratios.contains_key(OURS) && case.growth.is_empty());
    }

    #[test]
    fn growth_is_over_all_sizes_and_ratios_over_one() {
        let rounds = [25, 100, 400].into_iter().flat_map(|size| {
            [
                round(OURS, size, 0, json!({})),
                round("peer", size, 0, json!({ "seconds": (size * size) as f64 })),
            ]
        });
        let case = filled(rounds.collect());
        let (ours, peer) = (&case.growth[OURS], &case.growth["peer"]);
        assert_eq!(ours.sizes, [25, 100, 400]);
        assert_eq!((ours.exponent, ours.memory_exponent), (Some(1.0), Some(0.0)));
        assert_eq!(peer.exponent, Some(2.0));
        assert_eq!(case.ratios["peer"].seconds.unwrap().median, 10_000.0);
    }
}
