//! Image and pixel AUROC of banks on feature maps from files: which bank separates anomalies best.
//!
//! ```text
//! bank_auroc LABELS.npy LAYER.npy... [--masks MASKS.npy]
//! ```
//! Layers are f32 `(N, C, H, W)`, labels i32 `(N)`: -1 for normals to fit with, 0 and 1 to test with. Masks are u8
//! `(tested, H, W)`.
#![allow(clippy::print_stdout, reason = "a program")]

use std::time::Instant;

use strata_vision::bank::{
    Anomaly, BLUR_SIGMA, BankBuilder, BankError, FeatureSpec, FitOptions, GaussianBuilder,
    GaussianOptions, Identity, Keep, Metric, Normal, Patches, Precision, Reduction, Scoring,
};
use strata_vision::geometry::Size;
use strata_vision::tensor::TensorView;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Shape and bytes of an .npy file of version 1, C order, of the item type given.
fn npy(path: &str, kind: &str) -> Result<(Vec<usize>, Vec<u8>), Failure> {
    let mut bytes = std::fs::read(path)?;
    let length = usize::from(u16::from_le_bytes([
        *bytes.get(8).ok_or("short")?,
        *bytes.get(9).ok_or("short")?,
    ]));
    let header = String::from_utf8_lossy(bytes.get(10..10 + length).ok_or("short")?).into_owned();
    if !header.contains(kind) || !header.contains("'fortran_order': False") {
        return Err(format!("{path}: not {kind} in C order: {header}").into());
    }
    let shape =
        header.split('(').nth(1).and_then(|rest| rest.split(')').next()).ok_or("no shape")?;
    let shape: Result<Vec<usize>, _> =
        shape.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect();
    Ok((shape?, bytes.split_off(10 + length)))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// Area under the ROC curve from ranks, ties counted half.
fn auroc(scores: &[f32], positive: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut ranks, mut at) = (0.0, 0);
    while at < order.len() {
        let end = at + order[at..].iter().take_while(|&&i| scores[i] == scores[order[at]]).count();
        let hits = order[at..end].iter().filter(|&&i| positive[i]).count();
        ranks += hits as f64 * ((at + end) as f64 + 1.0) / 2.0;
        at = end;
    }
    let count = positive.iter().filter(|&&is| is).count() as f64;
    (ranks - count * (count + 1.0) / 2.0) / (count * (scores.len() as f64 - count))
}

struct Test {
    positive: Vec<bool>,
    masks: Option<(Size, Vec<u8>)>,
}

impl Test {
    fn report(&self, what: &str, scored: &[Anomaly], start: Instant) {
        let seconds = start.elapsed().as_secs_f64();
        let scores: Vec<f32> = scored.iter().map(|anomaly| anomaly.score).collect();
        let mut line = format!("{what}: image AUROC {:.4}", auroc(&scores, &self.positive));
        if let Some((size, masks)) = &self.masks {
            let maps: Vec<f32> = scored
                .iter()
                .flat_map(|anomaly| anomaly.heat_map(*size, BLUR_SIGMA).data().to_vec())
                .collect();
            let inside: Vec<bool> = masks.iter().map(|&byte| byte > 0).collect();
            line += &format!(", pixel AUROC {:.4}", auroc(&maps, &inside));
        }
        println!("{line} ({seconds:.1} s)");
    }
}

fn main() -> Result<(), Failure> {
    let mut paths: Vec<String> = std::env::args().skip(1).collect();
    let masks = match paths.iter().position(|path| path == "--masks") {
        Some(at) if at + 1 < paths.len() => {
            let path = paths.remove(at + 1);
            paths.remove(at);
            let (shape, bytes) = npy(&path, "u1")?;
            let [_, height, width] = shape.as_slice() else {
                return Err("masks are (N, H, W)".into());
            };
            Some((Size::new(u32::try_from(*width)?, u32::try_from(*height)?), bytes))
        }
        _ => None,
    };
    let [labels, layers @ ..] = paths.as_slice() else {
        return Err("usage: bank_auroc LABELS.npy LAYER.npy... [--masks MASKS.npy]".into());
    };
    let labels: Vec<i32> =
        npy(labels, "<i4")?.1.as_chunks::<4>().0.iter().map(|&b| i32::from_le_bytes(b)).collect();
    let mut maps = Vec::new();
    for path in layers {
        let (shape, bytes) = npy(path, "<f4")?;
        maps.push((shape, floats(&bytes)));
    }
    let spec = FeatureSpec { layers: layers.to_vec(), neighbourhood: 3 };
    let patches = {
        let views: Option<Vec<TensorView<'_>>> =
            maps.iter().map(|(shape, data)| TensorView::new(shape, data)).collect();
        spec.patches_of_batch(&views.ok_or("shape and numbers differ")?)?
    };
    drop(maps);
    let identity = Identity {
        model: "files".into(),
        model_sha256: String::new(),
        preprocess: String::new(),
        features: spec,
    };
    let normals: Vec<&Patches> =
        patches.iter().zip(&labels).filter(|(_, l)| **l < 0).map(|(p, _)| p).collect();
    let tested: Vec<&Patches> =
        patches.iter().zip(&labels).filter(|(_, l)| **l >= 0).map(|(p, _)| p).collect();
    let positive = labels.iter().filter(|label| **label >= 0).map(|label| *label > 0).collect();
    let test = Test { positive, masks };
    let name = |at: usize| Normal { name: at.to_string(), sha256: String::new() };

    let top = |share| Reduction::TopMean { share };
    for (what, components, reduction) in [
        ("PaDiM 100 components, top 5 %", 100, top(0.05)),
        ("PaDiM 100 components, top 1 %", 100, top(0.01)),
        ("PaDiM 200 components, top 5 %", 200, top(0.05)),
    ] {
        let start = Instant::now();
        let mut builder = GaussianBuilder::new(
            identity.clone(),
            GaussianOptions { components, reduction, ..GaussianOptions::default() },
        )?;
        for (at, patches) in normals.iter().enumerate() {
            builder.push(name(at), patches)?;
        }
        let bank = builder.finish()?;
        let scored: Result<Vec<Anomaly>, BankError> =
            tested.iter().map(|patches| bank.score(patches)).collect();
        test.report(what, &scored?, start);
    }
    for (what, metric, reduction, keep) in [
        ("PatchCore 1 %", Metric::Euclidean, Reduction::Reweighted { neighbours: 9 }, 0.01),
        ("Euclidean 1 %, top 5 %", Metric::Euclidean, top(0.05), 0.01),
        ("AnomalyDINO scores 1 %", Metric::Cosine, top(0.01), 0.01),
    ] {
        let start = Instant::now();
        let options = FitOptions {
            scoring: Scoring { metric, reduction },
            keep: Keep::Share(keep),
            ..FitOptions::default()
        };
        let mut builder = BankBuilder::new(identity.clone(), options)?;
        for (at, patches) in normals.iter().enumerate() {
            builder.push(name(at), patches)?;
        }
        let bank = builder.finish(Precision::Int8)?;
        let scored: Result<Vec<Anomaly>, BankError> =
            tested.iter().map(|patches| bank.score(patches)).collect();
        test.report(what, &scored?, start);
    }
    Ok(())
}
