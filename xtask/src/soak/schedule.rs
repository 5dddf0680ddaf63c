//! What is done to the servers and when: drawn from a seed, so that a run can be had again.
//!
//! Restarts come at the beginning and at the end. Between them each server lives one long life, whose memory is what the
//! verdict on memory looks at: a restart would hide a leak.

use std::time::Duration;

use strata_testkit::kill::Dice;

/// Part of the run before which the restarts of the beginning happen.
const OPENING: (f64, f64) = (0.03, 0.09);
/// Part of the run in which the restarts of the end happen.
const CLOSING: (f64, f64) = (0.88, 0.96);
/// Part of the run in which everything else happens.
const MIDDLE: (f64, f64) = (0.02, 0.95);
/// Other events a minute, over all servers.
const A_MINUTE: f64 = 3.0;

/// What happens to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// SIGKILL, and a new start.
    Kill,
    /// SIGTERM, and a new start.
    Terminate,
    /// Models loaded anew over HTTP.
    Reload,
    /// SIGHUP: everything that changed is loaded anew.
    Hangup,
    /// A model's file is cut in place, then loaded: refused, and the old one goes on.
    Truncate,
    /// Another model's bytes are put in its place, then loaded: refused as well.
    Replace,
    /// The disk of its data is full for a while.
    FullDisk,
    /// The wall clock goes two days ahead, and back.
    ClockAhead,
    /// The wall clock goes an hour back, and forth.
    ClockBack,
    /// A crowd of clients that go away in the middle.
    Vanish,
}

impl Event {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill -9 and restart",
            Self::Terminate => "SIGTERM and restart",
            Self::Reload => "models reloaded",
            Self::Hangup => "SIGHUP",
            Self::Truncate => "model file truncated",
            Self::Replace => "model file replaced",
            Self::FullDisk => "full disk",
            Self::ClockAhead => "clock two days ahead",
            Self::ClockBack => "clock an hour back",
            Self::Vanish => "clients vanish",
        }
    }

    /// Every event, restarts first.
    pub(crate) const ALL: [Self; 10] = [
        Self::Kill,
        Self::Terminate,
        Self::Reload,
        Self::Hangup,
        Self::Truncate,
        Self::Replace,
        Self::FullDisk,
        Self::ClockAhead,
        Self::ClockBack,
        Self::Vanish,
    ];

    pub(crate) fn restarts(self) -> bool {
        matches!(self, Self::Kill | Self::Terminate)
    }
}

/// An event of a server at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Since the beginning.
    pub(crate) at: Duration,
    /// Index of the server.
    pub(crate) server: usize,
    pub(crate) event: Event,
}

/// The events of a run, in order. `can` says whether an event makes sense for a server; every event that does happens to
/// every server at least once.
pub(crate) fn plan(
    seed: u64,
    length: Duration,
    servers: usize,
    can: impl Fn(usize, Event) -> bool,
) -> Vec<Planned> {
    let mut dice = Dice::new(seed);
    let mut events = Vec::new();
    let mut put = |within: (f64, f64), server, event| {
        let at = length.mul_f64(within.0) + dice.moment(length.mul_f64(within.1 - within.0));
        events.push(Planned { at, server, event });
    };
    let (restarts, others): (Vec<Event>, Vec<Event>) =
        Event::ALL.into_iter().partition(|event| event.restarts());
    for server in 0..servers {
        for event in restarts.iter().filter(|event| can(server, **event)) {
            put(OPENING, server, *event);
            put(CLOSING, server, *event);
        }
    }
    let pairs: Vec<(usize, Event)> = (0..servers)
        .flat_map(|server| others.iter().map(move |event| (server, *event)))
        .filter(|(server, event)| can(*server, *event))
        .collect();
    let wanted = (length.as_secs_f64() / 60.0 * A_MINUTE) as usize;
    for (server, event) in pairs.iter().cycle().take(wanted.max(pairs.len())) {
        put(MIDDLE, *server, *event);
    }
    events.sort_by_key(|planned| (planned.at, planned.server, planned.event));
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_seed_gives_the_same_run_and_another_gives_another() {
        let all = |seed| plan(seed, HOUR, 4, |_, _| true);
        assert_eq!(all(7), all(7));
        assert_ne!(all(7), all(8));
    }

    #[test]
    fn everything_that_can_happen_does_and_nothing_else() {
        for length in [Duration::from_secs(30), HOUR] {
            let can = |server: usize, event: Event| server != 1 || event != Event::FullDisk;
            let events = plan(3, length, 3, can);
            for server in 0..3 {
                for event in Event::ALL {
                    let count =
                        events.iter().filter(|p| (p.server, p.event) == (server, event)).count();
                    assert_eq!(count > 0, can(server, event), "{server} {event:?}");
                }
            }
            assert!(events.is_sorted_by_key(|planned| planned.at));
            assert!(events.iter().all(|planned| planned.at < length));
        }
        assert!(plan(3, HOUR, 3, |_, _| true).len() >= 180);
    }

    #[test]
    fn no_restart_falls_into_the_long_life() {
        let (from, to) = (HOUR.mul_f64(OPENING.1), HOUR.mul_f64(CLOSING.0));
        assert!(to - from > Duration::from_secs(45 * 60));
        let restarts = plan(11, HOUR, 4, |_, _| true).into_iter().filter(|p| p.event.restarts());
        assert!(restarts.clone().all(|planned| planned.at < from || planned.at >= to));
        assert_eq!(restarts.count(), 16);
    }
}
