//! Independent pieces of work on a few threads, results in order.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Results of `work(0)` to `work(count - 1)`. After the first error no further piece is begun; of several errors the one of
/// the first piece is told.
pub(crate) fn parallel<T: Send, E: Send>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    if threads <= 1 || count <= 1 {
        return (0..count).map(work).collect();
    }
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let worker = || {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                break;
            }
            let result = work(at);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            done.push((at, result));
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(count)).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_errors_stop_the_rest() {
        for threads in [1, 2, 5] {
            let squares = parallel(threads, 100, |at| Ok::<_, ()>(at * at)).unwrap();
            assert!(squares.iter().enumerate().all(|(at, &square)| square == at * at));
            let begun = AtomicUsize::new(0);
            let error = parallel(threads, 1000, |at| {
                begun.fetch_add(1, Ordering::Relaxed);
                if at >= 3 { Err(at) } else { Ok(()) }
            });
            assert!(error.is_err_and(|at| (3..3 + threads).contains(&at)));
            assert!(begun.into_inner() < 1000);
        }
        assert_eq!(parallel(4, 0, |_| Ok::<u8, ()>(0)), Ok(Vec::new()));
    }
}
