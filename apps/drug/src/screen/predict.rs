//! A model as screening sees it: features in, one row of raw numbers a molecule out, and what those
//! numbers mean.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayView2, ArrayViewD, Ix2};
use strata_core::card::{Endpoint, EndpointTask, ModelCard};
use strata_core::provenance::{Featuriser as FeaturiserStamp, Provenance};
use strata_core::runtime::{Inputs, Model, RunOptions, RuntimeError};
use strata_core::stream::RecordError;

use crate::output::round;

use super::DECIMALS;

/// Something that predicts properties from features.
pub trait Predictor: Send + Sync {
    /// Its name.
    fn name(&self) -> &str;

    /// The featuriser whose rows it takes, and how wide they are.
    fn featuriser(&self) -> (&str, usize);

    /// What it predicts.
    fn endpoints(&self) -> &[PredictedEndpoint];

    /// Names of further columns, of text, such as a ranking of targets.
    fn text_columns(&self) -> Vec<String> {
        Vec::new()
    }

    /// Width of a row of [`Self::predict`].
    fn width(&self) -> usize;

    /// Writes a row of raw numbers a molecule into `out`, row by row; `run` stops it early.
    ///
    /// # Errors
    /// Why the model gave no answer.
    fn predict(
        &self,
        features: ArrayView2<'_, f32>,
        run: &RunOptions,
        out: &mut [f32],
    ) -> Result<(), RecordError>;

    /// The values of [`Self::text_columns`] from a row of raw numbers.
    fn texts(&self, _row: &[f32], _out: &mut Vec<String>) {}

    /// Where its answers come from.
    fn provenance(&self) -> Arc<Provenance>;
}

/// One property a model predicts, as the card describes it.
#[derive(Debug, Clone)]
pub struct PredictedEndpoint {
    /// The card's entry.
    pub endpoint: Endpoint,
}

impl PredictedEndpoint {
    /// The names of its columns: prediction, spread, and for a regression the interval's ends.
    pub fn columns(&self) -> impl Iterator<Item = String> + '_ {
        let name = &self.endpoint.name;
        let ends: &[&str] = if self.interval().is_some() { &["_lo", "_hi"] } else { &[] };
        ["", "_sd"].iter().chain(ends).map(move |end| format!("{name}{end}"))
    }

    /// What the conformal interval is made with, where the card gives it.
    fn interval(&self) -> Option<(f64, f64)> {
        let conformal = self.endpoint.conformal.as_ref()?;
        (self.endpoint.task == EndpointTask::Regression).then_some((conformal.q90, conformal.floor))
    }

    /// Appends its numbers, in the order of [`Self::columns`]: the mean over the seeds, their
    /// standard deviation (divisor n − 1; none for a single seed), and the 90 % interval.
    pub fn interpret(&self, row: &[f32], out: &mut Vec<Option<f64>>) {
        let columns = &self.endpoint.columns;
        let seeds = || {
            let at = |&column: &u64| row.get(usize::try_from(column).ok()?).copied();
            columns.iter().filter_map(at).map(f64::from)
        };
        let n = columns.len() as f64;
        let mean = seeds().sum::<f64>() / n;
        let spread = seeds().map(|seed| (seed - mean).powi(2)).sum::<f64>();
        let sd = if columns.len() > 1 { (spread / (n - 1.0)).sqrt() } else { 0.0 };
        let rounded =
            |value: f64| Some(round(value, DECIMALS.prediction)).filter(|v| v.is_finite());
        out.push(rounded(mean));
        out.push(rounded(sd).filter(|_| columns.len() > 1));
        if let Some((q90, floor)) = self.interval() {
            let half = q90 * (sd + floor);
            out.push(rounded(mean - half));
            out.push(rounded(mean + half));
        }
    }
}

/// A model with a card, running on its pool of sessions.
#[derive(Debug)]
pub struct CardModel {
    model: Arc<Model>,
    featuriser: String,
    dim: usize,
    endpoints: Vec<PredictedEndpoint>,
    /// Outputs the endpoints read, and where each lies in a row.
    outputs: Vec<(String, Range<usize>)>,
}

impl CardModel {
    /// Wraps an open model. `stamp` is what its features are made with, `dim` how wide they are.
    ///
    /// # Errors
    /// What in the card does not fit screening.
    pub fn new(model: Arc<Model>, stamp: &FeaturiserStamp, dim: usize) -> Result<Self, String> {
        let card = model.card();
        if card.endpoints.is_empty() {
            return Err("its card has no [[endpoints]], so its numbers have no names".to_owned());
        }
        let mut outputs: Vec<(String, Range<usize>)> = Vec::new();
        let mut endpoints = Vec::new();
        let mut width = 0;
        for endpoint in &card.endpoints {
            let range = match outputs.iter().find(|(name, _)| *name == endpoint.output) {
                Some((_, range)) => range.clone(),
                None => {
                    let columns = output_width(card, &endpoint.output)?;
                    outputs.push((endpoint.output.clone(), width..width + columns));
                    width += columns;
                    width - columns..width
                }
            };
            let mut endpoint = endpoint.clone();
            for column in &mut endpoint.columns {
                let inside = (*column as usize) < range.len();
                *column += range.start as u64;
                if !inside {
                    return Err(format!(
                        "endpoint {} reads a column its output lacks",
                        endpoint.name
                    ));
                }
            }
            if endpoint.columns.is_empty() {
                return Err(format!("endpoint {} reads no column", endpoint.name));
            }
            endpoints.push(PredictedEndpoint { endpoint });
        }
        let featuriser = stamp.id.clone();
        Ok(Self { model, featuriser, dim, endpoints, outputs })
    }

    /// The model behind it.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }
}

/// The last dimension of an output, which must be a number.
fn output_width(card: &ModelCard, name: &str) -> Result<usize, String> {
    let port = card.outputs.iter().find(|port| port.name == name);
    let port = port.ok_or_else(|| format!("an endpoint reads output {name:?}, which it lacks"))?;
    match port.shape.last() {
        Some(strata_core::card::Dim::Fixed(width)) if *width > 0 => {
            usize::try_from(*width).map_err(|_| format!("output {name:?} is too wide"))
        }
        _ => Err(format!("the last dimension of output {name:?} must be a number")),
    }
}

impl Predictor for CardModel {
    fn name(&self) -> &str {
        &self.model.card().name
    }

    fn featuriser(&self) -> (&str, usize) {
        (&self.featuriser, self.dim)
    }

    fn endpoints(&self) -> &[PredictedEndpoint] {
        &self.endpoints
    }

    fn width(&self) -> usize {
        self.outputs.iter().map(|(_, range)| range.len()).sum()
    }

    fn predict(
        &self,
        features: ArrayView2<'_, f32>,
        run: &RunOptions,
        out: &mut [f32],
    ) -> Result<(), RecordError> {
        let failed = |error: RuntimeError| {
            RecordError::new("inference", format!("model {}: {error}", self.name()))
        };
        let rows = features.nrows();
        let input = &self.model.card().inputs[0].name;
        let inputs = Inputs::new().with(input, features);
        let outputs = self.model.run(&inputs, run).map_err(failed)?;
        let width = self.width();
        for (name, range) in &self.outputs {
            let view: ArrayViewD<'_, f32> = outputs.view(name).map_err(failed)?;
            let shape = format!("{:?}", view.shape());
            let view = view.into_dimensionality::<Ix2>().ok();
            let view = view.filter(|view| view.dim() == (rows, range.len())).ok_or_else(|| {
                let what = format!("model {}: output {name} has shape {shape}", self.name());
                RecordError::new("inference", what)
            })?;
            for (row, values) in view.rows().into_iter().enumerate() {
                let place = row * width + range.start;
                for (to, &from) in out[place..].iter_mut().zip(values) {
                    *to = from;
                }
            }
        }
        Ok(())
    }

    fn provenance(&self) -> Arc<Provenance> {
        Arc::clone(self.model.provenance())
    }
}
