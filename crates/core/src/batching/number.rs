//! The numbers in tensors: their bytes, and their ways to and from formats with few types of numbers.

use crate::runtime::{Element, f16};

/// One number of a tensor, for formats such as JSON that have only a few types of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A signed whole number.
    Int(i64),
    /// An unsigned whole number.
    Uint(u64),
    /// A number with a fraction.
    Float(f64),
    /// Yes or no.
    Bool(bool),
}

/// An element's little-endian bytes and its ways to and from a [`Number`].
pub(super) trait Convert: Element {
    const BYTES: usize;
    fn read(bytes: &[u8]) -> Self;
    fn write(self, out: &mut Vec<u8>);
    fn number(self) -> Number;
    fn from_number(number: Number) -> Option<Self>;
    /// The nearest value, for padding.
    fn nearest(value: f64) -> Self;
}

macro_rules! convert_bytes {
    ($rust:ty) => {
        const BYTES: usize = size_of::<$rust>();
        fn read(bytes: &[u8]) -> Self {
            let mut own = [0; size_of::<$rust>()];
            own.copy_from_slice(bytes);
            Self::from_le_bytes(own)
        }
        fn write(self, out: &mut Vec<u8>) {
            out.extend_from_slice(&self.to_le_bytes());
        }
    };
}

macro_rules! convert_int {
    ($wide:ident, $($rust:ty),+) => {$(
        impl Convert for $rust {
            convert_bytes!($rust);
            fn number(self) -> Number {
                Number::$wide(self.into())
            }
            fn from_number(number: Number) -> Option<Self> {
                match number {
                    Number::Int(n) => n.try_into().ok(),
                    Number::Uint(n) => n.try_into().ok(),
                    // A whole number written with a fraction, as in 3.0. The cast saturates, so that
                    // a number beyond the type's range doesn't come back as itself.
                    Number::Float(x) => {
                        let n = x as $rust;
                        (n as f64 == x && x.abs() < 9_007_199_254_740_992.0).then_some(n)
                    }
                    Number::Bool(_) => None,
                }
            }
            fn nearest(value: f64) -> Self {
                value as $rust
            }
        }
    )+};
}

macro_rules! convert_float {
    ($($rust:ty, $from:expr);+) => {$(
        impl Convert for $rust {
            convert_bytes!($rust);
            fn number(self) -> Number {
                Number::Float(self.into())
            }
            fn from_number(number: Number) -> Option<Self> {
                let wide = match number {
                    Number::Int(n) => n as f64,
                    Number::Uint(n) => n as f64,
                    Number::Float(x) => x,
                    Number::Bool(_) => return None,
                };
                let value: $rust = $from(wide);
                // Infinite only if it was given so.
                (value.is_finite() || !wide.is_finite()).then_some(value)
            }
            fn nearest(value: f64) -> Self {
                $from(value)
            }
        }
    )+};
}

convert_int!(Int, i64, i32, i16, i8);
convert_int!(Uint, u64, u32, u16, u8);
convert_float!(f64, |x| x; f32, |x| x as f32; f16, f16::from_f64);

impl Convert for bool {
    const BYTES: usize = 1;
    fn read(bytes: &[u8]) -> Self {
        bytes.iter().any(|&byte| byte != 0)
    }
    fn write(self, out: &mut Vec<u8>) {
        out.push(self.into());
    }
    fn number(self) -> Number {
        Number::Bool(self)
    }
    fn from_number(number: Number) -> Option<Self> {
        match number {
            Number::Bool(b) => Some(b),
            Number::Int(0) | Number::Uint(0) => Some(false),
            Number::Int(1) | Number::Uint(1) => Some(true),
            _ => None,
        }
    }
    fn nearest(value: f64) -> Self {
        value != 0.0
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(n) => n.fmt(f),
            Self::Uint(n) => n.fmt(f),
            Self::Float(x) => x.fmt(f),
            Self::Bool(b) => b.fmt(f),
        }
    }
}
