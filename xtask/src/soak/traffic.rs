//! Clients: independent arrivals at a low rate, requests drawn by their weights, every answer compared.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use strata_testkit::kill::Dice;
use strata_testkit::load::{Answer, Connection, Failure, Request};

use super::compare::Golden;
use super::fleet::{Ask, Server};
use super::record::{Met, Record};

/// How long a client waits for the next bytes.
const PATIENCE: Duration = Duration::from_secs(120);
/// One request of so many comes on a new connection.
const FRESH: u64 = 8;

/// A connection that is kept from one request to the next.
struct Caller<'a> {
    server: &'a Server,
    kept: Option<Connection>,
}

impl Caller<'_> {
    /// Sends a request; once more where a kept connection turns out to have been closed, as HTTP clients do.
    fn ask(&mut self, request: &Request, fresh: bool) -> Result<(Answer, Connection), Failure> {
        if let Some(mut connection) = self.kept.take().filter(|_| !fresh) {
            match connection.exchange(request) {
                Ok(answer) => return Ok((answer, connection)),
                Err(Failure::Closed | Failure::Reset) => {}
                Err(failure) => return Err(failure),
            }
        }
        let mut connection = Connection::open(self.server.unit.start.address, PATIENCE)?;
        let answer = connection.exchange(request)?;
        Ok((answer, connection))
    }
}

/// One client, until told to stop.
pub(crate) fn client(
    server: &Server,
    record: &Record,
    (per_second, seed): (f64, u64),
    stop: &AtomicBool,
) {
    let mut dice = Dice::new(seed);
    let mut caller = Caller { server, kept: None };
    while !stop.load(Ordering::Relaxed) {
        sleep(pause(&mut dice, per_second), stop);
        let (ask, golden) = drawn(&server.asks, &mut dice);
        let (from, begun) = (server.unit.now(), Instant::now());
        let met = caller.ask(&ask.request, dice.roll().is_multiple_of(FRESH));
        let (answer, connection) = met.map_or_else(
            |failure| (Err(failure), None),
            |(answer, connection)| (Ok(answer), Some(connection)),
        );
        let body = connection.as_ref().map_or(&[][..], Connection::body);
        record.judge(&Met {
            server: server.unit.name(),
            ask: ask.name,
            golden,
            from,
            took: begun.elapsed(),
            answer: answer.map(|answer| (answer.status, body)),
            outage: server.unit.outage(from),
        });
        let keeps = answer.is_ok_and(|answer| answer.keep_alive);
        caller.kept = connection.filter(|_| keeps);
    }
}

/// The time between two independent arrivals.
fn pause(dice: &mut Dice, per_second: f64) -> Duration {
    let u = ((dice.roll() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    Duration::try_from_secs_f64(-u.ln() / per_second).unwrap_or(Duration::from_secs(3600))
}

/// A request by its weight.
pub(crate) fn drawn<'a>(asks: &'a [(Ask, Golden)], dice: &mut Dice) -> &'a (Ask, Golden) {
    let whole: u64 = asks.iter().map(|(ask, _)| u64::from(ask.weight)).sum();
    let mut at = dice.roll() % whole.max(1);
    for one in asks {
        let weight = u64::from(one.0.weight);
        if at < weight {
            return one;
        }
        at -= weight;
    }
    &asks[0]
}

/// Sleeps, but not past the end.
pub(crate) fn sleep(time: Duration, stop: &AtomicBool) {
    let begun = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let left = time.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(Duration::from_millis(200)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_have_their_rate() {
        let mut dice = Dice::new(5);
        let total: f64 = (0..20_000).map(|_| pause(&mut dice, 8.0).as_secs_f64()).sum();
        assert!((total / 20_000.0 - 0.125).abs() < 0.005, "{total}");
    }
}
