//! Times of metrics.
//!
//! ```text
//! bench_scores [MEGAPIXELS]                            # the metrics of pixels, on made-up maps
//! bench_scores coco TRUTH.json FOUND.json ANSWERS      # COCO average precision, files read and all
//! bench_scores ranking SCORES.f32 LABELS.u8 ANSWERS    # AUROC and average precision
//! ```
//! The last two are our side of cases of the suite `mining`: a line of JSON, and the figures as answers.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use strata_testkit::bench::{Stopwatch, report, write_answers};
use strata_vision::convert::{read_coco, read_coco_results};
use strata_vision::geometry::Size;
use strata_vision::image::Plane;
use strata_vision::metrics::{
    Aupro, CocoFound, PRO_FPR_LIMIT, PixelScores, auroc, average_precision, coco_ap,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["coco", truth, found, answers] => coco(Path::new(truth), Path::new(found), answers),
        ["ranking", scores, labels, answers] => ranking(scores, labels, answers),
        [] => {
            pixels(20);
            Ok(())
        }
        [megapixels] => {
            pixels(megapixels.parse()?);
            Ok(())
        }
        _ => Err("usage: bench_scores [MEGAPIXELS] | coco … | ranking …".into()),
    }
}

fn coco(truth: &Path, found: &Path, answers: &str) -> Result<(), Failure> {
    let watch = Stopwatch::start();
    let dataset = read_coco(truth)?;
    let found: Vec<CocoFound> = read_coco_results(found)?
        .into_iter()
        .map(|one| CocoFound {
            image: one.image_id,
            class: one.category_id,
            bbox: one.bbox,
            score: one.score,
        })
        .collect();
    let summary = coco_ap(&dataset.class_ids(), &dataset.truths(), &found);
    side(&watch, dataset.images.len(), summary.stats().map(|number| json!(number)), answers)
}

fn ranking(scores: &str, labels: &str, answers: &str) -> Result<(), Failure> {
    let scores = std::fs::read(scores)?;
    let scores: Vec<f32> =
        scores.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    let labels: Vec<bool> = std::fs::read(labels)?.iter().map(|&label| label > 0).collect();
    let watch = Stopwatch::start();
    let figures = [auroc(&scores, &labels)?, average_precision(&scores, &labels)?];
    side(&watch, scores.len(), figures.map(|number| json!(number)), answers)
}

/// What a side prints and writes.
fn side(
    watch: &Stopwatch,
    items: usize,
    figures: impl IntoIterator<Item = Value>,
    answers: &str,
) -> Result<(), Failure> {
    let times = watch.seconds();
    write_answers(Path::new(answers), &figures.into_iter().collect::<Vec<_>>())?;
    report(items, times, &[]);
    Ok(())
}

fn pixels(megapixels: usize) {
    let size = Size::new(1000, 1000);
    let (mut pixels, mut regions) = (PixelScores::new(), Aupro::new());
    let mut state = 1_u64;
    let (mut adding, mut labelling) = (0.0, 0.0);
    for _ in 0..megapixels {
        let mut scores = Vec::with_capacity(1_000_000);
        let mut mask = Vec::with_capacity(1_000_000);
        for at in 0..1_000_000_u32 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            // Some 25 squares of 40 x 40 a picture.
            let defect = at % 200 < 40 && at / 1000 % 200 < 40;
            mask.push(u8::from(defect));
            scores.push((state >> 40) as f32 / 1.7e7 + if defect { 0.3 } else { 0.0 });
        }
        let (Some(map), Some(mask)) = (Plane::new(size, scores), Plane::new(size, mask)) else {
            return;
        };
        let start = Instant::now();
        let first = pixels.add(&map, &mask);
        adding += start.elapsed().as_secs_f64();
        let start = Instant::now();
        let second = regions.add(&map, &mask);
        labelling += start.elapsed().as_secs_f64();
        if let Err(error) = first.and(second) {
            eprintln!("{error}");
        }
    }
    let start = Instant::now();
    let auroc = pixels.auroc();
    eprintln!(
        "{megapixels} megapixels: AUROC {auroc:.6?}, {adding:.2} s gathering, {:.2} s computing",
        start.elapsed().as_secs_f64()
    );
    let start = Instant::now();
    let area = regions.area(PRO_FPR_LIMIT);
    eprintln!(
        "{megapixels} megapixels, {} defects: AUPRO {area:.6?}, {labelling:.2} s labelling, {:.2} s computing",
        regions.regions(),
        start.elapsed().as_secs_f64()
    );
}
