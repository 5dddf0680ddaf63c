//! Forecasts with made-up models whose answers are known exactly.
#![cfg(feature = "models")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strata_core::paths::SearchPath;
use strata_earth::field::Header;
use strata_earth::raw::RawSink;
use strata_earth::rollout::{
    Area, Config, Ensemble, Family, Initial, Order, Perturbation, Report, Rollout, RolloutError,
    Saving, Selection, Smooth,
};
use strata_earth::sink::{Sink, WriteError};
use strata_earth::state::State;
use strata_earth::time::Time;

/// Fields by member, step in hours, variable and level.
type Fields = BTreeMap<(Option<u32>, i64, String, String), Vec<f32>>;

/// A sink that keeps everything, and fails when so many fields are in.
struct Keep {
    fields: Arc<Mutex<Fields>>,
    fail_after: usize,
}

impl Sink for Keep {
    fn write(&mut self, header: &Header, values: &[f32]) -> Result<(), WriteError> {
        let mut fields = self.fields.lock().unwrap();
        if fields.len() >= self.fail_after {
            return Err(WriteError::Unfit { path: "memory".into(), why: "full".to_owned() });
        }
        let key =
            (header.member, header.step / 3600, header.variable.clone(), header.level.to_string());
        assert!(fields.insert(key, values.to_vec()).is_none(), "a field came twice");
        Ok(())
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        Ok(())
    }
}

fn search() -> SearchPath {
    SearchPath::only(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models"))
}

fn family(name: &str) -> Family {
    Family::find(name, &search()).unwrap()
}

const ROWS: usize = 9;
const COLUMNS: usize = 16;

/// Whole numbers, so that the models' fractions add up exactly.
fn initial(at: Time) -> Initial {
    let value = |slot: usize, point: usize, base: f32| base + ((slot * 31 + point * 7) % 40) as f32;
    let port = |slots: usize, base: &[f32]| -> Vec<f32> {
        (0..slots)
            .flat_map(|slot| (0..ROWS * COLUMNS).map(move |point| (slot, point)))
            .map(|(slot, point)| value(slot, point, base[slot]))
            .collect()
    };
    let upper = port(6, &[10_000.0, 50_000.0, 100_000.0, 280.0, 250.0, 220.0]);
    let surface = port(2, &[100_000.0, 280.0]);
    Initial {
        state: State { reference: at, ports: vec![upper, surface] },
        planet: "idealised-dry-planet".to_owned(),
    }
}

fn config(leads: &[u32]) -> Config {
    Config { leads: leads.to_vec(), ..Config::default() }
}

fn run_with(
    name: &str,
    initials: Vec<Initial>,
    config: Config,
) -> Result<(Report, Fields), RolloutError> {
    let fields = Arc::new(Mutex::new(Fields::new()));
    let sink = Keep { fields: Arc::clone(&fields), fail_after: usize::MAX };
    let rollout = Rollout::new(family(name), &search(), initials, config)?;
    let report = rollout.run(Box::new(sink), &mut |_| ())?;
    let fields = std::mem::take(&mut *fields.lock().unwrap());
    Ok((report, fields))
}

fn run(name: &str, config: Config) -> (Report, Fields) {
    run_with(name, vec![initial(Time(0))], config).unwrap()
}

/// What the shift models make of a field in so many hours.
fn expected(field: &[f32], hours: u32) -> Vec<f32> {
    let (a, b, c, d) = (hours / 24, hours % 24 / 6, hours % 6 / 3, hours % 3);
    let added = a as f32 + b as f32 / 8.0 + c as f32 / 64.0 + d as f32 / 512.0;
    let mut shifted = vec![0.0; field.len()];
    for (point, value) in field.iter().enumerate() {
        let (row, column) = (point / COLUMNS, (point % COLUMNS + hours as usize) % COLUMNS);
        shifted[row * COLUMNS + column] = value + added;
    }
    shifted
}

fn t850() -> Vec<f32> {
    initial(Time(0)).state.ports[0][3 * ROWS * COLUMNS..4 * ROWS * COLUMNS].to_vec()
}

fn key(
    member: Option<u32>,
    step: i64,
    variable: &str,
    level: &str,
) -> (Option<u32>, i64, String, String) {
    (member, step, variable.to_owned(), level.to_owned())
}

#[test]
fn every_lead_is_made_by_the_models_of_its_components() {
    let leads: Vec<u32> = (1..=60).collect();
    for order in [Order::ByModel, Order::Nested] {
        let (report, fields) = run("shift", Config { order, ..config(&leads) });
        assert_eq!((report.runs, report.loads), (60, 4));
        assert_eq!(fields.len(), 60 * 8);
        for lead in leads.iter().copied() {
            assert_eq!(
                fields[&key(None, i64::from(lead), "t", "850 hPa")],
                expected(&t850(), lead),
                "{lead} h"
            );
        }
    }
}

#[test]
fn states_that_wait_go_to_the_disk_and_nothing_stays_there() {
    let leads: Vec<u32> = (1..=100).collect();
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("states");
    let saving = Saving { folder: folder.clone(), every: Duration::from_secs(3600), resume: false };
    let (_, on_disk) = run("shift", Config { saving: Some(saving), ..config(&leads) });
    let (_, in_memory) = run("shift", config(&leads));
    assert!(on_disk == in_memory && !folder.exists());
}

#[test]
fn only_what_is_asked_for_is_run_and_written() {
    let selection = Selection {
        variables: vec!["temperature".to_owned(), "2t".to_owned()],
        levels: vec![500.0],
        area: Some("45/-45/-45/45".parse::<Area>().unwrap()),
    };
    let rollout = Rollout::new(
        family("shift"),
        &search(),
        vec![initial(Time(0))],
        Config { selection: selection.clone(), ..config(&[30]) },
    )
    .unwrap();
    let plan = rollout.plan();
    assert_eq!(plan.grid.lons, [-45.0, -22.5, 0.0, 22.5, 45.0]);
    assert_eq!(plan.grid.lats, [45.0, 22.5, 0.0, -22.5, -45.0]);
    assert_eq!(plan.variables.len(), 2);
    let (report, fields) = run("shift", Config { selection, ..config(&[30]) });
    assert_eq!((report.runs, fields.len()), (2, 2));
    let whole = expected(&initial(Time(0)).state.ports[0][4 * 144..5 * 144], 30);
    let cropped = &fields[&key(None, 30, "t", "500 hPa")];
    assert_eq!(
        cropped[..5],
        [
            whole[2 * 16 + 14],
            whole[2 * 16 + 15],
            whole[2 * 16],
            whole[2 * 16 + 1],
            whole[2 * 16 + 2]
        ]
    );
}

#[test]
fn what_cannot_be_is_refused_before_the_run() {
    let refused = |name: &str, initial: Initial, config: Config| {
        Rollout::new(family(name), &search(), vec![initial], config).err().unwrap().to_string()
    };
    let earth = Initial { planet: "earth".to_owned(), ..initial(Time(0)) };
    assert!(refused("shift", earth, config(&[24])).contains("idealised-dry-planet"));
    assert!(refused("identity", initial(Time(0)), config(&[24, 30])).contains("30 h"));
    let selection = Selection { variables: vec!["tp".to_owned()], ..Selection::default() };
    let text = refused("shift", initial(Time(0)), Config { selection, ..config(&[24]) });
    assert!(text.contains("no variable tp") && text.contains("z, t, msl, 2t"), "{text}");
    let selection = Selection { levels: vec![1.0], ..Selection::default() };
    assert!(
        refused("shift", initial(Time(0)), Config { selection, ..config(&[24]) })
            .contains("850, 500, 250")
    );
    let short = Initial {
        state: State { reference: Time(0), ports: vec![vec![0.0; 3]] },
        ..initial(Time(0))
    };
    assert!(refused("shift", short, config(&[24])).contains("shape"));
    let text = Family::find("pangu", &search()).err().unwrap().to_string();
    assert!(text.contains("shift") && text.contains("deep"), "{text}");
    let area = Some("1/10/0/11".parse::<Area>().unwrap());
    let selection = Selection { area, ..Selection::default() };
    assert!(
        refused("shift", initial(Time(0)), Config { selection, ..config(&[24]) })
            .contains("1/10/0/11")
    );
}

#[test]
fn a_forecast_that_blows_up_stops_and_keeps_what_was_written() {
    let fields = Arc::new(Mutex::new(Fields::new()));
    let sink = Keep { fields: Arc::clone(&fields), fail_after: usize::MAX };
    let rollout =
        Rollout::new(family("broken"), &search(), vec![initial(Time(0))], config(&[24, 48, 72]))
            .unwrap();
    let error = rollout.run(Box::new(sink), &mut |_| ()).err().unwrap();
    let text = error.to_string();
    assert!(
        matches!(error, RolloutError::Sick { lead: 48, .. }) && text.contains("48 h: t at 850 hPa"),
        "{text}"
    );
    assert_eq!(fields.lock().unwrap().len(), 8);
}

#[test]
fn a_full_disk_is_told() {
    let sink = Keep { fields: Arc::default(), fail_after: 20 };
    let rollout =
        Rollout::new(family("shift"), &search(), vec![initial(Time(0))], config(&[24, 48, 72, 96]))
            .unwrap();
    assert!(rollout.run(Box::new(sink), &mut |_| ()).err().unwrap().to_string().contains("full"));
}

fn mean_of_difference(a: &[f32], b: &[f32]) -> f64 {
    let weight =
        |point: usize| (90.0 - 22.5 * (point / COLUMNS) as f64).to_radians().cos().max(1e-6);
    let sum: f64 = (0..a.len()).map(weight).sum();
    a.iter().zip(b).enumerate().map(|(point, (a, b))| f64::from(a - b) * weight(point)).sum::<f64>()
        / sum
}

#[test]
fn members_are_the_control_and_noise_without_a_mean() {
    let kinds = [
        Perturbation::Gaussian,
        Perturbation::Perlin(Smooth::default()),
        Perturbation::Bred { cycles: 2 },
    ];
    let (_, control) = run("deep", config(&[24, 48]));
    for perturbation in kinds {
        let ensemble = Ensemble { perturbation, amplitude: 0.1, seed: 11 };
        let asked = || Config { members: 4, ensemble, ..config(&[24, 48]) };
        let (report, fields) = run("deep", asked());
        assert_eq!(report.loads, 1);
        assert_eq!(fields.len(), 4 * 2 * 8);
        for ((_, step, variable, level), values) in &control {
            let member =
                |member: u32| &fields[&(Some(member), *step, variable.clone(), level.clone())];
            assert_eq!(member(0), values, "{perturbation:?}");
            assert!(member(1) != values && member(1) != member(2), "{perturbation:?}");
        }
        assert_eq!(run("deep", asked()).1, fields, "{perturbation:?} is not the same again");
        let other = Ensemble { seed: 12, ..ensemble };
        assert_ne!(run("deep", Config { ensemble: other, ..asked() }).1, fields);
        // Seen through a model that changes nothing, the perturbation itself.
        if !matches!(perturbation, Perturbation::Bred { .. }) {
            let (_, seen) = run("identity", Config { members: 3, ensemble, ..config(&[24]) });
            let base = &seen[&key(Some(0), 24, "t", "850 hPa")];
            let made = &seen[&key(Some(1), 24, "t", "850 hPa")];
            assert_eq!(base, &t850());
            assert!(mean_of_difference(made, base).abs() < 1e-4);
            let sd = (made.iter().zip(base).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
                / 144.0)
                .sqrt();
            assert!((0.5..2.0).contains(&sd), "{sd}");
        }
    }
}

#[test]
fn bred_vectors_have_the_amplitude_and_no_mean() {
    let ensemble =
        Ensemble { perturbation: Perturbation::Bred { cycles: 3 }, amplitude: 0.1, seed: 2 };
    let (_, fields) = run("identity", Config { members: 2, ensemble, ..config(&[24]) });
    let (base, made) =
        (&fields[&key(Some(0), 24, "t", "850 hPa")], &fields[&key(Some(1), 24, "t", "850 hPa")]);
    assert!(mean_of_difference(made, base).abs() < 1e-4);
    let sd =
        (made.iter().zip(base).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / 144.0).sqrt();
    assert!((0.3..3.0).contains(&sd), "{sd}");
}

#[test]
fn a_lagged_ensemble_holds_at_the_same_times() {
    let initials: Vec<Initial> =
        [48, 42, 24].into_iter().map(|hours| initial(Time(0).plus_hours(hours))).collect();
    let (_, fields) = run_with("shift", initials, config(&[6, 24])).unwrap();
    for (member, lag) in [(0, 0), (1, 6), (2, 24)] {
        for lead in [6, 24] {
            assert_eq!(
                fields[&key(Some(member), i64::from(lead), "t", "850 hPa")],
                expected(&t850(), lead + lag),
                "{member} {lead}"
            );
        }
    }
}

/// Runs into an array, stopped after so many runs, and again until it is through.
fn stopped_and_resumed(folder: &Path, asked: &Config, stops: &[usize]) -> Vec<u8> {
    let path = folder.join("out.npy");
    let mut stops = stops.iter();
    loop {
        let cancel = strata_core::runtime::CancelToken::new();
        let saving = Saving { folder: folder.join("states"), every: Duration::ZERO, resume: true };
        let config = Config { saving: Some(saving), cancel: Some(cancel.clone()), ..asked.clone() };
        let rollout =
            Rollout::new(family("shift"), &search(), vec![initial(Time(0))], config).unwrap();
        let resumes = rollout.resumes().unwrap();
        let sink = Box::new(RawSink::create(&path, rollout.plan(), resumes).unwrap());
        let (mut left, stop) = (stops.next().copied(), cancel);
        let result = rollout.run(sink, &mut |_| {
            if let Some(left) = &mut left {
                *left -= 1;
                if *left == 0 {
                    stop.cancel();
                }
            }
        });
        match result {
            Ok(_) => return std::fs::read(path).unwrap(),
            Err(error) => assert!(matches!(error, RolloutError::Stopped), "{error}"),
        }
    }
}

#[test]
fn a_run_that_was_stopped_goes_on_to_the_same_bytes() {
    let leads: Vec<u32> = (1..=40).collect();
    let ensemble = Ensemble { perturbation: Perturbation::Gaussian, ..Ensemble::default() };
    let asked = Config { members: 3, ensemble, ..config(&leads) };
    let dir = tempfile::tempdir().unwrap();
    let folder = |name: &str| {
        let folder = dir.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    };
    let whole = stopped_and_resumed(&folder("whole"), &asked, &[]);
    let cut = stopped_and_resumed(&folder("cut"), &asked, &[1, 2, 3, 17, 1, 30, 5]);
    assert!(whole == cut && whole.len() > 3 * 40 * 8 * 144 * 4);
    // A checkpoint of another run is refused.
    let saving = Saving { folder: folder("other"), every: Duration::ZERO, resume: true };
    let stop = strata_core::runtime::CancelToken::new();
    let config =
        Config { saving: Some(saving.clone()), cancel: Some(stop.clone()), ..asked.clone() };
    let rollout = Rollout::new(family("shift"), &search(), vec![initial(Time(0))], config).unwrap();
    let sink = Keep { fields: Arc::default(), fail_after: usize::MAX };
    assert!(
        rollout
            .run(Box::new(sink), &mut |progress| if progress.done == 9 {
                stop.cancel();
            })
            .is_err()
    );
    let config = Config { saving: Some(saving), leads: vec![24], ..asked };
    let rollout = Rollout::new(family("shift"), &search(), vec![initial(Time(0))], config).unwrap();
    assert!(rollout.resumes().unwrap_err().to_string().contains("other models, input, leads"));
}
