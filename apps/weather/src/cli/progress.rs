//! Progress of work that many threads do: they count, and a thread of its own tells it on standard error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use strata_cli::progress::reporter_of;
use strata_core::stream::Update;

/// How often the counts are looked at.
const EVERY: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Counts {
    done: AtomicUsize,
    total: AtomicUsize,
    over: AtomicBool,
}

/// Tells how far work has come, until it is dropped.
pub(super) struct Watch {
    counts: Arc<Counts>,
    teller: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins; `unit` is what is counted, such as `fields`. Nothing is told where `quiet`.
    pub(super) fn new(quiet: bool, unit: &'static str) -> Self {
        let counts = Arc::new(Counts::default());
        let teller = (!quiet).then(|| {
            let counts = Arc::clone(&counts);
            std::thread::spawn(move || tell(&counts, unit))
        });
        Self { counts, teller }
    }

    /// So much of so much is done.
    pub(super) fn count(&self, done: usize, total: usize) {
        self.counts.total.store(total, Ordering::Relaxed);
        // Threads may come late with what others have counted on.
        self.counts.done.fetch_max(done, Ordering::Relaxed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.counts.over.store(true, Ordering::Relaxed);
        if let Some(teller) = self.teller.take() {
            teller.thread().unpark();
            // A teller that failed has nothing to say any more.
            let _ = teller.join();
        }
    }
}

fn tell(counts: &Counts, unit: &'static str) {
    let mut reporter = reporter_of(false, unit);
    let mut told = 0;
    loop {
        let over = counts.over.load(Ordering::Relaxed);
        let (done, total) =
            (counts.done.load(Ordering::Relaxed), counts.total.load(Ordering::Relaxed));
        if done > told {
            told = done;
            let fraction = Some((done as f64 / total.max(1) as f64).min(1.0));
            reporter.update(&Update { rows: done as u64, resumed: 0, failed: 0, fraction });
        }
        if over {
            return;
        }
        std::thread::park_timeout(EVERY);
    }
}
