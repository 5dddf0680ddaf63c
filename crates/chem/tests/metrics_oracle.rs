//! Figures of merit against scikit-learn and RDKit's ML.Scoring (values frozen by `oracle/make_metrics.py`).
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use serde_json::Value;
use strata_chem::metrics::{self, Bootstrap, Ranking};

fn golden() -> Value {
    let text = include_str!("golden/metrics.json");
    serde_json::from_str(text).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn assert_close(name: &str, ours: Option<f64>, theirs: &Value) {
    let (ours, theirs) = (ours.unwrap(), theirs.as_f64().unwrap());
    assert!((ours - theirs).abs() < 1e-9, "{name}: ours {ours}, theirs {theirs}");
}

#[test]
fn classification_equals_the_references() {
    for case in golden()["classification"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let (labels, scores) = (numbers(&case["labels"]), numbers(&case["scores"]));
        let ours = metrics::classification(&labels, &scores);
        assert_eq!(ours.n, labels.len());
        assert_close(name, ours.roc_auc, &case["roc_auc"]);
        assert_close(name, ours.pr_auc, &case["pr_auc"]);
        if case.get("bedroc").is_some() {
            assert_close(name, ours.bedroc, &case["bedroc"]);
            assert_close(name, ours.ef1, &case["ef1"]);
            assert_close(name, ours.ef5, &case["ef5"]);
        }
    }
}

#[test]
fn regression_equals_scikit_learn() {
    let case = &golden()["regression"];
    let ours = metrics::regression(&numbers(&case["labels"]), &numbers(&case["predictions"]));
    assert_close("rmse", ours.rmse, &case["rmse"]);
    assert_close("mae", ours.mae, &case["mae"]);
    assert_close("r2", ours.r2, &case["r2"]);
}

#[test]
fn missing_labels_and_row_order_change_nothing() {
    let case = &golden()["classification"][3];
    let (mut labels, mut scores) = (numbers(&case["labels"]), numbers(&case["scores"]));
    let before = metrics::classification(&labels, &scores);
    labels.reverse();
    scores.reverse();
    labels.insert(5, f64::NAN);
    scores.insert(5, 99.0);
    let after = metrics::classification(&labels, &scores);
    let close = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-12;
    assert_eq!(before.n, after.n);
    assert!(close(before.roc_auc, after.roc_auc) && close(before.pr_auc, after.pr_auc));
    assert!(close(before.bedroc, after.bedroc) && close(before.ef1, after.ef1));
}

#[test]
fn ties_give_the_mean_over_their_orders() {
    // One active among four tied rows: the mean of the four ranks it can have.
    let tied = Ranking::new([(true, 1.0), (false, 1.0), (false, 1.0), (false, 1.0)].into_iter());
    let orders = (0..4).map(|place| {
        let rows = (0..4).map(move |row| (row == place, -f64::from(row)));
        Ranking::new(rows)
    });
    let mean = |figure: fn(&Ranking) -> Option<f64>, orders: Vec<Ranking>| {
        orders.iter().filter_map(figure).sum::<f64>() / 4.0
    };
    let orders: Vec<Ranking> = orders.collect();
    let bedroc = mean(|ranking| ranking.bedroc(20.0), orders.clone());
    assert!((tied.bedroc(20.0).unwrap() - bedroc).abs() < 1e-12);
    let enrichment = mean(|ranking| ranking.enrichment(0.25), orders);
    assert!((tied.enrichment(0.25).unwrap() - enrichment).abs() < 1e-12);
}

#[test]
fn figures_that_are_not_defined_are_none() {
    let none = metrics::classification(&[1.0, 1.0], &[0.3, 0.4]);
    assert_eq!(none.roc_auc, None);
    let none = metrics::classification(&[f64::NAN], &[0.3]);
    assert_eq!((none.n, none.pr_auc, none.bedroc), (0, None, None));
    assert_eq!(metrics::regression(&[], &[]).rmse, None);
    assert_eq!(metrics::regression(&[2.0, 2.0], &[1.0, 3.0]).r2, None);
    let mean = metrics::mean_over_tasks(&[
        none,
        metrics::classification(&[0.0, 1.0], &[0.1, 0.9]),
        metrics::classification(&[1.0, 0.0], &[0.1, 0.9]),
    ]);
    assert_eq!((mean.n, mean.roc_auc), (4, Some(0.5)));
}

#[test]
fn bootstrap_intervals_hold_the_figure_and_repeat() {
    let case = &golden()["regression"];
    let (labels, guesses) = (numbers(&case["labels"]), numbers(&case["predictions"]));
    let rmse = |labels: &[f64], guesses: &[f64]| metrics::regression(labels, guesses).rmse;
    let bootstrap = Bootstrap { samples: 400, ..Bootstrap::default() };
    let (low, high) = bootstrap.interval(&labels, &guesses, rmse).unwrap();
    let value = case["rmse"].as_f64().unwrap();
    assert!(low < value && value < high && high - low < value, "{low} {value} {high}");
    assert_eq!(bootstrap.interval(&labels, &guesses, rmse), Some((low, high)));
    let other = Bootstrap { seed: 1, ..bootstrap };
    assert_ne!(other.interval(&labels, &guesses, rmse), Some((low, high)));
}
