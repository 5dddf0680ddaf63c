//! What a server's memory did over its longest life: where it was after the warm-up, where it was at the end.

use std::time::Duration;

use super::unit::Sample;

/// Part of a life that is warm-up: caches fill, allocators find their size.
const WARM_UP: f64 = 0.15;
/// Part of a life whose median is compared.
const WINDOW: f64 = 0.1;
/// Growth that is allowed, in MB.
pub(crate) const ALLOWED_MB: f64 = 50.0;
/// A shorter life shows nothing.
pub(crate) const LEAST: Duration = Duration::from_secs(600);

/// Memory, handles and threads of a life, in MB and numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Memory {
    pub(crate) life: Duration,
    /// Median of the tenth of the life that follows the warm-up.
    pub(crate) settled_mb: f64,
    /// Median of the last tenth.
    pub(crate) final_mb: f64,
    pub(crate) peak_mb: f64,
    pub(crate) handles: (u64, u64),
    pub(crate) threads: (u64, u64),
}

impl Memory {
    /// From all samples of a server; none where no life has some of each part.
    pub(crate) fn of(samples: &[Sample]) -> Option<Self> {
        let longest = samples
            .chunk_by(|a, b| a.life == b.life)
            .max_by_key(|life| Some(life.last()?.at - life.first()?.at))?;
        let (first, last) = (longest.first()?.at, longest.last()?.at);
        let length = last - first;
        let part = |from: f64, to: f64| -> Vec<Sample> {
            let (from, to) = (first + length.mul_f64(from), first + length.mul_f64(to));
            longest.iter().filter(|s| s.at >= from && s.at <= to).copied().collect()
        };
        let (settled, end) = (part(WARM_UP, WARM_UP + WINDOW), part(1.0 - WINDOW, 1.0));
        let most = |samples: &[Sample], of: fn(&Sample) -> u64| samples.iter().map(of).max();
        Some(Self {
            life: length,
            settled_mb: median(&settled)?,
            final_mb: median(&end)?,
            peak_mb: longest.iter().map(|s| s.resident_mb).fold(0.0, f64::max),
            handles: (most(&settled, |s| s.handles)?, most(&end, |s| s.handles)?),
            threads: (most(&settled, |s| s.threads)?, most(&end, |s| s.threads)?),
        })
    }

    pub(crate) fn growth_mb(&self) -> f64 {
        self.final_mb - self.settled_mb
    }

    /// Whether it grew no more than it may; none for a life too short to tell.
    pub(crate) fn held(&self) -> Option<bool> {
        (self.life >= LEAST).then(|| self.growth_mb() <= ALLOWED_MB)
    }
}

fn median(samples: &[Sample]) -> Option<f64> {
    let mut all: Vec<f64> = samples.iter().map(|sample| sample.resident_mb).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(seconds: u64, life: u32, mb: impl Fn(u64) -> f64) -> Vec<Sample> {
        let sample = |second| Sample {
            at: Duration::from_secs(second),
            resident_mb: mb(second),
            handles: 40,
            threads: 9,
            life,
        };
        (0..=seconds / 5).map(|step| sample(step * 5)).collect()
    }

    #[test]
    fn a_leak_is_found_and_a_warm_up_is_none() {
        let leaks = course(3600, 1, |second| 100.0 + second as f64 / 40.0);
        let leaks = Memory::of(&leaks).unwrap();
        assert!(leaks.held() == Some(false) && leaks.growth_mb() > 60.0, "{leaks:?}");
        let warms = course(3600, 1, |second| if second < 400 { 100.0 } else { 300.0 });
        let warms = Memory::of(&warms).unwrap();
        assert_eq!((warms.held(), warms.growth_mb(), warms.peak_mb), (Some(true), 0.0, 300.0));
    }

    #[test]
    fn the_longest_life_counts_and_a_short_one_tells_nothing() {
        let mut samples = course(100, 1, |_| 500.0);
        samples.extend(
            course(1000, 2, |_| 90.0)
                .iter()
                .map(|s| Sample { at: s.at + Duration::from_secs(120), ..*s }),
        );
        samples.extend(
            course(60, 3, |_| 400.0)
                .iter()
                .map(|s| Sample { at: s.at + Duration::from_secs(1300), ..*s }),
        );
        let memory = Memory::of(&samples).unwrap();
        assert_eq!((memory.life.as_secs(), memory.final_mb), (1000, 90.0));
        assert_eq!(Memory::of(&course(100, 1, |_| 1.0)).unwrap().held(), None);
        assert_eq!(Memory::of(&[]), None);
    }
}
