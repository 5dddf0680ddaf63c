//! Runs a search on its threads; ends it when it is told to or its time is over, and tells how far it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use strata_chem::optimize::{Control, Status};
use strata_core::stream::{Progress, Update};

/// A stop flag, a deadline, and somebody who listens on another thread.
pub(super) struct Watch<'a> {
    stop: &'a AtomicBool,
    listener: Sender<Update>,
    started: Instant,
    limit: Option<Duration>,
    late: bool,
}

impl Control for Watch<'_> {
    fn go_on(&mut self, status: &Status) -> bool {
        let spent = status.scored as f64 / status.budget.max(1) as f64;
        let elapsed = self.started.elapsed();
        let share = self.limit.map_or(0.0, |limit| {
            elapsed.as_secs_f64() / limit.as_secs_f64().max(f64::MIN_POSITIVE)
        });
        // Nobody listens any more only when everything ends.
        let _ = self.listener.send(Update {
            rows: status.scored as u64,
            resumed: 0,
            failed: 0,
            fraction: Some(spent.max(share).min(1.0)),
        });
        self.late = self.limit.is_some_and(|limit| elapsed >= limit);
        !self.late && !self.stop.load(Ordering::Relaxed)
    }
}

/// What a watched work gave.
pub(super) struct Watched<T> {
    pub(super) result: T,
    pub(super) elapsed: Duration,
    /// Whether the time was over.
    pub(super) late: bool,
}

/// Does the work on the pool's threads; progress is told on this one.
pub(super) fn watched<T: Send>(
    pool: &rayon::ThreadPool,
    (stop, progress): (&AtomicBool, &mut dyn Progress),
    limit: Option<Duration>,
    work: impl FnOnce(&mut Watch<'_>) -> T + Send,
) -> Watched<T> {
    std::thread::scope(|scope| {
        let (listener, updates) = channel();
        let worker = scope.spawn(move || {
            let started = Instant::now();
            let mut watch = Watch { stop, listener, started, limit, late: false };
            let result = pool.install(|| work(&mut watch));
            Watched { result, elapsed: started.elapsed(), late: watch.late }
        });
        for update in updates {
            progress.update(&update);
        }
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
