//! Readers who may not see everything: what they get is what an index without the rest would give.

use std::sync::Arc;

use strata_testkit::kill::Dice;
use strata_text::address::{Address, Number};
use strata_text::document::Document;
use strata_text::index::{Filter, Snapshot, Summary, Viewer};

use super::support::{day, document, filter, index_of, query, vector, viewer, words};

const DOCUMENTS: u64 = 120;

fn documents() -> Vec<Document> {
    (0..DOCUMENTS).map(|number| document(number).document).collect()
}

#[test]
fn nothing_hidden_is_found_listed_read_or_counted() {
    let dir = tempfile::tempdir().unwrap();
    let index = index_of(dir.path(), 0..DOCUMENTS);
    let (snapshot, all) = (index.snapshot(), documents());
    let mut dice = Dice::new(17);
    let mut hidden = 0;
    for _ in 0..40 {
        let viewer = viewer(&mut dice);
        let may = |id: &str| {
            let document = all.iter().find(|d| d.id == id).unwrap();
            viewer.sees(&document.labels)
        };
        let seen: Vec<&Document> = all.iter().filter(|d| viewer.sees(&d.labels)).collect();
        hidden += all.len() - seen.len();
        for include_not_in_force in [false, true] {
            let mut filter = Filter::new(viewer.clone(), day(50));
            filter.include_not_in_force = include_not_in_force;
            let (text, asked) = (words(&mut dice, 8), vector(&mut dice));
            let mut all_hits = query(&text, Some(&asked), &filter);
            (all_hits.top, all_hits.depth) = (1000, 1000);
            let hits = snapshot.search(&all_hits).unwrap();
            assert!(!hits.is_empty() && hits.iter().all(|hit| may(&hit.doc)));
            for document in &all {
                let number = document.number.as_deref().unwrap_or("无");
                let found = snapshot.by_number(number, &filter);
                let wanted = usize::from(document.number.is_some() && may(&document.id));
                let region = |s: &Summary| s.id.as_ref() == document.id;
                assert_eq!(found.iter().filter(|s| region(s)).count(), wanted);
                let article = Some(Number::new(1));
                let address = Address { article, ..Address::default() };
                let found = snapshot.by_address(&document.work, &address, &filter).unwrap();
                assert!(found.iter().all(|unit| may(&unit.doc)));
                let exists = document.units.first().is_some_and(|unit| {
                    let days = unit.validity.unwrap_or(document.validity);
                    include_not_in_force || days.holds(filter.as_of)
                });
                assert_eq!(found.len(), usize::from(exists && may(&document.id)));
                let versions = snapshot.versions(&document.work, &viewer);
                assert_eq!(versions.len(), usize::from(may(&document.id)));
            }
        }
        for document in &all {
            let read = snapshot.document(&document.id, &viewer).unwrap();
            assert_eq!(read.as_deref(), Some(document).filter(|d| may(&d.id)));
            assert_eq!(snapshot.summary(&document.id, &viewer).is_some(), may(&document.id));
            assert_eq!(
                snapshot.validity(&document.id, 0, &viewer).is_some(),
                may(&document.id) && !document.units.is_empty()
            );
        }
        let (listed, total) = snapshot.documents(&viewer, 0, 1000, None);
        assert_eq!(total, seen.len());
        let ids: Vec<&str> = listed.iter().map(|summary| summary.id.as_ref()).collect();
        assert_eq!(ids, seen.iter().map(|d| d.id.as_str()).collect::<Vec<_>>());
        let (page, same) = snapshot.documents(&viewer, 5, 7, None);
        assert_eq!(
            (page.as_slice(), same),
            (listed.get(5..12).unwrap_or(&listed[listed.len().min(5)..]), total)
        );
        let (found, total) = snapshot.documents(&viewer, 0, 1000, Some("国发 [2020] 1"));
        let wanted = |d: &&&Document| d.number.as_ref().is_some_and(|n| n.contains("〕1"));
        assert_eq!((found.len(), total), (seen.iter().filter(wanted).count(), found.len()));
        let units: usize = seen.iter().map(|d| d.units.len()).sum();
        assert_eq!(snapshot.counts(&viewer), (seen.len(), units));
    }
    assert!(hidden > 500, "{hidden}");
}

/// Scores too: statistics of words are those of what is seen.
#[test]
fn answers_are_those_of_an_index_without_the_hidden() {
    let dir = tempfile::tempdir().unwrap();
    let whole: Arc<Snapshot> = index_of(dir.path(), 0..DOCUMENTS).snapshot();
    let mut dice = Dice::new(23);
    for round in 0..12 {
        let viewer = viewer(&mut dice);
        let kept = (0..DOCUMENTS).filter(|n| viewer.sees(&document(*n).document.labels));
        let dir = tempfile::tempdir().unwrap();
        let without = index_of(dir.path(), kept).snapshot();
        for _ in 0..10 {
            let (text, asked) = (words(&mut dice, 8), vector(&mut dice));
            let own = Filter { viewer: viewer.clone(), ..filter(&mut dice) };
            let open = Filter { viewer: Viewer::everything(), ..own.clone() };
            for vector in [None, Some(asked.as_slice())] {
                let seen = whole.search(&query(&text, vector, &own)).unwrap();
                let wanted = without.search(&query(&text, vector, &open)).unwrap();
                assert_eq!(seen, wanted, "round {round}: {text} {own:?}");
            }
        }
    }
}
