//! Cyclone tracks: found in forecasts, read from best-track files, written, and verified.

pub mod assign;
pub mod atcf;
pub mod best;
pub mod hurdat;
pub mod ibtracs;
pub mod minima;
pub mod pangu;
pub mod snapshot;
pub mod sphere;
pub mod tempest;
pub mod verify;
pub mod write;

use serde::Serialize;

use crate::source::ReadError;
use crate::time::Time;
pub use snapshot::{Series, Snapshot};
pub use sphere::Place;

/// Where a cyclone is at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fix {
    /// When.
    pub time: Time,
    /// Latitude of its centre, in degrees.
    pub lat: f64,
    /// Longitude, −180 to 180.
    pub lon: f64,
    /// Least mean sea level pressure, in Pa.
    pub pressure: Option<f64>,
    /// Greatest wind speed at 10 m, in m/s.
    pub wind: Option<f64>,
}

impl Fix {
    /// Its place.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::new(self.lat, self.lon)
    }
}

/// A cyclone's path.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Track {
    /// Identifier, as in `AL012018`.
    pub id: String,
    /// Name; empty where it has none.
    pub name: String,
    /// When the forecast began; none of observed tracks.
    pub reference: Option<Time>,
    /// Places in the order of time.
    pub fixes: Vec<Fix>,
}

impl Track {
    /// Where it was at a time; between two fixes no more than `gap` seconds apart on the great circle between them.
    #[must_use]
    pub fn at(&self, time: Time, gap: i64) -> Option<Fix> {
        let next = self.fixes.partition_point(|fix| fix.time < time);
        let after = self.fixes.get(next)?;
        if after.time == time {
            return Some(*after);
        }
        let before = self.fixes.get(next.checked_sub(1)?)?;
        let span = after.time - before.time;
        if span > gap {
            return None;
        }
        let share = (time - before.time) as f64 / span as f64;
        let place = before.place().between(after.place(), share);
        let mix = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + share * (b - a));
        Some(Fix {
            time,
            lat: place.lat,
            lon: place.lon,
            pressure: mix(before.pressure, after.pressure),
            wind: mix(before.wind, after.wind),
        })
    }
}

/// Why there is no track.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrackError {
    /// The forecast lacks a field that the method needs.
    #[error("tracking by {method} needs {needs} at {time}, which the forecast lacks")]
    Missing {
        /// `pangu` or `tempest`.
        method: &'static str,
        /// Variable and level.
        needs: String,
        /// When.
        time: Time,
    },
    /// The fields are not such that cyclones can be tracked on them.
    #[error("{0}")]
    Unfit(String),
    /// A line of a best-track file is none.
    #[error("line {line}: {why}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The forecast cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Where a cyclone is looked for first.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Identifier that its track gets.
    pub id: String,
    /// Name.
    pub name: String,
    /// Where.
    pub place: Place,
}

/// A tracker takes the times of a forecast in order and gives its tracks at the end.
pub trait Tracker {
    /// Takes the next time.
    ///
    /// # Errors
    /// [`TrackError::Missing`] where it needs a field that is not there.
    fn push(&mut self, snapshot: &Snapshot) -> Result<(), TrackError>;

    /// The tracks.
    fn finish(self: Box<Self>) -> Vec<Track>;
}

/// Tracks the cyclones of a forecast.
///
/// # Errors
/// [`TrackError`]
pub fn track(
    series: &Series<'_>,
    mut tracker: Box<dyn Tracker>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Track>, TrackError> {
    let times = series.times();
    for (at, time) in times.iter().enumerate() {
        tracker.push(&series.snapshot(*time)?)?;
        progress(at + 1, times.len());
    }
    let mut tracks = tracker.finish();
    for track in &mut tracks {
        track.reference = Some(series.reference());
    }
    Ok(tracks)
}
