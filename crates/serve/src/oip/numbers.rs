//! `data` of a tensor in JSON: numbers in one flat array, or nested as the shape says.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A number as JSON has it.
pub(super) trait Number: Sized + Copy {
    const WHAT: &'static str;

    fn float(value: f64) -> Option<Self>;
    fn whole(value: i128) -> Option<Self>;
    fn truth(_: bool) -> Option<Self> {
        None
    }
}

macro_rules! whole {
    ($($kind:ty),+) => {$(
        impl Number for $kind {
            const WHAT: &'static str = concat!("whole numbers of the type ", stringify!($kind));

            fn float(value: f64) -> Option<Self> {
                // 3.0 is three; 3.5 is nothing that could be rounded in silence.
                (value.fract() == 0.0 && value.abs() < 9e15).then(|| Self::whole(value as i128))?
            }

            fn whole(value: i128) -> Option<Self> {
                Self::try_from(value).ok()
            }
        }
    )+};
}

whole!(i64, i32, i16, i8, u64, u32, u16, u8);

impl Number for f64 {
    const WHAT: &'static str = "numbers";

    fn float(value: f64) -> Option<Self> {
        Some(value)
    }

    fn whole(value: i128) -> Option<Self> {
        Some(value as f64)
    }
}

impl Number for f32 {
    const WHAT: &'static str = "numbers in the range of 32-bit floats";

    fn float(value: f64) -> Option<Self> {
        Some(value as Self).filter(|v| v.is_finite())
    }

    fn whole(value: i128) -> Option<Self> {
        Self::float(value as f64)
    }
}

impl Number for strata_core::runtime::f16 {
    const WHAT: &'static str = "numbers in the range of 16-bit floats";

    fn float(value: f64) -> Option<Self> {
        Some(Self::from_f64(value)).filter(|v| v.is_finite())
    }

    fn whole(value: i128) -> Option<Self> {
        Self::float(value as f64)
    }
}

impl Number for bool {
    const WHAT: &'static str = "true and false";

    fn float(_: f64) -> Option<Self> {
        None
    }

    fn whole(value: i128) -> Option<Self> {
        match value {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn truth(value: bool) -> Option<Self> {
        Some(value)
    }
}

/// The numbers of `data`, which must be as many as the shape holds.
pub(super) fn read<T: Number>(data: &RawValue, shape: &[usize]) -> Result<Vec<T>, String> {
    let wanted: usize = shape.iter().product();
    // A number takes two bytes at least: what is reserved is bounded by what was sent.
    let mut out = Vec::with_capacity(wanted.min(data.get().len() / 2 + 1));
    let mut json = serde_json::Deserializer::from_str(data.get());
    let seed = Level { out: &mut out, shape, wanted, level: 0 };
    seed.deserialize(&mut json).map_err(|error| plain(&error))?;
    if out.len() != wanted {
        return Err(format!("{} values are given, the shape holds {wanted}", out.len()));
    }
    Ok(out)
}

/// The message without a position, which would be one inside the tensor.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

/// One level of nesting.
struct Level<'a, T> {
    out: &'a mut Vec<T>,
    shape: &'a [usize],
    wanted: usize,
    level: usize,
}

/// What an element was.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Met {
    Value,
    List,
}

impl<T: Number> Level<'_, T> {
    fn push<E: Error>(&mut self, value: Option<T>, given: impl fmt::Display) -> Result<Met, E> {
        // Values stand in a flat array, or at the innermost level.
        if self.level != 1 && self.level != self.shape.len() {
            return Err(E::custom("values and arrays are mixed, or nested other than the shape"));
        }
        let value = value.ok_or_else(|| E::custom(format!("{given} is none of {}", T::WHAT)))?;
        if self.out.len() == self.wanted {
            let wanted = self.wanted;
            return Err(E::custom(format!("more values are given than the {wanted} of the shape")));
        }
        self.out.push(value);
        Ok(Met::Value)
    }
}

impl<'de, T: Number> DeserializeSeed<'de> for Level<'_, T> {
    type Value = Met;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Met, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Number> Visitor<'de> for Level<'_, T> {
    type Value = Met;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {}", T::WHAT)
    }

    fn visit_f64<E: Error>(mut self, value: f64) -> Result<Met, E> {
        self.push(T::float(value), value)
    }

    fn visit_i64<E: Error>(mut self, value: i64) -> Result<Met, E> {
        self.push(T::whole(value.into()), value)
    }

    fn visit_u64<E: Error>(mut self, value: u64) -> Result<Met, E> {
        self.push(T::whole(value.into()), value)
    }

    fn visit_bool<E: Error>(mut self, value: bool) -> Result<Met, E> {
        self.push(T::truth(value), value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Met, A::Error> {
        let Self { out, shape, wanted, level } = self;
        if level > 0 && level >= shape.len() {
            return Err(A::Error::custom("it is nested deeper than the shape"));
        }
        let (mut count, mut kind) = (0_usize, None);
        let next = level + 1;
        while let Some(met) =
            list.next_element_seed(Level { out: &mut *out, shape, wanted, level: next })?
        {
            if *kind.get_or_insert(met) != met {
                return Err(A::Error::custom("values and arrays are mixed"));
            }
            count += 1;
        }
        let flat = level == 0 && kind == Some(Met::Value);
        let rank_zero = shape.is_empty();
        if !flat && !rank_zero && kind.is_some() && count != shape[level] {
            let want = shape[level];
            let text = format!("axis {level} has {count} elements, the shape says {want}");
            return Err(A::Error::custom(text));
        }
        Ok(Met::List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers<T: Number>(json: &str, shape: &[usize]) -> Result<Vec<T>, String> {
        read(serde_json::from_str::<&RawValue>(json).unwrap(), shape)
    }

    #[test]
    fn flat_and_nested_are_the_same() {
        let flat = numbers::<f32>("[1,2.5,-3,4e1]", &[2, 2]);
        assert_eq!(flat, numbers("[[1,2.5],[-3,40]]", &[2, 2]));
        assert_eq!(flat.unwrap(), [1.0, 2.5, -3.0, 40.0]);
        assert_eq!(numbers::<i64>("[[[7]],[[8]]]", &[2, 1, 1]).unwrap(), [7, 8]);
        assert_eq!(numbers::<bool>("[true,0,1]", &[3]).unwrap(), [true, false, true]);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let bad = |json: &str, shape: &[usize]| numbers::<f32>(json, shape).unwrap_err();
        assert!(bad("[1,2,3]", &[2, 2]).contains("3 values are given, the shape holds 4"));
        assert!(bad("[1,2,3,4,5]", &[2, 2]).contains("more values"));
        assert!(bad("[[1,2],[3]]", &[2, 2]).contains("axis 1 has 1 elements"));
        assert!(bad("[[1,2],3,4]", &[2, 2]).contains("mixed"));
        assert!(bad("[[[1],[2]],[[3],[4]]]", &[2, 2]).contains("deeper"));
        assert!(bad("[\"1\",2]", &[2]).contains("string"));
        assert!(bad("[null,2]", &[2]).contains("null"));
        assert!(bad("[1e300]", &[1]).contains("32-bit"));
        assert!(bad("7", &[1]).contains("nested other"));
        assert!(numbers::<i32>("[3.5]", &[1]).unwrap_err().contains("3.5"));
        assert!(numbers::<u8>("[300]", &[1]).unwrap_err().contains("300"));
        assert!(bad("[]", &[1 << 40]).contains("0 values"));
    }
}
