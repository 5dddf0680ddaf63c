//! The detector: prepares pictures, or tiles of them, runs the model and reads its head.

use std::ops::Range;

use strata_core::runtime::{Outputs, RunOptions, RuntimeError};
use strata_vision::geometry::{BBox, Detection, Size};
use strata_vision::heads::{DecodeOptions, Head, HeadError};
use strata_vision::image::Image;
use strata_vision::preprocess::{Placement, PrepareError, Source};
use strata_vision::tensor::TensorView;
use strata_vision::tile::{self, MergeConfig, TileConfig, TileError};

use crate::models::{ModelsError, Pixels, VisionModel};
use crate::scenario::{DetectTask, Tiling};

/// Pictures or tiles in one run of the model.
const BATCH: usize = 8;

/// Why a picture has no detections.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetectError {
    /// The model's run.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// Its outputs are not what its card says.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The picture does not become the model's input.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The picture cannot be cut into tiles.
    #[error(transparent)]
    Tile(#[from] TileError),
}

/// How detections are made, worked out of a task and a card.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Thresholds, classes and limits.
    pub decode: DecodeOptions,
    /// Look at tiles.
    pub tile: Option<Tiling>,
}

/// A model that finds things in pictures.
#[derive(Debug)]
pub struct Detector {
    model: VisionModel,
    head: Head,
    settings: Settings,
}

impl Detector {
    /// A detector of a model, for a task.
    ///
    /// # Errors
    /// [`ModelsError::Unfit`]: the card describes no detector, or has no class of a name.
    pub fn new(model: VisionModel, task: &DetectTask) -> Result<Self, ModelsError> {
        let card = model.card();
        let unfit = |why: String| ModelsError::Unfit { model: card.name.clone(), why };
        let head = Head::from_table(&card.postprocess).map_err(|error| unfit(error.to_string()))?;
        let class = |name: &String| {
            head.class(name).ok_or_else(|| {
                unfit(format!("it has no class {name:?}; it knows {}", head.classes().join(", ")))
            })
        };
        let mut decode = head.options().clone();
        decode.confidence = task.confidence.unwrap_or(decode.confidence);
        decode.iou = task.iou.unwrap_or(decode.iou);
        decode.max_detections = task.max_detections.unwrap_or(decode.max_detections);
        decode.multi_label = task.multi_label;
        if !task.classes.is_empty() {
            decode.classes = Some(task.classes.iter().map(class).collect::<Result<_, _>>()?);
        }
        let settings = Settings { decode, tile: task.tile };
        Ok(Self { head, settings, model })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &VisionModel {
        &self.model
    }

    /// What it looks for and how sure it must be.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Names of the model's classes.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        self.head.classes()
    }

    /// Chinese names of the model's classes; empty where its card has none.
    #[must_use]
    pub fn classes_zh(&self) -> &[String] {
        self.head.classes_zh()
    }

    /// Whether pictures are looked at in tiles.
    #[must_use]
    pub fn tiled(&self) -> bool {
        self.settings.tile.is_some()
    }

    /// Writes a picture, or a part of it, into place `slot` of a batch.
    ///
    /// # Errors
    /// A region without pixels.
    pub fn prepare(
        &self,
        source: Source<'_>,
        slot: usize,
        pixels: &mut Pixels,
    ) -> Result<Placement, PrepareError> {
        self.model.prepare(source, slot, pixels)
    }

    /// Runs the model on these places of a batch and reads their detections, in pixels of their pictures.
    ///
    /// # Errors
    /// [`DetectError`]
    pub fn infer(
        &self,
        slots: Range<usize>,
        (pixels, placements): (&Pixels, &[Placement]),
        run: &RunOptions,
        mut take: impl FnMut(usize, Vec<Detection>),
    ) -> Result<(), DetectError> {
        let (first, count) = (slots.start, slots.len());
        self.model.run((pixels, first, count), run, |outputs, at, rows| {
            let decoded = self.decode(outputs)?;
            for (row, detections) in decoded.into_iter().take(rows).enumerate() {
                let placement = &placements[at + row];
                let placed = detections
                    .into_iter()
                    .map(|found| Detection { bbox: placement.to_image(found.bbox), ..found });
                take(at + row, placed.collect());
            }
            Ok(())
        })
    }

    fn decode(&self, outputs: &Outputs) -> Result<Vec<Vec<Detection>>, DetectError> {
        let views = self.model.views(outputs, None)?;
        let mut named = Vec::with_capacity(views.len());
        for (name, view) in self.model.outputs().iter().zip(&views) {
            // ONNX Runtime's outputs are dense: a view that is not has no numbers to give.
            let data = view.as_slice().unwrap_or_default();
            if let Some(tensor) = TensorView::new(view.shape(), data) {
                named.push((name.as_str(), tensor));
            }
        }
        Ok(self.head.decode(&named, self.model.preprocess().size(), &self.settings.decode)?)
    }

    /// Looks at tiles of a picture, and at the whole of it, and merges what they show.
    ///
    /// # Errors
    /// [`DetectError`]
    pub fn detect_tiles(
        &self,
        image: &Image,
        tiling: Tiling,
        run: &RunOptions,
    ) -> Result<Vec<Detection>, DetectError> {
        let config =
            TileConfig { size: Size::new(tiling.size, tiling.size), overlap: tiling.overlap };
        let mut regions = tile::tiles(image.size(), &config)?;
        let whole = BBox::new(0.0, 0.0, image.width() as f32, image.height() as f32);
        if regions.len() > 1 {
            regions.push(whole);
        }
        let mut pixels = self.model.pixels(BATCH.min(regions.len()));
        let mut found = Vec::with_capacity(regions.len());
        for batch in regions.chunks(BATCH) {
            let placements = batch
                .iter()
                .enumerate()
                .map(|(slot, &region)| {
                    self.prepare(Source { image, region: Some(region) }, slot, &mut pixels)
                })
                .collect::<Result<Vec<_>, _>>()?;
            self.infer(0..batch.len(), (&pixels, &placements), run, |slot, own| {
                found.push((batch[slot], own));
            })?;
        }
        let mut merged = tile::merge_tiles(image.size(), &found, &MergeConfig::default());
        merged.truncate(self.settings.decode.max_detections);
        Ok(merged)
    }

    /// Looks at one picture.
    ///
    /// # Errors
    /// [`DetectError`]
    pub fn detect(&self, image: &Image, run: &RunOptions) -> Result<Vec<Detection>, DetectError> {
        Ok(self.detect_all(&[image], run)?.pop().unwrap_or_default())
    }

    /// Looks at several pictures of any sizes, in as few runs as the model allows.
    ///
    /// # Errors
    /// [`DetectError`]
    pub fn detect_all(
        &self,
        images: &[&Image],
        run: &RunOptions,
    ) -> Result<Vec<Vec<Detection>>, DetectError> {
        if let Some(tiling) = self.settings.tile {
            return images.iter().map(|image| self.detect_tiles(image, tiling, run)).collect();
        }
        let mut pixels = self.model.pixels(images.len());
        let placements = images
            .iter()
            .enumerate()
            .map(|(slot, &image)| self.prepare(image.into(), slot, &mut pixels))
            .collect::<Result<Vec<_>, _>>()?;
        let mut all = vec![Vec::new(); images.len()];
        self.infer(0..images.len(), (&pixels, &placements), run, |slot, found| all[slot] = found)?;
        Ok(all)
    }
}
