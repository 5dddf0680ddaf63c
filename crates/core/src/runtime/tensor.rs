//! Inputs of a call: named views of the caller's arrays. A view of contiguous memory in standard
//! (row-major) order is handed to ONNX Runtime as it lies; any other is copied once, and the number
//! of bytes copied is reported.
#![allow(clippy::needless_pass_by_value, reason = "array views are references already")]

use ndarray::{ArrayView, ArrayViewD, CowArray, Dimension, IxDyn};
use ort::session::SessionInputValue;
use ort::value::TensorRef;

use crate::card::Dtype;

pub use half::f16;

/// A number type that tensors can hold.
pub trait Element: ort::value::PrimitiveTensorElementType + Sealed {
    /// Its name on cards.
    const DTYPE: Dtype;
}

/// Keeps [`Element`] to the types below and does the wrapping.
pub trait Sealed: Copy + 'static {
    #[doc(hidden)]
    fn wrap(array: CowArray<'_, Self, IxDyn>) -> Data<'_>;
}

macro_rules! elements {
    ($($variant:ident $rust:ty),+ $(,)?) => {
        /// An input's data, by type.
        #[derive(Debug)]
        #[allow(missing_docs, reason = "each name is the type's own; not reachable from outside")]
        pub enum Data<'a> {
            $($variant(CowArray<'a, $rust, IxDyn>)),+
        }

        impl Data<'_> {
            pub(super) fn dtype(&self) -> Dtype {
                match self {
                    $(Self::$variant(_) => Dtype::$variant),+
                }
            }

            pub(super) fn shape(&self) -> &[usize] {
                match self {
                    $(Self::$variant(array) => array.shape()),+
                }
            }

            /// The tensor ONNX Runtime reads: it points to this data, which must outlive it.
            pub(super) fn tensor(&self) -> ort::Result<SessionInputValue<'_>> {
                Ok(match self {
                    $(Self::$variant(array) => TensorRef::from_array_view(array)?.into()),+
                })
            }
        }

        $(
            impl Element for $rust {
                const DTYPE: Dtype = Dtype::$variant;
            }

            impl Sealed for $rust {
                fn wrap(array: CowArray<'_, Self, IxDyn>) -> Data<'_> {
                    Data::$variant(array)
                }
            }
        )+
    };
}

elements! {
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

/// The named inputs of one call.
#[derive(Debug, Default)]
pub struct Inputs<'a> {
    entries: Vec<(&'a str, Data<'a>)>,
    copied: usize,
}

impl<'a> Inputs<'a> {
    /// No inputs yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input. No copy is made if the view is contiguous in standard order.
    #[must_use]
    pub fn with<T: Element, D: Dimension>(
        mut self,
        name: &'a str,
        view: ArrayView<'a, T, D>,
    ) -> Self {
        let view: ArrayViewD<'a, T> = view.into_dyn();
        let array = if view.is_standard_layout() {
            CowArray::from(view)
        } else {
            self.copied += view.len() * size_of::<T>();
            CowArray::from(view.as_standard_layout().into_owned())
        };
        self.entries.push((name, T::wrap(array)));
        self
    }

    /// Bytes that had to be copied because their view was not contiguous.
    #[must_use]
    pub fn copied_bytes(&self) -> usize {
        self.copied
    }

    pub(super) fn entries(&self) -> &[(&'a str, Data<'a>)] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};

    use super::*;

    #[test]
    fn contiguous_views_are_not_copied() {
        let array = Array2::from_shape_fn((4, 3), |(i, j)| (i * 3 + j) as f32);
        let inputs = Inputs::new().with("x", array.slice(s![1..3, ..]));
        assert_eq!(inputs.copied_bytes(), 0);
        let Data::Float32(data) = &inputs.entries()[0].1 else { panic!("not float32") };
        assert_eq!(data.as_ptr(), array.row(1).as_ptr());
    }

    #[test]
    fn other_views_are_copied_once_in_logical_order() {
        let array = Array2::from_shape_fn((2, 3), |(i, j)| (i * 3 + j) as i64);
        let inputs = Inputs::new().with("x", array.t()).with("y", array.slice(s![.., ..;-1]));
        assert_eq!(inputs.copied_bytes(), 2 * 6 * 8);
        let Data::Int64(x) = &inputs.entries()[0].1 else { panic!("not int64") };
        assert_eq!(x.as_slice(), Some(&[0, 3, 1, 4, 2, 5][..]));
        let Data::Int64(y) = &inputs.entries()[1].1 else { panic!("not int64") };
        assert_eq!(y.as_slice(), Some(&[2, 1, 0, 5, 4, 3][..]));
        assert_eq!((x.shape(), y.shape()), (&[3, 2][..], &[2, 3][..]));
    }
}
