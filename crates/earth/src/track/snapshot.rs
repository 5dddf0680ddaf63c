//! The fields of one time that trackers look at, out of a forecast.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::TrackError;
use crate::calculus::Calculus;
use crate::derive::formulas::GRAVITY;
use crate::field::Header;
use crate::gate::units;
use crate::grid::{EARTH_RADIUS, Grid};
use crate::level::Level;
use crate::source::Source;
use crate::time::Time;
use crate::variable::{known, short_at};

/// Fields of one time, on one grid, in SI units.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When.
    pub time: Time,
    /// Points.
    pub grid: Arc<Grid>,
    /// Mean sea level pressure, in Pa.
    pub pressure: Vec<f32>,
    /// Relative vorticity at 850 hPa, per s.
    pub vorticity: Option<Vec<f32>>,
    /// Wind speed at 10 m, in m/s.
    pub wind: Option<Vec<f32>>,
    /// Geopotential height of 200 hPa above 850 hPa, in gpm.
    pub deep_thickness: Option<Vec<f32>>,
    /// Geopotential height of 300 hPa above 500 hPa, in gpm.
    pub upper_thickness: Option<Vec<f32>>,
    /// Share of land, 0 to 1.
    pub land: Option<Vec<f32>>,
}

/// A field: its points and its values.
type Found = (Arc<Grid>, Vec<f32>);

/// A forecast as a series of snapshots, one in memory at a time.
pub struct Series<'a> {
    source: &'a dyn Source,
    /// Fields of the member that is tracked.
    picked: Vec<usize>,
    times: Vec<Time>,
    reference: Time,
}

impl<'a> Series<'a> {
    /// Times at which a forecast has the mean sea level pressure, of one member (the control or the only one where it is not
    /// said).
    ///
    /// # Errors
    /// [`TrackError::Unfit`] where there is no such field, or the forecast began at several times.
    pub fn new(source: &'a dyn Source, member: Option<u32>) -> Result<Self, TrackError> {
        let headers = source.headers();
        let member = member.or_else(|| headers.iter().filter_map(|header| header.member).min());
        let ours = |header: &Header| header.member.is_none() || header.member == member;
        let picked: Vec<usize> = (0..headers.len()).filter(|at| ours(&headers[*at])).collect();
        let pressures =
            || picked.iter().map(|at| &headers[*at]).filter(|header| header.variable == "msl");
        let times: BTreeSet<Time> = pressures().map(Header::valid).collect();
        let references: BTreeSet<Time> = pressures().map(|header| header.reference).collect();
        let Some(first) = times.first() else {
            let why =
                "tracks are of lows of the mean sea level pressure (msl), which the forecast lacks";
            return Err(TrackError::Unfit(why.to_owned()));
        };
        // Analyses each have their own reference: the series is what they are valid at.
        let analyses = pressures().all(|header| header.step == 0);
        if references.len() > 1 && !analyses {
            let began: Vec<String> = references.iter().map(ToString::to_string).collect();
            let why = format!(
                "forecasts of several initial times: {}; give them one by one",
                began.join(", ")
            );
            return Err(TrackError::Unfit(why));
        }
        let reference = references.first().copied().unwrap_or(*first);
        Ok(Self { source, picked, times: times.into_iter().collect(), reference })
    }

    /// Times, ascending.
    #[must_use]
    pub fn times(&self) -> &[Time] {
        &self.times
    }

    /// When the forecast began.
    #[must_use]
    pub fn reference(&self) -> Time {
        self.reference
    }

    /// The fields of a time; those that the forecast lacks are none.
    ///
    /// # Errors
    /// [`TrackError`] where a field cannot be read, has no rows and columns, or a unit that is not known.
    pub fn snapshot(&self, time: Time) -> Result<Snapshot, TrackError> {
        let (grid, pressure) = self
            .field("msl", Level::MEAN_SEA, time, None)?
            .ok_or_else(|| TrackError::Unfit(format!("the forecast has no msl at {time}")))?;
        if !grid.is_rectilinear() || grid.shape.0 < 3 || grid.shape.1 < 3 {
            return Err(TrackError::Unfit(format!("tracking needs rows and columns, not {grid}")));
        }
        let here = |variable: &str, level: Level| {
            Ok::<_, TrackError>(
                self.field(variable, level, time, Some(&grid))?.map(|(_, values)| values),
            )
        };
        let (ten, p850) = (Level::height(10.0), Level::pressure(850.0));
        let vorticity = match (here("u", p850)?, here("v", p850)?) {
            (Some(u), Some(v)) => {
                let sphere = Calculus::new(Arc::clone(&grid), EARTH_RADIUS);
                let sphere = sphere.map_err(|error| TrackError::Unfit(error.to_string()))?;
                let unfit =
                    |error: crate::calculus::CalculusError| TrackError::Unfit(error.to_string());
                Some(sphere.vorticity(&u, &v).map_err(unfit)?)
            }
            _ => None,
        };
        let wind = here("10u", ten)?.zip(here("10v", ten)?);
        let wind = wind.map(|(u, v)| u.iter().zip(&v).map(|(u, v)| u.hypot(*v)).collect());
        let thickness = |low: f64, high: f64| {
            let height = |hpa| self.height(hpa, time, &grid);
            let both = height(low)?.zip(height(high)?);
            Ok::<_, TrackError>(both.map(|(low, high)| {
                low.iter().zip(&high).map(|(low, high)| high - low).collect::<Vec<f32>>()
            }))
        };
        let (deep_thickness, upper_thickness) =
            (thickness(850.0, 200.0)?, thickness(500.0, 300.0)?);
        let land = match here("lsm", Level::SURFACE)? {
            Some(land) => Some(land),
            // The land does not move: files often have it once.
            None => self.land(&grid)?,
        };
        Ok(Snapshot {
            time,
            grid,
            pressure,
            vorticity,
            wind,
            deep_thickness,
            upper_thickness,
            land,
        })
    }

    fn height(&self, hpa: f64, time: Time, grid: &Grid) -> Result<Option<Vec<f32>>, TrackError> {
        let level = Level::pressure(hpa);
        if let Some((_, mut z)) = self.field("z", level, time, Some(grid))? {
            z.iter_mut().for_each(|z| *z = (f64::from(*z) / GRAVITY) as f32);
            return Ok(Some(z));
        }
        Ok(self.field("gh", level, time, Some(grid))?.map(|(_, values)| values))
    }

    fn land(&self, grid: &Grid) -> Result<Option<Vec<f32>>, TrackError> {
        let headers = self.source.headers();
        let found =
            headers.iter().position(|header| header.variable == "lsm" && *header.grid == *grid);
        Ok(found.map(|at| self.source.values(at)).transpose()?)
    }

    fn field(
        &self,
        variable: &str,
        level: Level,
        time: Time,
        grid: Option<&Grid>,
    ) -> Result<Option<Found>, TrackError> {
        let headers = self.source.headers();
        let single = known(variable).is_some_and(|known| known.at.level().is_some());
        let fits = |header: &Header| {
            let same = header.level == level || (header.variable == variable && single);
            header.valid() == time
                && same
                && short_at(&header.variable, level).unwrap_or(&header.variable) == variable
                && grid.is_none_or(|grid| header.grid.same_points(grid))
        };
        let Some(at) = self.picked.iter().copied().find(|at| fits(&headers[*at])) else {
            return Ok(None);
        };
        let header = &headers[at];
        let mut values = self.source.values(at)?;
        if values.len() != header.grid.len() {
            let why = format!("{variable} at {time}: {} values for {}", values.len(), header.grid);
            return Err(TrackError::Unfit(why));
        }
        let si = known(variable).map_or("", |known| known.unit);
        let way = match units::conversion(&header.unit, si) {
            Some(way) => way,
            None if units::is_silent(&header.unit) => units::Conversion::NONE,
            None => {
                let why = format!("{variable} is in {:?}, not in {si}", header.unit);
                return Err(TrackError::Unfit(why));
            }
        };
        way.apply(&mut values);
        Ok(Some((Arc::clone(&header.grid), values)))
    }
}
