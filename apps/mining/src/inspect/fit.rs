//! Fitting a bank: every normal picture's patch vectors into the builder, in order, then the calibration from the
//! normals' own scores, each as if it was not in the bank.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use strata_core::stream::{self, Chunk, Options, Progress, RecordError, Sink, StreamError};
use strata_vision::bank::{AnyBank, AnyBuilder, AnyOptions, Normal, Patches, Precision};
use strata_vision::image::DecodeLimits;

use super::stages::{InspectStages, Mode};
use super::{FeatureModel, InspectError, Inspected};
use crate::detect::{Rows, Trouble};
use crate::picture::Pictures;

/// Pictures in a chunk.
const CHUNK: usize = 4;

/// How a bank is fitted.
#[derive(Debug, Clone)]
pub struct FitJob {
    /// Scoring, share of the patches that is kept, seed.
    pub options: AnyOptions,
    /// Worker threads.
    pub threads: usize,
    /// Limits of pictures.
    pub limits: DecodeLimits,
}

/// A bank, and what became of the pictures it was made of.
#[derive(Debug)]
pub struct Fitted {
    /// The bank, without a calibration.
    pub bank: AnyBank,
    /// Pictures that could not be read: name and why.
    pub failed: Vec<(String, Trouble)>,
}

/// Makes a bank of normal pictures. `None` when it was stopped.
///
/// # Errors
/// [`InspectError`]; a picture that cannot be read is left out and listed.
pub fn fit(
    features: &Arc<FeatureModel>,
    pictures: &mut Pictures,
    job: &FitJob,
    (stop, progress): (&AtomicBool, &mut dyn Progress),
) -> Result<Option<Fitted>, InspectError> {
    let mut builder = AnyBuilder::new(features.identity().clone(), job.options)?;
    let mut failed = Vec::new();
    let mut sink = PatchSink {
        take: |row| match row {
            Row::Patches(normal, patches) => Ok(builder.push(normal, &patches)?),
            Row::Failed(name, trouble) => {
                failed.push((name, trouble));
                Ok(())
            }
        },
        rows: 0,
        digest: [0; 32],
        error: None::<InspectError>,
    };
    let outcome = sink.fill(features, pictures, (job.threads, job.limits), (stop, progress))?;
    let pictures = sink.rows;
    if outcome == stream::Outcome::Interrupted {
        return Ok(None);
    }
    if pictures == failed.len() as u64 {
        let first = failed.first().map(|(_, trouble): &(String, Trouble)| trouble.message.clone());
        let first = first.unwrap_or_else(|| "there was no picture".to_owned());
        return Err(InspectError::NoPictures { pictures, first });
    }
    Ok(Some(Fitted { bank: builder.finish(Precision::Int8)?, failed }))
}

/// The patch vectors of every picture, in order; gives back what was wrong with those that have none.
///
/// # Errors
/// Whatever `take` says, or a source that fails.
pub fn each_patches<E>(
    features: &Arc<FeatureModel>,
    pictures: &mut Pictures,
    how: (usize, DecodeLimits),
    watching: (&AtomicBool, &mut dyn Progress),
    mut take: impl FnMut(Normal, Patches) -> Result<(), E>,
) -> Result<Vec<String>, E>
where
    E: From<StreamError> + std::fmt::Display,
{
    let mut failed = Vec::new();
    let mut sink = PatchSink {
        take: |row| match row {
            Row::Patches(normal, patches) => take(normal, patches),
            Row::Failed(_, trouble) => {
                failed.push(trouble.message);
                Ok(())
            }
        },
        rows: 0,
        digest: [0; 32],
        error: None,
    };
    sink.fill(features, pictures, how, watching)?;
    Ok(failed)
}

/// Scores of the normals that a bank was made of, each as if it was not in the bank.
///
/// # Errors
/// [`InspectError`]
pub(super) fn left_out(
    features: &Arc<FeatureModel>,
    bank: &Arc<AnyBank>,
    pictures: &mut Pictures,
    job: &FitJob,
    (stop, progress): (&AtomicBool, &mut dyn Progress),
) -> Result<Vec<Inspected>, InspectError> {
    let mode = Mode::LeftOut(Arc::clone(bank));
    let stages = InspectStages::new(Arc::clone(features), mode, job.limits, None);
    let mut rows = Rows::default();
    let options = Options { threads: job.threads, chunk: CHUNK, stop };
    stream::run(pictures, &stages, &mut rows, options, progress)?;
    Ok(rows.parse())
}

/// Takes patch vectors in order.
struct PatchSink<F, E> {
    take: F,
    rows: u64,
    digest: [u8; 32],
    error: Option<E>,
}

impl<F, E> PatchSink<F, E>
where
    F: FnMut(Row) -> Result<(), E>,
    E: From<StreamError> + std::fmt::Display,
{
    fn fill(
        &mut self,
        features: &Arc<FeatureModel>,
        pictures: &mut Pictures,
        (threads, limits): (usize, DecodeLimits),
        (stop, progress): (&AtomicBool, &mut dyn Progress),
    ) -> Result<stream::Outcome, E> {
        let stages = InspectStages::new(Arc::clone(features), Mode::Fit, limits, None);
        let options = Options { threads, chunk: CHUNK, stop };
        let ran = stream::run(pictures, &stages, self, options, progress);
        // The belt ends with our own error wrapped up: the original says more.
        match (self.error.take(), ran) {
            (Some(error), _) => Err(error),
            (None, ran) => Ok(ran?.0),
        }
    }
}

impl<F, E> Sink for PatchSink<F, E>
where
    F: FnMut(Row) -> Result<(), E>,
    E: std::fmt::Display,
{
    fn done(&self) -> (u64, [u8; 32]) {
        (self.rows, self.digest)
    }

    fn append(&mut self, chunk: &Chunk) -> Result<(), StreamError> {
        self.rows += u64::from(chunk.rows);
        self.digest = chunk.input_digest;
        let mut bytes = chunk.payload.as_slice();
        while let Some(row) = Row::read(&mut bytes) {
            if let Err(error) = (self.take)(row) {
                let text = error.to_string();
                self.error = Some(error);
                return Err(StreamError::Source { rows: self.rows, source: text.into() });
            }
        }
        Ok(())
    }
}

/// What the stages hand to the sink.
enum Row {
    Patches(Normal, Patches),
    Failed(String, Trouble),
}

/// Appends the patch vectors of a picture.
pub(super) fn write_patches(
    name: &str,
    sha256: &str,
    patches: &Patches,
    out: &mut Vec<u8>,
) -> Result<(), RecordError> {
    out.push(1);
    text(name, out);
    text(sha256, out);
    let (rows, columns) = patches.grid();
    for number in [rows, columns, patches.dim()] {
        out.extend_from_slice(&(number as u64).to_le_bytes());
    }
    out.reserve(size_of_val(patches.data()));
    patches.data().iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
    Ok(())
}

/// Appends what was wrong with a picture.
pub(super) fn write_failure(name: &str, trouble: &Trouble, out: &mut Vec<u8>) {
    out.push(0);
    text(name, out);
    text(&trouble.code, out);
    text(&trouble.message, out);
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

impl Row {
    /// The next row of what this program wrote; `None` at the end.
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (&kind, rest) = bytes.split_first()?;
        *bytes = rest;
        let name = read_text(bytes)?;
        if kind == 0 {
            let (code, message) = (read_text(bytes)?, read_text(bytes)?);
            return Some(Self::Failed(name, Trouble { code, message }));
        }
        let sha256 = read_text(bytes)?;
        let (rows, columns, dim) = (number(bytes)?, number(bytes)?, number(bytes)?);
        let count = rows.checked_mul(columns)?.checked_mul(dim)?;
        let (data, rest) = bytes.split_at_checked(count.checked_mul(4)?)?;
        *bytes = rest;
        let data = data.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let patches = Patches::new((rows, columns), dim, data).ok()?;
        Some(Self::Patches(Normal { name, sha256 }, patches))
    }
}

fn number(bytes: &mut &[u8]) -> Option<usize> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    usize::try_from(u64::from_le_bytes(*number)).ok()
}

fn read_text(bytes: &mut &[u8]) -> Option<String> {
    let length = number(bytes)?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_written() {
        let patches =
            Patches::new((1, 2), 2, vec![0.5, -1.0, 2.0, f32::MIN_POSITIVE]).expect("2 of 2");
        let mut out = Vec::new();
        write_failure("a.jpg", &Trouble { code: "io".into(), message: "gone".into() }, &mut out);
        write_patches("煤.jpg", "ab", &patches, &mut out).expect("written");
        let mut bytes = out.as_slice();
        assert!(matches!(Row::read(&mut bytes), Some(Row::Failed(name, _)) if name == "a.jpg"));
        let Some(Row::Patches(normal, read)) = Row::read(&mut bytes) else { panic!("no patches") };
        assert_eq!((normal.name.as_str(), normal.sha256.as_str()), ("煤.jpg", "ab"));
        assert_eq!((read.grid(), read.data()), (patches.grid(), patches.data()));
        assert!(Row::read(&mut bytes).is_none());
    }
}
