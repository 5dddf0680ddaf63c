//! Average precision of a detector on annotated pictures, by COCO's rules.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use strata_core::stream::{Progress, StreamError};
use strata_vision::convert::{ConvertError, Dataset, read_coco, read_yolo};
use strata_vision::image::{DecodeLimits, decode_file};
use strata_vision::metrics::{CocoFound, CocoSummary, MetricError, coco_ap};

use crate::detect::{DetectJob, Detector, detect};
use crate::picture::Pictures;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The annotations.
    #[error(transparent)]
    Data(#[from] ConvertError),
    /// A folder of pictures.
    #[error(transparent)]
    Source(#[from] crate::sources::SourceError),
    /// The belt.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Scoring.
    #[error(transparent)]
    Inspect(#[from] crate::inspect::InspectError),
    /// The bank.
    #[error(transparent)]
    Bank(#[from] strata_vision::bank::BankError),
    /// Nothing to compare.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// A mask.
    #[error("mask {}: {reason}", path.display())]
    Mask {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The classes of the model and of the data have nothing to do with each other.
    #[error(
        "the data have the classes {data}, model {model} has {known}: give data with these names, or as many classes in the model's order"
    )]
    Classes {
        /// Classes of the data.
        data: String,
        /// The model.
        model: String,
        /// Classes of the model.
        known: String,
    },
    /// Neither kind of data set.
    #[error("{}: neither a folder with images/ and labels/ (YOLO) nor a COCO file or a folder with one", path.display())]
    NoData {
        /// What was given.
        path: PathBuf,
    },
}

/// What a detector is measured on.
#[derive(Debug, Clone)]
pub struct DetectionEval {
    /// A folder with `images/` and `labels/`, a COCO file, or a folder with one.
    pub data: PathBuf,
    /// Files, by name, that are left out: near-duplicates of training pictures.
    pub without: Vec<String>,
    /// Worker threads.
    pub threads: usize,
}

/// The figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectionFigures {
    /// Mean average precision at IoU 0.50.
    pub map50: f64,
    /// Mean average precision over IoU 0.50 to 0.95.
    pub map50_95: f64,
    /// COCO's other numbers.
    pub coco: CocoSummary,
    /// By class.
    pub classes: Vec<ClassFigures>,
    /// Pictures that were looked at.
    pub images: usize,
    /// Pictures that were left out on request.
    pub left_out: usize,
    /// Annotated things.
    pub annotations: usize,
    /// Detections.
    pub detections: usize,
    /// Pictures that could not be read.
    pub failed: Vec<String>,
}

/// A class's figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassFigures {
    /// Its name.
    pub name: String,
    /// Average precision at IoU 0.50; −1 without annotations.
    pub ap50: f64,
    /// Average precision over IoU 0.50 to 0.95; −1 without annotations.
    pub ap50_95: f64,
    /// Annotated things.
    pub annotations: usize,
}

/// Reads annotated pictures: YOLO or COCO.
///
/// # Errors
/// [`EvalError::Data`] with file and line, [`EvalError::NoData`].
fn read_data(path: &Path) -> Result<Dataset, EvalError> {
    if path.join("images").is_dir() {
        let size = |picture: &Path| {
            decode_file(picture, &DecodeLimits::default()).map(|image| image.size())
        };
        return Ok(read_yolo(path, None, size)?);
    }
    if path.is_file() {
        return Ok(read_coco(path)?);
    }
    let usual =
        ["annotations.json", "_annotations.coco.json", "annotations/instances_val2017.json"];
    let file = usual.iter().map(|name| path.join(name)).find(|file| file.is_file());
    Ok(read_coco(&file.ok_or_else(|| EvalError::NoData { path: path.to_path_buf() })?)?)
}

/// Measures a detector. Its thresholds should let nearly everything through: precision needs the whole ranking.
///
/// # Errors
/// [`EvalError`]
pub fn evaluate_detector(
    detector: &Arc<Detector>,
    eval: &DetectionEval,
    watching: (&AtomicBool, &mut dyn Progress),
) -> Result<DetectionFigures, EvalError> {
    let mut dataset = read_data(&eval.data)?;
    let before = dataset.images.len();
    let stem = |file: &str| Path::new(file).file_stem().map(|s| s.to_string_lossy().into_owned());
    let without: Vec<Option<String>> = eval.without.iter().map(|name| stem(name)).collect();
    dataset.images.retain(|image| !without.contains(&stem(&image.file)));
    let left_out = before - dataset.images.len();
    let class_ids = class_map(detector, &dataset)?;
    let paths: Vec<PathBuf> =
        dataset.images.iter().map(|image| dataset.folder.join(&image.file)).collect();
    let limits = DecodeLimits::default();
    let job = DetectJob { threads: eval.threads, limits, save: None };
    let detected = detect(detector, &mut Pictures::files(paths, None, limits), &job, watching)?;
    let mut found = Vec::new();
    let mut failed = Vec::new();
    for (image, row) in dataset.images.iter().zip(&detected.rows) {
        failed.extend(row.error.as_ref().map(|error| error.message.clone()));
        for object in &row.objects {
            let Some(&class) = class_ids.get(&object.class) else { continue };
            let [x1, y1, x2, y2] = object.bbox.map(f64::from);
            let bbox = [x1, y1, x2 - x1, y2 - y1];
            found.push(CocoFound { image: image.id, class, bbox, score: f64::from(object.score) });
        }
    }
    let truths = dataset.truths();
    let coco = coco_ap(&dataset.class_ids(), &truths, &found);
    let classes = dataset.classes.iter().zip(&coco.classes).map(|(class, figures)| ClassFigures {
        name: class.name.clone(),
        ap50: figures.ap50,
        ap50_95: figures.ap,
        annotations: figures.truths,
    });
    Ok(DetectionFigures {
        map50: coco.ap50,
        map50_95: coco.ap,
        classes: classes.collect(),
        images: dataset.images.len(),
        left_out,
        annotations: truths.len(),
        detections: found.len(),
        coco,
        failed,
    })
}

/// The data's number of each of the model's classes: by name, else by place where there are as many.
fn class_map(detector: &Detector, dataset: &Dataset) -> Result<HashMap<u32, u64>, EvalError> {
    let plain = |name: &str| name.to_lowercase().replace(['_', '-'], " ");
    let named: HashMap<String, u64> =
        dataset.classes.iter().map(|class| (plain(&class.name), class.id)).collect();
    let classes = detector.classes();
    let by_name: HashMap<u32, u64> = (0_u32..)
        .zip(classes)
        .filter_map(|(at, name)| Some((at, *named.get(&plain(name))?)))
        .collect();
    if !by_name.is_empty() {
        return Ok(by_name);
    }
    if classes.len() == dataset.classes.len() {
        return Ok((0_u32..).zip(dataset.classes.iter().map(|class| class.id)).collect());
    }
    let names = |names: Vec<&str>| names.join(", ");
    Err(EvalError::Classes {
        data: names(dataset.classes.iter().map(|class| class.name.as_str()).collect()),
        model: detector.model().card().name.clone(),
        known: names(classes.iter().map(String::as_str).collect()),
    })
}
