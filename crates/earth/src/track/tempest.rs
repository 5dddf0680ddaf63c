//! The tracker of TempestExtremes (Ullrich and Zarzycki 2017, 2021): lows of every time with a closed contour around them are
//! found first, then linked. Needs no place to begin from.

use super::assign::assign;
use super::minima::Neighbourhood;
use super::pangu::{LEFT_OUT, costs, strongest};
use super::sphere::KM_PER_DEGREE;
use super::{Fix, Snapshot, Track, TrackError, Tracker};
use crate::time::Time;

/// The rules' numbers; distances in degrees of a great circle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Pressure rises by this, in Pa, ...
    pub rise: f32,
    /// ... within this distance of a low.
    pub contour: f64,
    /// Of lows nearer to each other the deepest counts.
    pub merge: f64,
    /// Asks for a warm core: the thickness between 500 and 300 hPa falls by 6 gpm within 6.5 degrees of its maximum, which lies
    /// within one degree of the low. Where the forecast lacks the heights, that is an error.
    pub warm_core: bool,
    /// How far from its last place a cyclone may be next.
    pub range: f64,
    /// Least time from first to last fix, in seconds.
    pub lasting: i64,
    /// Longest time without a low, in seconds.
    pub gap: i64,
    /// Wind speed at 10 m is the strongest within this distance.
    pub wind: f64,
    /// Places between the points, by a parabola.
    pub refine: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            rise: 200.0,
            contour: 5.5,
            merge: 6.0,
            warm_core: false,
            range: 8.0,
            lasting: 12 * 3600,
            gap: 24 * 3600,
            wind: 2.0,
            refine: true,
        }
    }
}

/// The tracker.
#[derive(Debug, Clone)]
pub struct Tempest {
    rules: Rules,
    going: Vec<Track>,
    ended: Vec<Track>,
}

impl Tempest {
    /// Finds and tracks all cyclones.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, going: Vec::new(), ended: Vec::new() }
    }

    /// Lows of one time, as DetectNodes finds them.
    ///
    /// # Errors
    /// [`TrackError::Missing`] where warm cores are asked for and the heights are not there.
    pub fn lows(&self, snapshot: &Snapshot) -> Result<Vec<Fix>, TrackError> {
        let rules = &self.rules;
        let near = Neighbourhood::new(&snapshot.grid);
        let pressure = &snapshot.pressure;
        let thickness = match &snapshot.upper_thickness {
            Some(thickness) => Some(thickness),
            None if rules.warm_core => {
                return Err(TrackError::Missing {
                    method: "tempest with warm cores",
                    needs: "z or gh at 500 and 300 hPa".to_owned(),
                    time: snapshot.time,
                });
            }
            None => None,
        };
        let mut minima = near.minima(pressure);
        minima.sort_by(|a, b| pressure[*a].total_cmp(&pressure[*b]));
        let mut kept: Vec<usize> = Vec::new();
        for at in minima {
            let place = near.place(at);
            let alone = kept
                .iter()
                .all(|other| near.place(*other).distance(place) >= rules.merge * KM_PER_DEGREE);
            if alone {
                kept.push(at);
            }
        }
        let inverted: Option<Vec<f32>> = thickness
            .filter(|_| rules.warm_core)
            .map(|thickness| thickness.iter().map(|value| -value).collect());
        kept.retain(|at| {
            let closed = near.is_closed(pressure, *at, rules.rise, rules.contour * KM_PER_DEGREE);
            closed && inverted.as_ref().is_none_or(|cold| is_warm(cold, &near, *at))
        });
        Ok(kept.into_iter().map(|at| self.fix(snapshot, &near, at)).collect())
    }

    fn fix(&self, snapshot: &Snapshot, near: &Neighbourhood<'_>, at: usize) -> Fix {
        let (place, low) = if self.rules.refine {
            near.refined(&snapshot.pressure, at)
        } else {
            (near.place(at), f64::from(snapshot.pressure[at]))
        };
        let wind = strongest(snapshot, near, place, self.rules.wind * KM_PER_DEGREE);
        Fix { time: snapshot.time, lat: place.lat, lon: place.lon, pressure: Some(low), wind }
    }
}

/// Whether the thickness (given with its sign turned) has a maximum at a low, and falls around it.
fn is_warm(cold: &[f32], near: &Neighbourhood<'_>, at: usize) -> bool {
    let peak = near
        .within(near.place(at), KM_PER_DEGREE)
        .min_by(|a, b| cold[*a].total_cmp(&cold[*b]))
        .unwrap_or(at);
    near.is_closed(cold, peak, 6.0, 6.5 * KM_PER_DEGREE)
}

fn last_time(track: &Track) -> Option<Time> {
    track.fixes.last().map(|fix| fix.time)
}

impl Tracker for Tempest {
    fn push(&mut self, snapshot: &Snapshot) -> Result<(), TrackError> {
        let lows = self.lows(snapshot)?;
        let range = self.rules.range * KM_PER_DEGREE;
        let (going, over): (Vec<Track>, Vec<Track>) =
            std::mem::take(&mut self.going).into_iter().partition(|track| {
                track.fixes.last().is_some_and(|fix| snapshot.time - fix.time <= self.rules.gap)
            });
        self.ended.extend(over);
        // Cyclones that were there at the last time choose before those that have been away: one that ended beside another
        // must not take the other's path.
        let latest = going.iter().filter_map(last_time).max();
        let (there, away): (Vec<Track>, Vec<Track>) =
            going.into_iter().partition(|track| last_time(track) == latest);
        let mut taken = vec![false; lows.len()];
        for group in [there, away] {
            let free: Vec<usize> = (0..lows.len()).filter(|low| !taken[*low]).collect();
            let candidates: Vec<Fix> = free.iter().map(|low| lows[*low]).collect();
            let of = |track: &Track| match track.fixes.last() {
                Some(last) => costs(track, last.place(), &candidates, range),
                None => vec![f64::INFINITY; candidates.len()],
            };
            let found = assign(&group.iter().map(of).collect::<Vec<_>>(), LEFT_OUT * range);
            for (mut track, found) in group.into_iter().zip(found) {
                if let Some(low) = found {
                    taken[free[low]] = true;
                    track.fixes.push(candidates[low]);
                }
                self.going.push(track);
            }
        }
        for (low, _) in lows.iter().zip(taken).filter(|(_, taken)| !taken) {
            self.going.push(Track { fixes: vec![*low], ..Track::default() });
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Vec<Track> {
        self.ended.append(&mut self.going);
        let lasting = self.rules.lasting;
        let length = |track: &Track| match (track.fixes.first(), track.fixes.last()) {
            (Some(first), Some(last)) => last.time - first.time,
            _ => 0,
        };
        self.ended.retain(|track| length(track) >= lasting);
        let begin = |track: &Track| {
            track.fixes.first().map_or((0, 0), |fix| (fix.time.0, (fix.lat * -1e3) as i64))
        };
        self.ended.sort_by_key(begin);
        for (number, track) in self.ended.iter_mut().enumerate() {
            track.id = format!("TC{:03}", number + 1);
        }
        self.ended
    }
}
