//! Structure on public corpora: 58,637 articles of Chinese statutes, policy notices, service items. Needs `STRATA_SHARED`, a
//! folder holding `data/gov`; without it the tests say that they skip.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use strata_text::address::{Address, parse_address};
use strata_text::document::{Document, DocumentKind, Extract, UnitKind};
use strata_text::mask;
use strata_text::structure::{BuildOptions, build, locate, references, resolve};

fn file(name: &str) -> Option<PathBuf> {
    let Some(shared) = std::env::var_os("STRATA_SHARED") else {
        eprintln!("skipped: set STRATA_SHARED to a folder with data/gov/{name}");
        return None;
    };
    Some(PathBuf::from(shared).join("data/gov").join(name))
}

fn records(name: &str) -> Option<Vec<Value>> {
    let path = file(name)?;
    let bytes = std::fs::read(&path).unwrap();
    let mut text = String::new();
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// A record as the readers hand it on: title and text, the other fields declared.
fn extract(record: &Value) -> Extract {
    let mut extract = Extract::default();
    for (key, value) in record.as_object().unwrap() {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Array(parts) => {
                parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
            }
            _ => continue,
        };
        match key.as_str() {
            "id" | "docid" => extract.id = Some(text),
            "name" | "title" => extract.title = Some(text),
            "text" => extract.text = text,
            _ => {
                extract.declared.insert(key.clone(), text);
            }
        }
    }
    extract
}

fn documents(name: &str, source: &str) -> Option<(Vec<Document>, Duration)> {
    let extracts: Vec<Extract> = records(name)?.iter().map(extract).collect();
    let options = BuildOptions::default();
    let begin = Instant::now();
    let built = extracts.into_iter().map(|extract| build(extract, source, &options)).collect();
    Some((built, begin.elapsed()))
}

fn check_units(document: &Document) {
    let mut end = 0;
    for unit in &document.units {
        let shown = unit.span.of(&document.text).unwrap_or_else(|| panic!("{}", document.title));
        assert!(!shown.trim().is_empty(), "{}", document.title);
        assert!(unit.span.start >= end, "{}: passages overlap", document.title);
        end = unit.span.end;
    }
    let kept: usize = document.units.iter().map(|unit| unit.span.len()).sum();
    let letters =
        document.text.chars().filter(|c| !c.is_whitespace()).map(char::len_utf8).sum::<usize>();
    assert!(
        kept + 60 >= letters * 9 / 10,
        "{}: {kept} of {letters} bytes are in passages",
        document.title
    );
}

#[test]
fn every_article_of_the_statute_corpus_has_its_address() {
    let Some((documents, time)) = documents("stard/corpus.jsonl.gz", "corpus.jsonl.gz") else {
        return;
    };
    eprintln!("{} articles in {time:?}", documents.len());
    let (mut split, mut several) = (0, 0);
    for document in &documents {
        check_units(document);
        assert_eq!(document.kind, DocumentKind::Law);
        let title: String = document.title.clone();
        let first = document.units.first().unwrap_or_else(|| panic!("{title}"));
        assert_eq!(first.kind, UnitKind::Article, "{title}");
        let shown = Address { paragraph: None, item: None, point: None, ..first.address.clone() }
            .to_string();
        assert!(title.ends_with(&shown), "{title}: {shown}");
        let address: Address = parse_address(&shown).unwrap();
        let found = resolve(document, &address).unwrap();
        assert_eq!(found.start, first.span.start, "{title}");
        assert!(document.work.len() < title.len());
        // Every 款, 项, 目 is found again where it was.
        let articles: Vec<_> =
            document.units.iter().filter(|unit| unit.kind == UnitKind::Article).collect();
        split += usize::from(articles.iter().any(|unit| unit.address.paragraph.is_some()));
        several +=
            usize::from(articles.iter().any(|unit| unit.address.article != first.address.article));
        let text = found.of(&document.text).unwrap();
        for part in strata_text::structure::article::parts(text) {
            let place = part.span.shifted(found.start);
            let exact = locate(document, 0, place);
            let again = resolve(document, &exact).unwrap_or_else(|| panic!("{title}: {exact}"));
            assert!(again.start <= place.start && place.end <= again.end, "{title}: {exact}");
        }
    }
    eprintln!("{split} long articles in pieces, {several} records with several articles");
    assert_eq!(documents.len(), 58_637);
}

#[test]
fn statutes_hold_nothing_to_mask() {
    let Some(records) = records("stard/corpus.jsonl.gz") else { return };
    let mut hits = Vec::new();
    let begin = Instant::now();
    for record in &records {
        let text = record["text"].as_str().unwrap();
        for found in mask::find(text) {
            hits.push(format!(
                "{:?} {} in {}",
                found.kind,
                found.span.of(text).unwrap(),
                record["name"]
            ));
        }
    }
    eprintln!("{} hits in {:?}\n{}", hits.len(), begin.elapsed(), hits.join("\n"));
    assert!(hits.len() <= 6, "{} hits", hits.len());
}

#[test]
fn notices_become_sections_of_moderate_size() {
    let Some((documents, time)) = documents("ncp_policies/docs.jsonl", "docs.jsonl") else {
        return;
    };
    let mut sizes = Vec::new();
    for document in &documents {
        check_units(document);
        for unit in &document.units {
            let chars = unit.span.of(&document.text).unwrap().chars().count();
            assert!(chars <= 800, "{}: {chars}", document.title);
            sizes.push(chars);
        }
    }
    sizes.sort_unstable();
    let at = |share: usize| sizes[(sizes.len() - 1) * share / 100];
    eprintln!(
        "{} documents, {} passages in {time:?}; characters p10 {} p50 {} p90 {}",
        documents.len(),
        sizes.len(),
        at(10),
        at(50),
        at(90)
    );
    let numbered = documents.iter().filter(|document| document.number.is_some()).count();
    let dated = documents.iter().filter(|document| document.published.is_some()).count();
    let issued = documents.iter().filter(|document| document.issuer.is_some()).count();
    let regions = documents.iter().filter(|document| document.region.is_some()).count();
    eprintln!("number {numbered}, date {dated}, issuer {issued}, region {regions}");
    assert!(at(50) >= 150 && at(50) <= 500);
}

#[test]
fn service_items_become_guides() {
    let Some((documents, time)) = documents("guangdong/service_items.jsonl", "items.jsonl") else {
        return;
    };
    eprintln!("{} items in {time:?}", documents.len());
    for document in &documents {
        assert_eq!(document.kind, DocumentKind::ServiceGuide, "{}", document.title);
        assert!(document.text.contains("实施部门："), "{}", document.title);
        check_units(document);
    }
}

#[test]
fn references_are_found_and_resolve() {
    let Some((documents, _)) = documents("stard/corpus.jsonl.gz", "corpus.jsonl.gz") else {
        return;
    };
    let begin = Instant::now();
    let (mut with, mut all, mut own, mut lost) = (0, 0, 0, 0);
    for document in &documents {
        let found: Vec<_> =
            (0..document.units.len()).flat_map(|unit| references(document, unit)).collect();
        with += usize::from(!found.is_empty());
        for reference in found {
            all += 1;
            // 款 and 项 of the article itself have to be there.
            let article = document.units[0].address.article;
            if reference.work.is_none() && reference.number.is_none() && document.units.len() == 1 {
                for address in
                    reference.addresses.iter().filter(|address| address.article == article)
                {
                    own += 1;
                    if resolve(document, address).is_none() {
                        lost += 1;
                        if lost <= 40 {
                            eprintln!(
                                "lost {address} in {}: {}",
                                document.title,
                                reference.span.of(&document.text).unwrap()
                            );
                        }
                    }
                }
            }
        }
    }
    eprintln!(
        "{with} articles with {all} references in {:?}; {lost} of {own} to the article itself lost",
        begin.elapsed()
    );
    assert!(lost * 50 <= own, "{lost} of {own}");
}
