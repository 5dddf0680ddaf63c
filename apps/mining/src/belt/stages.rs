//! Belt geometry on the belt of records: decode, measure, write a row of JSON a picture.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strata_core::runtime::RunOptions;
use strata_core::stream::{Interpret, RecordError, Stages};
use strata_vision::belt::{BeltInspector, BeltReport};
use strata_vision::geometry::Size;
use strata_vision::image::{DecodeLimits, Image};

use crate::detect::{Trouble, write_row};
use crate::picture::Picture;
use crate::save::Saver;

/// What was measured on a picture: a row of the result, and the reply of a server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BeltRow {
    /// Name of the picture.
    pub image: String,
    /// Columns of the picture; 0 when it could not be read.
    pub width: u32,
    /// Rows of the picture.
    pub height: u32,
    /// What was measured; absent when the picture could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub belt: Option<BeltReport>,
    /// What was wrong with the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Trouble>,
}

/// The stages of a measurement.
#[derive(Debug)]
pub struct BeltStages {
    inspector: Arc<BeltInspector>,
    limits: DecodeLimits,
    saver: Option<Saver>,
}

impl BeltStages {
    /// Stages of an inspector; `saver` draws what was measured.
    #[must_use]
    pub fn new(inspector: Arc<BeltInspector>, limits: DecodeLimits, saver: Option<Saver>) -> Self {
        Self { inspector, limits, saver }
    }
}

/// A picture and what was measured on it.
#[derive(Debug)]
pub struct Prepared {
    size: Size,
    report: BeltReport,
    image: Option<Image>,
}

impl Stages for BeltStages {
    type Record = Picture;
    type Prepared = Prepared;
    type Scratch = ();

    fn scratch(&self, _: usize) {}

    fn prepare(&self, record: &Picture, _: usize, (): &mut ()) -> Result<Prepared, RecordError> {
        let image = record.pixels(&self.limits)?;
        let report = self.inspector.inspect(&image);
        let size = image.size();
        Ok(Prepared { size, report, image: self.saver.is_some().then(|| image.into_owned()) })
    }

    fn infer(&self, _: Range<usize>, _: &RunOptions, (): &mut ()) -> Result<(), RecordError> {
        Ok(())
    }

    fn interpret(
        &self,
        done: Interpret<'_, Self>,
        (): &(),
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let Prepared { size, report, image } = done.prepared;
        if let (Some(saver), Some(image)) = (&self.saver, image) {
            saver.belt(&done.record.name, image, report)?;
        }
        let row = BeltRow {
            image: done.record.name.clone(),
            width: size.width,
            height: size.height,
            belt: Some(report.clone()),
            error: None,
        };
        write_row(&row, out)
    }

    fn failed(&self, record: &Picture, error: &RecordError, out: &mut Vec<u8>) {
        let (image, error) = (record.name.clone(), Some(Trouble::from(error)));
        // Strings and numbers always are JSON.
        let _ = write_row(&BeltRow { image, width: 0, height: 0, belt: None, error }, out);
    }
}
