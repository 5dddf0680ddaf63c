//! Metrics against pycocotools, scikit-learn and scipy: `golden/` is made by the scripts in `oracle/`.

use proptest::prelude::*;
use serde::Deserialize;
use strata_vision::geometry::Size;
use strata_vision::image::Plane;
use strata_vision::metrics::{
    Aupro, CocoFound, CocoTruth, Confusion, MetricError, PRO_FPR_LIMIT, PixelScores, auroc,
    average_precision, coco_ap, f1_adaptive,
};

#[derive(Deserialize)]
struct CocoGolden {
    gt: Truths,
    dt: Vec<Found>,
    stats: [f64; 12],
    per_class: Vec<OfClass>,
}

#[derive(Deserialize)]
struct Truths {
    annotations: Vec<Truth>,
}

#[derive(Deserialize)]
struct Truth {
    image_id: u64,
    category_id: u64,
    bbox: [f64; 4],
    area: f64,
    iscrowd: u8,
}

#[derive(Deserialize)]
struct Found {
    image_id: u64,
    category_id: u64,
    bbox: [f64; 4],
    score: f64,
}

#[derive(Deserialize)]
struct OfClass {
    id: u64,
    ap: f64,
    ap50: f64,
}

fn equals_pycocotools(text: &str) {
    let golden: CocoGolden = serde_json::from_str(text).expect("golden file");
    let classes: Vec<u64> = golden.per_class.iter().map(|c| c.id).collect();
    let truth = |t: &Truth| CocoTruth {
        image: t.image_id,
        class: t.category_id,
        bbox: t.bbox,
        area: t.area,
        crowd: t.iscrowd == 1,
    };
    let found = |d: &Found| CocoFound {
        image: d.image_id,
        class: d.category_id,
        bbox: d.bbox,
        score: d.score,
    };
    let truths: Vec<CocoTruth> = golden.gt.annotations.iter().map(truth).collect();
    let found: Vec<CocoFound> = golden.dt.iter().map(found).collect();
    let summary = coco_ap(&classes, &truths, &found);
    for (at, (got, wanted)) in summary.stats().iter().zip(golden.stats).enumerate() {
        assert!((got - wanted).abs() < 1e-12, "number {at}: {got}, pycocotools {wanted}");
    }
    for (got, wanted) in summary.classes.iter().zip(&golden.per_class) {
        assert!((got.ap - wanted.ap).abs() < 1e-12, "{got:?}, pycocotools {}", wanted.ap);
        assert!((got.ap50 - wanted.ap50).abs() < 1e-12, "{got:?}, pycocotools {}", wanted.ap50);
    }
}

#[test]
fn coco_plain() {
    equals_pycocotools(include_str!("golden/coco_plain.json"));
}

#[test]
fn coco_with_crowds_and_areas() {
    equals_pycocotools(include_str!("golden/coco_crowds.json"));
}

#[test]
fn coco_with_equal_scores_and_more_than_100_detections() {
    equals_pycocotools(include_str!("golden/coco_ties.json"));
}

#[test]
fn coco_of_nothing() {
    let none = coco_ap(&[1, 2], &[], &[]);
    assert_eq!(none.stats(), [-1.0; 12]);
    let truth =
        CocoTruth { image: 1, class: 2, bbox: [0.0, 0.0, 9.0, 9.0], area: 81.0, crowd: false };
    let missed = coco_ap(&[1, 2], &[truth], &[]);
    assert_eq!((missed.ap, missed.ar100, missed.ap_large), (0.0, 0.0, -1.0));
    let found = CocoFound { image: 1, class: 2, bbox: truth.bbox, score: 0.5 };
    let right = coco_ap(&[1, 2], &[truth], &[found]);
    assert!((right.ap - 1.0).abs() < 1e-12 && right.classes[0].ap == -1.0);
}

#[derive(Deserialize)]
struct ScoresGolden {
    flat: Vec<Flat>,
    pixels: Vec<Pixels>,
}

#[derive(Deserialize)]
struct Flat {
    scores: Vec<f32>,
    labels: Vec<u8>,
    auroc: f64,
    average_precision: f64,
    f1: f64,
    threshold: f32,
}

#[derive(Deserialize)]
struct Pixels {
    width: u32,
    height: u32,
    maps: Vec<Vec<f32>>,
    masks: Vec<Vec<u8>>,
    aupro: f64,
    aupro_05: f64,
    regions: usize,
    auroc: f64,
}

fn scores() -> ScoresGolden {
    serde_json::from_str(include_str!("golden/scores.json")).expect("golden file")
}

#[test]
fn image_metrics_equal_scikit_learn() {
    for golden in scores().flat {
        let labels: Vec<bool> = golden.labels.iter().map(|&l| l == 1).collect();
        let got = auroc(&golden.scores, &labels).expect("both kinds");
        assert!((got - golden.auroc).abs() < 1e-12, "{got} {}", golden.auroc);
        let got = average_precision(&golden.scores, &labels).expect("both kinds");
        assert!((got - golden.average_precision).abs() < 1e-12);
        let best = f1_adaptive(&golden.scores, &labels).expect("both kinds");
        assert!((best.f1 - golden.f1).abs() < 1e-12);
        assert_eq!(best.threshold, golden.threshold);
        let counts = Confusion::at(&golden.scores, &labels, best.threshold).expect("numbers");
        assert_eq!(counts, best.counts);
        let harmonic = 2.0 / (1.0 / counts.precision() + 1.0 / counts.recall());
        assert!((harmonic - best.f1).abs() < 1e-12);
    }
}

#[test]
fn pixel_metrics_equal_scikit_learn_and_scipy() {
    for golden in scores().pixels {
        let size = Size::new(golden.width, golden.height);
        let (mut pixels, mut regions) = (PixelScores::new(), Aupro::new());
        for (map, mask) in golden.maps.into_iter().zip(golden.masks) {
            let map = Plane::new(size, map).expect("sizes agree");
            let mask = Plane::new(size, mask).expect("sizes agree");
            pixels.add(&map, &mask).expect("numbers");
            regions.add(&map, &mask).expect("numbers");
        }
        assert!((pixels.auroc().expect("both kinds") - golden.auroc).abs() < 1e-12);
        assert_eq!(regions.regions(), golden.regions);
        let got = regions.area(PRO_FPR_LIMIT).expect("defects");
        assert!((got - golden.aupro).abs() < 1e-12, "{got} {}", golden.aupro);
        let got = regions.area(0.05).expect("defects");
        assert!((got - golden.aupro_05).abs() < 1e-12, "{got} {}", golden.aupro_05);
    }
}

#[test]
fn what_has_no_value_says_why() {
    assert_eq!(auroc(&[1.0], &[]), Err(MetricError::Lengths { scores: 1, labels: 0 }));
    let one_kind = MetricError::OneKind { positives: 2, negatives: 0 };
    assert_eq!(auroc(&[1.0, 2.0], &[true, true]), Err(one_kind));
    let bad = [1.0, f32::NAN];
    assert_eq!(auroc(&bad, &[true, false]), Err(MetricError::NotANumber { at: 1 }));
    assert!(Aupro::new().area(0.0).is_err() && Aupro::new().area(0.3).is_err());
    assert_eq!(auroc(&[f32::INFINITY, f32::NEG_INFINITY], &[true, false]), Ok(1.0));
    assert_eq!(auroc(&[0.0, -0.0], &[true, false]), Ok(0.5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The radix sort (from 4,096 keys) and the merge against the pairs' definition by steps.
    #[test]
    fn pixels_and_images_agree(
        some in prop::collection::vec((prop_oneof![-3..3_i8, any::<i8>()], any::<bool>()), 2..400),
        repeats in 1..24_usize,
        scale in 0.01..10.0_f32,
    ) {
        let pairs: Vec<(f32, bool)> = some
            .iter()
            .cycle()
            .take(some.len() * repeats)
            .enumerate()
            .map(|(at, &(v, l))| (f32::from(v) * scale + (at % 7) as f32, l))
            .collect();
        let (scores, labels): (Vec<f32>, Vec<bool>) = pairs.into_iter().unzip();
        let size = Size::new(scores.len() as u32, 1);
        let mask = Plane::new(size, labels.iter().map(|&l| u8::from(l)).collect()).expect("sizes");
        let mut pixels = PixelScores::new();
        let map = Plane::new(size, scores.clone()).expect("sizes");
        pixels.add(&map, &mask).expect("numbers");
        prop_assert_eq!(pixels.auroc(), auroc(&scores, &labels));
    }

    #[test]
    fn hostile_boxes_do_no_harm(
        truths in prop::collection::vec((0..3_u64, any::<[f64; 4]>(), any::<f64>(), any::<bool>()), 0..9),
        found in prop::collection::vec((0..3_u64, any::<[f64; 4]>(), any::<f64>()), 0..9),
    ) {
        let truths: Vec<CocoTruth> = truths
            .into_iter()
            .map(|(image, bbox, area, crowd)| CocoTruth { image, class: 0, bbox, area, crowd })
            .collect();
        let found: Vec<CocoFound> = found
            .into_iter()
            .map(|(image, bbox, score)| CocoFound { image, class: 0, bbox, score })
            .collect();
        let stats = coco_ap(&[0], &truths, &found).stats();
        prop_assert!(stats.iter().all(|v| (-1.0..=1.0).contains(v)));
    }
}
