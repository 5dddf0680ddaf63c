//! The tracker of Pangu-Weather's paper (Bi et al. 2023, after ECMWF's): from a known place, the low of each next time.
//!
//! A low of the mean sea level pressure within 445 km of the last place goes on the track if, within 278 km of it, the
//! vorticity at 850 hPa exceeds 5e-5 per s in the cyclonic sense; outside the tropics there is a maximum of the thickness
//! between 850 and 200 hPa; and over land the wind at 10 m exceeds 8 m/s. The track ends where there is none. Of several lows
//! the one nearest to where the cyclone was heading is taken; several cyclones choose together.

use super::assign::assign;
use super::minima::Neighbourhood;
use super::sphere::Place;
use super::{Fix, Snapshot, Start, Track, TrackError, Tracker};
use crate::time::Time;

/// The rules' numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// How far from the last place a low may lie, in km, in six hours or less; in proportion for longer steps.
    pub reach: f64,
    /// How far from the low the other conditions look, in km.
    pub radius: f64,
    /// Vorticity that is exceeded at 850 hPa, per s.
    pub vorticity: f64,
    /// Wind speed that is exceeded at 10 m over land, in m/s.
    pub wind: f64,
    /// Latitude from which a cyclone counts as extratropical, in degrees.
    pub extratropical: f64,
    /// Places between the points, by a parabola.
    pub refine: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            reach: 445.0,
            radius: 278.0,
            vorticity: 5e-5,
            wind: 8.0,
            extratropical: 30.0,
            refine: true,
        }
    }
}

/// The tracker.
#[derive(Debug, Clone)]
pub struct Pangu {
    rules: Rules,
    going: Vec<(Track, Place)>,
    ended: Vec<Track>,
}

impl Pangu {
    /// Tracks these cyclones from where they are at the first time.
    #[must_use]
    pub fn new(starts: Vec<Start>, rules: Rules) -> Self {
        let begin = |start: Start| {
            (Track { id: start.id, name: start.name, ..Track::default() }, start.place)
        };
        Self { rules, going: starts.into_iter().map(begin).collect(), ended: Vec::new() }
    }

    fn lows(&self, snapshot: &Snapshot, vorticity: &[f32]) -> Vec<Fix> {
        let near = Neighbourhood::new(&snapshot.grid);
        let reach = self.rules.reach * self.steps(snapshot);
        let minima = near.minima(&snapshot.pressure).into_iter();
        minima
            .filter(|at| {
                let place = near.place(*at);
                self.going.iter().any(|(_, last)| last.distance(place) <= reach + 200.0)
            })
            .filter(|at| self.fulfils(snapshot, vorticity, &near, *at))
            .map(|at| {
                let (place, low) = if self.rules.refine {
                    near.refined(&snapshot.pressure, at)
                } else {
                    (near.place(at), f64::from(snapshot.pressure[at]))
                };
                let wind = strongest(snapshot, &near, place, self.rules.radius);
                Fix {
                    time: snapshot.time,
                    lat: place.lat,
                    lon: place.lon,
                    pressure: Some(low),
                    wind,
                }
            })
            .collect()
    }

    fn fulfils(
        &self,
        snapshot: &Snapshot,
        vorticity: &[f32],
        near: &Neighbourhood<'_>,
        at: usize,
    ) -> bool {
        let rules = &self.rules;
        let place = near.place(at);
        let cyclonic = if place.lat < 0.0 { -1.0 } else { 1.0 };
        let spins = near
            .within(place, rules.radius)
            .any(|point| cyclonic * f64::from(vorticity[point]) > rules.vorticity);
        let warm = || match &snapshot.deep_thickness {
            Some(thickness) if place.lat.abs() > rules.extratropical => {
                near.within(place, rules.radius).any(|point| near.is_peak(thickness, point))
            }
            _ => true,
        };
        let blows = || match (&snapshot.land, strongest(snapshot, near, place, rules.radius)) {
            (Some(land), Some(wind)) if land[at] > 0.5 => wind > rules.wind,
            _ => true,
        };
        spins && warm() && blows()
    }

    /// Six-hour steps since the last fixes, at least one.
    fn steps(&self, snapshot: &Snapshot) -> f64 {
        let last =
            self.going.iter().filter_map(|(track, _)| track.fixes.last()).map(|fix| fix.time).max();
        last.map_or(1.0, |last| ((snapshot.time - last) as f64 / 21_600.0).max(1.0))
    }
}

/// The strongest wind at 10 m within a distance.
pub(super) fn strongest(
    snapshot: &Snapshot,
    near: &Neighbourhood<'_>,
    place: Place,
    km: f64,
) -> Option<f64> {
    let wind = snapshot.wind.as_ref()?;
    near.within(place, km)
        .map(|at| f64::from(wind[at]))
        .filter(|wind| wind.is_finite())
        .max_by(f64::total_cmp)
}

impl Tracker for Pangu {
    fn push(&mut self, snapshot: &Snapshot) -> Result<(), TrackError> {
        let vorticity = snapshot.vorticity.as_ref().ok_or_else(|| TrackError::Missing {
            method: "pangu",
            needs: "u and v at 850 hPa".to_owned(),
            time: snapshot.time,
        })?;
        let lows = self.lows(snapshot, vorticity);
        let reach = self.rules.reach * self.steps(snapshot);
        let costs: Vec<Vec<f64>> =
            self.going.iter().map(|(track, last)| costs(track, *last, &lows, reach)).collect();
        let found = assign(&costs, LEFT_OUT * reach);
        let going = std::mem::take(&mut self.going);
        for ((mut track, _), found) in going.into_iter().zip(found) {
            match found {
                Some(low) => {
                    let fix = lows[low];
                    track.fixes.push(fix);
                    self.going.push((track, fix.place()));
                }
                None => self.ended.push(track),
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Vec<Track> {
        self.ended.extend(self.going.into_iter().map(|(track, _)| track));
        self.ended.retain(|track| !track.fixes.is_empty());
        self.ended.sort_by(|a, b| a.id.cmp(&b.id));
        self.ended
    }
}

/// More than the cost of any low within reach, as a multiple of it.
pub(super) const LEFT_OUT: f64 = 10.0;

/// What it costs a track to go on with each low: the distance in km from where it was heading, and 5 km for each hPa by which
/// its pressure would change, so that cyclones that meet do not take each other's path. Infinite out of reach.
pub(super) fn costs(track: &Track, last: Place, lows: &[Fix], reach: f64) -> Vec<f64> {
    let pressure = track.fixes.last().and_then(|fix| fix.pressure);
    let cost = |low: &Fix| {
        if last.distance(low.place()) > reach {
            return f64::INFINITY;
        }
        let ahead = heading(track, low.time).unwrap_or(last);
        let change = pressure.zip(low.pressure).map_or(0.0, |(a, b)| (a - b).abs() / 100.0);
        ahead.distance(low.place()).min(4.0 * reach) + (5.0 * change).min(4.0 * reach)
    };
    lows.iter().map(cost).collect()
}

/// Where a track would be if it went on as it did last.
fn heading(track: &Track, time: Time) -> Option<Place> {
    let [.., before, last] = track.fixes.as_slice() else { return None };
    let share = (time - last.time) as f64 / (last.time - before.time) as f64;
    Some(last.place().beyond(before.place(), share))
}
