//! Each target on a few hundred inputs made of its seeds by changes that are the same in every run. More are tried with
//! STRATA_FUZZ_INPUTS, and without end by `cargo xtask fuzz`.
#![allow(clippy::expect_used, reason = "tests")]

use strata_fuzz::mutate::Mutator;
use strata_fuzz::{TARGETS, corpus, guard};

/// Inputs of each target.
const INPUTS: usize = 200;

#[test]
fn changed_seeds_are_read_without_harm() {
    let inputs = std::env::var("STRATA_FUZZ_INPUTS").ok().and_then(|text| text.parse().ok());
    for about in corpus::targets() {
        let (_, run) = TARGETS.iter().find(|(name, _)| *name == about.name).expect("a target");
        let seeds = corpus::inputs(&about);
        let seeds = seeds.iter().map(|path| std::fs::read(path).expect("a seed")).collect();
        let mut mutator = Mutator::new(seeds, 20_261_126);
        for number in 0..inputs.unwrap_or(INPUTS) {
            let input = mutator.next_input();
            let outcome = std::panic::catch_unwind(|| guard::run(*run, &input));
            if outcome.is_err() {
                let kept = std::env::temp_dir().join(format!("strata-{}-{number}", about.name));
                std::fs::write(&kept, &input).expect("a folder for temporary files");
                panic!("{}: input {number}, kept as {}", about.name, kept.display());
            }
        }
    }
}
