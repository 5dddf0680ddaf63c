//! Inspection on the belt: decode and prepare, features, then a score against the bank, or the patch vectors for one.

use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use strata_core::runtime::RunOptions;
use strata_core::stream::{Interpret, RecordError, Stages};
use strata_vision::bank::{Anomaly, AnyBank, BLUR_SIGMA, Patches};
use strata_vision::geometry::{BBox, Size};
use strata_vision::image::{DecodeLimits, Image, Plane};
use strata_vision::preprocess::Placement;

use super::FeatureModel;
use crate::detect::{Trouble, write_row};
use crate::models::Pixels;
use crate::picture::{Content, Picture};
use crate::save::Saver;

/// How unlike the normals a picture is: a row of the result, and the reply of a server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Inspected {
    /// Name of the picture.
    pub image: String,
    /// Columns of the picture; 0 when it could not be read.
    pub width: u32,
    /// Rows of the picture.
    pub height: u32,
    /// Anomaly score: the larger, the more unlike the normals. In the units of the model's features.
    pub score: Option<f32>,
    /// The score with the threshold at 0.5 and the median of the normals at 0; absent without a calibration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalised: Option<f32>,
    /// Score above which a picture counts as anomalous; absent without a calibration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// Whether the score is above the threshold; absent without a calibration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anomalous: Option<bool>,
    /// Where it is least like the normals: x and y in pixels of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<[f32; 2]>,
    /// Left, upper, right and lower edge of each part whose heat reaches the threshold, worst first.
    #[serde(default)]
    pub regions: Vec<[f32; 4]>,
    /// What was wrong with the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Trouble>,
}

/// What the stages are run for.
#[derive(Debug, Clone)]
pub enum Mode {
    /// Patch vectors, for a bank that is being made.
    Fit,
    /// Scores.
    Score(Arc<AnyBank>),
    /// Scores of the bank's own normals, each as if it was not in the bank.
    LeftOut(Arc<AnyBank>),
}

/// The stages of an inspection.
#[derive(Debug)]
pub struct InspectStages {
    features: Arc<FeatureModel>,
    mode: Mode,
    limits: DecodeLimits,
    saver: Option<Saver>,
}

/// A picture between its preparation and its row.
#[derive(Debug)]
pub struct Prepared {
    size: Size,
    sha256: String,
    image: Option<Image>,
}

/// Buffers of a worker.
#[derive(Debug)]
pub struct Scratch {
    pixels: Pixels,
    placements: Vec<Option<Placement>>,
    patches: Vec<Option<Patches>>,
}

impl InspectStages {
    /// Stages of a model; `saver` draws heat maps.
    #[must_use]
    pub fn new(
        features: Arc<FeatureModel>,
        mode: Mode,
        limits: DecodeLimits,
        saver: Option<Saver>,
    ) -> Self {
        Self { features, mode, limits, saver }
    }

    /// The model.
    #[must_use]
    pub fn features(&self) -> &Arc<FeatureModel> {
        &self.features
    }

    /// The row of a scored picture, and its heat map over the whole picture.
    #[must_use]
    pub fn judge(
        bank: &AnyBank,
        anomaly: &Anomaly,
        (name, placement): (&str, &Placement),
    ) -> (Inspected, Plane<f32>) {
        let size = placement.source;
        let heat = spread(anomaly, placement);
        let threshold = bank.calibration().map(|calibration| calibration.threshold);
        let (row, column, _) = anomaly.worst();
        let (rows, columns) = anomaly.grid;
        let input = placement.input;
        let at = BBox::from_centre(
            (column as f32 + 0.5) / columns.max(1) as f32 * input.width as f32,
            (row as f32 + 0.5) / rows.max(1) as f32 * input.height as f32,
            0.0,
            0.0,
        );
        let worst = placement.to_image(at).centre();
        let inspected = Inspected {
            image: name.to_owned(),
            width: size.width,
            height: size.height,
            score: Some(anomaly.score),
            normalised: bank.normalised(anomaly.score),
            threshold,
            anomalous: bank
                .calibration()
                .map(|calibration| calibration.is_anomalous(anomaly.score)),
            worst: Some([worst.x, worst.y]),
            regions: threshold.map(|threshold| regions(&heat, threshold)).unwrap_or_default(),
            error: None,
        };
        (inspected, heat)
    }
}

/// The heat map over the picture: the model saw it scaled, perhaps with borders or cut. What it did not see is cold.
fn spread(anomaly: &Anomaly, placement: &Placement) -> Plane<f32> {
    let (input, source, content) = (placement.input, placement.source, placement.content());
    let heat = anomaly.heat_map(input, BLUR_SIGMA);
    let columns: Vec<Option<Between>> = (0..source.width)
        .map(|x| (x as f32 + 0.5 - placement.region.x1) * placement.scale_x + placement.pad_x)
        .map(|x| Between::of(x, (content.x1, content.x2), input.width))
        .collect();
    let mut data = Vec::with_capacity(source.area() as usize);
    for y in 0..source.height {
        let y = (y as f32 + 0.5 - placement.region.y1) * placement.scale_y + placement.pad_y;
        let Some(row) = Between::of(y, (content.y1, content.y2), input.height) else {
            data.resize(data.len() + source.width as usize, 0.0);
            continue;
        };
        let value = |column: &Option<Between>| {
            let Some(column) = column else { return 0.0 };
            let at = |x, y| heat.get(x, y).unwrap_or(0.0);
            let upper = column.mix(at(column.first, row.first), at(column.second, row.first));
            let lower = column.mix(at(column.first, row.second), at(column.second, row.second));
            row.mix(upper, lower)
        };
        data.extend(columns.iter().map(value));
    }
    Plane::new(source, data).unwrap_or_else(|| Plane::filled(source, 0.0))
}

/// Two neighbouring pixels of the input and the share of the second.
struct Between {
    first: u32,
    second: u32,
    share: f32,
}

impl Between {
    /// The pixels around a position in the input; `None` outside what the model saw of the picture.
    fn of(position: f32, (start, end): (f32, f32), length: u32) -> Option<Self> {
        // Half a pixel of slack: letterboxes are rounded to whole pixels.
        if position < start - 0.5 || position > end + 0.5 {
            return None;
        }
        let last = length.saturating_sub(1);
        let position = (position - 0.5).clamp(0.0, last as f32);
        let first = position as u32;
        Some(Self { first, second: (first + 1).min(last), share: position.fract() })
    }

    fn mix(&self, first: f32, second: f32) -> f32 {
        first * (1.0 - self.share) + second * self.share
    }
}

/// Boxes around the connected parts (8 neighbours) whose heat reaches the threshold, hottest first.
fn regions(heat: &Plane<f32>, threshold: f32) -> Vec<[f32; 4]> {
    const MOST: usize = 32;
    let size = heat.size();
    let mut seen = vec![false; heat.data().len()];
    let mut found: Vec<(f32, [f32; 4])> = Vec::new();
    for start in 0..heat.data().len() {
        if seen[start] || heat.data()[start] < threshold {
            continue;
        }
        let width = size.width as usize;
        let mut stack = vec![start];
        seen[start] = true;
        let (mut x1, mut y1, mut x2, mut y2, mut hottest) =
            (usize::MAX, usize::MAX, 0, 0, f32::MIN);
        while let Some(at) = stack.pop() {
            let (x, y) = (at % width, at / width);
            (x1, y1, x2, y2) = (x1.min(x), y1.min(y), x2.max(x), y2.max(y));
            hottest = hottest.max(heat.data()[at]);
            for ny in y.saturating_sub(1)..=(y + 1).min(size.height as usize - 1) {
                for nx in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                    let next = ny * width + nx;
                    if !seen[next] && heat.data()[next] >= threshold {
                        seen[next] = true;
                        stack.push(next);
                    }
                }
            }
        }
        found.push((hottest, [x1 as f32, y1 as f32, (x2 + 1) as f32, (y2 + 1) as f32]));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().take(MOST).map(|(_, region)| region).collect()
}

impl Stages for InspectStages {
    type Record = Picture;
    type Prepared = Prepared;
    type Scratch = Scratch;

    fn scratch(&self, chunk: usize) -> Scratch {
        Scratch {
            pixels: self.features.model().pixels(chunk),
            placements: vec![None; chunk],
            patches: (0..chunk).map(|_| None).collect(),
        }
    }

    fn prepare(
        &self,
        record: &Picture,
        slot: usize,
        scratch: &mut Scratch,
    ) -> Result<Prepared, RecordError> {
        let image = record.pixels(&self.limits)?;
        let placement = self
            .features
            .prepare((&*image).into(), slot, &mut scratch.pixels)
            .map_err(|error| RecordError::new("prepare", format!("{}: {error}", record.name)))?;
        scratch.placements[slot] = Some(placement);
        let sha256 = match (&self.mode, &record.content) {
            (Mode::Fit, Content::Encoded(bytes)) => hex(&Sha256::digest(bytes)),
            (Mode::Fit, Content::Decoded(image)) => hex(&Sha256::digest(image.data())),
            _ => String::new(),
        };
        let size = image.size();
        let image = self.saver.is_some().then(|| image.into_owned());
        Ok(Prepared { size, sha256, image })
    }

    fn infer(
        &self,
        slots: Range<usize>,
        run: &RunOptions,
        scratch: &mut Scratch,
    ) -> Result<(), RecordError> {
        let Scratch { pixels, patches, .. } = scratch;
        self.features
            .patches(slots, pixels, run, |slot, made| patches[slot] = Some(made))
            .map_err(|error| RecordError::new("infer", error.to_string()))
    }

    fn interpret(
        &self,
        done: Interpret<'_, Self>,
        scratch: &Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let name = &done.record.name;
        let (Some(patches), Some(placement)) =
            (&scratch.patches[done.slot], &scratch.placements[done.slot])
        else {
            return Err(RecordError::new("internal", "the model gave no features"));
        };
        let scored = match &self.mode {
            Mode::Fit => {
                return super::fit::write_patches(name, &done.prepared.sha256, patches, out);
            }
            Mode::Score(bank) => (bank, bank.score(patches)),
            Mode::LeftOut(bank) => (bank, bank.score_left_out(name, patches)),
        };
        let (bank, anomaly) = scored;
        let anomaly = anomaly.map_err(|error| RecordError::new("bank", error.to_string()))?;
        let (mut row, heat) = Self::judge(bank, &anomaly, (name, placement));
        (row.width, row.height) = (done.prepared.size.width, done.prepared.size.height);
        if let (Some(saver), Some(image)) = (&self.saver, &done.prepared.image) {
            saver.anomaly(name, image, (&row, &heat))?;
        }
        write_row(&row, out)
    }

    fn failed(&self, record: &Picture, error: &RecordError, out: &mut Vec<u8>) {
        let trouble = Trouble::from(error);
        if matches!(self.mode, Mode::Fit) {
            super::fit::write_failure(&record.name, &trouble, out);
            return;
        }
        let row =
            Inspected { image: record.name.clone(), error: Some(trouble), ..Inspected::default() };
        // Strings and numbers always are JSON.
        let _ = write_row(&row, out);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_connected_parts() {
        let mut heat = Plane::filled(Size::new(6, 5), 0.0_f32);
        for (x, y, value) in [(0, 0, 0.6), (1, 1, 0.7), (4, 3, 0.9), (5, 3, 0.8)] {
            heat.data_mut()[y * 6 + x] = value;
        }
        let found = regions(&heat, 0.5);
        assert_eq!(found, [[4.0, 3.0, 6.0, 4.0], [0.0, 0.0, 2.0, 2.0]]);
        assert!(regions(&heat, 1.0).is_empty());
    }
}
