//! Detection on the belt: decode and prepare, run the detector, write a row of JSON a picture.

use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_core::runtime::RunOptions;
use strata_core::stream::{Interpret, RecordError, Stages};
use strata_vision::geometry::{BBox, Detection, Size};
use strata_vision::image::{DecodeLimits, Image};
use strata_vision::preprocess::Placement;

use super::detector::Detector;
use crate::models::Pixels;
use crate::picture::Picture;
use crate::save::Saver;

/// What was found in a picture: a row of the result, and the reply of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// Name of the picture.
    pub image: String,
    /// Columns of the picture; 0 when it could not be read.
    pub width: u32,
    /// Rows of the picture.
    pub height: u32,
    /// The things found, surest first.
    pub objects: Vec<FoundObject>,
    /// What was wrong with the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Trouble>,
}

/// What was wrong with a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trouble {
    /// Stable word for programs.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl From<&RecordError> for Trouble {
    fn from(error: &RecordError) -> Self {
        Self { code: error.code.to_string(), message: error.message.clone() }
    }
}

/// A thing found in a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoundObject {
    /// Class, as its place in the model's list.
    pub class: u32,
    /// Name of the class.
    pub label: String,
    /// Name of the class in Chinese, where the model's card has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_zh: Option<String>,
    /// How sure, from 0 to 1.
    pub score: f32,
    /// Left, upper, right and lower edge, in pixels of the picture.
    pub bbox: [f32; 4],
}

impl FoundObject {
    /// The box.
    #[must_use]
    pub fn rect(&self) -> BBox {
        let [x1, y1, x2, y2] = self.bbox;
        BBox { x1, y1, x2, y2 }
    }
}

/// The stages of a detection.
#[derive(Debug)]
pub struct DetectStages {
    detector: Arc<Detector>,
    limits: DecodeLimits,
    saver: Option<Saver>,
}

/// A picture between its preparation and its row.
#[derive(Debug)]
pub struct Prepared {
    size: Size,
    /// Kept where it is looked at in tiles, or drawn on.
    image: Option<Image>,
}

/// Buffers of a worker.
#[derive(Debug)]
pub struct Scratch {
    pixels: Pixels,
    placements: Vec<Option<Placement>>,
    tiles: Vec<Option<Image>>,
    found: Vec<Vec<Detection>>,
}

impl DetectStages {
    /// Stages of a detector; `saver` draws what was found.
    #[must_use]
    pub fn new(detector: Arc<Detector>, limits: DecodeLimits, saver: Option<Saver>) -> Self {
        Self { detector, limits, saver }
    }

    /// The detector.
    #[must_use]
    pub fn detector(&self) -> &Arc<Detector> {
        &self.detector
    }

    /// Detections as a row says them.
    #[must_use]
    pub fn objects(detector: &Detector, found: &[Detection]) -> Vec<FoundObject> {
        let object = |d: &Detection| {
            let at = d.class as usize;
            FoundObject {
                class: d.class,
                label: detector.classes().get(at).cloned().unwrap_or_else(|| format!("class {at}")),
                label_zh: detector.classes_zh().get(at).cloned(),
                score: d.score,
                bbox: [d.bbox.x1, d.bbox.y1, d.bbox.x2, d.bbox.y2],
            }
        };
        found.iter().map(object).collect()
    }
}

/// Appends a row.
pub(crate) fn write_row<T: Serialize>(row: &T, out: &mut Vec<u8>) -> Result<(), RecordError> {
    serde_json::to_writer(&mut *out, row)
        .map_err(|error| RecordError::new("internal", error.to_string()))?;
    out.push(b'\n');
    Ok(())
}

impl Stages for DetectStages {
    type Record = Picture;
    type Prepared = Prepared;
    type Scratch = Scratch;

    fn scratch(&self, chunk: usize) -> Scratch {
        let pixels = if self.detector.tiled() { 0 } else { chunk };
        Scratch {
            pixels: self.detector.model().pixels(pixels),
            placements: vec![None; chunk],
            tiles: (0..chunk).map(|_| None).collect(),
            found: vec![Vec::new(); chunk],
        }
    }

    fn prepare(
        &self,
        record: &Picture,
        slot: usize,
        scratch: &mut Scratch,
    ) -> Result<Prepared, RecordError> {
        let image = record.pixels(&self.limits)?;
        let size = image.size();
        if self.detector.tiled() {
            scratch.tiles[slot] = Some(image.clone().into_owned());
        } else {
            let placement =
                self.detector.prepare((&*image).into(), slot, &mut scratch.pixels).map_err(
                    |error| RecordError::new("prepare", format!("{}: {error}", record.name)),
                )?;
            scratch.placements[slot] = Some(placement);
        }
        let image = self.saver.is_some().then(|| image.into_owned());
        Ok(Prepared { size, image })
    }

    fn infer(
        &self,
        slots: Range<usize>,
        run: &RunOptions,
        scratch: &mut Scratch,
    ) -> Result<(), RecordError> {
        let failed = |error: super::DetectError| RecordError::new("infer", error.to_string());
        let Scratch { pixels, placements, tiles, found } = scratch;
        if let Some(tiling) = self.detector.settings().tile {
            for slot in slots {
                let Some(image) = &tiles[slot] else { continue };
                found[slot] = self.detector.detect_tiles(image, tiling, run).map_err(failed)?;
            }
            return Ok(());
        }
        // The belt calls this for prepared slots alone; those before them belong to another call.
        let placed = placements[..slots.end].iter().map(|&own| own.or(placements[slots.start]));
        let Some(placed) = placed.collect::<Option<Vec<Placement>>>() else {
            return Err(RecordError::new("internal", "the picture was not prepared"));
        };
        let take = |slot: usize, detections| found[slot] = detections;
        self.detector.infer(slots, (pixels, &placed), run, take).map_err(failed)
    }

    fn interpret(
        &self,
        done: Interpret<'_, Self>,
        scratch: &Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let detections = &scratch.found[done.slot];
        let Size { width, height } = done.prepared.size;
        let objects = Self::objects(&self.detector, detections);
        if let (Some(saver), Some(image)) = (&self.saver, &done.prepared.image) {
            saver.detections(&done.record.name, image, &objects)?;
        }
        let image = done.record.name.clone();
        write_row(&Found { image, width, height, objects, error: None }, out)
    }

    fn failed(&self, record: &Picture, error: &RecordError, out: &mut Vec<u8>) {
        let (image, error) = (record.name.clone(), Some(Trouble::from(error)));
        let row = Found { image, width: 0, height: 0, objects: Vec::new(), error };
        // Strings and numbers always are JSON.
        let _ = write_row(&row, out);
    }
}
