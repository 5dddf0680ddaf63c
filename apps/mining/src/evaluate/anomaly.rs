//! Figures of a bank on labelled pictures: image and pixel AUROC, AUPRO, F1 at its best threshold.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use strata_core::stream::Progress;
use strata_vision::bank::{AnyBank, BLUR_SIGMA};
use strata_vision::image::{DecodeLimits, Plane};
use strata_vision::metrics::{Aupro, PixelScores, auroc, average_precision, f1_adaptive};

use super::EvalError;
use super::masks::{labelled, read_mask};
use crate::inspect::{FeatureModel, each_patches};
use crate::picture::Pictures;

/// False positive rate up to which AUPRO is integrated.
const FPR_LIMIT: f64 = 0.3;

/// What a bank is measured on.
#[derive(Debug, Clone)]
pub struct AnomalyEval {
    /// Folder of normal pictures; those that the bank was made of are left out.
    pub normal: PathBuf,
    /// Folders of anomalous pictures.
    pub anomalous: Vec<PathBuf>,
    /// Worker threads.
    pub threads: usize,
}

/// The figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AnomalyFigures {
    /// Area under the ROC curve of the pictures' scores.
    pub image_auroc: f64,
    /// Average precision of the pictures' scores.
    pub image_ap: f64,
    /// Area under the ROC curve of the pixels of the heat maps, at the model's resolution; absent without masks.
    pub pixel_auroc: Option<f64>,
    /// Area under the per-region overlap curve up to a false positive rate of 0.3; absent without masks.
    pub aupro: Option<f64>,
    /// F1 of the pictures at the threshold where it is best.
    pub f1: f64,
    /// That threshold.
    pub f1_threshold: f32,
    /// Share of the normals that the bank's own threshold calls anomalous; absent without a calibration.
    pub false_alarm_rate: Option<f64>,
    /// Share of the anomalous pictures that the bank's own threshold finds; absent without a calibration.
    pub recall: Option<f64>,
    /// Normal pictures that were scored.
    pub normals: usize,
    /// Normal pictures that were left out, being in the bank.
    pub in_bank: usize,
    /// Anomalous pictures that were scored.
    pub anomalous: usize,
    /// Of these, those with a mask that marks a part.
    pub with_mask: usize,
    /// Image AUROC of each folder of anomalous pictures against the normals.
    pub folders: Vec<FolderFigures>,
    /// Pictures that could not be read.
    pub failed: Vec<String>,
}

/// The figure of one folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FolderFigures {
    /// The folder's name.
    pub folder: String,
    /// Pictures in it.
    pub pictures: usize,
    /// Image AUROC against the normals.
    pub image_auroc: f64,
}

/// What is known of a picture by its name.
struct Known {
    mask: Option<PathBuf>,
    /// Place of its folder; 0 is the normals.
    folder: usize,
}

/// Measures a bank.
///
/// # Errors
/// [`EvalError`]: folders that cannot be read, or hold nothing to compare.
pub fn evaluate_bank(
    features: &Arc<FeatureModel>,
    bank: &AnyBank,
    eval: &AnomalyEval,
    watching: (&AtomicBool, &mut dyn Progress),
) -> Result<AnomalyFigures, EvalError> {
    let mut known: HashMap<String, Known> = HashMap::new();
    let mut paths = Vec::new();
    for (folder, path) in std::iter::once(&eval.normal).chain(&eval.anomalous).enumerate() {
        for one in labelled(path)? {
            let name = one.picture.display().to_string().replace('\\', "/");
            known.insert(name, Known { mask: one.mask, folder });
            paths.push(one.picture);
        }
    }
    let in_bank: std::collections::HashSet<&str> =
        bank.normals().iter().map(|normal| normal.sha256.as_str()).collect();
    let mut tally = Tally::default();
    let limits = DecodeLimits::default();
    // With the empty path as base every picture keeps its whole path as its name.
    let mut pictures = Pictures::files(paths, Some(PathBuf::new()), limits);
    let failed = each_patches(
        features,
        &mut pictures,
        (eval.threads, limits),
        watching,
        |normal, patches| {
            let Some(Known { mask, folder }) = known.get(&normal.name) else { return Ok(()) };
            if *folder == 0 && in_bank.contains(normal.sha256.as_str()) {
                tally.in_bank += 1;
                return Ok(());
            }
            let anomaly = bank.score(&patches)?;
            tally.scores.push((anomaly.score, *folder));
            let input = features.model().preprocess().size();
            let place = |mask: &strata_vision::image::Image| {
                features.model().preprocess().placement(mask.into()).ok()
            };
            let truth = match mask {
                Some(mask) => read_mask(mask, place).map_err(|error| EvalError::Mask {
                    path: mask.clone(),
                    reason: error.to_string(),
                })?,
                // A normal picture needs no mask: nothing of it is anomalous.
                None if *folder == 0 => Some(Plane::filled(input, 0)),
                None => None,
            };
            let Some(truth) = truth else { return Ok(()) };
            let marked = truth.data().iter().any(|&value| value > 0);
            // An anomalous picture whose mask marks nothing says nothing about pixels.
            if *folder == 0 || marked {
                tally.with_mask += usize::from(marked);
                let heat = anomaly.heat_map(input, BLUR_SIGMA);
                tally.pixels.add(&heat, &truth)?;
                tally.regions.add(&heat, &truth)?;
            }
            Ok::<(), EvalError>(())
        },
    )?;
    tally.figures(bank, eval, failed)
}

#[derive(Default)]
struct Tally {
    scores: Vec<(f32, usize)>,
    pixels: PixelScores,
    regions: Aupro,
    in_bank: usize,
    with_mask: usize,
}

impl Tally {
    fn figures(
        mut self,
        bank: &AnyBank,
        eval: &AnomalyEval,
        failed: Vec<String>,
    ) -> Result<AnomalyFigures, EvalError> {
        let scores: Vec<f32> = self.scores.iter().map(|(score, _)| *score).collect();
        let truth: Vec<bool> = self.scores.iter().map(|(_, folder)| *folder > 0).collect();
        let normals: Vec<f32> = of(&self.scores, 0);
        let best = f1_adaptive(&scores, &truth)?;
        let (pixel_auroc, aupro) = match self.with_mask {
            0 => (None, None),
            _ => (Some(self.pixels.auroc()?), Some(self.regions.area(FPR_LIMIT)?)),
        };
        let mut folders = Vec::new();
        for (at, path) in eval.anomalous.iter().enumerate() {
            let own = of(&self.scores, at + 1);
            let both: Vec<f32> = normals.iter().chain(&own).copied().collect();
            let truth: Vec<bool> = (0..both.len()).map(|i| i >= normals.len()).collect();
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            // A folder of which nothing could be read has no figure.
            if let Ok(image_auroc) = auroc(&both, &truth) {
                folders.push(FolderFigures { folder: name, pictures: own.len(), image_auroc });
            }
        }
        let threshold = bank.calibration().map(|calibration| calibration.threshold);
        let share = |scores: &[f32]| {
            let threshold = threshold?;
            let over = scores.iter().filter(|&&score| score >= threshold).count();
            (!scores.is_empty()).then(|| over as f64 / scores.len() as f64)
        };
        let anomalous: Vec<f32> =
            self.scores.iter().filter(|(_, folder)| *folder > 0).map(|(score, _)| *score).collect();
        Ok(AnomalyFigures {
            image_auroc: auroc(&scores, &truth)?,
            image_ap: average_precision(&scores, &truth)?,
            pixel_auroc,
            aupro,
            f1: best.counts.f1(),
            f1_threshold: best.threshold,
            false_alarm_rate: share(&normals),
            recall: share(&anomalous),
            normals: normals.len(),
            in_bank: self.in_bank,
            anomalous: anomalous.len(),
            with_mask: self.with_mask,
            folders,
            failed,
        })
    }
}

fn of(scores: &[(f32, usize)], folder: usize) -> Vec<f32> {
    scores.iter().filter(|(_, own)| *own == folder).map(|(score, _)| *score).collect()
}
