//! Whether a run fits into memory, asked before it begins.

use super::RolloutError;
use super::family::Family;
use super::schedule::Schedule;

/// Activations of a step in states, where no card tells: measured on a graph of Pangu-Weather's shapes with the arena off, whose
/// peak of 6.7 GiB is two files of 1.18 GB and 17 states of 287 MB.
const ACTIVATIONS: u64 = 17;

/// Memory a run needs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Estimate {
    /// The largest model: its file as read and as ONNX Runtime holds it, or what its card says it needs.
    pub model: u64,
    /// Tensors inside a step.
    pub activations: u64,
    /// States: read, written, waiting, on the way to the files.
    pub states: u64,
    /// Perturbations that are kept.
    pub perturbations: u64,
}

impl Estimate {
    /// For a schedule of a family, with so many states and kept perturbations.
    #[must_use]
    pub fn new(family: &Family, schedule: &Schedule, states: usize, perturbations: usize) -> Self {
        let state = family.contract.state_bytes();
        let needed = schedule.steps.iter().filter_map(|step| {
            let used = schedule.runs.iter().any(|run| run.step == *step);
            family.models.get(step).filter(|_| used)
        });
        let of = |model: &super::FamilyModel| match model.memory() {
            Some(memory) => (memory, 0),
            None => (2 * model.bytes(), ACTIVATIONS * state),
        };
        let costs = needed.map(of);
        let (model, activations) = match schedule.order {
            super::Order::ByModel => {
                costs.max_by_key(|(model, more)| model + more).unwrap_or((0, 0))
            }
            // All stay loaded; one runs at a time.
            super::Order::Nested => {
                costs.fold((0, 0), |(sum, most), (model, more)| (sum + model, more.max(most)))
            }
        };
        Self {
            model,
            activations,
            states: states as u64 * state,
            perturbations: perturbations as u64 * state,
        }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.model + self.activations + self.states + self.perturbations
    }

    /// Refuses a run that does not fit.
    ///
    /// # Errors
    /// [`RolloutError::Memory`] says what needs how much, and what to do.
    pub fn check(&self, available: u64) -> Result<(), RolloutError> {
        if self.total() <= available {
            return Ok(());
        }
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        let mut parts = format!(
            "model {:.2} GiB, inside a step {:.2} GiB, states {:.2} GiB",
            gib(self.model),
            gib(self.activations),
            gib(self.states)
        );
        if self.perturbations > 0 {
            parts += &format!(", perturbations {:.2} GiB", gib(self.perturbations));
        }
        Err(RolloutError::Memory { needed: gib(self.total()), available: gib(available), parts })
    }
}

/// Memory that can be had without pushing anybody out: what the system calls available, within the limits of control groups.
/// None where the system does not tell.
#[must_use]
pub fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let system = line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024;
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let group = |limit: &str, used: &str| Some(number(limit)?.saturating_sub(number(used)?));
    let limits = [
        group("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        group(
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ];
    Some(limits.into_iter().flatten().fold(system, u64::min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_the_parts_and_a_remedy() {
        let estimate =
            Estimate { model: 4 << 30, activations: 2 << 30, states: 1 << 30, perturbations: 0 };
        assert!(estimate.check(7 << 30).is_ok());
        let text =
            estimate.check((7 << 30) - 1).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            text.contains("7.0 GiB") && text.contains("model 4.00 GiB") && text.contains("split"),
            "{text}"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_tells() {
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
    }
}
