//! Simulations: realised false alarms, confidence of thresholds, drift.

use super::*;

/// SplitMix64 and what is drawn from it.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + 1e-17
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// A law of normal scores: a draw, and the probability of more.
struct Law {
    name: &'static str,
    draw: fn(&mut Random) -> f64,
    beyond: fn(f64) -> f64,
}

/// Upper tail of the normal distribution by Simpson's rule.
fn normal_beyond(x: f64) -> f64 {
    let density = |t: f64| (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt();
    let (steps, width) = (2_000, 12.0 / 2_000.0);
    let sum: f64 = (0..=steps)
        .map(|at| {
            let weight = if at == 0 || at == steps {
                1.0
            } else if at % 2 == 1 {
                4.0
            } else {
                2.0
            };
            weight * density(x + f64::from(at) * width)
        })
        .sum();
    sum * width / 3.0
}

const LAWS: [Law; 3] = [
    Law { name: "normal", draw: Random::normal, beyond: normal_beyond },
    Law {
        name: "gamma 2",
        draw: |random| -random.unit().ln() - random.unit().ln(),
        beyond: |x| if x > 0.0 { (1.0 + x) * (-x).exp() } else { 1.0 },
    },
    Law {
        // Student's t with three degrees of freedom.
        name: "heavy",
        draw: |random| {
            let sum = (0..3).map(|_| random.normal().powi(2)).sum::<f64>();
            random.normal() / (sum / 3.0).sqrt()
        },
        beyond: |x| {
            let u = x / 3.0_f64.sqrt();
            0.5 - (u.atan() + u / (1.0 + u * u)) / std::f64::consts::PI
        },
    },
];

/// Share of repetitions whose threshold is exceeded more often than promised, and the mean ratio of realised to promised.
fn failures(law: &Law, count: usize, promise: Promise, repeats: usize) -> (f64, f64, Calibration) {
    let mut random = Random(42);
    let (mut failed, mut ratio, mut last) = (0, 0.0, None);
    for _ in 0..repeats {
        let scores: Vec<f32> = (0..count).map(|_| (law.draw)(&mut random) as f32).collect();
        let calibration = Calibration::fit(&scores, promise).expect("calibrates");
        let realised = promise.alarms_per_day((law.beyond)(f64::from(calibration.threshold)));
        failed += u32::from(realised > promise.per_day * 1.000_001);
        ratio += realised / promise.per_day / repeats as f64;
        last = Some(calibration);
    }
    (f64::from(failed) / repeats as f64, ratio, last.expect("repeats"))
}

#[test]
fn enough_normals_keep_the_promise_for_every_law() {
    let promise = Promise { per_day: 10.0, frames_per_day: 1_000.0, ..Promise::default() };
    for law in &LAWS {
        let (failed, ratio, last) = failures(law, 600, promise, 300);
        assert!(
            matches!(last.method, Method::Empirical { .. }) && last.warning.is_none(),
            "{}",
            law.name
        );
        // One in ten may fail; with 300 repetitions chance adds 0.05 at three standard deviations.
        assert!(failed <= 0.15, "{}: {failed} fail", law.name);
        assert!((0.2..1.0).contains(&ratio), "{}: {ratio} of the promise", law.name);
    }
}

#[test]
fn a_tail_beyond_the_data_keeps_the_promise_for_these_laws() {
    // One frame in ten thousand, from 300 normals: 77 times beyond them.
    let promise = Promise { per_day: 1.0, frames_per_day: 10_000.0, ..Promise::default() };
    for law in &LAWS {
        let (failed, ratio, last) = failures(law, 300, promise, 100);
        assert!(
            matches!(last.method, Method::Tail { .. }) && last.warning.is_some(),
            "{}",
            law.name
        );
        // One in ten may fail; with 100 repetitions chance adds 0.09 at three standard deviations.
        assert!(failed <= 0.19, "{}: {failed} fail, {ratio}", law.name);
        assert!(ratio < 2.0, "{}: {ratio} of the promise", law.name);
    }
}

#[test]
fn too_few_normals_are_said_to_be() {
    let scores: Vec<f32> = (0..20_u8).map(f32::from).collect();
    let calibration = Calibration::fit(&scores, Promise::default()).expect("calibrates");
    assert_eq!(calibration.method, Method::Guess);
    assert_eq!(calibration.threshold, 37.0, "19 and twice (19 - 10)");
    assert!(calibration.warning.as_deref().is_some_and(|text| text.contains("guess")));
    assert_eq!(Calibration::fit(&scores[..7], Promise::default()), Err(CalibrateError::TooFew(7)));
    assert!(Calibration::fit(&[f32::NAN; 9], Promise::default()).is_err());
    let never = Promise { per_day: 0.0, ..Promise::default() };
    assert!(matches!(Calibration::fit(&scores, never), Err(CalibrateError::Promise(_))));
    let equal = Calibration::fit(&[1.0; 500], Promise::default()).expect("calibrates");
    assert_eq!(equal.method, Method::Guess, "a tail of equal scores is none");
}

#[test]
fn order_statistics_have_their_confidence() {
    // The rule of three: 95 % confidence of 1 % needs 299 scores, and then it is the largest.
    assert_eq!(tail::rank(298, 0.01, 0.95), None);
    assert_eq!(tail::rank(299, 0.01, 0.95), Some(299));
    // Of 473 the second largest will do: P(Binomial(473, 0.01) <= 1) = 0.04989.
    assert_eq!(tail::rank(472, 0.01, 0.95), Some(472));
    assert_eq!(tail::rank(473, 0.01, 0.95), Some(472));
    assert_eq!(tail::rank(1_000_000, 1e-12, 0.9), None);
}

#[test]
fn runs_and_cooldowns() {
    let single = Promise { per_day: 2.0, frames_per_day: 1_000.0, ..Promise::default() };
    assert!((single.exceedance() - 0.002).abs() < 1e-9);
    // Dependent frames: each alarm uses up three frames. Independent: a run of three is rare.
    let three = Promise { consecutive: 3, ..single };
    assert!((three.exceedance() - 0.006).abs() < 1e-9);
    let free = Promise { independent: true, ..three };
    assert!((0.12..0.14).contains(&free.exceedance()), "{}", free.exceedance());
    let rest = Promise { cooldown: 600, ..single };
    assert_eq!(rest.exceedance(), 0.5, "the cooldown alone keeps the promise");
    // Simulated: independent frames, run of two, cooldown of 20 frames.
    let promise = Promise { consecutive: 2, cooldown: 20, independent: true, ..single };
    let (mut random, mut run, mut rest, mut alarms) = (Random(7), 0, 0, 0);
    for _ in 0..1_000_000 {
        if rest > 0 {
            rest -= 1;
            continue;
        }
        run = if random.unit() < 0.1 { run + 1 } else { 0 };
        if run == 2 {
            (run, rest, alarms) = (0, 20, alarms + 1);
        }
    }
    let per_day = f64::from(alarms) / 1_000.0;
    assert!((promise.alarms_per_day(0.1) / per_day - 1.0).abs() < 0.03, "{per_day}");
}

#[test]
fn calibrations_are_json_and_normalise() {
    let scores: Vec<f32> = (0..1_000_u16).map(|at| f32::from(at) / 100.0).collect();
    let promise = Promise { frames_per_day: 100.0, ..Promise::default() };
    let calibration = Calibration::fit(&scores, promise).expect("calibrates");
    let text = serde_json::to_string(&calibration).expect("JSON");
    assert_eq!(serde_json::from_str::<Calibration>(&text).expect("JSON"), calibration);
    assert_eq!(calibration.normalised(calibration.threshold), 0.5);
    assert_eq!((calibration.normalised(-3.0), calibration.normalised(1e9)), (0.0, 1.0));
    assert!(!calibration.is_anomalous(calibration.threshold));
    assert!(calibration.is_anomalous(calibration.threshold.next_up()));
}

fn monitor(random: &mut Random) -> DriftMonitor {
    let scores: Vec<f32> = (0..500).map(|_| random.normal() as f32).collect();
    let promise = Promise { frames_per_day: 100.0, ..Promise::default() };
    let calibration = Calibration::fit(&scores, promise).expect("calibrates");
    DriftMonitor::new(&calibration, DriftOptions { window: 100, ..DriftOptions::default() })
}

#[test]
fn drift_is_seen_and_chance_is_not() {
    let mut fired = 0;
    // Ten references, a hundred windows each: the chance is over both.
    for seed in 0..10 {
        let mut random = Random(seed);
        let mut monitor = monitor(&mut random);
        let drifts: Vec<Drift> =
            (0..10_000).filter_map(|_| monitor.push(random.normal() as f32)).collect();
        assert_eq!(drifts.len(), 100);
        fired += drifts.iter().filter(|drift| drift.verdict != Verdict::Stable).count();
    }
    // The rate is 1 in 1,000 windows: more than 5 in 1,000 has probability 0.0006.
    assert!(fired <= 5, "{fired} of 1,000 windows");
    let mut random = Random(99);
    for (shift, verdict) in [(1.0, Verdict::Higher), (-1.0, Verdict::Lower)] {
        let mut monitor = monitor(&mut random);
        let drifts: Vec<Drift> =
            (0..2_000).filter_map(|_| monitor.push((random.normal() + shift) as f32)).collect();
        assert!(drifts.iter().all(|drift| drift.verdict == verdict), "{drifts:?}");
        assert!((drifts[19].shift - shift).abs() < 0.25, "{:?}", drifts[19]);
        assert_eq!(monitor.now().map(|drift| drift.verdict), Some(verdict));
    }
}

#[test]
fn a_wider_spread_is_drift_and_odd_scores_do_no_harm() {
    let mut random = Random(3);
    let mut monitor = monitor(&mut random);
    assert!(monitor.now().is_none() && monitor.push(f32::NAN).is_none());
    let last = (0..300)
        .filter_map(|_| monitor.push((random.normal() * 3.0) as f32))
        .last()
        .expect("windows");
    assert_ne!(last.verdict, Verdict::Stable);
    let equal = Calibration::fit(&[2.0; 30], Promise::default()).expect("calibrates");
    let mut monitor =
        DriftMonitor::new(&equal, DriftOptions { window: 20, ..DriftOptions::default() });
    let same = (0..20).filter_map(|_| monitor.push(2.0)).last().expect("a window");
    assert_eq!((same.verdict, same.statistic), (Verdict::Stable, 0.0));
}
