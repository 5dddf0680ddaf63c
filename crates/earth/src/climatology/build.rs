//! Building a climatology: running means by hour and day of the year, then the window.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::file::Backing;
use super::{Climatology, ClimatologyError, DAYS, Entry, Key, Window};
use crate::field::Header;
use crate::grid::Grid;
use crate::time::days_of_month;

/// Running means of one variable, one level and one time of the year and the day.
struct Slot {
    means: Vec<f32>,
    /// Fields that every point has.
    count: u32,
    /// Fields a point has, where some field had gaps.
    counts: Option<Vec<u32>>,
}

impl Slot {
    fn add(&mut self, values: &[f32]) {
        let gaps = values.iter().any(|value| value.is_nan());
        if gaps && self.counts.is_none() {
            self.counts = Some(vec![self.count; values.len()]);
        }
        self.count += 1;
        if let Some(counts) = &mut self.counts {
            for ((mean, count), value) in self.means.iter_mut().zip(counts).zip(values) {
                if !value.is_nan() {
                    *count += 1;
                    *mean += (*value - *mean) / *count as f32;
                }
            }
        } else {
            let count = f64::from(self.count);
            for (mean, value) in self.means.iter_mut().zip(values) {
                *mean += ((f64::from(*value) - f64::from(*mean)) / count) as f32;
            }
        }
    }

    fn count(&self, point: usize) -> u32 {
        self.counts.as_ref().map_or(self.count, |counts| counts[point])
    }
}

/// Gathers fields for a climatology, one at a time. What it holds grows with the variables, hours and days that come, not with the
/// years.
pub struct Builder {
    window: Window,
    limit: u64,
    grid: Option<Arc<Grid>>,
    units: BTreeMap<Key, String>,
    slots: BTreeMap<(Key, u32, usize), Slot>,
    held: u64,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builder({} slots)", self.slots.len())
    }
}

impl Builder {
    /// No field yet.
    #[must_use]
    pub fn new(window: Window) -> Self {
        Self {
            window,
            limit: u64::MAX,
            grid: None,
            units: BTreeMap::new(),
            slots: BTreeMap::new(),
            held: 0,
        }
    }

    /// Refuses to hold more than this many bytes.
    #[must_use]
    pub fn within(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Adds a field by the time at which it holds. The hour of the day is the whole hour it lies in.
    ///
    /// # Errors
    /// [`ClimatologyError`] where it lies on another grid, is not as large as its grid, or there is too much to hold.
    pub fn add(&mut self, header: &Header, values: &[f32]) -> Result<(), ClimatologyError> {
        let grid = self.grid.get_or_insert_with(|| Arc::clone(&header.grid));
        if !grid.same_points(&header.grid) || values.len() != grid.len() {
            return Err(ClimatologyError::Grid {
                what: format!("{} of {}", Key::of(header), header.valid()),
                found: header.grid.to_string(),
                expected: grid.to_string(),
            });
        }
        let key = Key::of(header);
        self.units.entry(key.clone()).or_insert_with(|| header.unit.clone());
        let (time, civil) = (header.valid(), header.valid().civil());
        if self.window == Window::AllTimes {
            return self.put((key, 0, 0), values);
        }
        let day = time.day_of_year() as usize - 1;
        let leap = days_of_month(civil.year, 2) == 29;
        if day == DAYS - 2 && !leap {
            self.put((key.clone(), civil.hour, DAYS - 1), values)?;
        }
        self.put((key, civil.hour, day), values)
    }

    fn put(&mut self, at: (Key, u32, usize), values: &[f32]) -> Result<(), ClimatologyError> {
        if !self.slots.contains_key(&at) {
            self.held += values.len() as u64 * 4;
            if self.held > self.limit {
                let what = format!("{} variables and levels", self.units.len());
                return Err(ClimatologyError::Memory { what, need: self.held, limit: self.limit });
            }
        }
        let empty = || Slot { means: vec![0.0; values.len()], count: 0, counts: None };
        self.slots.entry(at).or_insert_with(empty).add(values);
        Ok(())
    }

    /// Smooths what came and makes the climatology.
    ///
    /// # Errors
    /// [`ClimatologyError::Empty`] where nothing came.
    pub fn finish(self) -> Result<Climatology, ClimatologyError> {
        let grid = self.grid.ok_or(ClimatologyError::Empty)?;
        let all = self.window == Window::AllTimes;
        let mut hours: Vec<u32> = self.slots.keys().map(|(_, hour, _)| *hour).collect();
        hours.sort_unstable();
        hours.dedup();
        let (points, weights) = (grid.len(), self.window.weights());
        let days = if all { 1 } else { DAYS };
        let mut values = Vec::with_capacity(self.units.len() * hours.len() * days * points);
        for key in self.units.keys() {
            for &hour in &hours {
                let slots: Vec<Option<&Slot>> =
                    (0..days).map(|day| self.slots.get(&(key.clone(), hour, day))).collect();
                let smoothed: Vec<Vec<f32>> = (0..days)
                    .into_par_iter()
                    .map(|day| smooth(&slots, day, &weights, points))
                    .collect();
                smoothed.iter().for_each(|day| values.extend_from_slice(day));
            }
        }
        let entries = self.units.into_iter().map(|(key, unit)| Entry { key, unit }).collect();
        let hours = if all { Vec::new() } else { hours };
        Ok(Climatology { grid, hours, entries, backing: Backing::Memory(values) })
    }
}

/// The weighted mean over the days around a day, each counted as often as it has fields.
fn smooth(slots: &[Option<&Slot>], day: usize, weights: &[f64], points: usize) -> Vec<f32> {
    let half = weights.len() / 2;
    let (mut sums, mut totals) = (vec![0.0_f64; points], vec![0.0_f64; points]);
    for (at, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        let other = (day + slots.len() + at - half % slots.len()) % slots.len();
        let Some(slot) = slots[other] else { continue };
        for (point, (sum, total)) in sums.iter_mut().zip(&mut totals).enumerate() {
            let weight = weight * f64::from(slot.count(point));
            *sum += weight * f64::from(slot.means[point]);
            *total += weight;
        }
    }
    sums.iter().zip(&totals).map(|(sum, total)| (sum / total) as f32).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::field::Field;
    use crate::level::Level;
    use crate::time::{DAY, HOUR, Time};

    fn field(time: Time, values: Vec<f32>) -> Field {
        let grid = Arc::new(Grid::regular(2, values.len() / 2));
        let header = Header {
            variable: "t".to_owned(),
            level: Level::pressure(850.0),
            reference: time,
            step: 0,
            member: None,
            unit: "K".to_owned(),
            grid,
            attributes: BTreeMap::new(),
        };
        Field { header, values }
    }

    fn years(from: i32, to: i32, value: impl Fn(Time) -> f32) -> Vec<Field> {
        let mut time = Time::from_date(from, 1, 1).unwrap();
        let end = Time::from_date(to + 1, 1, 1).unwrap();
        let mut fields = Vec::new();
        while time < end {
            fields.push(field(time, vec![value(time); 4]));
            time = time + 12 * HOUR;
        }
        fields
    }

    fn one(climatology: &Climatology, time: &str) -> f32 {
        let key = Key::new("temperature", Level::pressure(850.0));
        climatology.at(Time::parse(time).unwrap(), &key).unwrap().unwrap()[0]
    }

    #[test]
    fn hours_and_seasons_are_kept_apart() {
        let fields = years(2001, 2004, |time| {
            let season = (f64::from(time.day_of_year()) / 366.0 * std::f64::consts::TAU).cos();
            270.0 - 10.0 * season as f32 + if time.civil().hour == 12 { 3.0 } else { 0.0 }
        });
        let climatology = Climatology::build(&fields, Window::default()).unwrap();
        assert_eq!(climatology.hours(), [0, 12]);
        let (winter, summer) = (one(&climatology, "2019-01-01"), one(&climatology, "2019-07-02"));
        assert!(winter < 261.0 && summer > 279.0, "{winter} {summer}");
        let noon = one(&climatology, "2019-07-02T12");
        assert!((noon - summer - 3.0).abs() < 1e-3);
        let key = Key::new("t", Level::pressure(850.0));
        assert!(climatology.at(Time::parse("2019-07-02T06").unwrap(), &key).unwrap().is_none());
        assert_eq!(climatology.unit(&key), Some("K"));
        // The 366th day exists in every year's climatology.
        assert!(one(&climatology, "2020-12-31") < 262.0);
    }

    #[test]
    fn the_window_is_a_weighted_mean_around_the_year() {
        let spike =
            |time: Time| if time.day_of_year() == 2 && time.civil().hour == 0 { 31.0 } else { 0.0 };
        let fields = years(2000, 2000, spike);
        let climatology = Climatology::build(&fields, Window::Triangular(61)).unwrap();
        // Weights 30, 29, …, 1 of 30ths; their sum is 30.
        assert!((one(&climatology, "2000-01-02") - 31.0 / 30.0).abs() < 1e-5);
        assert!((one(&climatology, "2000-12-31") - 31.0 / 30.0 * 28.0 / 30.0).abs() < 1e-5);
        assert_eq!(one(&climatology, "2000-02-01"), 0.0);
        let alone = Climatology::build(&fields, Window::None).unwrap();
        assert_eq!((one(&alone, "2000-01-02"), one(&alone, "2000-01-03")), (31.0, 0.0));
        let gauss = Window::Gaussian { days: 61, deviation: 10.0 };
        let gauss = Climatology::build(&fields, gauss).unwrap();
        assert!(one(&gauss, "2000-01-12") > 0.5 * one(&gauss, "2000-01-02"));
        let mean = Climatology::build(&fields, Window::AllTimes).unwrap();
        assert!((one(&mean, "1999-05-05T07") - 31.0 / 732.0).abs() < 1e-6);
    }

    #[test]
    fn gaps_short_records_and_other_grids() {
        let start = Time::from_date(2001, 3, 1).unwrap();
        let fields = [
            field(start, vec![1.0, f32::NAN, 3.0, 4.0]),
            field(start + DAY, vec![3.0, 5.0, 3.0, f32::NAN]),
        ];
        let climatology = Climatology::build(&fields, Window::Triangular(61)).unwrap();
        let key = Key::new("t", Level::pressure(850.0));
        let at = |time| climatology.at(time, &key).unwrap().unwrap().into_owned();
        let first = at(start);
        assert!((first[0] - (1.0 * 30.0 + 3.0 * 29.0) / 59.0).abs() < 1e-6);
        assert_eq!((first[1], first[2], first[3]), (5.0, 3.0, 4.0));
        assert!(at(start + 100 * DAY)[0].is_nan());
        let other = field(start, vec![1.0; 8]);
        let error = Climatology::build([&fields[0], &other], Window::default()).unwrap_err();
        assert!(matches!(error, ClimatologyError::Grid { .. }));
        assert!(matches!(Climatology::build([], Window::None), Err(ClimatologyError::Empty)));
        let mut tight = Builder::new(Window::None).within(20);
        assert!(tight.add(&fields[0].header, &fields[0].values).is_ok());
        assert!(tight.add(&fields[1].header, &fields[1].values).is_err());
    }
}
