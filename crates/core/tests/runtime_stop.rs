//! Stopping calls and sharing sessions: deadlines, cancellation, many threads on few sessions.

mod runtime_support;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndarray::Array2;
use runtime_support::{ok, pool, sessions};
use strata_core::runtime::{CancelToken, Inputs, RunOptions, RuntimeError, SessionPool, Stage};
use strata_testkit::models;

/// Far beyond what stopping takes, far below what the slow calls would take.
const SOON: Duration = Duration::from_secs(20);

/// A pool of one session whose calls never end by themselves for many rows, and end at once for one.
fn slow_pool() -> SessionPool {
    LazyLock::force(&LONG);
    pool("slow", &models::slow(2_000, 64), &sessions(1))
}

/// Rows for a call that takes long. Made before any deadline starts.
static LONG: LazyLock<Array2<f32>> = LazyLock::new(|| Array2::from_elem((60_000, 64), 0.5));
/// One row, for a call that ends at once.
static SHORT: LazyLock<Array2<f32>> = LazyLock::new(|| Array2::from_elem((1, 64), 0.5));

fn call(pool: &SessionPool, x: &Array2<f32>, options: &RunOptions) -> Result<(), RuntimeError> {
    let outputs = pool.run(&Inputs::new().with("x", x.view()), options)?;
    assert_eq!(outputs.view::<f32>("y")?, x.view().into_dyn());
    Ok(())
}

fn within(time: Duration) -> RunOptions {
    RunOptions { deadline: Some(Instant::now() + time), ..RunOptions::default() }
}

#[test]
fn a_deadline_stops_a_running_call_and_the_session_lives_on() {
    let pool = slow_pool();
    for _ in 0..3 {
        let start = Instant::now();
        let error = call(&pool, &LONG, &within(Duration::from_millis(80))).unwrap_err();
        assert!(matches!(error, RuntimeError::Deadline { stage: Stage::Running, .. }), "{error}");
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(80) && took < SOON, "{took:?}");
        ok(call(&pool, &SHORT, &RunOptions::default()));
        ok(call(&pool, &SHORT, &within(SOON)));
    }
}

#[test]
fn cancellation_stops_running_and_waiting_calls() {
    let pool = slow_pool();
    let token = CancelToken::new();
    let options = || RunOptions { cancel: Some(token.clone()), ..RunOptions::default() };
    let start = Instant::now();
    let errors: Vec<RuntimeError> = thread::scope(|scope| {
        let call = || call(&pool, &LONG, &options()).unwrap_err();
        let callers = [scope.spawn(call), scope.spawn(call), scope.spawn(call)];
        thread::sleep(Duration::from_millis(80));
        token.cancel();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert!(start.elapsed() < SOON);
    let stage = |wanted: Stage| {
        let of = |e: &&RuntimeError| matches!(e, RuntimeError::Cancelled { stage, .. } if *stage == wanted);
        errors.iter().filter(of).count()
    };
    assert_eq!((stage(Stage::Running), stage(Stage::Waiting)), (1, 2), "{errors:?}");
    let late = call(&pool, &SHORT, &options()).unwrap_err();
    assert!(matches!(late, RuntimeError::Cancelled { stage: Stage::Waiting, .. }), "{late}");
    ok(call(&pool, &SHORT, &RunOptions::default()));
}

#[test]
fn a_deadline_ends_the_wait_for_a_session() {
    let pool = slow_pool();
    let token = CancelToken::new();
    thread::scope(|scope| {
        let holder = RunOptions { cancel: Some(token.clone()), ..RunOptions::default() };
        let pool = &pool;
        let running = scope.spawn(move || call(pool, &LONG, &holder));
        thread::sleep(Duration::from_millis(50));
        let start = Instant::now();
        let error = call(pool, &SHORT, &within(Duration::from_millis(60))).unwrap_err();
        assert!(matches!(error, RuntimeError::Deadline { stage: Stage::Waiting, .. }), "{error}");
        assert!(start.elapsed() < SOON);
        token.cancel();
        assert!(matches!(running.join().unwrap(), Err(RuntimeError::Cancelled { .. })));
    });
    let past = RunOptions { deadline: Some(Instant::now()), ..RunOptions::default() };
    assert!(matches!(call(&pool, &SHORT, &past), Err(RuntimeError::Deadline { .. })));
    ok(call(&pool, &SHORT, &RunOptions::default()));
}

#[test]
fn eight_threads_on_two_sessions_get_the_single_threads_bits() {
    const THREADS: usize = 8;
    const RUNS: usize = 200;
    // Weights large enough to be shared by the sessions of the larger pool.
    let weights: Vec<f32> = (0..96 * 40).map(|i| (i as f32 * 0.731).sin()).collect();
    let model = models::linear(&weights, &[0.1; 40]);
    let (single, shared) =
        (pool("single", &model, &sessions(1)), pool("shared", &model, &sessions(2)));
    let bits = |pool: &SessionPool, number: usize| -> (usize, Vec<u32>) {
        let rows = 1 + number % 5;
        let x = Array2::from_shape_fn((rows, 96), |(i, j)| {
            ((number * 31 + i * 96 + j) as f32 * 0.017).cos()
        });
        let outputs = ok(pool.run(&Inputs::new().with("x", x.view()), &RunOptions::default()));
        let values = ok(outputs.view::<f32>("y")).iter().map(|y| y.to_bits()).collect();
        (outputs.session(), values)
    };
    let expected: Vec<Vec<u32>> = (0..THREADS * RUNS).map(|n| bits(&single, n).1).collect();
    let used = [AtomicUsize::new(0), AtomicUsize::new(0)];
    thread::scope(|scope| {
        for caller in 0..THREADS {
            let (shared, expected, used, bits) = (&shared, &expected, &used, &bits);
            scope.spawn(move || {
                let mine = expected.iter().enumerate().skip(caller * RUNS).take(RUNS);
                for (number, expected) in mine {
                    let (session, values) = bits(shared, number);
                    used[session].fetch_add(1, Ordering::Relaxed);
                    assert_eq!(&values, expected, "call {number} on session {session}");
                }
            });
        }
    });
    let used = used.map(|count| count.load(Ordering::Relaxed));
    assert_eq!(used[0] + used[1], THREADS * RUNS);
    assert!(used[0] > 0 && used[1] > 0, "{used:?}");
}
