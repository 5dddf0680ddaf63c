//! `track`: cyclones of a forecast, and their errors against best tracks.

use serde::Serialize;
use strata_earth::source::Source;
use strata_earth::track::pangu::{self, Pangu};
use strata_earth::track::tempest::{self, Tempest};
use strata_earth::track::verify::{Matching, Verification, verify};
use strata_earth::track::{Place, Series, Start, Track, TrackError, Tracker, track};

/// The rules that a cyclone is followed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Method {
    /// From known places on (Bi et al. 2023).
    Pangu,
    /// Found and linked freely (Ullrich and Zarzycki 2017).
    Tempest,
}

/// What is tracked, and how.
#[derive(Debug, Clone, Default)]
pub struct TrackJob {
    /// The method; Pangu's where places to begin from are given, else TempestExtremes'.
    pub method: Option<Method>,
    /// Places to begin from.
    pub from: Vec<Place>,
    /// Best tracks, to begin from and to verify against.
    pub best: Vec<Track>,
    /// One of them, by identifier or name.
    pub storm: Option<String>,
    /// Member of an ensemble; the control where it is not said.
    pub member: Option<u32>,
    /// TempestExtremes: cyclones with a warm core only.
    pub warm_core: bool,
    /// Places at the grid's points, not between them.
    pub on_grid: bool,
}

/// What was tracked.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tracked {
    /// Tracks.
    pub tracks: Vec<Track>,
    /// Errors, where there are best tracks of the time.
    pub verification: Option<Verification>,
    /// Rules that could not be asked, for want of fields.
    pub notes: Vec<String>,
}

/// Tracks the cyclones of a forecast; `progress` takes how many times of how many are done.
///
/// # Errors
/// [`TrackError`]: a field is missing, a storm is not among the best tracks, or there is no place to begin from.
pub fn track_forecast(
    source: &dyn Source,
    job: &TrackJob,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Tracked, TrackError> {
    let series = Series::new(source, job.member)?;
    let best = chosen(&job.best, job.storm.as_deref())?;
    let starts = starts(&series, job, &best)?;
    let method =
        job.method.unwrap_or(if starts.is_empty() { Method::Tempest } else { Method::Pangu });
    let tracker: Box<dyn Tracker> = match method {
        Method::Pangu if starts.is_empty() => {
            let why = "Pangu's method follows cyclones from a known place: give --from or --best-track, or take --method tempest";
            return Err(TrackError::Unfit(why.to_owned()));
        }
        Method::Pangu => {
            let rules = pangu::Rules { refine: !job.on_grid, ..pangu::Rules::default() };
            Box::new(Pangu::new(starts, rules))
        }
        Method::Tempest => {
            let rules = tempest::Rules {
                refine: !job.on_grid,
                warm_core: job.warm_core,
                ..tempest::Rules::default()
            };
            Box::new(Tempest::new(rules))
        }
    };
    let notes = notes(source, method, job);
    let tracks = track(&series, tracker, progress)?;
    let verification = (!best.is_empty()).then(|| verify(&tracks, &best, &Matching::default()));
    Ok(Tracked { tracks, verification, notes })
}

fn chosen(best: &[Track], storm: Option<&str>) -> Result<Vec<Track>, TrackError> {
    let Some(storm) = storm else { return Ok(best.to_vec()) };
    let same = |text: &str| text.eq_ignore_ascii_case(storm);
    let by_id: Vec<Track> = best.iter().filter(|track| same(&track.id)).cloned().collect();
    if !by_id.is_empty() {
        return Ok(by_id);
    }
    let by_name: Vec<Track> = best.iter().filter(|track| same(&track.name)).cloned().collect();
    match by_name.len() {
        1 => Ok(by_name),
        0 => {
            let why =
                format!("{storm:?} is none of the {} cyclones of the best tracks", best.len());
            Err(TrackError::Unfit(why))
        }
        _ => {
            let ids: Vec<&str> = by_name.iter().map(|track| track.id.as_str()).collect();
            let why =
                format!("{storm:?} is the name of several cyclones: {}; say which", ids.join(", "));
            Err(TrackError::Unfit(why))
        }
    }
}

fn starts(series: &Series<'_>, job: &TrackJob, best: &[Track]) -> Result<Vec<Start>, TrackError> {
    let mut starts: Vec<Start> = job
        .from
        .iter()
        .enumerate()
        .map(|(at, place)| Start {
            id: format!("TC{:03}", at + 1),
            name: String::new(),
            place: *place,
        })
        .collect();
    let Some(first) = series.times().first().copied() else { return Ok(starts) };
    if job.method == Some(Method::Tempest) {
        return Ok(Vec::new());
    }
    let gap = Matching::default().gap;
    let there = best.iter().filter_map(|track| Some((track, track.at(first, gap)?)));
    starts.extend(there.map(|(track, fix)| Start {
        id: track.id.clone(),
        name: track.name.clone(),
        place: fix.place(),
    }));
    if starts.is_empty() && !best.is_empty() {
        let why =
            format!("no cyclone of the best tracks was there when the forecast begins, {first}");
        return Err(TrackError::Unfit(why));
    }
    Ok(starts)
}

fn notes(source: &dyn Source, method: Method, job: &TrackJob) -> Vec<String> {
    let mut notes = source.notes().to_vec();
    let has = |variable: &str, hpa: f64| {
        let mut headers = source.headers().iter();
        headers.any(|header| {
            header.variable == variable && (hpa == 0.0 || header.level.is_pressure(hpa))
        })
    };
    let height = |hpa: f64| has("z", hpa) || has("gh", hpa);
    let mut skipped = |rule: &str, needs: &str| {
        notes.push(format!("{rule} was not asked: the forecast has no {needs}"));
    };
    if method == Method::Pangu && !(height(850.0) && height(200.0)) {
        skipped("the thickness of extratropical cyclones", "z at 850 and 200 hPa");
    }
    if method == Method::Pangu && !has("lsm", 0.0) {
        skipped("the wind over land", "lsm");
    }
    if !(has("10u", 0.0) && has("10v", 0.0)) {
        skipped("the strongest wind", "10u and 10v");
    }
    if method == Method::Tempest && !job.warm_core {
        notes.push(
            "lows without a warm core are tracked too (--warm-core leaves them out)".to_owned(),
        );
    }
    notes
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use strata_earth::field::{Field, Header};
    use strata_earth::grid::Grid;
    use strata_earth::level::Level;
    use strata_earth::memory_source::MemorySource;
    use strata_earth::time::Time;
    use strata_earth::track::{Fix, best, write};

    fn way(step: i64) -> Place {
        Place::new(18.0 + 0.5 * step as f64, 131.0 - 1.2 * step as f64)
    }

    fn begin() -> Time {
        Time::from_date(2023, 7, 21).unwrap()
    }

    /// A low that moves, with a wind that turns about it.
    fn forecast() -> MemorySource {
        let grid = Arc::new(Grid::regular(91, 180));
        let mut source = MemorySource::default();
        for step in 0..5 {
            let centre = way(step);
            let mut push =
                |variable: &str, level: Level, unit: &str, of: &dyn Fn(Place, f64) -> f64| {
                    let value = |at: usize| {
                        let (lat, lon) = grid.at(at);
                        let here = Place::new(lat, lon);
                        of(here, here.distance(centre) / 350.0) as f32
                    };
                    let header = Header {
                        variable: variable.to_owned(),
                        level,
                        reference: begin(),
                        step: step * 21_600,
                        member: None,
                        unit: unit.to_owned(),
                        grid: Arc::clone(&grid),
                        attributes: BTreeMap::new(),
                    };
                    source.push(Field { header, values: (0..grid.len()).map(value).collect() });
                };
            let p850 = Level::pressure(850.0);
            let turn = |here: Place| (here.bearing(centre) + 90.0).to_radians();
            push("msl", Level::MEAN_SEA, "hPa", &|_, far| 1010.0 - 40.0 * (-far * far).exp());
            push("u", p850, "m/s", &|here, far| 80.0 * far * (-far * far).exp() * turn(here).sin());
            push("v", p850, "m/s", &|here, far| 80.0 * far * (-far * far).exp() * turn(here).cos());
        }
        source
    }

    fn observed() -> Vec<Track> {
        let fix = |step: i64| {
            let place = way(step).step(0.0, 30.0);
            Fix {
                time: begin().plus_hours(6 * step),
                lat: place.lat,
                lon: place.lon,
                pressure: Some(97_500.0),
                wind: None,
            }
        };
        let track = Track {
            id: "WP052023".to_owned(),
            name: "DOKSURI".to_owned(),
            reference: None,
            fixes: (0..5).map(fix).collect(),
        };
        let deck = strata_earth::track::atcf::write(&[track], "BEST");
        best::read(&deck).unwrap()
    }

    #[test]
    fn a_cyclone_is_tracked_from_a_place_or_a_best_track_and_verified() {
        let source = forecast();
        let from = TrackJob { from: vec![Place::new(18.5, 131.5)], ..TrackJob::default() };
        let found = track_forecast(&source, &from, &mut |_, _| {}).unwrap();
        assert_eq!(found.tracks[0].fixes.len(), 5);
        assert!(found.verification.is_none());
        assert!(found.notes.iter().any(|note| note.contains("lsm")));
        assert_eq!(write::csv(&found.tracks).lines().count(), 6);

        let job = TrackJob {
            best: observed(),
            storm: Some("wp052023".to_owned()),
            ..TrackJob::default()
        };
        let found = track_forecast(&source, &job, &mut |_, _| {}).unwrap();
        assert_eq!(found.tracks[0].id, "WP052023");
        let verification = found.verification.unwrap();
        assert_eq!(verification.pairs.len(), 5);
        assert!(verification.pairs.iter().all(|pair| pair.distance < 60.0), "{verification:?}");

        let free = TrackJob { method: Some(Method::Tempest), ..TrackJob::default() };
        let free = track_forecast(&source, &free, &mut |_, _| {}).unwrap();
        assert_eq!((free.tracks.len(), free.tracks[0].fixes.len()), (1, 5));
    }

    #[test]
    fn what_cannot_be_begun_is_said() {
        let source = forecast();
        let fails =
            |job: TrackJob| track_forecast(&source, &job, &mut |_, _| {}).unwrap_err().to_string();
        let text = fails(TrackJob { method: Some(Method::Pangu), ..TrackJob::default() });
        assert!(text.contains("--from"), "{text}");
        let text = fails(TrackJob {
            best: observed(),
            storm: Some("NONE".to_owned()),
            ..TrackJob::default()
        });
        assert!(text.contains("none of the 1 cyclones"), "{text}");
        let mut late = observed();
        late[0].fixes.iter_mut().for_each(|fix| fix.time = fix.time.plus_hours(240));
        let text = fails(TrackJob { best: late, ..TrackJob::default() });
        assert!(text.contains("was there when the forecast begins, 2023-07-21"), "{text}");
    }
}
