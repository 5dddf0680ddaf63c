//! Outputs of a call: views of the memory that ONNX Runtime wrote, without another copy. They own
//! that memory, so that the session goes back to its pool before anybody reads them.

use std::sync::Arc;

use ndarray::ArrayViewD;
use ort::value::DynValue;

use super::RuntimeError;
use super::session::Signature;
use super::tensor::{Element, Inputs, f16};
use crate::card::Dtype;
use crate::provenance::Provenance;

/// The outputs of one call.
#[derive(Debug)]
pub struct Outputs {
    signature: Arc<Signature>,
    /// In the order of the signature's outputs.
    values: Vec<DynValue>,
    provenance: Arc<Provenance>,
    copied_inputs: usize,
    session: usize,
}

/// What a call knows beside its values.
pub(super) struct CallFacts {
    pub(super) copied_inputs: usize,
    pub(super) session: usize,
}

impl Outputs {
    pub(super) fn new(
        signature: Arc<Signature>,
        values: Vec<DynValue>,
        provenance: Arc<Provenance>,
        facts: &CallFacts,
    ) -> Self {
        let &CallFacts { copied_inputs, session } = facts;
        Self { signature, values, provenance, copied_inputs, session }
    }

    /// Output `name` as an array.
    ///
    /// # Errors
    /// When there is no such output, or its elements aren't `T`.
    pub fn view<T: Element>(&self, name: &str) -> Result<ArrayViewD<'_, T>, RuntimeError> {
        let at = self.signature.outputs.iter().position(|port| port.name == name);
        self.view_at(at.ok_or_else(|| self.unknown(name))?)
    }

    /// Output number `index`, in the order of the model's outputs.
    ///
    /// # Errors
    /// When there is no such output, or its elements aren't `T`.
    pub fn view_at<T: Element>(&self, index: usize) -> Result<ArrayViewD<'_, T>, RuntimeError> {
        let value = self.values.get(index).ok_or_else(|| self.unknown(&format!("#{index}")))?;
        value.try_extract_array::<T>().map_err(|e| RuntimeError::Output {
            model: self.signature.model.clone(),
            name: self.signature.outputs[index].name.clone(),
            reason: e.to_string(),
        })
    }

    /// Adds an output to the inputs of another call, as it lies, whatever its type: models in parts pass on what they made.
    ///
    /// # Errors
    /// When there is no such output.
    pub fn give<'a>(
        &'a self,
        name: &'a str,
        inputs: Inputs<'a>,
    ) -> Result<Inputs<'a>, RuntimeError> {
        let port = self.signature.outputs.iter().find(|port| port.name == name);
        let dtype = port.ok_or_else(|| self.unknown(name))?.dtype;
        macro_rules! by_type {
            ($($variant:ident $rust:ty),+) => {
                match dtype {
                    $(Dtype::$variant => {
                        let view = self.view::<$rust>(name)?;
                        Ok(inputs.with(name, view))
                    })+
                    Dtype::Bfloat16 | Dtype::String => Err(self.unknown(name)),
                }
            };
        }
        by_type!(
            Float64 f64, Float32 f32, Float16 f16, Int64 i64, Int32 i32, Int16 i16, Int8 i8, Uint64 u64, Uint32 u32,
            Uint16 u16, Uint8 u8, Bool bool
        )
    }

    /// Names of the outputs, in the order of the model.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.signature.outputs.iter().map(|port| port.name.as_str())
    }

    /// Number of outputs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no outputs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// What these values come from.
    #[must_use]
    pub fn provenance(&self) -> &Arc<Provenance> {
        &self.provenance
    }

    /// Bytes of input that had to be copied because their views weren't contiguous.
    #[must_use]
    pub fn copied_input_bytes(&self) -> usize {
        self.copied_inputs
    }

    /// Number of the session in its pool that computed them.
    #[must_use]
    pub fn session(&self) -> usize {
        self.session
    }

    #[cfg(test)]
    pub(super) fn values(&self) -> &[DynValue] {
        &self.values
    }

    fn unknown(&self, name: &str) -> RuntimeError {
        RuntimeError::OutputUnknown {
            model: self.signature.model.clone(),
            name: name.to_owned(),
            outputs: Signature::list(&self.signature.outputs),
        }
    }
}
