//! Times of the metrics of pixels on made-up maps: `cargo run --release -p strata-vision --example
//! bench_metrics [MEGAPIXELS]`

use std::time::Instant;

use strata_vision::geometry::Size;
use strata_vision::image::Plane;
use strata_vision::metrics::{Aupro, PRO_FPR_LIMIT, PixelScores};

fn main() {
    let megapixels = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(20);
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
