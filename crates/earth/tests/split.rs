//! Models that were cut give what the whole ones give.
#![cfg(feature = "models")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use strata_core::card::ModelCard;
use strata_core::paths::SearchPath;
use strata_core::runtime::split::Cuts;
use strata_core::runtime::{OpenOptions, RunOptions};
use strata_core::verify::{Limits, verify_all};
use strata_earth::rollout::{Buffers, Family, Stepper};
use strata_earth::split::cut;
use strata_earth::state::State;
use strata_earth::time::Time;

fn search() -> SearchPath {
    SearchPath::only(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models"))
}

fn stepped(name: &str, search: &SearchPath) -> Vec<Vec<f32>> {
    let family = Family::find(name, search).unwrap();
    let model = &family.models[&24];
    let contract = &model.contract;
    let base = [1e4, 5e4, 1e5, 280.0, 250.0, 220.0, 1e5, 280.0];
    let values = |slot: usize| (0..144).map(move |point| base[slot] + (point % 17) as f32);
    let ports = vec![(0..6).flat_map(values).collect(), (6..8).flat_map(values).collect()];
    let mut state = Buffers::of(State { reference: Time(0), ports }, contract).unwrap();
    let mut stepper =
        Stepper::open(model, search, &OpenOptions { warm_up: false, ..OpenOptions::default() })
            .unwrap();
    for _ in 0..3 {
        let into = Buffers::zeros(contract).unwrap();
        state = stepper.step(&state, into, &RunOptions::default()).unwrap();
    }
    assert_eq!(stepper.provenance().len(), 1 + model.parts.len());
    state.0.iter().map(|buffer| buffer.values().to_vec()).collect()
}

#[test]
fn parts_give_the_same_numbers_bit_for_bit() {
    let whole = stepped("deep-24", &search());
    for (name, cuts) in [
        ("deep-24", Cuts::Parts(2)),
        ("deep-24", Cuts::Parts(3)),
        ("deep-24", Cuts::Parts(7)),
        ("deep-24", Cuts::At(vec!["sum1".to_owned(), "sum4".to_owned()])),
        ("outside-24", Cuts::Parts(3)),
        ("shift-24", Cuts::Parts(2)),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let card = ModelCard::find(name, &search()).unwrap();
        let parts = cut(&card, &search(), &cuts, dir.path()).unwrap();
        let expected = if let Cuts::Parts(count) = cuts { count } else { 3 };
        assert_eq!(parts.len(), expected, "{name} {cuts:?}");
        let own = SearchPath::only(dir.path());
        for part in &parts {
            let card = ModelCard::find(&part.name, &own).unwrap();
            for (file, result) in verify_all(&card, &own, &Limits::default()) {
                assert!(result.is_ok(), "{}: {}", file.path, result.unwrap_err());
            }
        }
        let cut = stepped(name, &own);
        let same = if name == "shift-24" { stepped(name, &search()) } else { whole.clone() };
        assert!(cut == same, "{name} {cuts:?}");
        // Residual blocks pass on their sum and the skip, not what is wider inside them.
        if let Cuts::At(_) = cuts {
            let maps = 8 * 144 * 4;
            // The first values, the skip and the sum.
            assert_eq!(parts[0].part.passes, 2 * maps + maps, "{:?}", parts[0].part.outputs);
        }
        if name == "outside-24" {
            let size = |part: &strata_earth::split::Written| {
                part.part.data.as_ref().map_or(0, |data| data.bytes)
            };
            let before =
                std::fs::metadata(search().models[0].join(name).join("weights.bin")).unwrap().len();
            assert!(parts.iter().all(|part| size(part) > 0 && size(part) < before));
        }
    }
}

#[test]
fn what_cannot_be_cut_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let card = ModelCard::find("deep-24", &search()).unwrap();
    let fails = |cuts: Cuts| cut(&card, &search(), &cuts, dir.path()).err().unwrap().to_string();
    assert!(fails(Cuts::Parts(1)).contains("2 or more"));
    assert!(fails(Cuts::Parts(900)).contains("no more than there are nodes"));
    assert!(fails(Cuts::At(vec!["nothing".to_owned()])).contains("\"nothing\""));
    assert!(fails(Cuts::At(vec!["output_surface".to_owned()])).contains("last node"));
    let own = card.dir.parent().unwrap();
    let error = cut(&card, &search(), &Cuts::Parts(2), own).err().unwrap().to_string();
    assert!(error.contains("own folder"), "{error}");
    cut(&card, &search(), &Cuts::Parts(2), dir.path()).unwrap();
    let parts = SearchPath::only(dir.path());
    let again = ModelCard::find("deep-24", &parts).unwrap();
    let error =
        cut(&again, &parts, &Cuts::Parts(2), &dir.path().join("more")).err().unwrap().to_string();
    assert!(error.contains("cut already"), "{error}");
}
