//! Tensors that own their numbers: what comes out of a request's body and goes into a reply's.

use std::any::Any;

use ndarray::{ArrayD, ArrayViewD, Axis, Slice};
use thiserror::Error;

use super::number::{Convert, Number};
use crate::card::Dtype;
use crate::runtime::{Element, Inputs, Outputs, f16};

/// Why some bytes or numbers are no tensor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TensorError {
    /// Not a type that Strata runs.
    #[error("tensors of type {0} are not supported")]
    Unsupported(Dtype),
    /// The shape holds more than memory can.
    #[error("shape {0:?} is too large")]
    TooLarge(Vec<usize>),
    /// The data don't fill the shape.
    #[error("shape {shape:?} of {dtype} takes {expected} {unit}, but {given} were given")]
    Size {
        /// The shape.
        shape: Vec<usize>,
        /// The type.
        dtype: Dtype,
        /// What it takes.
        expected: usize,
        /// What there was.
        given: usize,
        /// Counted in this: "bytes" or "numbers".
        unit: &'static str,
    },
    /// A number the type can't hold.
    #[error("number {index} ({number}) does not fit {dtype}")]
    Number {
        /// Its place, counted from 0.
        index: usize,
        /// The number.
        number: String,
        /// The type.
        dtype: Dtype,
    },
}

/// Number of elements of a shape, if that many of them can be in memory.
fn elements(shape: &[usize], each: usize) -> Result<usize, TensorError> {
    // An axis of length 0 counts as 1: [0, 2^63, 4] has no elements, but no neighbours' place either.
    let bound = shape.iter().try_fold(each, |count, &n| count.checked_mul(n.max(1)));
    match bound {
        Some(bound) if isize::try_from(bound).is_ok() => Ok(shape.iter().product()),
        _ => Err(TensorError::TooLarge(shape.to_vec())),
    }
}

fn build<T: Convert>(shape: &[usize], data: Vec<T>) -> Result<ArrayD<T>, TensorError> {
    ArrayD::from_shape_vec(shape, data).map_err(|_| TensorError::TooLarge(shape.to_vec()))
}

fn read_bytes<T: Convert>(shape: &[usize], bytes: &[u8]) -> Result<ArrayD<T>, TensorError> {
    let expected = elements(shape, T::BYTES)? * T::BYTES;
    if bytes.len() != expected {
        let (shape, dtype, given) = (shape.to_vec(), T::DTYPE, bytes.len());
        return Err(TensorError::Size { shape, dtype, expected, given, unit: "bytes" });
    }
    build(shape, bytes.chunks_exact(T::BYTES).map(T::read).collect())
}

fn read_numbers<T: Convert>(
    shape: &[usize],
    mut numbers: &mut dyn Iterator<Item = Number>,
) -> Result<ArrayD<T>, TensorError> {
    let expected = elements(shape, T::BYTES)?;
    // As much as there are numbers, not as much as the shape claims.
    let mut data = Vec::with_capacity(expected.min(numbers.size_hint().0));
    for number in (&mut numbers).take(expected) {
        let value = T::from_number(number).ok_or_else(|| TensorError::Number {
            index: data.len(),
            number: number.to_string(),
            dtype: T::DTYPE,
        })?;
        data.push(value);
    }
    let given = data.len() + numbers.count();
    if given != expected {
        let (shape, dtype) = (shape.to_vec(), T::DTYPE);
        return Err(TensorError::Size { shape, dtype, expected, given, unit: "numbers" });
    }
    build(shape, data)
}

macro_rules! tensors {
    ($($variant:ident $rust:ty),+ $(,)?) => {
        /// An array of numbers of one of the types that models take.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs, reason = "each name is the type's own")]
        pub enum Tensor {
            $($variant(ArrayD<$rust>)),+
        }

        /// Does the same with the array of each type.
        macro_rules! each {
            ($tensor:expr, $array:ident => $what:expr) => {
                match $tensor {
                    $(Tensor::$variant($array) => $what),+
                }
            };
        }

        /// Makes a tensor of a type known at run time.
        macro_rules! make {
            ($dtype:expr, $type:ident => $array:expr, $unsupported:expr) => {
                match $dtype {
                    $(Dtype::$variant => {
                        type $type = $rust;
                        $array.map(Tensor::$variant)
                    })+
                    other => Err($unsupported(other)),
                }
            };
        }

        $(
            impl From<ArrayD<$rust>> for Tensor {
                fn from(array: ArrayD<$rust>) -> Self {
                    Self::$variant(array)
                }
            }
        )+
    };
}

tensors! {
    Float64 f64,
    Float32 f32,
    Float16 f16,
    Int64 i64,
    Int32 i32,
    Int16 i16,
    Int8 i8,
    Uint64 u64,
    Uint32 u32,
    Uint16 u16,
    Uint8 u8,
    Bool bool,
}

impl Tensor {
    /// A tensor from little-endian bytes in row-major order.
    ///
    /// # Errors
    /// When the bytes don't fill the shape, or the type isn't supported.
    pub fn from_le_bytes(dtype: Dtype, shape: &[usize], bytes: &[u8]) -> Result<Self, TensorError> {
        make!(dtype, E => read_bytes::<E>(shape, bytes), TensorError::Unsupported)
    }

    /// A tensor from numbers in row-major order.
    ///
    /// # Errors
    /// When there are too few or too many, one doesn't fit the type, or the type isn't supported.
    pub fn from_numbers(
        dtype: Dtype,
        shape: &[usize],
        numbers: impl IntoIterator<Item = Number>,
    ) -> Result<Self, TensorError> {
        let numbers = &mut numbers.into_iter();
        make!(dtype, E => read_numbers::<E>(shape, numbers), TensorError::Unsupported)
    }

    /// Its element type.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        fn of<T: Element>(_: &ArrayD<T>) -> Dtype {
            T::DTYPE
        }
        each!(self, array => of(array))
    }

    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        each!(self, array => array.shape())
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        each!(self, array => array.len())
    }

    /// Whether it has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its elements as little-endian bytes in row-major order.
    #[must_use]
    pub fn to_le_bytes(&self) -> Vec<u8> {
        fn write<T: Convert>(array: &ArrayD<T>) -> Vec<u8> {
            let mut out = Vec::with_capacity(array.len() * T::BYTES);
            array.iter().for_each(|&value| value.write(&mut out));
            out
        }
        each!(self, array => write(array))
    }

    /// Its elements as numbers in row-major order.
    #[must_use]
    pub fn numbers(&self) -> Box<dyn ExactSizeIterator<Item = Number> + '_> {
        each!(self, array => Box::new(array.iter().map(|&value| value.number())))
    }

    /// The array, if its elements are `T`.
    #[must_use]
    pub fn view<T: Element>(&self) -> Option<ArrayViewD<'_, T>> {
        each!(self, array => (array as &dyn Any).downcast_ref::<ArrayD<T>>().map(|a| a.view()))
    }

    /// Adds it to a call's inputs, without a copy.
    pub(super) fn add_to<'a>(&'a self, inputs: Inputs<'a>, name: &'a str) -> Inputs<'a> {
        each!(self, array => inputs.with(name, array.view()))
    }

    /// Rows `start..end` along axis 0, copied. They must be there.
    pub(super) fn rows(&self, start: usize, end: usize) -> Self {
        let rows = Slice::from(start..end);
        each!(self, array => array.slice_axis(Axis(0), rows).to_owned().into())
    }

    /// A part of a call's output. `None` when the output isn't of the type, or not as long as the
    /// cuts say.
    pub(super) fn of_output(
        outputs: &Outputs,
        (name, dtype): (&str, Dtype),
        cuts: &[Cut],
    ) -> Option<Self> {
        fn cut<T: Element>(outputs: &Outputs, name: &str, cuts: &[Cut]) -> Option<ArrayD<T>> {
            let mut view = outputs.view::<T>(name).ok()?;
            for &Cut { axis, whole, start, end } in cuts {
                if view.shape().get(axis) != Some(&whole) {
                    return None;
                }
                view.slice_axis_inplace(Axis(axis), Slice::from(start..end));
            }
            Some(view.to_owned())
        }
        make!(dtype, E => cut::<E>(outputs, name, cuts).ok_or(()), |_| ()).ok()
    }

    /// Tensors of one type, one below the other along axis 0, each filled up to `length` along
    /// another axis with a value. `None` when they don't fit each other.
    pub(super) fn stack(parts: &[&Self], pad: Option<Pad>) -> Option<Self> {
        fn stack<T: Convert>(
            first: &ArrayD<T>,
            parts: &[&Tensor],
            pad: Option<Pad>,
        ) -> Option<Tensor>
        where
            Tensor: From<ArrayD<T>>,
        {
            let mut shape = first.shape().to_vec();
            let rows = |part: &&Tensor| part.shape().first().copied();
            *shape.first_mut()? = parts.iter().map(rows).sum::<Option<usize>>()?;
            let fill = match pad {
                Some(Pad { axis, length, value }) => {
                    *shape.get_mut(axis)? = length;
                    T::nearest(value)
                }
                None => T::nearest(0.0),
            };
            let mut whole = ArrayD::from_elem(shape, fill);
            let mut start = 0;
            for part in parts {
                let part = part.view::<T>()?;
                let end = start + part.shape()[0];
                let mut place = whole.slice_axis_mut(Axis(0), Slice::from(start..end));
                if let Some(Pad { axis, length, .. }) = pad {
                    let own = part.shape().get(axis).copied().filter(|&own| own <= length)?;
                    place.slice_axis_inplace(Axis(axis), Slice::from(0..own));
                }
                if place.shape() != part.shape() {
                    return None;
                }
                place.assign(&part);
                start = end;
            }
            Some(whole.into())
        }
        let first: &Self = parts.first()?;
        each!(first, array => stack(array, parts, pad))
    }
}

/// The part of an axis that belongs to one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) axis: usize,
    /// Length of the axis before.
    pub(super) whole: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Filling up along an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pad {
    pub(super) axis: usize,
    pub(super) length: usize,
    pub(super) value: f64,
}
