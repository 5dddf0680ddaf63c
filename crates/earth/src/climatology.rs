//! Climatologies: what is usual at a time of the year and of the day, as the reference of anomalies and as a forecast.
//!
//! Built from fields by day of the year and hour, smoothed over a window of days, as WeatherBench 2's `compute_hourly_stat` does:
//! years are laid over each other, day 366 of years that have none is filled with day 365, and the weighted mean over a window of
//! 61 days that goes around the year is taken, its weights falling linearly to 0 at both ends. Days without data are left out of
//! the mean, so that short records have a climatology too.

mod build;
mod file;

use std::borrow::Cow;
use std::sync::Arc;

pub use build::Builder;
use file::Backing;

use crate::field::{Field, Header};
use crate::grid::Grid;
use crate::level::{Level, LevelKind};
use crate::source::Source;
use crate::time::{DAY, HOUR, Time};
use crate::variable::{At, known, short_at};

/// Days of a climatology's year.
pub const DAYS: usize = 366;

/// Weights of the days of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Window {
    /// Falling linearly from the day itself to 0 at both ends; the days must be odd. WeatherBench 2's, with 61.
    Triangular(usize),
    /// A Gaussian of this standard deviation in days, cut off after a number of days in all, which must be odd.
    Gaussian {
        /// Days.
        days: usize,
        /// Standard deviation, in days.
        deviation: f64,
    },
    /// Each day for itself.
    None,
    /// The mean of all times, whatever the day and the hour.
    AllTimes,
}

impl Default for Window {
    fn default() -> Self {
        Self::Triangular(61)
    }
}

impl Window {
    /// Weights from half a window before to half a window after.
    fn weights(self) -> Vec<f64> {
        match self {
            Self::None | Self::AllTimes => vec![1.0],
            Self::Triangular(days) => {
                let half = (days.clamp(1, DAYS) / 2) as f64;
                let weight =
                    |at: f64| if half > 0.0 { 1.0 - (at - half).abs() / half } else { 1.0 };
                (0..=2 * (half as usize)).map(|at| weight(at as f64)).collect()
            }
            Self::Gaussian { days, deviation } => {
                let half = (days.clamp(1, DAYS) / 2) as f64;
                let weight = |at: f64| (-0.5 * ((at - half) / deviation.max(1e-6)).powi(2)).exp();
                (0..=2 * (half as usize)).map(|at| weight(at as f64)).collect()
            }
        }
    }
}

/// Why a climatology cannot be built, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClimatologyError {
    /// Fields of several grids.
    #[error("{what} lies on {found}, the climatology on {expected}: regrid it first")]
    Grid {
        /// Which field.
        what: String,
        /// Its grid.
        found: String,
        /// The climatology's.
        expected: String,
    },
    /// No field.
    #[error("a climatology needs at least one field")]
    Empty,
    /// More memory than was allowed.
    #[error(
        "a climatology of {what} needs {need} bytes, more than the {limit} allowed: build it for fewer variables or hours at a time"
    )]
    Memory {
        /// What of.
        what: String,
        /// Bytes.
        need: u64,
        /// Limit.
        limit: u64,
    },
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no climatology.
    #[error("{path} is no climatology of this program: {why}")]
    Format {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// Another file cannot be read.
    #[error(transparent)]
    Read(#[from] crate::source::ReadError),
}

/// What a field is of, comparable: the name that its level gives it, and its level.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Short name.
    pub variable: String,
    kind: LevelKind,
    /// Level in thousandths; comparisons must not depend on a file's rounding.
    value: i64,
}

impl Key {
    /// The key of a variable at a level.
    #[must_use]
    pub fn new(variable: &str, level: Level) -> Self {
        let short = short_at(variable, level);
        let level = match short.and_then(known) {
            Some(known) if known.at != At::Any => known.at.level().unwrap_or(level),
            _ => level,
        };
        let variable = short.unwrap_or(variable).to_owned();
        Self { variable, kind: level.kind, value: (level.value * 1000.0).round() as i64 }
    }

    /// The key of a field.
    #[must_use]
    pub fn of(header: &Header) -> Self {
        Self::new(&header.variable, header.level)
    }

    /// Its level.
    #[must_use]
    pub fn level(&self) -> Level {
        Level { kind: self.kind, value: self.value as f64 / 1000.0 }
    }
}

/// `t at 850 hPa`; where the name implies the level, the name alone.
impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match known(&self.variable) {
            Some(known) if known.at != At::Any => f.write_str(&self.variable),
            _ => write!(f, "{} at {}", self.variable, self.level()),
        }
    }
}

/// One variable at one level.
#[derive(Debug)]
struct Entry {
    key: Key,
    unit: String,
}

/// A climatology.
#[derive(Debug)]
pub struct Climatology {
    grid: Arc<Grid>,
    /// Hours of the day that it has, ascending; empty where it does not depend on the time.
    hours: Vec<u32>,
    entries: Vec<Entry>,
    backing: Backing,
}

impl Climatology {
    /// The climatology of these fields, in one call; see [`Builder`] for more fields than fit into memory.
    ///
    /// # Errors
    /// [`ClimatologyError`] where there is no field, or they lie on several grids.
    pub fn build<'a>(
        fields: impl IntoIterator<Item = &'a Field>,
        window: Window,
    ) -> Result<Self, ClimatologyError> {
        let mut builder = Builder::new(window);
        for field in fields {
            builder.add(&field.header, &field.values)?;
        }
        builder.finish()
    }

    /// The climatology that a file of fields is: one field for each day and hour of any year (day 366 taken from day 365 where
    /// that year has none). Where the fields are of several years this is [`Climatology::build`] without a window.
    ///
    /// # Errors
    /// [`ClimatologyError`] where it has no field, or of several grids, or cannot be read.
    pub fn from_source(source: &dyn Source) -> Result<Self, ClimatologyError> {
        let mut builder = Builder::new(Window::None);
        for (at, header) in source.headers().iter().enumerate() {
            builder.add(header, &source.values(at)?)?;
        }
        builder.finish()
    }

    /// Its points.
    #[must_use]
    pub fn grid(&self) -> &Arc<Grid> {
        &self.grid
    }

    /// Hours of the day that it has; empty where it does not depend on the time.
    #[must_use]
    pub fn hours(&self) -> &[u32] {
        &self.hours
    }

    /// What it is of.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.entries.iter().map(|entry| &entry.key)
    }

    /// Unit of a variable.
    #[must_use]
    pub fn unit(&self, key: &Key) -> Option<&str> {
        self.entries.iter().find(|entry| entry.key == *key).map(|entry| entry.unit.as_str())
    }

    fn slots(&self) -> usize {
        if self.hours.is_empty() { 1 } else { self.hours.len() * DAYS }
    }

    fn slot(&self, time: Time) -> Option<usize> {
        if self.hours.is_empty() {
            return Some(0);
        }
        let civil = time.civil();
        if civil.minute != 0 || civil.second != 0 {
            return None;
        }
        let hour = self.hours.binary_search(&civil.hour).ok()?;
        Some(hour * DAYS + time.day_of_year() as usize - 1)
    }

    /// What is usual at a time; none where it does not have the variable, the level or the hour of the day. A day that had no
    /// data is NaN.
    ///
    /// # Errors
    /// [`ClimatologyError`] where its file cannot be read.
    pub fn at(&self, time: Time, key: &Key) -> Result<Option<Cow<'_, [f32]>>, ClimatologyError> {
        let Some(entry) = self.entries.iter().position(|entry| entry.key == *key) else {
            return Ok(None);
        };
        let Some(slot) = self.slot(time) else { return Ok(None) };
        self.backing.field(entry * self.slots() + slot, self.grid.len()).map(Some)
    }

    /// Its fields, for a [`crate::sink::Sink`]: valid in the leap year 2000, one after the other.
    ///
    /// # Errors
    /// [`ClimatologyError`] where its file cannot be read.
    pub fn fields(&self) -> impl Iterator<Item = Result<Field, ClimatologyError>> + '_ {
        let first = Time::from_date(2000, 1, 1).unwrap_or_default();
        let slots = self.slots();
        (0..self.entries.len() * slots).map(move |at| {
            let Entry { key, unit } = &self.entries[at / slots];
            let (hour, day) = (at % slots / DAYS, at % slots % DAYS);
            let hour = self.hours.get(hour).copied().unwrap_or(0);
            let header = Header {
                variable: key.variable.clone(),
                level: key.level(),
                reference: first + day as i64 * DAY + i64::from(hour) * HOUR,
                step: 0,
                member: None,
                unit: unit.clone(),
                grid: Arc::clone(&self.grid),
                attributes: [("statistic".to_owned(), "climatology".to_owned())].into(),
            };
            let values = self.backing.field(at, self.grid.len())?.into_owned();
            Ok(Field { header, values })
        })
    }
}
