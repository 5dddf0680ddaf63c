//! The cards this repository ships: each is read without complaint, and every file that is here is
//! the one its card describes.

use std::path::Path;

use strata_core::card::{CardError, ModelStore};
use strata_core::paths::{MODELS_FOLDER, SearchPath};
use strata_core::verify::{Limits, VerifyError, verify_all};
use strata_testkit::skip;

#[test]
fn every_shipped_card_is_sound_and_its_files_are_the_right_ones() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(MODELS_FOLDER);
    if !root.is_dir() {
        return skip("no shared-models folder beside the workspace");
    }
    let store = ModelStore::new(SearchPath::only(root));
    let mut faults = Vec::new();
    for (name, card) in store.cards() {
        let card = match card {
            Ok(card) => card,
            Err(error) => {
                faults.push(error.to_string());
                continue;
            }
        };
        for (file, result) in verify_all(&card, store.search(), &Limits::default()) {
            match result {
                Ok(()) => {}
                // What we trained ourselves is committed; what others did is fetched.
                Err(VerifyError::Card(CardError::FileAbsent { .. }))
                    if card.source.url.starts_with("http") =>
                {
                    skip(&format!("{name}/{} is not fetched", file.path));
                }
                Err(error) => faults.push(error.to_string()),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
