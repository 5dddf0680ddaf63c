//! Tests of metrics: what was recorded is in the text, and the text is what Prometheus reads.

use std::collections::{BTreeMap, HashSet};

use super::*;

/// The samples of a text in OpenMetrics, by name and labels as written. Follows its grammar
/// (openmetrics.io, "Text format") as far as this server uses it, and refuses everything else.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut family = (String::new(), String::new());
    let mut families = HashSet::new();
    let body = text.strip_suffix("# EOF\n").expect("ends with EOF");
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(families.insert(name.to_owned()), "{name} is there twice");
            family = (name.to_owned(), kind.to_owned());
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.contains(' '), "{line}");
        } else {
            let (key, value) = line.rsplit_once(' ').unwrap();
            let name = key.split('{').next().unwrap();
            let suffixes: &[&str] = match family.1.as_str() {
                "counter" => &["_total"],
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            let suffix = name.strip_prefix(&family.0).expect("a sample follows its type");
            assert!(suffixes.contains(&suffix), "{line}");
            let labels = key.strip_prefix(name).filter(|labels| !labels.is_empty());
            // A family without labels has empty braces, which the grammar allows.
            if let Some(labels) = labels.filter(|labels| *labels != "{}") {
                check_labels(labels.strip_prefix('{').unwrap().strip_suffix('}').unwrap());
            }
            let twice = samples.insert(key.to_owned(), value.parse().unwrap());
            assert!(twice.is_none(), "{key} is there twice");
        }
    }
    samples
}

/// `name="value"` pairs, separated by commas; quotes, backslashes and line ends in values escaped.
fn check_labels(mut labels: &str) {
    loop {
        let (name, rest) = labels.split_once("=\"").expect("a label has a quoted value");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
        let mut escaped = false;
        let end = rest.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let rest = &rest[end.expect("the value ends") + 1..];
        match rest.strip_prefix(',') {
            Some(more) => labels = more,
            None => return assert_eq!(rest, ""),
        }
    }
}

#[test]
fn what_was_recorded_is_in_the_text() {
    let metrics = Metrics::new();
    metrics.request("predict", "POST", 200, 0.004);
    metrics.request("predict", "POST", 200, 0.2);
    metrics.request("other", "BREW", 404, 0.00001);
    metrics.problem("predict", "rows");
    let model = metrics.model("herg");
    model.stage(Stage::Infer, Duration::from_millis(3));
    model.stage(Stage::Queue, Duration::from_secs(60));
    model.batch(32, 0.125);
    model.queue_depth(7);
    metrics.model("herg").rejected("full");
    model.cancelled();
    metrics.in_flight(3);
    metrics.connections(5);
    metrics.connection_refused();
    metrics.jobs("running", 2);
    metrics.reload("herg", false);
    let text = metrics.render();
    let samples = samples(&text);
    for (key, value) in [
        ("strata_requests_total{operation=\"predict\",method=\"POST\",status=\"200\"}", 2.0),
        ("strata_requests_total{operation=\"other\",method=\"other\",status=\"404\"}", 1.0),
        ("strata_request_seconds_count{operation=\"predict\"}", 2.0),
        ("strata_request_seconds_sum{operation=\"predict\"}", 0.204),
        ("strata_request_seconds_bucket{le=\"0.005\",operation=\"predict\"}", 1.0),
        ("strata_request_seconds_bucket{le=\"+Inf\",operation=\"predict\"}", 2.0),
        ("strata_request_seconds_bucket{le=\"0.0001\",operation=\"other\"}", 1.0),
        ("strata_problems_total{operation=\"predict\",code=\"rows\"}", 1.0),
        ("strata_stage_seconds_count{model=\"herg\",stage=\"infer\"}", 1.0),
        ("strata_stage_seconds_bucket{le=\"30.0\",model=\"herg\",stage=\"queue\"}", 0.0),
        ("strata_stage_seconds_bucket{le=\"+Inf\",model=\"herg\",stage=\"queue\"}", 1.0),
        ("strata_stage_seconds_count{model=\"herg\",stage=\"post\"}", 0.0),
        ("strata_batch_rows_sum{model=\"herg\"}", 32.0),
        ("strata_batch_padding_share_sum{model=\"herg\"}", 0.125),
        ("strata_queue_depth{model=\"herg\"}", 7.0),
        ("strata_rejected_total{model=\"herg\",reason=\"full\"}", 1.0),
        ("strata_cancelled_total{model=\"herg\"}", 1.0),
        ("strata_in_flight", 3.0),
        ("strata_connections", 5.0),
        ("strata_connections_refused_total", 1.0),
        ("strata_jobs{state=\"running\"}", 2.0),
        ("strata_reloads_total{model=\"herg\",result=\"failure\"}", 1.0),
    ] {
        let found = samples.get(key).copied();
        assert!(found.is_some_and(|found| (found - value).abs() < 1e-9), "{key} {found:?}\n{text}");
    }
}

#[test]
fn nothing_recorded_is_still_a_text() {
    let samples = samples(&Metrics::new().render());
    assert_eq!(samples["strata_in_flight"], 0.0);
    assert!(samples["process_start_time_seconds"] > 1.7e9);
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_told() {
    let samples = samples(&Metrics::new().render());
    assert!(samples["process_resident_memory_bytes"] > 1e6);
    assert!(samples["process_open_fds"] >= 3.0);
}

#[test]
fn models_are_listed_anew_each_time() {
    let metrics = Metrics::new();
    let row = ModelRow { model: "herg", version: "1", state: "ready", ..ModelRow::default() };
    metrics.model_info([row, ModelRow { model: "bbb", ..row }]);
    let failed = ModelRow { state: "failed", sha256: "ab", onnx_runtime: "1.32", ..row };
    metrics.model_info([ModelRow { provider: "CPU", ..failed }]);
    let samples = samples(&metrics.render());
    let info: Vec<_> = samples.keys().filter(|key| key.starts_with("strata_model_info")).collect();
    assert_eq!(
        info,
        ["strata_model_info{model=\"herg\",version=\"1\",sha256=\"ab\",provider=\"CPU\",\
          onnx_runtime=\"1.32\",state=\"failed\"}"]
    );
}

#[test]
fn labels_from_cards_cannot_break_the_text() {
    let metrics = Metrics::new();
    metrics.model("a\"b\\c\nd").queue_depth(1);
    let text = metrics.render();
    assert!(samples(&text).keys().any(|key| key.contains("a\\\"b\\\\c\\nd")), "{text}");
}

#[test]
fn threads_that_count_and_list_lose_nothing() {
    let metrics = Metrics::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let model = metrics.model("m");
                for n in 0..500 {
                    metrics.request("predict", "POST", 200, 0.001);
                    model.batch(1, 0.0);
                    if n % 50 == 0 {
                        metrics.model_info([ModelRow { model: "m", ..ModelRow::default() }]);
                        samples(&metrics.render());
                    }
                }
            });
        }
    });
    let samples = samples(&metrics.render());
    assert_eq!(samples["strata_request_seconds_count{operation=\"predict\"}"], 2000.0);
    assert_eq!(samples["strata_batch_rows_count{model=\"m\"}"], 2000.0);
}

#[test]
fn an_application_s_own_metrics_are_in_the_same_list() {
    let metrics = Arc::new(Metrics::new());
    let meters = crate::telemetry::Meters::new(Arc::clone(&metrics), "mining");
    let frames = meters.counter("frames", "Frames read", &["camera", "result"]);
    let north = frames.with(&["north \"1\"", "ok"]);
    north.inc();
    frames.with(&["north \"1\"", "ok"]).add(4);
    assert_eq!(north.get(), 5);
    let lag = meters.gauge("lag_seconds", "How late frames are", &["camera"]);
    lag.with(&["north"]).set(0.25);
    lag.with(&["gone"]).set(9.0);
    lag.remove(&["gone"]);
    let named = ("detect_seconds", "Time to detect");
    meters.histogram(named, &[], &[0.01, 0.1]).with(&[]).observe(0.05);
    let samples = samples(&metrics.render());
    let at = |key: &str| samples.get(key).copied();
    let counted = r#"strata_mining_frames_total{camera="north \"1\"",result="ok"}"#;
    assert_eq!(at(counted), Some(5.0), "{samples:?}");
    assert_eq!(at(r#"strata_mining_lag_seconds{camera="north"}"#), Some(0.25));
    assert_eq!(at(r#"strata_mining_lag_seconds{camera="gone"}"#), None);
    assert_eq!(at(r#"strata_mining_detect_seconds_bucket{le="0.1"}"#), Some(1.0));
    assert_eq!(at(r#"strata_mining_detect_seconds_bucket{le="0.01"}"#), Some(0.0));
    assert_eq!(at("strata_streams"), Some(0.0));
}
