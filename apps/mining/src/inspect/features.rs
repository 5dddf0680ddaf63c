//! A model whose feature maps become patch vectors: one pass of it serves every bank that was made with it.

use std::ops::Range;

use strata_core::runtime::{Outputs, RunOptions};
use strata_vision::bank::{FeatureSpec, Identity, Patches};
use strata_vision::image::Image;
use strata_vision::preprocess::{Placement, Source};
use strata_vision::tensor::TensorView;

use super::InspectError;
use crate::models::{ModelsError, Pixels, VisionModel};

/// A model of feature maps.
#[derive(Debug)]
pub struct FeatureModel {
    model: VisionModel,
    spec: FeatureSpec,
    identity: Identity,
}

impl FeatureModel {
    /// Checks that the card describes feature maps.
    ///
    /// # Errors
    /// [`ModelsError::Unfit`]
    pub fn new(model: VisionModel) -> Result<Self, ModelsError> {
        let card = model.card();
        let unfit = |why: String| ModelsError::Unfit { model: card.name.clone(), why };
        let spec = FeatureSpec::from_table(&card.postprocess).map_err(|e| unfit(e.to_string()))?;
        if let Some(layer) = spec.layers.iter().find(|layer| !model.outputs().contains(layer)) {
            return Err(unfit(format!("its card names the layer {layer:?}, which is no output")));
        }
        let identity = Identity {
            model: card.name.clone(),
            model_sha256: model.provenance().sha256.clone(),
            preprocess: model.preprocess().hash(),
            features: spec.clone(),
        };
        Ok(Self { model, spec, identity })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &VisionModel {
        &self.model
    }

    /// What banks made with it are stamped with.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
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
    ) -> Result<Placement, InspectError> {
        Ok(self.model.prepare(source, slot, pixels)?)
    }

    /// Runs the model on these places of a batch; `take` gets each place's patch vectors.
    ///
    /// # Errors
    /// [`InspectError`]
    pub fn patches(
        &self,
        slots: Range<usize>,
        pixels: &Pixels,
        run: &RunOptions,
        mut take: impl FnMut(usize, Patches),
    ) -> Result<(), InspectError> {
        self.model.run((pixels, slots.start, slots.len()), run, |outputs, at, rows| {
            let made = self.read(outputs)?;
            for (row, patches) in made.into_iter().take(rows).enumerate() {
                take(at + row, patches);
            }
            Ok(())
        })
    }

    fn read(&self, outputs: &Outputs) -> Result<Vec<Patches>, InspectError> {
        let views = self.model.views(outputs, Some(&self.spec.layers))?;
        let maps: Vec<TensorView<'_>> = views
            .iter()
            .filter_map(|view| TensorView::new(view.shape(), view.as_slice()?))
            .collect();
        Ok(self.spec.patches_of_batch(&maps)?)
    }

    /// The patch vectors of one picture.
    ///
    /// # Errors
    /// [`InspectError`]
    pub fn patches_of(
        &self,
        image: &Image,
        run: &RunOptions,
    ) -> Result<(Patches, Placement), InspectError> {
        let made = self.patches_of_all(&[image], run)?.pop();
        Ok(made.ok_or(strata_vision::bank::BankError::Empty)?)
    }

    /// The patch vectors of several pictures of any sizes, in as few runs as the model allows.
    ///
    /// # Errors
    /// [`InspectError`]
    pub fn patches_of_all(
        &self,
        images: &[&Image],
        run: &RunOptions,
    ) -> Result<Vec<(Patches, Placement)>, InspectError> {
        let mut pixels = self.model.pixels(images.len());
        let placements = images
            .iter()
            .enumerate()
            .map(|(slot, &image)| self.prepare(image.into(), slot, &mut pixels))
            .collect::<Result<Vec<_>, _>>()?;
        let mut made = Vec::with_capacity(images.len());
        self.patches(0..images.len(), &pixels, run, |slot, patches| {
            made.push((patches, placements[slot]));
        })?;
        Ok(made)
    }
}
