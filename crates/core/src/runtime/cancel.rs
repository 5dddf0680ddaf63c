//! Stopping work: a token that cancels from any thread, and one watchdog thread per process that
//! stops what has passed its deadline. Nobody polls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// What is called when it is time to stop. Must be quick and must not block.
type Hook = Arc<dyn Fn() + Send + Sync>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cancels the calls it was given to, from any thread. Clones are the same token; cancelling can't
/// be undone.
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Token>);

#[derive(Default)]
struct Token {
    cancelled: AtomicBool,
    next: AtomicU64,
    hooks: Mutex<BTreeMap<u64, Hook>>,
}

impl CancelToken {
    /// A token that isn't cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops every call that was given this token: those that run, those that wait, those to come.
    pub fn cancel(&self) {
        // Under the lock, so that a hook is either seen here or sees the flag when it is added.
        let hooks = lock(&self.0.hooks);
        self.0.cancelled.store(true, Ordering::Release);
        hooks.values().for_each(|hook| hook());
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Calls `hook` on cancellation (at once if that was before) until the guard is dropped. The
    /// guard must not be dropped under a lock that the hook takes.
    pub(crate) fn on_cancel(&self, hook: Hook) -> Subscription {
        let mut hooks = lock(&self.0.hooks);
        if self.is_cancelled() {
            hook();
        }
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        hooks.insert(id, hook);
        Subscription { token: self.clone(), id }
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelToken").field(&self.is_cancelled()).finish()
    }
}

/// A hook on a token; gone when dropped.
pub(crate) struct Subscription {
    token: CancelToken,
    id: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        lock(&self.token.0.hooks).remove(&self.id);
    }
}

/// The process's watchdog: one sleeping thread, woken at the earliest deadline.
struct Watchdog {
    next: AtomicU64,
    alarms: Mutex<BTreeMap<(Instant, u64), Hook>>,
    changed: Condvar,
}

/// An alarm that was set; taken back when dropped.
pub(super) struct Alarm {
    dog: &'static Watchdog,
    key: (Instant, u64),
}

impl Drop for Alarm {
    fn drop(&mut self) {
        lock(&self.dog.alarms).remove(&self.key);
    }
}

/// Calls `hook` at `deadline` unless the alarm is dropped before. `None` when the system can't start
/// the watchdog's thread.
pub(super) fn alarm(deadline: Instant, hook: Hook) -> Option<Alarm> {
    let dog = Watchdog::get()?;
    let key = (deadline, dog.next.fetch_add(1, Ordering::Relaxed));
    let mut alarms = lock(&dog.alarms);
    alarms.insert(key, hook);
    let earliest = alarms.first_key_value().is_some_and(|(first, _)| *first == key);
    drop(alarms);
    if earliest {
        dog.changed.notify_one();
    }
    Some(Alarm { dog, key })
}

impl Watchdog {
    fn get() -> Option<&'static Self> {
        static DOG: OnceLock<Option<&'static Watchdog>> = OnceLock::new();
        *DOG.get_or_init(|| {
            let dog: &'static Self = Box::leak(Box::new(Self {
                next: AtomicU64::new(0),
                alarms: Mutex::new(BTreeMap::new()),
                changed: Condvar::new(),
            }));
            let thread = std::thread::Builder::new().name("strata-deadline".to_owned());
            thread.spawn(move || dog.watch()).ok().map(|_| dog)
        })
    }

    fn watch(&self) {
        let mut alarms = lock(&self.alarms);
        loop {
            let now = Instant::now();
            while let Some(first) = alarms.first_entry().filter(|first| first.key().0 <= now) {
                (first.remove())();
            }
            alarms = match alarms.first_key_value() {
                Some((&(earliest, _), _)) => {
                    let wait = self.changed.wait_timeout(alarms, earliest - now);
                    wait.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(alarms).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn alarms_ring_in_order_of_their_deadlines() {
        let (sender, receiver) = mpsc::channel();
        let start = Instant::now();
        let set = |ms: u64| {
            let sender = sender.clone();
            let ring = move || sender.send(ms).unwrap();
            alarm(start + Duration::from_millis(ms), Arc::new(ring)).unwrap()
        };
        let _alarms = [set(90), set(30), set(60)];
        drop(set(45));
        let rung: Vec<u64> = receiver.iter().take(3).collect();
        assert_eq!(rung, [30, 60, 90]);
        assert!(start.elapsed() >= Duration::from_millis(90));
        assert!(receiver.try_recv().is_err(), "a dropped alarm rang");
    }

    #[test]
    fn a_token_calls_hooks_before_and_after() {
        let (sender, receiver) = mpsc::channel();
        let hook = |name: &'static str| {
            let sender = sender.clone();
            Arc::new(move || sender.send(name).unwrap())
        };
        let token = CancelToken::new();
        let kept = token.on_cancel(hook("kept"));
        drop(token.on_cancel(hook("dropped")));
        assert!(!token.is_cancelled());
        token.clone().cancel();
        let late = token.on_cancel(hook("late"));
        assert!(token.is_cancelled());
        drop((kept, late));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["kept", "late"]);
    }
}
