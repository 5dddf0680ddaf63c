//! A model as screening sees it: features in, one row of raw numbers a molecule out, and what those
//! numbers mean.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayView1, ArrayView2, ArrayViewD, Ix2, s};
use strata_chem::graph_features::chemprop::{
    ATOM_FEATURES, BOND_FEATURES, ChempropBatch, ChempropGraph,
};
use strata_core::card::{Endpoint, EndpointTask, ModelCard};
use strata_core::provenance::{Featuriser as FeaturiserStamp, Provenance};
use strata_core::runtime::{Inputs, Model, Outputs, RunOptions, RuntimeError};
use strata_core::stream::RecordError;

use crate::output::round;

use super::DECIMALS;

/// Molecules in one run of a model of graphs: the intermediate results of more do not stay in a processor's cache.
const GRAPHS: usize = 8;

/// Input of a model of graphs that takes a row of numbers a molecule too.
const ROWS: &str = "features";

/// What is known of the molecules of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Molecules<'a> {
    /// A row a molecule by the predictor's featuriser; no columns where it takes none.
    pub rows: ArrayView2<'a, f32>,
    /// A graph a molecule; empty where no predictor takes them.
    pub graphs: &'a [ChempropGraph],
}

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
        molecules: Molecules<'_>,
        run: &RunOptions,
        out: &mut [f32],
    ) -> Result<(), RecordError>;

    /// The values of [`Self::text_columns`] from a row of raw numbers.
    fn texts(&self, _row: &[f32], _out: &mut Vec<String>) {}

    /// Names of groups of endpoints for people, each with the endpoints' names.
    fn groups(&self) -> Vec<(String, Vec<String>)> {
        Vec::new()
    }

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
    /// The names of its columns: prediction, spread where there are several seeds, and for a regression the
    /// interval's ends.
    pub fn columns(&self) -> impl Iterator<Item = String> + '_ {
        let name = &self.endpoint.name;
        let spread: &[&str] = if self.endpoint.columns.len() > 1 { &["_sd"] } else { &[] };
        let ends: &[&str] = if self.interval().is_some() { &["_lo", "_hi"] } else { &[] };
        [""].iter().chain(spread).chain(ends).map(move |end| format!("{name}{end}"))
    }

    /// What the conformal interval is made with, where the card gives it.
    fn interval(&self) -> Option<(f64, f64)> {
        let conformal = self.endpoint.conformal.as_ref()?;
        (self.endpoint.task == EndpointTask::Regression).then_some((conformal.q90, conformal.floor))
    }

    fn seeds<'a>(&'a self, row: &'a [f32]) -> impl Iterator<Item = f64> + 'a {
        let at = |&column: &u64| row.get(usize::try_from(column).ok()?).copied();
        self.endpoint.columns.iter().filter_map(at).map(f64::from)
    }

    /// The mean over the seeds, not rounded.
    #[must_use]
    pub fn mean(&self, row: &[f32]) -> f64 {
        self.seeds(row).sum::<f64>() / self.endpoint.columns.len() as f64
    }

    /// Appends its numbers, in the order of [`Self::columns`]: the mean over the seeds, their
    /// standard deviation (divisor n − 1; none for a single seed), and the 90 % interval.
    pub fn interpret(&self, row: &[f32], out: &mut Vec<Option<f64>>) {
        let n = self.endpoint.columns.len() as f64;
        let mean = self.mean(row);
        let spread = self.seeds(row).map(|seed| (seed - mean).powi(2)).sum::<f64>();
        let sd = if n > 1.0 { (spread / (n - 1.0)).sqrt() } else { 0.0 };
        let rounded =
            |value: f64| Some(round(value, DECIMALS.prediction)).filter(|v| v.is_finite());
        out.push(rounded(mean));
        if n > 1.0 {
            out.push(rounded(sd));
        }
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
    graph: bool,
    endpoints: Vec<PredictedEndpoint>,
    /// Outputs the endpoints read, and where each lies in a row.
    outputs: Vec<(String, Range<usize>)>,
}

impl CardModel {
    /// Wraps an open model. `stamp` is what its features are made with, `dim` how wide its rows are, `graph`
    /// whether it takes Chemprop's graph.
    ///
    /// # Errors
    /// What in the card does not fit screening.
    pub fn new(
        model: Arc<Model>,
        stamp: &FeaturiserStamp,
        (dim, graph): (usize, bool),
    ) -> Result<Self, String> {
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
        Ok(Self { model, featuriser, dim, graph, endpoints, outputs })
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
        molecules: Molecules<'_>,
        run: &RunOptions,
        out: &mut [f32],
    ) -> Result<(), RecordError> {
        if !self.graph {
            let features = molecules.rows;
            let inputs = Inputs::new().with(&self.model.card().inputs[0].name, features);
            let outputs = self.model.run(&inputs, run).map_err(|e| self.failed(&e))?;
            return self.read(&outputs, features.nrows(), out);
        }
        let width = self.width();
        for (piece, graphs) in molecules.graphs.chunks(GRAPHS).enumerate() {
            let first = piece * GRAPHS;
            let rows = molecules.rows.slice(s![first..first + graphs.len(), ..]);
            let out = &mut out[first * width..(first + graphs.len()) * width];
            self.predict_graphs(graphs, (self.dim > 0).then_some(rows), run, out)?;
        }
        Ok(())
    }

    fn groups(&self) -> Vec<(String, Vec<String>)> {
        let groups = self.model.card().postprocess.get("groups").and_then(toml::Value::as_table);
        let names = |list: &toml::Value| {
            let names = list.as_array().into_iter().flatten().filter_map(toml::Value::as_str);
            names.map(str::to_owned).collect()
        };
        groups.into_iter().flatten().map(|(group, list)| (group.clone(), names(list))).collect()
    }

    fn provenance(&self) -> Arc<Provenance> {
        Arc::clone(self.model.provenance())
    }
}

impl CardModel {
    fn failed(&self, error: &RuntimeError) -> RecordError {
        RecordError::new("inference", format!("model {}: {error}", self.name()))
    }

    /// One run on a few graphs.
    fn predict_graphs(
        &self,
        graphs: &[ChempropGraph],
        rows: Option<ArrayView2<'_, f32>>,
        run: &RunOptions,
        out: &mut [f32],
    ) -> Result<(), RecordError> {
        let batch = ChempropBatch::of(graphs);
        let (atoms, bonds) = (batch.atom_mol.len(), batch.bond_source.len());
        let f_atoms = ArrayView2::from_shape((atoms, ATOM_FEATURES), &batch.f_atoms);
        let f_bonds = ArrayView2::from_shape((bonds, BOND_FEATURES), &batch.f_bonds);
        let (Ok(f_atoms), Ok(f_bonds)) = (f_atoms, f_bonds) else {
            return Err(RecordError::new("internal", "a graph's features do not fit together"));
        };
        let mut inputs = Inputs::new()
            .with("f_atoms", f_atoms)
            .with("f_bonds", f_bonds)
            .with("bond_source", ArrayView1::from(&batch.bond_source))
            .with("bond_target", ArrayView1::from(&batch.bond_target))
            .with("bond_reverse", ArrayView1::from(&batch.bond_reverse))
            .with("atom_mol", ArrayView1::from(&batch.atom_mol));
        if let Some(rows) = rows {
            inputs = inputs.with(ROWS, rows);
        }
        let outputs = self.model.run(&inputs, run).map_err(|e| self.failed(&e))?;
        self.read(&outputs, graphs.len(), out)
    }

    /// Writes the outputs that endpoints read, row by row.
    fn read(&self, outputs: &Outputs, rows: usize, out: &mut [f32]) -> Result<(), RecordError> {
        let width = self.width();
        for (name, range) in &self.outputs {
            let view: ArrayViewD<'_, f32> = outputs.view(name).map_err(|e| self.failed(&e))?;
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
}
