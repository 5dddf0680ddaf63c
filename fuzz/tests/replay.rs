//! Every corpus and every finding through its target, within the memory that one input may take.

use std::time::{Duration, Instant};

use strata_fuzz::{TARGETS, corpus, guard};

/// Longest time for one input, unoptimised and on a busy machine; fuzzing itself allows 5 s at full speed.
const LONGEST: Duration = Duration::from_secs(20);

fn replay(name: &str) {
    let (_, run) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    let about = corpus::targets().into_iter().find(|about| about.name == name);
    let inputs = corpus::inputs(&about.expect("a target of fuzz/targets.toml"));
    assert!(!inputs.is_empty(), "{name} has no seeds");
    for path in inputs {
        let data =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let start = Instant::now();
        let outcome = std::panic::catch_unwind(|| guard::run(*run, &data));
        assert!(outcome.is_ok(), "{name}: {}", path.display());
        assert!(start.elapsed() < LONGEST, "{name}: {} takes too long", path.display());
    }
}

macro_rules! replays {
    ($($name:ident),+ $(,)?) => {
        $(#[test] fn $name() { replay(stringify!($name)); })+

        /// No target without a test, a program and a word on what it reads.
        #[test]
        fn every_target_is_replayed() {
            let tested = [$(stringify!($name)),+];
            let functions: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(tested[..], functions[..]);
            let listed: Vec<String> = corpus::targets().into_iter().map(|about| about.name).collect();
            assert_eq!(tested[..], listed[..]);
            let manifest: toml::Table = include_str!("../Cargo.toml").parse().expect("TOML");
            let programs = manifest["bin"].as_array().expect("programs");
            let programs: Vec<&str> = programs.iter().filter_map(|bin| bin["name"].as_str()).collect();
            assert_eq!(tested[..], programs[..]);
        }
    };
}

replays!(
    onnx,
    grib,
    netcdf,
    pdf,
    office,
    picture,
    smiles,
    molfile,
    oip,
    video,
    plain,
    zarr,
    array,
    card,
    smarts,
    tokenizer,
    storms,
    annotations,
    address,
    scenario,
    cameras,
    table,
);
