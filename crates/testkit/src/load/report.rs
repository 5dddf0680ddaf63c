//! What a run showed: counts, exact percentiles from all samples, and second by second.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::{Log, Sample};
use super::connection::Failure;

/// Times of a group of requests; percentiles are those of a sample that was measured (nearest rank).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// Samples.
    pub count: u64,
    /// The arithmetic mean.
    pub mean: Duration,
    /// Half took no longer.
    pub p50: Duration,
    /// 95 % took no longer.
    pub p95: Duration,
    /// 99 % took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Latency {
    /// From microseconds, which are sorted on the way.
    pub(super) fn of(micros: &mut [u32]) -> Self {
        micros.sort_unstable();
        let Some(max) = micros.last() else { return Self::default() };
        let count = micros.len();
        let rank = |percent: usize| {
            let at = (count * percent).div_ceil(100).max(1) - 1;
            Duration::from_micros(u64::from(micros[at]))
        };
        let sum: u64 = micros.iter().map(|&m| u64::from(m)).sum();
        Self {
            count: count as u64,
            mean: Duration::from_nanos(sum.saturating_mul(1000) / count as u64),
            p50: rank(50),
            p95: rank(95),
            p99: rank(99),
            max: Duration::from_micros(u64::from(*max)),
        }
    }
}

/// One second of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// Seconds since the beginning.
    pub second: u64,
    /// Answers by the first digit of their status.
    pub classes: BTreeMap<u16, u64>,
    /// Requests that got no whole answer.
    pub failures: u64,
    /// Times of the answers, whatever their status.
    pub latency: Latency,
}

/// What a run showed.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// From the beginning to the last answer or failure.
    pub elapsed: Duration,
    /// Whole answers, whatever their status.
    pub answered: u64,
    /// Whole answers a second.
    pub per_second: f64,
    /// Times of all answers.
    pub all: Latency,
    /// Times by status.
    pub statuses: BTreeMap<u16, Latency>,
    /// Times by the first digit of the status.
    pub classes: BTreeMap<u16, Latency>,
    /// Requests that got no whole answer, by the reason.
    pub failures: BTreeMap<Failure, u64>,
    /// Answers that the check found wrong.
    pub wrong: u64,
    /// What the check said of one of them.
    pub first_wrong: Option<String>,
    /// Requests sent once more because a kept connection was closed before a byte of the answer.
    pub resent: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Bytes of requests.
    pub bytes_sent: u64,
    /// Bytes of answers.
    pub bytes_received: u64,
    /// From the intended to the real start of a request. At a rate, long lags say that there were too few clients (all
    /// of them waited for answers); the latencies count from the intended start all the same.
    pub lag: Latency,
    /// Second by second, seconds without any answer included.
    pub windows: Vec<Window>,
    /// Processor time of the clients' threads; zero where the system does not tell it.
    pub client_cpu: Duration,
    /// Clients that panicked: a fault of the check or of this module.
    pub lost_clients: u64,
}

impl Report {
    pub(super) fn new(log: &mut Log) -> Self {
        let samples = std::mem::take(&mut log.samples);
        let ends = samples.iter().map(|s| s.at_ms).chain(log.failures.iter().map(|(at, _)| *at));
        let elapsed = Duration::from_millis(u64::from(ends.max().unwrap_or(0)));
        let mut all: Vec<u32> = samples.iter().map(|s| s.micros).collect();
        let mut lags: Vec<u32> = samples.iter().map(|s| s.lag_micros).collect();
        let answered = samples.len() as u64;
        Self {
            elapsed,
            answered,
            per_second: rate(answered, elapsed),
            all: Latency::of(&mut all),
            statuses: grouped(&samples, |status| status),
            classes: grouped(&samples, |status| status / 100),
            failures: log.failures_by_kind(),
            wrong: log.wrong,
            first_wrong: log.first_wrong.take(),
            resent: log.resent,
            connections: log.connections,
            bytes_sent: log.bytes_sent,
            bytes_received: log.bytes_received,
            lag: Latency::of(&mut lags),
            windows: windows(&samples, &log.failures),
            client_cpu: log.cpu,
            lost_clients: log.lost_clients,
        }
    }

    /// Answers with this status.
    #[must_use]
    pub fn count(&self, status: u16) -> u64 {
        self.statuses.get(&status).map_or(0, |l| l.count)
    }

    /// Answers whose status begins with this digit.
    #[must_use]
    pub fn count_class(&self, digit: u16) -> u64 {
        self.classes.get(&digit).map_or(0, |l| l.count)
    }

    /// Requests that got no whole answer.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Answers with a status of 200 to 299 a second.
    #[must_use]
    pub fn good_per_second(&self) -> f64 {
        rate(self.count_class(2), self.elapsed)
    }
}

fn rate(count: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { count as f64 / elapsed.as_secs_f64() }
}

fn grouped(samples: &[Sample], key: impl Fn(u16) -> u16) -> BTreeMap<u16, Latency> {
    let mut groups: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
    for sample in samples {
        groups.entry(key(sample.status)).or_default().push(sample.micros);
    }
    groups.into_iter().map(|(key, mut micros)| (key, Latency::of(&mut micros))).collect()
}

fn windows(samples: &[Sample], failures: &[(u32, Failure)]) -> Vec<Window> {
    let second = |at_ms: u32| (at_ms / 1000) as usize;
    let ends = samples.iter().map(|s| s.at_ms).chain(failures.iter().map(|(at, _)| *at));
    let Some(last) = ends.max() else { return Vec::new() };
    let mut windows = vec![Window::default(); second(last) + 1];
    let mut times = vec![Vec::new(); windows.len()];
    for sample in samples {
        let at = second(sample.at_ms);
        *windows[at].classes.entry(sample.status / 100).or_default() += 1;
        times[at].push(sample.micros);
    }
    for (at, _) in failures {
        windows[second(*at)].failures += 1;
    }
    for (at, (window, micros)) in windows.iter_mut().zip(&mut times).enumerate() {
        window.second = at as u64;
        window.latency = Latency::of(micros);
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let mut micros: Vec<u32> = (1..=200).rev().collect();
        let latency = Latency::of(&mut micros);
        let of = Duration::from_micros;
        assert_eq!(
            (latency.p50, latency.p95, latency.p99, latency.max),
            (of(100), of(190), of(198), of(200))
        );
        assert_eq!((latency.count, latency.mean), (200, Duration::from_nanos(100_500)));
        let one = Latency::of(&mut [7]);
        assert_eq!((one.p50, one.p99, one.max), (of(7), of(7), of(7)));
        assert_eq!(Latency::of(&mut []), Latency::default());
    }

    #[test]
    fn a_second_without_answers_is_shown() {
        let sample = |at_ms, status| Sample { at_ms, micros: 5, lag_micros: 1, status };
        let mut log = Log {
            samples: vec![sample(10, 200), sample(2500, 503), sample(2600, 200)],
            failures: vec![(1, Failure::Reset), (4000, Failure::Connect)],
            ..Log::default()
        };
        let report = Report::new(&mut log);
        assert_eq!(report.elapsed, Duration::from_secs(4));
        assert_eq!(report.windows.len(), 5);
        assert_eq!((report.windows[0].failures, report.windows[1].latency.count), (1, 0));
        assert_eq!(report.windows[2].classes, BTreeMap::from([(2, 1), (5, 1)]));
        assert_eq!(report.windows[4].failures, 1);
        assert_eq!((report.count(200), report.count_class(5), report.failed()), (2, 1, 2));
        assert!((report.good_per_second() - 0.5).abs() < 1e-9);
    }
}
