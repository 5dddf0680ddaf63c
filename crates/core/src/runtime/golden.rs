//! The golden example: inputs with the answers they had when the model was made. Every session of a
//! pool must give them again on this machine before the model counts as ready.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use serde::Deserialize;
use serde_json::Value;

use super::error::{GoldenMismatch, RuntimeError};
use super::output::Outputs;
use super::pool::SessionPool;
use super::session::{Signature, TensorPort};
use super::tensor::{Element, Inputs, f16};
use crate::card::{Dim, Dtype};

/// How a golden example went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GoldenReport {
    /// Values compared, over all sessions.
    pub values: usize,
    /// Largest absolute difference.
    pub largest: f64,
    /// Difference allowed.
    pub tolerance: f64,
}

/// `golden.json`. Keys beyond these (such as the SMILES behind the features) are free.
#[derive(Debug, Deserialize)]
struct Example {
    inputs: BTreeMap<String, Array>,
    outputs: BTreeMap<String, Array>,
}

#[derive(Debug, Deserialize)]
struct Array {
    shape: Vec<usize>,
    data: Vec<Value>,
}

/// Runs the example on every session of a pool that nobody uses yet. This also warms them up.
pub(super) fn check(
    pool: &SessionPool,
    json: &[u8],
    path: &Path,
    tolerance: f64,
) -> Result<GoldenReport, RuntimeError> {
    let broken = |reason: String| RuntimeError::GoldenFile { path: path.to_owned(), reason };
    let example: Example = serde_json::from_slice(json).map_err(|e| broken(e.to_string()))?;
    if example.outputs.is_empty() {
        return Err(broken("it has no outputs to compare".to_owned()));
    }
    let signature = pool.signature();
    let mut arrays = Vec::new();
    for (name, array) in &example.inputs {
        let port = signature.inputs.iter().find(|port| port.name == *name);
        let port = port.ok_or_else(|| broken(unknown(name, "input", &signature.inputs)))?;
        let array = array.typed(port.dtype).map_err(|e| broken(format!("input {name:?}: {e}")))?;
        arrays.push((name.as_str(), array));
    }
    let mut inputs = Inputs::new();
    for (name, array) in &arrays {
        inputs = array.add(inputs, name);
    }
    let mut report = GoldenReport { values: 0, largest: 0.0, tolerance };
    for outputs in pool.run_on_each(&inputs) {
        compare(pool, &outputs?, &example.outputs, &mut report).map_err(|e| match e {
            Mismatch::File(reason) => broken(reason),
            Mismatch::Answer(error) => error,
        })?;
    }
    Ok(report)
}

/// Runs every session once on zeros, symbolic lengths being 1: a warm-up where there is no example.
pub(super) fn run_zeros(pool: &SessionPool) -> Result<(), RuntimeError> {
    let zeros = |port: &TensorPort| {
        let length = |dim: &Dim| match dim {
            Dim::Fixed(n) => usize::try_from(*n).unwrap_or(0),
            Dim::Symbol(_) => 1,
        };
        let shape: Vec<usize> = port.shape.iter().map(length).collect();
        typed_zeros(port.dtype, &shape).map_err(|reason| {
            let (model, name) = (pool.signature().model.clone(), port.name.clone());
            RuntimeError::Output { model, name, reason }
        })
    };
    let ports = &pool.signature().inputs;
    let arrays = ports.iter().map(zeros).collect::<Result<Vec<_>, _>>()?;
    let mut inputs = Inputs::new();
    for (port, array) in ports.iter().zip(&arrays) {
        inputs = array.add(inputs, &port.name);
    }
    pool.run_on_each(&inputs).into_iter().try_for_each(|outputs| outputs.map(drop))
}

fn unknown(name: &str, kind: &str, ports: &[TensorPort]) -> String {
    format!("the model has no {kind} {name:?}; it has {}", Signature::list(ports))
}

enum Mismatch {
    File(String),
    Answer(RuntimeError),
}

/// The value that is farthest off.
struct Worst {
    output: String,
    index: usize,
    shape: Vec<usize>,
    got: f64,
    expected: f64,
    difference: f64,
}

fn compare(
    pool: &SessionPool,
    outputs: &Outputs,
    expected: &BTreeMap<String, Array>,
    report: &mut GoldenReport,
) -> Result<(), Mismatch> {
    let (mut worst, mut wrong, mut total) = (None::<Worst>, 0, 0);
    for (name, array) in expected {
        let file = |reason: String| Mismatch::File(format!("output {name:?}: {reason}"));
        let signature = pool.signature();
        let port = signature.outputs.iter().find(|port| port.name == *name);
        let port = port.ok_or_else(|| file(unknown(name, "output", &signature.outputs)))?;
        let (shape, got) = numbers(outputs, port).map_err(Mismatch::Answer)?;
        let want = array.numbers().map_err(&file)?;
        if shape != array.shape || want.len() != got.len() {
            return Err(file(format!("shape {shape:?} came, the file has {:?}", array.shape)));
        }
        for (index, (&got, &expected)) in got.iter().zip(&want).enumerate() {
            let difference = difference(got, expected);
            total += 1;
            // Written so that a difference that isn't a number counts as wrong.
            let right = difference <= report.tolerance;
            wrong += usize::from(!right);
            let is_worse = worst.as_ref().is_none_or(|w| {
                difference > w.difference || (difference.is_nan() && !w.difference.is_nan())
            });
            if is_worse {
                let (output, shape) = (name.clone(), array.shape.clone());
                worst = Some(Worst { output, index, shape, got, expected, difference });
            }
        }
    }
    report.values += total;
    let Some(worst) = worst else { return Ok(()) };
    report.largest = report.largest.max(worst.difference);
    if wrong == 0 {
        return Ok(());
    }
    Err(Mismatch::Answer(RuntimeError::from(Box::new(GoldenMismatch {
        model: pool.signature().model.clone(),
        device: pool.device(),
        at: position(worst.index, &worst.shape),
        output: worst.output,
        expected: worst.expected,
        got: worst.got,
        difference: worst.difference,
        tolerance: report.tolerance,
        wrong,
        total,
    }))))
}

/// Absolute difference; equal infinities and two not-a-numbers are no difference.
fn difference(got: f64, expected: f64) -> f64 {
    if got == expected || (got.is_nan() && expected.is_nan()) {
        0.0
    } else {
        (got - expected).abs()
    }
}

fn position(mut index: usize, shape: &[usize]) -> Vec<usize> {
    let mut at = vec![0; shape.len()];
    for (place, &length) in at.iter_mut().zip(shape).rev() {
        *place = index % length.max(1);
        index /= length.max(1);
    }
    at
}

/// Calls a generic function with the Rust type of a card's type.
macro_rules! by_dtype {
    ($dtype:expr, $call:ident ( $($arg:expr),* ), else $other:expr) => {
        match $dtype {
            Dtype::Float64 => $call::<f64>($($arg),*),
            Dtype::Float32 => $call::<f32>($($arg),*),
            Dtype::Float16 => $call::<f16>($($arg),*),
            Dtype::Int64 => $call::<i64>($($arg),*),
            Dtype::Int32 => $call::<i32>($($arg),*),
            Dtype::Int16 => $call::<i16>($($arg),*),
            Dtype::Int8 => $call::<i8>($($arg),*),
            Dtype::Uint64 => $call::<u64>($($arg),*),
            Dtype::Uint32 => $call::<u32>($($arg),*),
            Dtype::Uint16 => $call::<u16>($($arg),*),
            Dtype::Uint8 => $call::<u8>($($arg),*),
            Dtype::Bool => $call::<bool>($($arg),*),
            _ => $other,
        }
    };
}

/// An element that JSON numbers can be turned into and back.
trait Number: Element + Default {
    fn from_json(value: &Value) -> Option<Self>;
    fn to_f64(self) -> f64;
}

macro_rules! integers {
    ($($rust:ty),+) => {$(
        impl Number for $rust {
            fn from_json(value: &Value) -> Option<Self> {
                let signed = value.as_i64().and_then(|n| Self::try_from(n).ok());
                signed.or_else(|| value.as_u64().and_then(|n| Self::try_from(n).ok()))
            }
            fn to_f64(self) -> f64 {
                self as f64
            }
        }
    )+};
}
integers!(i64, i32, i16, i8, u64, u32, u16, u8);

impl Number for f64 {
    fn from_json(value: &Value) -> Option<Self> {
        // JSON has no word for what isn't finite; null stands for not-a-number.
        if value.is_null() { Some(Self::NAN) } else { value.as_f64() }
    }
    fn to_f64(self) -> f64 {
        self
    }
}

impl Number for f32 {
    fn from_json(value: &Value) -> Option<Self> {
        f64::from_json(value).map(|number| number as Self)
    }
    fn to_f64(self) -> f64 {
        self.into()
    }
}

impl Number for f16 {
    fn from_json(value: &Value) -> Option<Self> {
        f64::from_json(value).map(Self::from_f64)
    }
    fn to_f64(self) -> f64 {
        self.into()
    }
}

impl Number for bool {
    fn from_json(value: &Value) -> Option<Self> {
        value.as_bool().or_else(|| value.as_u64().filter(|n| *n < 2).map(|n| n == 1))
    }
    fn to_f64(self) -> f64 {
        f64::from(u8::from(self))
    }
}

/// An input array of the type the model takes.
trait TypedArray {
    fn add<'a>(&'a self, inputs: Inputs<'a>, name: &'a str) -> Inputs<'a>;
}

impl<T: Number> TypedArray for ArrayD<T> {
    fn add<'a>(&'a self, inputs: Inputs<'a>, name: &'a str) -> Inputs<'a> {
        inputs.with(name, self.view())
    }
}

fn typed_zeros(dtype: Dtype, shape: &[usize]) -> Result<Box<dyn TypedArray>, String> {
    fn build<T: Number>(shape: &[usize]) -> Box<dyn TypedArray> {
        Box::new(ArrayD::from_elem(shape, T::default()))
    }
    Ok(by_dtype!(dtype, build(shape), else return Err(format!("{dtype} is not supported"))))
}

impl Array {
    fn typed(&self, dtype: Dtype) -> Result<Box<dyn TypedArray>, String> {
        fn build<T: Number>(array: &Array) -> Result<Box<dyn TypedArray>, String> {
            let read = |(i, value): (usize, &Value)| {
                let odd = || format!("value {i} ({value}) is no {}", T::DTYPE);
                T::from_json(value).ok_or_else(odd)
            };
            let data = array.data.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
            let typed = ArrayD::from_shape_vec(IxDyn(&array.shape), data);
            Ok(Box::new(typed.map_err(|e| format!("shape and data do not fit: {e}"))?))
        }
        by_dtype!(dtype, build(self), else Err(format!("{dtype} is not supported")))
    }

    fn numbers(&self) -> Result<Vec<f64>, String> {
        let read = |(i, value): (usize, &Value)| {
            let number =
                f64::from_json(value).or_else(|| bool::from_json(value).map(Number::to_f64));
            number.ok_or_else(|| format!("value {i} ({value}) is no number"))
        };
        self.data.iter().enumerate().map(read).collect()
    }
}

/// An output's shape and its values as numbers.
fn numbers(outputs: &Outputs, port: &TensorPort) -> Result<(Vec<usize>, Vec<f64>), RuntimeError> {
    type Found = Result<(Vec<usize>, Vec<f64>), RuntimeError>;
    fn read<T: Number>(outputs: &Outputs, name: &str) -> Found {
        let view = outputs.view::<T>(name)?;
        Ok((view.shape().to_vec(), view.iter().map(|value| value.to_f64()).collect()))
    }
    by_dtype!(port.dtype, read(outputs, &port.name), else Err(RuntimeError::Output {
        model: String::new(),
        name: port.name.clone(),
        reason: format!("{} cannot be compared", port.dtype),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_rows_first() {
        assert_eq!(position(5, &[2, 3]), [1, 2]);
        assert_eq!(position(0, &[]), [0_usize; 0]);
    }

    #[test]
    fn differences_treat_equal_odd_numbers_as_equal() {
        assert_eq!(difference(f64::NAN, f64::NAN), 0.0);
        assert_eq!(difference(f64::INFINITY, f64::INFINITY), 0.0);
        assert!(difference(f64::NAN, 1.0).is_nan());
        assert_eq!(difference(1.5, 1.0), 0.5);
    }

    #[test]
    fn json_numbers_must_fit_their_type() {
        assert_eq!(u8::from_json(&Value::from(255)), Some(255));
        assert_eq!(u8::from_json(&Value::from(256)), None);
        assert_eq!(i64::from_json(&Value::from(0.5)), None);
        assert_eq!(bool::from_json(&Value::from(1)), Some(true));
        assert!(f32::from_json(&Value::Null).is_some_and(f32::is_nan));
        let array = Array { shape: vec![2], data: vec![Value::from(1)] };
        assert!(array.typed(Dtype::Float32).is_err_and(|e| e.contains("do not fit")));
    }
}
