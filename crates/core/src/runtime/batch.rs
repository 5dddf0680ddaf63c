//! Rows in, rows out: a table of features run through a model in batches, its outputs side by side
//! in one table. Models without a batch axis (one row a call) give the same table.
#![allow(clippy::needless_pass_by_value, reason = "array views are references already")]

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};

use super::RuntimeError;
use super::options::RunOptions;
use super::output::Outputs;
use super::pool::SessionPool;
use super::session::TensorPort;
use super::tensor::Inputs;
use crate::card::{Dim, Dtype};
use crate::provenance::Provenance;

/// Settings of [`SessionPool::run_batched`].
#[derive(Debug, Clone)]
pub struct BatchOptions {
    /// Most rows a call to the model gets.
    pub max_batch: usize,
    /// Deadline and cancellation of the whole table.
    pub run: RunOptions,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self { max_batch: 256, run: RunOptions::default() }
    }
}

/// A table of answers: a row for each row given.
#[derive(Debug, Clone)]
pub struct Batched {
    /// The values, `[rows, columns]`.
    pub values: Array2<f32>,
    /// Which columns each output takes, in the order of the model's outputs.
    pub columns: Vec<(String, Range<usize>)>,
    /// What they come from.
    pub provenance: Arc<Provenance>,
}

/// How many rows a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `[N, features]`: any number.
    Any,
    /// `[1, features]`: one, with a batch axis.
    One,
    /// `[features]`: one, without.
    NoAxis,
}

impl SessionPool {
    /// Runs a table `[rows, features]` of float32 through a model with one input, at most
    /// `max_batch` rows at a time, on the calling thread; threads may call it at the same time. All
    /// outputs must be float32; each gives its values of one row, flattened, as columns.
    ///
    /// # Errors
    /// When the model isn't of that kind, or as [`SessionPool::run`] does.
    pub fn run_batched(
        &self,
        rows: ArrayView2<'_, f32>,
        options: &BatchOptions,
    ) -> Result<Batched, RuntimeError> {
        let layout = self.layout()?;
        let mut values = None;
        let mut columns = self.columns_from_signature(layout);
        for (range, outputs) in self.chunks(rows, layout, options) {
            let outputs = outputs?;
            let table = match &mut values {
                Some(table) => table,
                none => {
                    columns = self.columns_of(&outputs, range.len(), layout)?;
                    none.insert(Array2::zeros((rows.nrows(), width(&columns))))
                }
            };
            self.copy(&outputs, &columns, table.slice_mut(s![range, ..]), layout)?;
        }
        let values = values.unwrap_or_else(|| Array2::zeros((0, width(&columns))));
        Ok(Batched { values, columns, provenance: Arc::clone(self.provenance()) })
    }

    /// [`SessionPool::run_batched`] into a table that is already there, `[rows, columns]`.
    ///
    /// # Errors
    /// When the table has another shape, and as [`SessionPool::run_batched`] does. Rows before the
    /// failing batch are written.
    pub fn run_batched_into(
        &self,
        rows: ArrayView2<'_, f32>,
        mut table: ArrayViewMut2<'_, f32>,
        options: &BatchOptions,
    ) -> Result<(), RuntimeError> {
        let layout = self.layout()?;
        if table.nrows() != rows.nrows() {
            let (got, want) = (table.nrows(), rows.nrows());
            return Err(self.not_batched(format!("the table has {got} rows for {want}")));
        }
        for (range, outputs) in self.chunks(rows, layout, options) {
            let outputs = outputs?;
            let columns = self.columns_of(&outputs, range.len(), layout)?;
            if width(&columns) != table.ncols() {
                let (got, want) = (table.ncols(), width(&columns));
                return Err(self.not_batched(format!("the table has {got} columns for {want}")));
            }
            self.copy(&outputs, &columns, table.slice_mut(s![range, ..]), layout)?;
        }
        Ok(())
    }

    /// The outputs of each batch in turn, with the rows they are for.
    fn chunks(
        &self,
        rows: ArrayView2<'_, f32>,
        layout: Layout,
        options: &BatchOptions,
    ) -> impl Iterator<Item = (Range<usize>, Result<Outputs, RuntimeError>)> {
        let step = if layout == Layout::Any { options.max_batch.max(1) } else { 1 };
        let name = &self.signature().inputs[0].name;
        (0..rows.nrows()).step_by(step).map(move |start| {
            let range = start..rows.nrows().min(start + step);
            let batch = rows.slice(s![range.clone(), ..]);
            let inputs = match layout {
                Layout::NoAxis => Inputs::new().with(name, batch.index_axis(Axis(0), 0)),
                _ => Inputs::new().with(name, batch.view()),
            };
            (range, self.run(&inputs, &options.run))
        })
    }

    fn layout(&self) -> Result<Layout, RuntimeError> {
        let signature = self.signature();
        let [input] = signature.inputs.as_slice() else {
            return Err(self.not_batched(format!("it has {} inputs", signature.inputs.len())));
        };
        let not_float = |port: &&TensorPort| port.dtype != Dtype::Float32;
        if let Some(port) = [input].into_iter().chain(&signature.outputs).find(not_float) {
            return Err(self.not_batched(format!("{:?} is {}", port.name, port.dtype)));
        }
        match input.shape.as_slice() {
            [_] => Ok(Layout::NoAxis),
            [Dim::Symbol(_), _] => Ok(Layout::Any),
            [Dim::Fixed(1), _] => Ok(Layout::One),
            [Dim::Fixed(n), _] => Err(self.not_batched(format!("it takes exactly {n} rows"))),
            _ => Err(self.not_batched(format!("its input has {} axes", input.shape.len()))),
        }
    }

    /// Columns as far as the model tells before it has run; an unknown length counts as none.
    fn columns_from_signature(&self, layout: Layout) -> Vec<(String, Range<usize>)> {
        let lengths = self.signature().outputs.iter().map(|port| {
            let own = if layout == Layout::NoAxis { 0 } else { 1.min(port.shape.len()) };
            let length = |dim: &Dim| match dim {
                Dim::Fixed(n) => usize::try_from(*n).unwrap_or(0),
                Dim::Symbol(_) => 0,
            };
            (port.name.as_str(), port.shape[own..].iter().map(length).product())
        });
        side_by_side(lengths)
    }

    fn columns_of(
        &self,
        outputs: &Outputs,
        rows: usize,
        layout: Layout,
    ) -> Result<Vec<(String, Range<usize>)>, RuntimeError> {
        let mut lengths = Vec::with_capacity(outputs.len());
        for (index, name) in outputs.names().enumerate() {
            let view = outputs.view_at::<f32>(index)?;
            let has_rows = layout == Layout::NoAxis || view.shape().first() == Some(&rows);
            if !has_rows {
                let shape = view.shape();
                return Err(self.not_batched(format!("{name:?} is {shape:?} for {rows} rows")));
            }
            lengths.push((name, view.len() / rows.max(1)));
        }
        Ok(side_by_side(lengths.into_iter()))
    }

    fn copy(
        &self,
        outputs: &Outputs,
        columns: &[(String, Range<usize>)],
        mut table: ArrayViewMut2<'_, f32>,
        layout: Layout,
    ) -> Result<(), RuntimeError> {
        let rows = table.nrows();
        for (index, (name, range)) in columns.iter().enumerate() {
            let view = outputs.view_at::<f32>(index)?;
            let odd = || self.not_batched(format!("{name:?} changed shape to {:?}", view.shape()));
            if layout != Layout::NoAxis && view.shape().first() != Some(&rows) {
                return Err(odd());
            }
            let flat = view.to_shape((rows, range.len())).map_err(|_| odd())?;
            table.slice_mut(s![.., range.clone()]).assign(&flat);
        }
        Ok(())
    }

    fn not_batched(&self, reason: String) -> RuntimeError {
        RuntimeError::NotBatched { model: self.signature().model.clone(), reason }
    }
}

fn side_by_side<'a>(
    lengths: impl Iterator<Item = (&'a str, usize)>,
) -> Vec<(String, Range<usize>)> {
    let mut end = 0;
    let place = |(name, length): (&str, usize)| {
        let start = end;
        end += length;
        (name.to_owned(), start..end)
    };
    lengths.map(place).collect()
}

fn width(columns: &[(String, Range<usize>)]) -> usize {
    columns.last().map_or(0, |(_, range)| range.end)
}
