//! Memory that models read and write in place: a state that goes in and out of a model step after step is neither copied
//! nor allocated anew.

use std::borrow::Cow;
use std::time::Instant;

use ndarray::{ArrayViewD, ArrayViewMutD, IxDyn};
use ort::session::{OutputSelector, SessionInputValue};
use ort::value::Tensor;

use super::options::RunOptions;
use super::pool::SessionPool;
use super::stop::Stop;
use super::tensor::Inputs;
use super::{Model, RuntimeError};
use crate::card::{Dim, Dtype};

/// A tensor of 32-bit floats whose memory is the caller's to keep.
#[derive(Debug)]
pub struct Buffer {
    tensor: Tensor<f32>,
    shape: Vec<usize>,
}

impl Buffer {
    /// Takes values as they lie, without a copy. Needs the runtime, as tensors are its own.
    ///
    /// # Errors
    /// When the runtime is missing, or the values are not as many as the shape says.
    pub fn new(shape: &[usize], values: Vec<f32>) -> Result<Self, RuntimeError> {
        super::Runtime::global()?;
        let given = values.len();
        let fits = shape.iter().try_fold(1_usize, |size, length| size.checked_mul(*length));
        if fits != Some(given) || given == 0 {
            let reason = "a buffer has as many values as its shape says, and at least one";
            return Err(RuntimeError::Setting {
                name: "shape",
                value: format!("{shape:?} for {given} values"),
                reason,
            });
        }
        let tensor = Tensor::from_array((shape.to_vec(), values)).map_err(|e| {
            RuntimeError::Run { model: "(buffer)".to_owned(), reason: e.message().to_owned() }
        })?;
        Ok(Self { tensor, shape: shape.to_vec() })
    }

    /// Zeros.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn zeros(shape: &[usize]) -> Result<Self, RuntimeError> {
        Self::new(shape, vec![0.0; shape.iter().product()])
    }

    /// Lengths of its axes.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, in row-major order.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        self.tensor.extract_tensor().1
    }

    /// The values, to be written.
    pub fn values_mut(&mut self) -> &mut [f32] {
        self.tensor.extract_tensor_mut().1
    }

    /// The values as an array.
    ///
    /// # Panics
    /// Never: the shape was checked.
    #[must_use]
    #[allow(clippy::expect_used, reason = "checked in new")]
    pub fn view(&self) -> ArrayViewD<'_, f32> {
        ArrayViewD::from_shape(IxDyn(&self.shape), self.values()).expect("checked in new")
    }

    /// The values as an array, to be written.
    ///
    /// # Panics
    /// Never: the shape was checked.
    #[allow(clippy::expect_used, reason = "checked in new")]
    pub fn view_mut(&mut self) -> ArrayViewMutD<'_, f32> {
        let shape = IxDyn(&self.shape);
        let values = self.tensor.extract_tensor_mut().1;
        ArrayViewMutD::from_shape(shape, values).expect("checked in new")
    }
}

impl Model {
    /// Runs the model into given memory; see [`SessionPool::run_into`].
    ///
    /// # Errors
    /// As [`SessionPool::run_into`].
    pub fn run_into(
        &self,
        inputs: &Inputs<'_>,
        outputs: Vec<(&str, Buffer)>,
        options: &RunOptions,
    ) -> Result<Vec<Buffer>, RuntimeError> {
        self.pool().run_into(inputs, outputs, options)
    }
}

impl SessionPool {
    /// Runs the model and has the named outputs written into the buffers, which come back in the same order. Outputs that are
    /// not named are not computed. Buffers are lost where it fails.
    ///
    /// # Errors
    /// As [`Self::run`]; and where an output is unknown, no 32-bit float or of another shape, or is an input passed through.
    pub fn run_into(
        &self,
        inputs: &Inputs<'_>,
        outputs: Vec<(&str, Buffer)>,
        options: &RunOptions,
    ) -> Result<Vec<Buffer>, RuntimeError> {
        let start = Instant::now();
        self.signature().check(inputs)?;
        self.stopped_before(options, start)?;
        let mut selector = OutputSelector::no_default();
        let mut shapes = Vec::with_capacity(outputs.len());
        for (name, buffer) in outputs {
            self.check_target(name, &buffer)?;
            shapes.push((name, buffer.shape));
            selector = selector.with(name).preallocate(name, buffer.tensor);
        }
        let failed = |e: &ort::Error| self.failed(e.message().to_owned());
        let mut given: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::new();
        for (name, data) in inputs.entries() {
            given.push((Cow::Borrowed(*name), data.tensor().map_err(|e| failed(&e))?));
        }
        let stop = Stop::with_outputs(selector).map_err(|e| failed(&e))?;
        let mut lease = self.lease(options, start)?;
        let slot = lease.slot().ok_or_else(|| self.failed("the session is gone".to_owned()))?;
        let made = {
            let _armed = stop.arm(options).ok_or_else(|| {
                self.failed("the system refused the thread that watches deadlines".to_owned())
            })?;
            slot.session.run_with_options(given, stop.options())
        };
        let mut made = made.map_err(|e| match stop.reason() {
            Some(reason) => reason.error(&self.signature().model, start),
            None => failed(&e),
        })?;
        let take = |(name, shape): (&str, Vec<usize>)| {
            let value =
                made.remove(name).ok_or_else(|| self.failed(format!("it gave no {name}")))?;
            let tensor = value.downcast().map_err(|e| failed(&e))?;
            Ok(Buffer { tensor, shape })
        };
        shapes.into_iter().map(take).collect()
    }

    fn check_target(&self, name: &str, buffer: &Buffer) -> Result<(), RuntimeError> {
        let signature = self.signature();
        let refuse = |reason: String| RuntimeError::Output {
            model: signature.model.clone(),
            name: name.to_owned(),
            reason,
        };
        let Some(port) = signature.outputs.iter().find(|port| port.name == name) else {
            return Err(refuse("there is no such output".to_owned()));
        };
        if signature.inputs.iter().any(|input| input.name == name) {
            return Err(refuse("it is an input passed through; read it from there".to_owned()));
        }
        let fits = |(dim, length): (&Dim, &usize)| match dim {
            Dim::Fixed(fixed) => *fixed == *length as u64,
            Dim::Symbol(_) => true,
        };
        let same = port.shape.len() == buffer.shape.len()
            && port.shape.iter().zip(&buffer.shape).all(fits);
        if port.dtype != Dtype::Float32 || !same {
            let has = port.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(refuse(format!(
                "it is {} [{has}], the memory given is float32 {:?}",
                port.dtype, buffer.shape
            )));
        }
        Ok(())
    }
}
