//! What Linux tells about another process: processor time and memory. Elsewhere there is no answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::figures::{Spread, round};

/// How often memory is looked at.
const EVERY: Duration = Duration::from_millis(200);
/// Points of a course that are printed.
const SHOWN: usize = 12;

/// User and system time so far, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    cpu_in(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// A hundred ticks a second; the name in brackets may hold anything.
fn cpu_in(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Resident memory in MB of 2^20 bytes.
pub(crate) fn resident_mb(pid: u32) -> Option<f64> {
    memory_mb(pid, "VmRSS:")
}

/// The most that was resident so far.
pub(crate) fn peak_mb(pid: u32) -> Option<f64> {
    memory_mb(pid, "VmHWM:")
}

fn memory_mb(pid: u32, field: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok().map(|kb| kb / 1024.0)
}

/// Watches a process's memory until it is asked for what it saw.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<f64>>,
}

impl Watch {
    pub(crate) fn start(pid: u32) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let look = move || {
            let (mut seen, begun) = (Vec::new(), Instant::now());
            while !stopped.load(Ordering::Acquire) {
                seen.extend(resident_mb(pid));
                let next = EVERY * (seen.len() as u32).max(1);
                std::thread::sleep(next.saturating_sub(begun.elapsed()).max(EVERY / 10));
            }
            seen
        };
        Ok(Self { stop, thread: std::thread::Builder::new().name("watch".into()).spawn(look)? })
    }

    pub(crate) fn finish(self) -> Course {
        self.stop.store(true, Ordering::Release);
        Course(self.thread.join().unwrap_or_default())
    }
}

/// Memory over a time, in MB.
#[derive(Debug)]
pub(crate) struct Course(Vec<f64>);

impl Course {
    /// By how much the last third's middle is above the second third's: the first third fills queues and
    /// buffers, and what grows after that goes on growing.
    pub(crate) fn growth(&self) -> Option<f64> {
        let third = self.0.len() / 3;
        let second = Spread::of(self.0.get(third..2 * third)?.iter().copied())?;
        let last = Spread::of(self.0.get(2 * third..)?.iter().copied())?;
        Some(last.median / second.median - 1.0)
    }

    pub(crate) fn json(&self) -> Value {
        let step = self.0.len().div_ceil(SHOWN).max(1);
        let shown: Vec<f64> = self.0.iter().step_by(step).map(|mb| round(*mb)).collect();
        json!({
            "first_mb": self.0.first().map(|mb| round(*mb)),
            "last_mb": self.0.last().map(|mb| round(*mb)),
            "max_mb": Spread::of(self.0.iter().copied()).map(|s| round(s.max)),
            "growth_last_third": self.growth().map(round),
            "course_mb": shown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_user_and_system() {
        let stat = "17 (a (b) c) S 1 17 17 0 -1 4194560 100 0 0 0 250 150 0 0 20 0 9 0 5 6 7";
        assert_eq!(cpu_in(stat), Some(4.0));
        assert_eq!(cpu_in("17 (x) S 1"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_a_course() {
        let me = std::process::id();
        assert!(resident_mb(me).unwrap() > 0.5);
        let watch = Watch::start(me).unwrap();
        std::thread::sleep(EVERY * 3);
        let course = watch.finish();
        assert!(course.0.len() >= 2, "{course:?}");
    }

    #[test]
    fn growth_looks_at_the_end() {
        let mut filling = vec![10.0, 50.0, 90.0];
        filling.extend([100.0; 6]);
        assert_eq!(Course(filling).growth(), Some(0.0));
        let growing: Vec<f64> = (0..90).map(|at| 100.0 + f64::from(at)).collect();
        assert!(Course(growing).growth().unwrap() > 0.15);
        assert_eq!(Course(vec![1.0]).growth(), None);
    }
}
