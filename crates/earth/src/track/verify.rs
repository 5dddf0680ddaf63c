//! Verification of forecast tracks against best tracks: position and intensity errors by lead, misses and false tracks.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Track;
use super::sphere::Place;
use crate::time::{HOUR, Time};

/// A forecast fix and where the cyclone was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// Cyclone.
    pub id: String,
    /// When the forecast began.
    pub reference: Time,
    /// Hours from then.
    pub lead: i64,
    /// Great-circle distance of forecast and observation, in km.
    pub distance: f64,
    /// Part of it along the observed way, positive where the forecast is ahead, in km; none where the cyclone stood still.
    pub along: Option<f64>,
    /// Part across it, positive to the right.
    pub across: Option<f64>,
    /// Forecast less observed pressure, in Pa.
    pub pressure: Option<f64>,
    /// Forecast less observed wind, in m/s.
    pub wind: Option<f64>,
}

/// Errors at one lead.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeadErrors {
    /// Hours.
    pub lead: i64,
    /// Pairs.
    pub count: usize,
    /// Mean position error, in km.
    pub distance: f64,
    /// Mean along-track error (positive: too fast), in km.
    pub along: Option<f64>,
    /// Mean across-track error (positive: to the right), in km.
    pub across: Option<f64>,
    /// Mean pressure error, in Pa.
    pub pressure: Option<f64>,
    /// Mean absolute pressure error.
    pub pressure_size: Option<f64>,
    /// Mean wind error, in m/s.
    pub wind: Option<f64>,
    /// Mean absolute wind error.
    pub wind_size: Option<f64>,
}

/// What a set of forecasts comes to.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Verification {
    /// Every pair.
    pub pairs: Vec<Pair>,
    /// Cyclones, initial times and leads at which there was a cyclone and no forecast of it.
    pub misses: Vec<(String, Time, i64)>,
    /// Identifiers and initial times of forecast tracks that are near no cyclone.
    pub false_tracks: Vec<(String, Time)>,
}

/// How forecasts are paired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matching {
    /// A forecast track belongs to a cyclone that it is this near to at its first common time, in km; tracks with a cyclone's
    /// own identifier belong to it wherever they are.
    pub near: f64,
    /// Observations this far apart, in seconds, are joined by a great circle between them.
    pub gap: i64,
    /// Leads, in seconds, at which misses are counted.
    pub step: i64,
}

impl Default for Matching {
    fn default() -> Self {
        Self { near: 300.0, gap: 6 * HOUR, step: 6 * HOUR }
    }
}

/// Pairs forecast tracks (which have a reference) with best tracks. Of several tracks for one cyclone the nearest counts, the
/// others are false.
#[must_use]
pub fn verify(forecasts: &[Track], best: &[Track], matching: &Matching) -> Verification {
    let mut out = Verification::default();
    let references: BTreeSet<Time> = forecasts.iter().filter_map(|track| track.reference).collect();
    for reference in references {
        let ours: Vec<&Track> =
            forecasts.iter().filter(|track| track.reference == Some(reference)).collect();
        let costs: Vec<Vec<f64>> = ours
            .iter()
            .map(|track| best.iter().map(|best| far(track, best, matching)).collect())
            .collect();
        let found = super::assign::assign(&costs, matching.near + 1.0);
        let last = ours.iter().flat_map(|track| &track.fixes).map(|fix| fix.time).max();
        for (track, found) in ours.iter().zip(&found) {
            match found {
                Some(at) => pair(track, &best[*at], reference, matching, &mut out),
                None => out.false_tracks.push((track.id.clone(), reference)),
            }
        }
        for (at, best) in best.iter().enumerate() {
            let track = found.iter().position(|found| *found == Some(at)).map(|at| ours[at]);
            missed(track, best, (reference, last.unwrap_or(reference)), matching, &mut out);
        }
    }
    out
}

/// How far a forecast is from a cyclone when both are first there.
fn far(track: &Track, best: &Track, matching: &Matching) -> f64 {
    let both = track.fixes.iter().find_map(|fix| Some((fix, best.at(fix.time, matching.gap)?)));
    let Some((fix, observed)) = both else { return f64::INFINITY };
    if track.id == best.id && !best.id.is_empty() {
        return 0.0;
    }
    let far = fix.place().distance(observed.place());
    if far <= matching.near { far } else { f64::INFINITY }
}

fn pair(track: &Track, best: &Track, reference: Time, matching: &Matching, out: &mut Verification) {
    for fix in &track.fixes {
        let Some(observed) = best.at(fix.time, matching.gap) else { continue };
        let distance = fix.place().distance(observed.place());
        let parts = way(best, fix.time, matching.gap).map(|bearing| {
            let turn = (observed.place().bearing(fix.place()) - bearing).to_radians();
            (distance * turn.cos(), distance * turn.sin())
        });
        let less = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a - b);
        out.pairs.push(Pair {
            id: best.id.clone(),
            reference,
            lead: (fix.time - reference) / HOUR,
            distance,
            along: parts.map(|parts| parts.0),
            across: parts.map(|parts| parts.1),
            pressure: less(fix.pressure, observed.pressure),
            wind: less(fix.wind, observed.wind),
        });
    }
}

/// The direction in which a cyclone moved at a time: from six hours before to six hours after, or as much as is known.
fn way(best: &Track, time: Time, gap: i64) -> Option<f64> {
    let here: Place = best.at(time, gap)?.place();
    let at = |time: Time| best.at(time, gap).map_or(here, |fix| fix.place());
    let (before, after) = (at(time + -6 * HOUR), at(time + 6 * HOUR));
    (before.distance(after) > 1.0).then(|| before.bearing(after))
}

fn missed(
    track: Option<&Track>,
    best: &Track,
    (reference, last): (Time, Time),
    matching: &Matching,
    out: &mut Verification,
) {
    // A cyclone counts where it was there when the forecast began.
    if best.at(reference, matching.gap).is_none() || matching.step <= 0 {
        return;
    }
    let mut time = reference;
    while time <= last {
        let there = best.at(time, matching.gap).is_some();
        let found = track.is_some_and(|track| track.at(time, matching.gap).is_some());
        if there && !found {
            out.misses.push((best.id.clone(), reference, (time - reference) / HOUR));
        }
        time = time + matching.step;
    }
}

/// Errors by lead, ascending.
#[must_use]
pub fn by_lead(pairs: &[Pair]) -> Vec<LeadErrors> {
    let mut leads: BTreeMap<i64, Vec<&Pair>> = BTreeMap::new();
    for pair in pairs {
        leads.entry(pair.lead).or_default().push(pair);
    }
    let errors = leads.into_iter().map(|(lead, pairs)| {
        let mean = |of: &dyn Fn(&Pair) -> Option<f64>| {
            let values: Vec<f64> = pairs.iter().filter_map(|pair| of(pair)).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        LeadErrors {
            lead,
            count: pairs.len(),
            distance: mean(&|pair| Some(pair.distance)).unwrap_or(f64::NAN),
            along: mean(&|pair| pair.along),
            across: mean(&|pair| pair.across),
            pressure: mean(&|pair| pair.pressure),
            pressure_size: mean(&|pair| pair.pressure.map(f64::abs)),
            wind: mean(&|pair| pair.wind),
            wind_size: mean(&|pair| pair.wind.map(f64::abs)),
        }
    });
    errors.collect()
}

/// The homogeneous sample: of several models' pairs those of cyclones, initial times and leads that all of them have.
#[must_use]
pub fn homogeneous(models: &[Vec<Pair>]) -> Vec<Vec<Pair>> {
    let key = |pair: &Pair| (pair.id.clone(), pair.reference, pair.lead);
    let mut common: Option<BTreeSet<(String, Time, i64)>> = None;
    for pairs in models {
        let keys: BTreeSet<_> = pairs.iter().map(key).collect();
        common = Some(match common {
            Some(common) => common.intersection(&keys).cloned().collect(),
            None => keys,
        });
    }
    let common = common.unwrap_or_default();
    let keep = |pairs: &Vec<Pair>| {
        pairs.iter().filter(|pair| common.contains(&key(pair))).cloned().collect()
    };
    models.iter().map(keep).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::track::Fix;
    use crate::track::sphere::KM_PER_DEGREE;

    fn track(id: &str, reference: Option<i64>, places: &[(i64, f64, f64)]) -> Track {
        let fix = |(hours, lat, lon): &(i64, f64, f64)| Fix {
            time: Time(0).plus_hours(*hours),
            lat: *lat,
            lon: *lon,
            pressure: Some(98_000.0 + 100.0 * lat),
            wind: Some(30.0),
        };
        Track {
            id: id.to_owned(),
            name: String::new(),
            reference: reference.map(|hours| Time(0).plus_hours(hours)),
            fixes: places.iter().map(fix).collect(),
        }
    }

    #[test]
    fn errors_misses_and_false_tracks() {
        // A cyclone along the equator eastwards over 180, a degree in six hours.
        let best = [
            track(
                "WP01",
                None,
                &[
                    (0, 0.0, 178.0),
                    (6, 0.0, 179.0),
                    (12, 0.0, -180.0),
                    (18, 0.0, -179.0),
                    (24, 0.0, -178.0),
                ],
            ),
            track("WP02", None, &[(0, 30.0, 150.0), (12, 30.0, 151.0)]),
        ];
        let ours = [
            // Half a degree ahead, and a degree to the left at 12 h; lost after.
            track("A", Some(0), &[(0, 0.0, 178.0), (6, 0.0, 179.5), (12, 1.0, -180.0)]),
            track("B", Some(0), &[(0, -40.0, 20.0), (24, -40.0, 21.0)]),
        ];
        let found = verify(&ours, &best, &Matching::default());
        let leads = by_lead(&found.pairs);
        assert_eq!(leads.iter().map(|one| one.lead).collect::<Vec<_>>(), [0, 6, 12]);
        assert!((leads[1].distance - KM_PER_DEGREE / 2.0).abs() < 1e-6);
        assert!((leads[1].along.unwrap() - KM_PER_DEGREE / 2.0).abs() < 1e-6);
        assert!((leads[2].across.unwrap() + KM_PER_DEGREE).abs() < 1e-6);
        assert!(leads[2].along.unwrap().abs() < 1e-6);
        assert!((leads[2].pressure.unwrap() - 100.0).abs() < 1e-9);
        assert_eq!(found.false_tracks, [("B".to_owned(), Time(0))]);
        let misses: Vec<(&str, i64)> =
            found.misses.iter().map(|(id, _, lead)| (id.as_str(), *lead)).collect();
        // WP02's two fixes are 12 h apart, so it is known at those times alone.
        assert_eq!(misses, [("WP01", 18), ("WP01", 24), ("WP02", 0), ("WP02", 12)]);

        let other = [track("A", Some(0), &[(0, 0.5, 178.0), (12, 0.0, -180.0)])];
        let other = verify(&other, &best, &Matching::default());
        let same = homogeneous(&[found.pairs, other.pairs]);
        assert_eq!(same[0].iter().map(|pair| pair.lead).collect::<Vec<_>>(), [0, 12]);
        assert_eq!(same[1].len(), 2);
    }
}
