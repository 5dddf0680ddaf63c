//! Who is in a zone and for how long: entering, leaving, loitering, counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Observation, Zone, ZoneError, advance, within};
use crate::geometry::Size;

/// Times of a zone, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OccupancyOptions {
    /// How long a thing must be inside, without a break, before it has entered.
    pub enter_after: f64,
    /// How long it must be outside or unseen before it has left: a box that trembles at the edge, or is
    /// hidden for a moment, neither leaves nor enters again.
    pub leave_after: f64,
    /// How long a thing may stay before it loiters; `None`: for ever.
    pub loiter_after: Option<f64>,
}

impl Default for OccupancyOptions {
    fn default() -> Self {
        Self { enter_after: 0.0, leave_after: 1.0, loiter_after: None }
    }
}

/// What happened in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ZoneEvent {
    /// A thing has come in.
    Entered {
        /// Its track.
        track: u64,
        /// When it was first seen inside.
        since: f64,
    },
    /// A thing has stayed for too long. Told once a stay.
    Loitering {
        /// Its track.
        track: u64,
        /// When it was first seen inside.
        since: f64,
        /// Seconds since then.
        dwell: f64,
    },
    /// A thing has gone.
    Left {
        /// Its track.
        track: u64,
        /// When it was first seen inside.
        since: f64,
        /// Seconds from the first to the last time it was seen inside.
        dwell: f64,
    },
}

/// A stay of a track.
#[derive(Debug, Clone, Copy)]
struct Stay {
    since: f64,
    last_inside: f64,
    entered: bool,
    loiters: bool,
}

/// Watches one zone.
#[derive(Debug, Clone)]
pub struct ZoneMonitor {
    zone: Zone,
    options: OccupancyOptions,
    stays: BTreeMap<u64, Stay>,
    time: Option<f64>,
    entered: u64,
    left: u64,
}

impl ZoneMonitor {
    /// An empty zone.
    ///
    /// # Errors
    /// A zone that cannot be used; a time that is negative or longer than a year.
    pub fn new(zone: Zone, options: OccupancyOptions) -> Result<Self, ZoneError> {
        zone.check()?;
        let times = [
            ("enter_after", options.enter_after),
            ("leave_after", options.leave_after),
            ("loiter_after", options.loiter_after.unwrap_or(0.0)),
        ];
        for (name, value) in times {
            within(name, value, (0.0, 3.2e7), "from 0 to a year of seconds")?;
        }
        Ok(Self { zone, options, stays: BTreeMap::new(), time: None, entered: 0, left: 0 })
    }

    /// Takes a frame: its time in seconds, its size and the things in it. Events come in the order of
    /// the tracks' numbers.
    ///
    /// # Errors
    /// A time that is not finite or before the last frame's.
    pub fn update(
        &mut self,
        time: f64,
        frame: Size,
        things: &[Observation],
    ) -> Result<Vec<ZoneEvent>, ZoneError> {
        advance(&mut self.time, time)?;
        let area = self.zone.resolve(frame);
        let fresh = Stay { since: time, last_inside: time, entered: false, loiters: false };
        let mut inside = std::collections::BTreeSet::new();
        for thing in things.iter().filter(|thing| area.holds(&thing.bbox)) {
            let stay = self.stays.entry(thing.track).or_insert(fresh);
            if time - stay.last_inside <= self.options.leave_after {
                stay.last_inside = time;
            } else if !stay.entered {
                *stay = fresh;
            }
            // Else a frame later than the patience: the old stay ends below, when it was last seen.
            inside.insert(thing.track);
        }
        let mut events = Vec::new();
        let mut again = Vec::new();
        let Self { options, entered, left, .. } = self;
        self.stays.retain(|&track, stay| {
            let present = inside.contains(&track);
            if !stay.entered {
                // Not yet in: a break ends the attempt.
                if !present {
                    return false;
                }
                if time - stay.since >= options.enter_after {
                    stay.entered = true;
                    *entered += 1;
                    events.push(ZoneEvent::Entered { track, since: stay.since });
                }
            }
            let since = stay.since;
            if stay.entered && time - stay.last_inside > options.leave_after {
                *left += 1;
                events.push(ZoneEvent::Left { track, since, dwell: stay.last_inside - since });
                if present {
                    again.push(track);
                }
                return false;
            }
            let dwell = time - since;
            let too_long = options.loiter_after.is_some_and(|limit| dwell >= limit);
            if stay.entered && present && too_long && !stay.loiters {
                stay.loiters = true;
                events.push(ZoneEvent::Loitering { track, since, dwell });
            }
            true
        });
        for track in again {
            let mut stay = fresh;
            if options.enter_after == 0.0 {
                stay.entered = true;
                *entered += 1;
                events.push(ZoneEvent::Entered { track, since: time });
            }
            self.stays.insert(track, stay);
        }
        Ok(events)
    }

    /// Tracks inside now.
    pub fn inside(&self) -> impl Iterator<Item = u64> + '_ {
        self.stays.iter().filter(|(_, stay)| stay.entered).map(|(&track, _)| track)
    }

    /// How many are inside now.
    #[must_use]
    pub fn occupancy(&self) -> usize {
        self.inside().count()
    }

    /// Seconds a track inside has been there, at the last frame.
    #[must_use]
    pub fn dwell(&self, track: u64) -> Option<f64> {
        let stay = self.stays.get(&track).filter(|stay| stay.entered)?;
        Some(self.time? - stay.since)
    }

    /// How many have entered and left since the start.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.entered, self.left)
    }

    /// The zone.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }
}
