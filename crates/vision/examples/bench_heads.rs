//! Times of decoding and suppression on one thread, on made-up outputs: the least and the median of 200
//! runs. `cargo run --release -p strata-vision --example bench_heads`

use std::time::Instant;

use strata_vision::geometry::Size;
use strata_vision::heads::{DecodeOptions, Head};
use strata_vision::tensor::TensorView;

/// A small generator of numbers from 0 to 1, the same at each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }
}

/// `channels x anchors` of an output at 640 x 640 where `candidates` anchors pass, in clusters of about 30.
fn output(anchors: usize, classes: usize, candidates: usize, objectness: bool) -> Vec<Vec<f32>> {
    let mut numbers = Numbers(7);
    let mut centres = Vec::new();
    for _ in 0..candidates.div_ceil(30) {
        let class = (numbers.next() * classes as f32) as usize % classes;
        centres.push((numbers.next() * 640.0, numbers.next() * 640.0, class));
    }
    let first = 4 + usize::from(objectness);
    let mut rows = Vec::with_capacity(anchors);
    for at in 0..anchors {
        let mut row: Vec<f32> = (0..first + classes).map(|_| numbers.next() * 0.2).collect();
        // Spread over the anchors, as candidates are.
        let passes = at * candidates / anchors != (at + 1) * candidates / anchors;
        let (x, y, class) = centres[at % centres.len()];
        row[0] = x + numbers.next() * 20.0;
        row[1] = y + numbers.next() * 20.0;
        row[2] = 40.0 + numbers.next() * 20.0;
        row[3] = 40.0 + numbers.next() * 20.0;
        if objectness {
            row[4] = if passes { 0.9 } else { 0.1 };
        }
        if passes {
            row[first + class] = 0.3 + numbers.next() * 0.7;
        }
        rows.push(row);
    }
    rows
}

fn time(name: &str, head: &Head, shape: &[usize], data: &[f32]) {
    let Some(view) = TensorView::new(shape, data) else { return };
    let options = DecodeOptions { max_detections: usize::MAX, ..head.options().clone() };
    let mut times = Vec::new();
    let mut kept = 0;
    for _ in 0..200 {
        let start = Instant::now();
        match head.decode(&[("output", view)], Size::new(640, 640), &options) {
            Ok(items) => kept = items[0].len(),
            Err(error) => return eprintln!("{error}"),
        }
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    eprintln!("{name}: {:.3} ms at best, {:.3} ms median, {kept} boxes", times[0], times[100]);
}

fn main() {
    let names: Vec<toml::Value> = (0..80).map(|c| toml::Value::from(format!("c{c}"))).collect();
    let head = |kind: &str, layout: &str| {
        let mut table = toml::Table::new();
        table.insert("head".to_owned(), kind.into());
        table.insert("layout".to_owned(), layout.into());
        table.insert("decoded".to_owned(), true.into());
        table.insert("classes".to_owned(), names.clone().into());
        Head::from_table(&table)
    };
    let (Ok(yolo), Ok(last), Ok(yolox)) = (
        head("yolo", "channels-first"),
        head("yolo", "channels-last"),
        head("yolox", "channels-first"),
    ) else {
        return;
    };
    for (anchors, candidates) in [(8400, 300), (8400, 3000), (8400, 8000), (33600, 10_000)] {
        let rows = output(anchors, 80, candidates, false);
        let columns: Vec<f32> = (0..84).flat_map(|c| rows.iter().map(move |row| row[c])).collect();
        let what = format!("{anchors} anchors, {candidates} candidates");
        time(&format!("yolo, channels first, {what}"), &yolo, &[1, 84, anchors], &columns);
        time(&format!("yolo, channels last, {what}"), &last, &[1, anchors, 84], &rows.concat());
        let rows = output(anchors, 80, candidates, true);
        time(&format!("yolox, {what}"), &yolox, &[1, anchors, 85], &rows.concat());
    }
    // Nothing covers anything: each box stays, the worst for a suppression.
    for count in [3000, 10_000] {
        let mut numbers = Numbers(3);
        let mut rows = Vec::new();
        for _ in 0..count {
            let (x, y) = (numbers.next() * 1e4, numbers.next() * 1e4);
            rows.push([x, y, 60.0, 60.0, 0.3 + numbers.next() * 0.7]);
        }
        let one: toml::Table = [
            ("head".to_owned(), "yolo".into()),
            ("layout".to_owned(), "channels-last".into()),
            ("classes".to_owned(), vec![toml::Value::from("c")].into()),
        ]
        .into_iter()
        .collect();
        if let Ok(head) = Head::from_table(&one) {
            let name = format!("one class, {count} boxes apart");
            time(&name, &head, &[1, count, 5], rows.as_flattened());
        }
    }
}
