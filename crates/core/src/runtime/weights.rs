//! Weights that the sessions of a pool share. ONNX Runtime shares packed weights only for
//! initialisers that the caller hands it, so the large ones are read out of the verified bytes once
//! and every session gets the same memory.

use std::sync::Arc;

use ort::value::{DynValue, Tensor};

use super::tensor::f16;

/// Initialisers smaller than this stay in each session: they may be shapes and axes that optimising
/// must see, and sharing them would gain nothing.
const SMALLEST: usize = 4096;

/// Initialisers to hand to each session, by name.
pub(super) type Shared = Vec<(String, Arc<DynValue>)>;

/// The large dense initialisers of the main graph that hold their data in the file, as tensors.
/// Whatever isn't understood is left out: it is then loaded by each session as usual.
pub(super) fn shared(model: &[u8]) -> ort::Result<Shared> {
    const GRAPH: u64 = 7;
    const INITIALIZER: u64 = 5;
    let graphs = Fields(model).filter(|field| field.0 == GRAPH);
    let nested = graphs.flat_map(|(_, graph)| Fields(graph.bytes()));
    let tensors = nested.filter(|field| field.0 == INITIALIZER);
    let mut found = Vec::new();
    for (_, tensor) in tensors {
        let Some(initializer) = Initializer::read(tensor.bytes()) else { continue };
        if let Some(value) = initializer.value()? {
            found.push((initializer.name.to_owned(), Arc::new(value)));
        }
    }
    Ok(found)
}

struct Initializer<'a> {
    name: &'a str,
    data_type: u64,
    dims: Vec<i64>,
    raw: &'a [u8],
}

impl<'a> Initializer<'a> {
    fn read(tensor: &'a [u8]) -> Option<Self> {
        let mut this = Self { name: "", data_type: 0, dims: Vec::new(), raw: &[] };
        for (number, field) in Fields(tensor) {
            match (number, field) {
                (1, Field::Number(n)) => this.dims.push(n.cast_signed()),
                // Packed dimensions.
                (1, Field::Bytes(mut packed)) => {
                    while let Some(n) = varint(&mut packed) {
                        this.dims.push(n.cast_signed());
                    }
                }
                (2, Field::Number(n)) => this.data_type = n,
                (8, Field::Bytes(name)) => this.name = std::str::from_utf8(name).ok()?,
                (9, Field::Bytes(raw)) => this.raw = raw,
                _ => {}
            }
        }
        (!this.name.is_empty() && this.raw.len() >= SMALLEST).then_some(this)
    }

    fn value(&self) -> ort::Result<Option<DynValue>> {
        const FLOAT: u64 = 1;
        const UINT8: u64 = 2;
        const INT8: u64 = 3;
        const FLOAT16: u64 = 10;
        let elements = self
            .dims
            .iter()
            .try_fold(1_usize, |product, &dim| product.checked_mul(usize::try_from(dim).ok()?));
        let width = match self.data_type {
            FLOAT => 4,
            FLOAT16 => 2,
            INT8 | UINT8 => 1,
            _ => return Ok(None),
        };
        if elements.and_then(|n| n.checked_mul(width)) != Some(self.raw.len()) {
            return Ok(None);
        }
        let dims = self.dims.clone();
        let value = match self.data_type {
            FLOAT => {
                let words: Vec<f32> = self.numbers(f32::from_le_bytes);
                Tensor::from_array((dims, words)).map(Tensor::into_dyn)
            }
            FLOAT16 => {
                let words: Vec<f16> = self.numbers(f16::from_le_bytes);
                Tensor::from_array((dims, words)).map(Tensor::into_dyn)
            }
            INT8 => {
                let bytes: Vec<i8> = self.numbers(i8::from_le_bytes);
                Tensor::from_array((dims, bytes)).map(Tensor::into_dyn)
            }
            _ => Tensor::from_array((dims, self.raw.to_vec())).map(Tensor::into_dyn),
        };
        value.map(Some)
    }

    fn numbers<T, const WIDTH: usize>(&self, read: impl Fn([u8; WIDTH]) -> T) -> Vec<T> {
        self.raw.as_chunks().0.iter().map(|word| read(*word)).collect()
    }
}

/// A protobuf field's value.
#[derive(Clone, Copy)]
pub(super) enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

impl<'a> Field<'a> {
    pub(super) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(_) | Self::Fixed => &[],
        }
    }
}

/// The fields of a message, by number; ends at the first that isn't sound (the verification has
/// refused such files long before).
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Field<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = varint(&mut self.0)?;
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut self.0)?),
            1 => self.take(8).map(|_| Field::Fixed)?,
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).ok()?;
                Field::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Field::Fixed)?,
            _ => return None,
        };
        Some((tag >> 3, field))
    }
}

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use strata_testkit::models;

    use super::*;
    use crate::runtime::Runtime;

    #[test]
    fn large_float_initialisers_are_found_with_their_values() {
        let runtime = Runtime::global();
        assert!(runtime.is_ok(), "{}", runtime.err().map_or(String::new(), |e| e.to_string()));
        let weights: Vec<f32> = (0..4096).map(|i| i as f32 * 0.5).collect();
        let bytes = models::linear(&weights, &[0.0; 64]).encode();
        let found = shared(&bytes).unwrap();
        // The bias is too small to be worth it.
        let [(name, value)] = found.as_slice() else { panic!("{} found", found.len()) };
        assert_eq!(name, "W");
        let (shape, data) = value.try_extract_tensor::<f32>().unwrap();
        assert_eq!((&shape[..], data), (&[64, 64][..], &weights[..]));
    }

    #[test]
    fn cut_files_give_what_is_whole_and_never_panic() {
        let weights = vec![1.0; 4096];
        let bytes = models::linear(&weights, &[0.0; 64]).encode();
        for length in 0..300.min(bytes.len()) {
            assert!(shared(&bytes[..length]).is_ok_and(|found| found.is_empty()));
        }
    }
}
