//! What runs beside a server for as long as it does, such as watching cameras: started when the models
//! are loaded, told to stop when the server drains, waited for before it ends.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use strata_core::runtime::CancelToken;

use crate::door::panic_text;

/// Work that runs on a thread of its own while a server serves.
pub trait Service: Send {
    /// Names it in the log, in the readiness and its thread.
    fn name(&self) -> &'static str;

    /// Works until it is told to stop, and returns soon after that. It may start threads of its own and
    /// waits for them.
    ///
    /// # Errors
    /// Why it cannot go on. The server serves on, says that it is not ready, and why.
    fn run(self: Box<Self>, stop: &Stop) -> Result<(), String>;
}

#[derive(Debug, Default)]
struct Told {
    stop: Mutex<bool>,
    changed: Condvar,
    cancel: CancelToken,
}

/// Tells services to stop. Clones are told together.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Told>);

impl Stop {
    /// Nobody is told yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it is time to stop.
    #[must_use]
    pub fn is_set(&self) -> bool {
        *lock(&self.0.stop)
    }

    /// Pauses, unless and until it is time to stop; whether it is.
    #[must_use]
    pub fn wait(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut stop = lock(&self.0.stop);
        while !*stop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.0.changed.wait_timeout(stop, left);
            stop = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Cancelled when it is time to stop: for inferences and batches.
    #[must_use]
    pub fn token(&self) -> &CancelToken {
        &self.0.cancel
    }

    /// Tells everybody.
    pub fn set(&self) {
        *lock(&self.0.stop) = true;
        self.0.cancel.cancel();
        self.0.changed.notify_all();
    }
}

/// The services of a server.
#[derive(Default)]
pub(crate) struct Services {
    stop: Stop,
    running: Mutex<Vec<(&'static str, JoinHandle<()>)>>,
    /// Services that ended although nobody told them to, and why.
    ended: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

impl Services {
    /// Starts them, unless the server has been told to stop meanwhile.
    pub(crate) fn start(&self, services: Vec<Box<dyn Service>>) {
        let mut running = lock(&self.running);
        for service in services {
            if self.stop.is_set() {
                return;
            }
            let name = service.name();
            let (stop, ended) = (self.stop.clone(), Arc::clone(&self.ended));
            let run = move || {
                let result = catch_unwind(AssertUnwindSafe(|| service.run(&stop)))
                    .unwrap_or_else(|panic| Err(format!("panic: {}", panic_text(panic.as_ref()))));
                match result {
                    Ok(()) => tracing::info!(service = name, "service ended"),
                    Err(why) => {
                        tracing::error!(service = name, why, "service failed");
                        lock(&ended).insert(name, why);
                    }
                }
            };
            tracing::info!(service = name, "service started");
            match std::thread::Builder::new().name(name.to_owned()).spawn(run) {
                Ok(thread) => running.push((name, thread)),
                Err(error) => {
                    tracing::error!(service = name, %error, "service not started");
                    lock(&self.ended).insert(name, format!("no thread: {error}"));
                }
            }
        }
    }

    /// What failed, in words.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let ended = lock(&self.ended);
        ended.iter().map(|(name, why)| format!("the service {name} failed: {why}")).collect()
    }

    /// Tells them to stop.
    pub(crate) fn stop(&self) {
        // Under the lock: none is started after this.
        let _running = lock(&self.running);
        self.stop.set();
    }

    /// Waits for their end; the names of those that have not ended by then.
    pub(crate) fn wait(&self, until: Instant) -> Vec<&'static str> {
        let mut running = std::mem::take(&mut *lock(&self.running));
        loop {
            let (done, left): (Vec<_>, Vec<_>) =
                running.into_iter().partition(|(_, thread)| thread.is_finished());
            for (_, thread) in done {
                // Its panics were caught.
                let _ = thread.join();
            }
            if left.is_empty() || Instant::now() >= until {
                return left.into_iter().map(|(name, _)| name).collect();
            }
            running = left;
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sleeps(&'static str, fn(&Stop) -> Result<(), String>);

    impl Service for Sleeps {
        fn name(&self) -> &'static str {
            self.0
        }

        fn run(self: Box<Self>, stop: &Stop) -> Result<(), String> {
            (self.1)(stop)
        }
    }

    fn until_told(stop: &Stop) -> Result<(), String> {
        if stop.wait(Duration::from_secs(30)) { Ok(()) } else { Err("never told".to_owned()) }
    }

    #[test]
    fn services_are_told_and_waited_for() {
        let services = Services::default();
        services.start(vec![
            Box::new(Sleeps("sound", until_told)),
            Box::new(Sleeps("broken", |_| Err("no camera".to_owned()))),
            Box::new(Sleeps("panics", |_| panic!("a hole in the belt"))),
        ]);
        let started = Instant::now();
        while services.troubles().len() < 2 {
            assert!(started.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(1));
        }
        let troubles = services.troubles().join("; ");
        assert!(troubles.contains("broken failed: no camera"), "{troubles}");
        assert!(troubles.contains("panics failed: panic: a hole in the belt"), "{troubles}");
        services.stop();
        assert!(services.wait(Instant::now() + Duration::from_secs(20)).is_empty());
        assert_eq!(services.troubles().len(), 2, "the sound one ended soundly");
        services.start(vec![Box::new(Sleeps("late", |_| Err("it ran".to_owned())))]);
        assert!(services.wait(Instant::now()).is_empty(), "none is started after the end");
    }

    #[test]
    fn who_does_not_stop_is_named() {
        let services = Services::default();
        let deaf = |_: &Stop| {
            std::thread::sleep(Duration::from_millis(300));
            Ok(())
        };
        services.start(vec![Box::new(Sleeps("deaf", deaf))]);
        services.stop();
        assert_eq!(services.wait(Instant::now() + Duration::from_millis(20)), ["deaf"]);
    }

    #[test]
    fn a_pause_ends_when_it_is_time() {
        let stop = Stop::new();
        assert!(!stop.wait(Duration::from_millis(1)) && !stop.is_set());
        let waits = std::thread::spawn({
            let stop = stop.clone();
            move || stop.wait(Duration::from_secs(60))
        });
        stop.set();
        assert!(waits.join().unwrap() && stop.token().is_cancelled());
    }
}
