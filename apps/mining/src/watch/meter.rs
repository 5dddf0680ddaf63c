//! What is measured: frames received, thinned, dropped and analysed, frames a second, and the time from
//! a frame's arrival to the decision about it. All of fixed size.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Latencies remembered for the recent figures.
const RECENT: usize = 512;
/// Milliseconds over which frames a second are averaged.
const WINDOW_MS: i64 = 10_000;
/// Times counted for frames a second at most.
const TIMES: usize = 4096;
/// Growth from bucket to bucket of the histogram over all time.
const GROWTH: f64 = 1.05;
const BUCKETS: usize = 320;
/// Upper end of the first bucket, milliseconds; the last ends beyond ten minutes.
const FIRST_MS: f64 = 0.1;

/// Times from a frame's arrival to the decision about it, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Half of the frames were faster.
    pub p50_ms: f64,
    /// 95 of 100 frames were faster.
    pub p95_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// Latencies: the recent ones exactly, all of them within 5 %.
#[derive(Debug, Clone)]
pub struct LatencyMeter {
    recent: VecDeque<f64>,
    buckets: Vec<u32>,
    max: f64,
    count: u64,
}

impl Default for LatencyMeter {
    fn default() -> Self {
        Self { recent: VecDeque::new(), buckets: vec![0; BUCKETS], max: 0.0, count: 0 }
    }
}

impl LatencyMeter {
    /// Another latency in milliseconds.
    pub fn push(&mut self, ms: f64) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(ms);
        let bucket = ((ms / FIRST_MS).ln() / GROWTH.ln()).ceil().clamp(0.0, (BUCKETS - 1) as f64);
        let bucket = &mut self.buckets[bucket as usize];
        *bucket = bucket.saturating_add(1);
        self.max = self.max.max(ms);
        self.count += 1;
    }

    /// Of the last frames.
    #[must_use]
    pub fn recent(&self) -> Latency {
        let mut sorted: Vec<f64> = self.recent.iter().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            let rank = (share * sorted.len() as f64).ceil() as usize;
            sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
        };
        Latency { p50_ms: at(0.5), p95_ms: at(0.95), max_ms: at(1.0) }
    }

    /// Of all frames.
    #[must_use]
    pub fn overall(&self) -> Latency {
        let at = |share: f64| {
            let rank = (share * self.count as f64).ceil() as u64;
            let mut seen = 0;
            for (bucket, count) in self.buckets.iter().enumerate() {
                seen += u64::from(*count);
                if seen >= rank && seen > 0 {
                    return (FIRST_MS * GROWTH.powf(bucket as f64)).min(self.max);
                }
            }
            0.0
        };
        Latency { p50_ms: at(0.5), p95_ms: at(0.95), max_ms: self.max }
    }

    /// Those of another meter besides.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine = mine.saturating_add(*theirs);
        }
        self.max = self.max.max(other.max);
        self.count += other.count;
    }
}

/// How often something happens.
#[derive(Debug, Clone, Default)]
pub struct RateMeter {
    times: VecDeque<i64>,
    /// How often it happened, ever.
    pub total: u64,
    began_ms: Option<i64>,
}

impl RateMeter {
    /// It happened.
    pub fn hit(&mut self, now_ms: i64) {
        self.add(now_ms, 1);
    }

    /// It happened so often.
    pub fn add(&mut self, now_ms: i64, times: u64) {
        self.total += times;
        self.began_ms.get_or_insert(now_ms);
        for _ in 0..times.min(TIMES as u64) {
            if self.times.len() == TIMES {
                self.times.pop_front();
            }
            self.times.push_back(now_ms);
        }
    }

    /// Times a second, averaged over the last ten seconds, or since it first happened.
    #[must_use]
    pub fn rate(&self, now_ms: i64) -> f64 {
        let since = self.began_ms.map_or(0, |began| now_ms - began).min(WINDOW_MS);
        let recent = self.times.iter().rev().take_while(|at| now_ms - **at < WINDOW_MS).count();
        // The first second is too short to tell.
        recent as f64 * 1000.0 / since.max(1000) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_near_the_exact_ones() {
        let mut meter = LatencyMeter::default();
        assert_eq!((meter.recent(), meter.overall()), (Latency::default(), Latency::default()));
        for n in 1..=10_000 {
            meter.push(f64::from(n) / 10.0);
        }
        let all = meter.overall();
        assert!((all.p50_ms / 500.0 - 1.0).abs() < 0.05, "{all:?}");
        assert!((all.p95_ms / 950.0 - 1.0).abs() < 0.05 && all.max_ms == 1000.0, "{all:?}");
        let recent = meter.recent();
        assert!((recent.p50_ms - 974.4).abs() < 0.2 && recent.max_ms == 1000.0, "{recent:?}");
        assert_eq!(meter.recent.len(), RECENT);
        for strange in [0.0, -1.0, f64::NAN, 1e12] {
            meter.push(strange);
        }
    }

    #[test]
    fn rates_are_of_the_last_ten_seconds() {
        let mut meter = RateMeter::default();
        assert_eq!(meter.rate(0), 0.0);
        for n in 0..100 {
            meter.hit(n * 200);
        }
        assert!((meter.rate(20_000) - 4.9).abs() < 0.11);
        assert!((meter.rate(25_000) - 2.4).abs() < 0.11);
        assert_eq!((meter.rate(60_000), meter.total), (0.0, 100));
    }
}
