//! Search against implementations that do everything the slow way.

use std::collections::{BTreeMap, BTreeSet};

use strata_testkit::kill::Dice;
use strata_text::document::{Document, Unit, UnitKind};
use strata_text::fusion::{Fusion, Pair};
use strata_text::index::{Filter, Hit, Query, Scoring, Viewer};
use strata_text::tokenize::tokens;

use super::support::{document, filter, index_of, query, vector, words};

const DOCUMENTS: u64 = 150;

/// Tokens of text, title and headings.
type Fields = [Vec<String>; 3];

fn fields(document: &Document, unit: &Unit) -> Fields {
    let mut title = tokens(&document.title);
    title.extend(tokens(document.number.as_deref().unwrap_or("")));
    let mut headings: Vec<String> = unit.headings.iter().flat_map(|h| tokens(h)).collect();
    headings.extend(tokens(&unit.context));
    [tokens(unit.span.of(&document.text).unwrap()), title, headings]
}

type Place = (String, usize);

/// A document, and the passages of a record of it.
type Record<'a> = (&'a Document, Vec<(usize, Fields)>);

fn admitted(document: &Document, unit: &Unit, filter: &Filter) -> bool {
    let days = unit.validity.unwrap_or(document.validity);
    let region = match (&document.region, &filter.region) {
        (Some(own), Some(asked)) => asked.starts_with(own.as_str()),
        _ => true,
    };
    filter.viewer.sees(&document.labels)
        && region
        && (filter.kinds.is_empty() || filter.kinds.contains(&document.kind))
        && (filter.documents.is_empty() || filter.documents.contains(&document.id))
        && (filter.include_not_in_force || days.holds(filter.as_of))
}

/// The records of a document, as ranges of its passages.
fn records(document: &Document) -> Vec<Vec<usize>> {
    let alone = |at: usize| document.units[at].kind == UnitKind::Article;
    let mut records: Vec<Vec<usize>> = Vec::new();
    for at in 0..document.units.len() {
        match records.last_mut() {
            Some(last) if !alone(at) && !alone(at - 1) => last.push(at),
            _ => records.push(vec![at]),
        }
    }
    records
}

fn record_of(document: &Document, unit: usize) -> Place {
    let record = records(document).into_iter().find(|record| record.contains(&unit)).unwrap();
    (document.id.clone(), record[0])
}

fn times(tokens: &[String], token: &str) -> f64 {
    tokens.iter().filter(|other| *other == token).count() as f64
}

/// Score and coverage of all admitted passages by the formula, and what no score reaches.
fn bm25(text: &str, filter: &Filter, scoring: &Scoring) -> (BTreeMap<Place, (f64, f64)>, f64) {
    let documents: Vec<Document> = (0..DOCUMENTS).map(|n| document(n).document).collect();
    let seen: Vec<&Document> = documents.iter().filter(|d| filter.viewer.sees(&d.labels)).collect();
    let all: Vec<Record<'_>> = seen
        .iter()
        .flat_map(|d| {
            let of = |unit: usize| (unit, fields(d, &d.units[unit]));
            let each = move |record: Vec<usize>| (*d, record.into_iter().map(of).collect());
            records(d).into_iter().map(each)
        })
        .collect();
    let [title, headings] = [f64::from(scoring.title), f64::from(scoring.headings)];
    // Texts together, title once, the most of the headings.
    let bag = |units: &[(usize, Fields)], of: &dyn Fn(&[String]) -> f64| {
        let texts: f64 = units.iter().map(|(_, fields)| of(&fields[0])).sum();
        let most = |f: usize| units.iter().map(|(_, fields)| of(&fields[f])).fold(0.0, f64::max);
        texts + title * most(1) + headings * most(2)
    };
    let length = |tokens: &[String]| tokens.len() as f64;
    let count = all.len() as f64;
    let average = all.iter().map(|(_, units)| bag(units, &length)).sum::<f64>() / count;
    let passages: Vec<f64> = all
        .iter()
        .filter(|(_, units)| units.len() > 1)
        .flat_map(|(_, units)| units.iter().map(|(_, fields)| length(&fields[0])))
        .collect();
    let passage_average = passages.iter().sum::<f64>() / passages.len() as f64;
    let asked = tokens(text);
    let distinct: BTreeSet<&String> = asked.iter().collect();
    let in_unit = |fields: &Fields, token: &str| fields.iter().any(|f| times(f, token) > 0.0);
    let idf = |token: &str| {
        let has = |units: &[(usize, Fields)]| units.iter().any(|(_, f)| in_unit(f, token));
        let having = all.iter().filter(|(_, units)| has(units)).count() as f64;
        (1.0 + (count - having + 0.5) / (having + 0.5)).ln()
    };
    let idfs: BTreeMap<&String, f64> = distinct.iter().map(|t| (*t, idf(t))).collect();
    let mass: f64 = idfs.values().sum();
    let (k1, b) = (f64::from(scoring.k1), f64::from(scoring.b));
    let part = |tf: f64, relative: f64| tf * (k1 + 1.0) / (tf + k1 * (1.0 - b + b * relative));
    let mut scores = BTreeMap::new();
    for (document, units) in &all {
        let weight = |token: &String| idfs[token] * times(&asked, token);
        let relative = bag(units, &length) / average;
        let whole: f64 = distinct
            .iter()
            .map(|token| weight(token) * part(bag(units, &|f| times(f, token)), relative))
            .sum();
        for (number, fields) in units {
            if !admitted(document, &document.units[*number], filter) {
                continue;
            }
            let relative = length(&fields[0]) / passage_average;
            let own: f64 = distinct
                .iter()
                .map(|token| weight(token) * part(times(&fields[0], token), relative))
                .sum();
            let share = f64::from(scoring.passage);
            let score = if units.len() == 1 { whole } else { (1.0 - share) * whole + share * own };
            let found: f64 = distinct.iter().filter(|t| in_unit(fields, t)).map(|t| idfs[*t]).sum();
            if score > 0.0 {
                scores.insert((document.id.clone(), *number), (score, found / mass));
            }
        }
    }
    let limit = asked.iter().map(|token| idfs[token] * (k1 + 1.0)).sum();
    (scores, limit)
}

/// The best three of each record.
fn three(scores: &BTreeMap<Place, f64>) -> BTreeMap<Place, f64> {
    let mut by_record: BTreeMap<Place, Vec<(Place, f64)>> = BTreeMap::new();
    for (place, score) in scores {
        let number: u64 = place.0["文件-".len()..].parse().unwrap();
        let record = record_of(&document(number).document, place.1);
        by_record.entry(record).or_default().push((place.clone(), *score));
    }
    let best = by_record.into_values().flat_map(|mut units| {
        units.sort_by(|a, b| b.1.total_cmp(&a.1));
        units.truncate(3);
        units
    });
    best.collect()
}

fn dots(asked: &[f32], filter: &Filter) -> BTreeMap<Place, f64> {
    let mut scores = BTreeMap::new();
    for number in 0..DOCUMENTS {
        let prepared = document(number);
        let vectors = prepared.vectors.unwrap();
        for (at, unit) in prepared.document.units.iter().enumerate() {
            if admitted(&prepared.document, unit, filter) {
                let row = &vectors[at * asked.len()..(at + 1) * asked.len()];
                let dot = row.iter().zip(asked).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                scores.insert((prepared.document.id.clone(), at), dot);
            }
        }
    }
    scores
}

fn place(hit: &Hit) -> Place {
    (hit.doc.to_string(), hit.unit)
}

/// The hits are the best by `wanted`, best first; scores that differ by rounding may change places.
fn same(hits: &[(Place, f64)], wanted: &BTreeMap<Place, f64>, top: usize, what: &str) {
    let mut best: Vec<f64> = three(wanted).into_values().collect();
    best.sort_unstable_by(|a, b| b.total_cmp(a));
    best.truncate(top);
    assert_eq!(hits.len(), best.len(), "{what}");
    for ((place, score), best) in hits.iter().zip(best) {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-4 * (1.0 + b.abs());
        assert!(close(wanted[place], *score), "{what}: {place:?} {score} {}", wanted[place]);
        assert!(close(*score, best), "{what}: {score} {best}");
    }
}

#[test]
fn words_and_vectors_are_ranked_as_by_brute_force() {
    let dir = tempfile::tempdir().unwrap();
    let index = index_of(dir.path(), 0..DOCUMENTS);
    let snapshot = index.snapshot();
    let mut dice = Dice::new(3);
    let mut found = 0;
    for round in 0..60 {
        let (filter, text) = (filter(&mut dice), words(&mut dice, 8));
        let what = format!("round {round}: {text} {filter:?}");
        let (lexical, _) = bm25(&text, &filter, &Scoring::default());
        let scores: BTreeMap<Place, f64> =
            lexical.iter().map(|(place, (score, _))| (place.clone(), *score)).collect();
        let hits = snapshot.search(&query(&text, None, &filter)).unwrap();
        let ranked: Vec<_> = hits.iter().map(|h| (place(h), f64::from(h.score))).collect();
        same(&ranked, &scores, 15, &what);
        for hit in &hits {
            let coverage = lexical[&place(hit)].1;
            assert!((f64::from(hit.coverage) - coverage).abs() < 1e-4, "{what}");
            assert_eq!((hit.lexical, hit.dense), (Some(hit.score), None));
        }
        let asked = vector(&mut dice);
        let fusion = Fusion::Convex { lexical_weight: 0.0 };
        let dense = Query { fusion, ..query(&text, Some(&asked), &filter) };
        let hits = snapshot.search(&dense).unwrap();
        let ranked: Vec<_> = hits.iter().map(|h| (place(h), f64::from(h.dense.unwrap()))).collect();
        let wanted = dots(&asked, &filter);
        same(&ranked, &wanted, 15, &what);
        for hit in &hits {
            // What only one retriever found has the other's score too.
            let lexical = lexical.get(&place(hit)).map(|(score, _)| *score);
            assert_eq!(hit.lexical.is_some(), lexical.is_some(), "{what}");
            let (a, b) = (hit.lexical.unwrap_or(0.0), lexical.unwrap_or(0.0));
            assert!((f64::from(a) - b).abs() < 1e-3, "{what}");
        }
        found += hits.len();
    }
    assert!(found > 300, "{found}");
}

#[test]
fn other_weights_give_other_scores() {
    let dir = tempfile::tempdir().unwrap();
    let index = index_of(dir.path(), 0..DOCUMENTS);
    let mut scoring = Scoring { k1: 1.4, b: 0.3, title: 2.5, headings: 0.4, passage: 0.6 };
    let snapshot = index.snapshot().with_scoring(scoring).unwrap();
    let filter = Filter::new(Viewer::everything(), super::support::day(50));
    for text in ["劳动合同GB2312", "社会保险登记，社会保险", "第3条的通知", "国发〔2020〕12号"]
    {
        let wanted = bm25(text, &filter, &scoring).0.into_iter().map(|(p, s)| (p, s.0)).collect();
        let hits = snapshot.search(&query(text, None, &filter)).unwrap();
        let ranked: Vec<_> = hits.iter().map(|h| (place(h), f64::from(h.score))).collect();
        same(&ranked, &wanted, 15, text);
    }
    scoring.b = 1.5;
    assert!(index.snapshot().with_scoring(scoring).is_err());
}

#[test]
fn a_fused_ranking_is_the_fusion_of_both() {
    let dir = tempfile::tempdir().unwrap();
    let index = index_of(dir.path(), 0..DOCUMENTS);
    let mut dice = Dice::new(8);
    let adaptive = |slope| Fusion::Adaptive { slope, offset: 0.1, low: 0.0, high: 1.0 };
    for fusion in [Fusion::default(), Fusion::Rrf { k: 60.0 }, adaptive(0.0), adaptive(0.9)] {
        let (filter, text, asked) = (filter(&mut dice), words(&mut dice, 8), vector(&mut dice));
        // All passages are candidates.
        let base = query(&text, Some(&asked), &filter);
        let all = Query { fusion, top: 1000, per_record: 1000, ..base };
        let hits = index.snapshot().search(&all).unwrap();
        assert_eq!(hits.len(), dots(&asked, &filter).len());
        assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
        let mut records: BTreeMap<Place, Vec<&Hit>> = BTreeMap::new();
        for hit in &hits {
            let number: u64 = hit.doc["文件-".len()..].parse().unwrap();
            let record = record_of(&document(number).document, hit.unit);
            records.entry(record).or_default().push(hit);
        }
        let most =
            |scores: &mut dyn Iterator<Item = Option<f32>>| scores.flatten().max_by(f32::total_cmp);
        let pair = |record: &Vec<&Hit>| Pair {
            lexical: most(&mut record.iter().map(|hit| hit.lexical)),
            dense: most(&mut record.iter().map(|hit| hit.dense)),
        };
        let pairs: Vec<Pair> = records.values().map(pair).collect();
        let (_, limit) = bm25(&text, &filter, &Scoring::default());
        let fitted = fusion.fit(&pairs, limit as f32);
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{fusion:?}: {a} {b}");
        for (record, pair) in records.values().zip(pairs) {
            close(record[0].score, fitted.score(pair));
            for hit in &record[1..] {
                let own = Pair { lexical: hit.lexical, dense: hit.dense };
                close(hit.score, fitted.score(own));
            }
        }
        let few = Query { top: 5, depth: 1000, ..all };
        assert_eq!(index.snapshot().search(&few).unwrap(), hits[..hits.len().min(5)]);
    }
}

#[test]
fn questions_of_nothing_find_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let index = index_of(dir.path(), 0..DOCUMENTS);
    let filter = Filter::new(Viewer::everything(), super::support::day(50));
    for text in ["", "，。！", "\u{0}", "龘龘龘"] {
        assert_eq!(index.snapshot().search(&query(text, None, &filter)).unwrap(), []);
    }
    let none = Query { top: 0, depth: 0, ..query("劳动", None, &filter) };
    assert_eq!(index.snapshot().search(&none).unwrap(), []);
    for asked in [vec![0.5; 3], vec![f32::NAN; super::support::DIM]] {
        assert!(index.snapshot().search(&query("劳动", Some(&asked), &filter)).is_err());
    }
    let empty = tempfile::tempdir().unwrap();
    let index = index_of(empty.path(), []);
    let asked = vec![0.1; super::support::DIM];
    assert_eq!(index.snapshot().search(&query("劳动", Some(&asked), &filter)).unwrap(), []);
}
