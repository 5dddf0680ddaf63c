//! Kills a program at random moments, as a power cut or an impatient scheduler would: SIGKILL, no
//! warning, no clean-up.

use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How a program under the harness ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was killed in the middle.
    Killed,
    /// It was through before the moment came.
    ByItself(ExitStatus),
}

/// Starts a program, kills it after `delay`, and waits until it is gone.
///
/// # Errors
/// Where the program cannot be started or waited for.
pub fn kill_after(command: &mut Command, delay: Duration) -> std::io::Result<Ended> {
    let mut child = command.stdin(Stdio::null()).spawn()?;
    let started = Instant::now();
    while started.elapsed() < delay {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended::ByItself(status));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    // `kill` is SIGKILL where there are signals.
    child.kill()?;
    let status = child.wait()?;
    Ok(if status.code().is_some() { Ended::ByItself(status) } else { Ended::Killed })
}

/// Random moments that can be had again: the seed is printed where a test fails.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that always fall in the same way for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// Dice that fall differently each time, and their seed.
    #[must_use]
    pub fn from_clock() -> (Self, u64) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seed = now.map_or(1, |now| now.as_nanos() as u64);
        (Self::new(seed), seed)
    }

    /// The next number (xorshift64*).
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A moment below `most`.
    pub fn moment(&mut self, most: Duration) -> Duration {
        most.mul_f64((self.roll() >> 11) as f64 / (1u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_sleeper_is_killed_and_a_fast_one_is_not() {
        let mut sleeper = Command::new("sleep");
        let ended = kill_after(sleeper.arg("30"), Duration::from_millis(20)).unwrap();
        assert_eq!(ended, Ended::Killed);
        let ended = kill_after(&mut Command::new("true"), Duration::from_secs(20)).unwrap();
        assert!(matches!(ended, Ended::ByItself(status) if status.success()));
    }

    #[test]
    fn moments_stay_below_their_bound() {
        let mut dice = Dice::new(7);
        let most = Duration::from_millis(100);
        assert!((0..1000).all(|_| dice.moment(most) < most));
    }
}
