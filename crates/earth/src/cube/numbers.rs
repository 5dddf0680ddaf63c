//! Numbers as a file stores them, and what they stand for: packing, missing values.

use super::{Attribute, Variable};

/// Numbers of one of the types that files have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Numbers {
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// What a stored number stands for: `stored × scale + offset`, or nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packing {
    scale: Option<f64>,
    offset: f64,
    missing: Vec<f64>,
    unsigned: bool,
}

/// What NetCDF's library leaves where nothing was written.
const DEFAULT_FILL: f64 = 9.969_209_968_386_869e36;

impl Packing {
    /// As a variable's attributes tell.
    pub(crate) fn of(variable: &Variable) -> Self {
        let one = |name: &str| variable.numbers(name).first().copied();
        let scale = one("scale_factor");
        let offset = one("add_offset");
        let mut missing: Vec<f64> = Vec::new();
        for name in ["_FillValue", "missing_value"] {
            missing.extend(variable.numbers(name).iter().filter(|value| !value.is_nan()));
        }
        let unsigned = matches!(variable.attributes.get("_Unsigned"), Some(Attribute::Text(text)) if text == "true");
        let scale = scale.or(offset.map(|_| 1.0));
        Self { scale, offset: offset.unwrap_or(0.0), missing, unsigned }
    }

    /// The values, NaN where missing.
    pub(crate) fn values(&self, numbers: Numbers) -> Vec<f32> {
        match numbers {
            Numbers::F32(values) => self.floats(values),
            Numbers::F64(values) => self.each(&values, |value| value, 0.0),
            Numbers::I8(values) => self.each(&values, f64::from, 256.0),
            Numbers::U8(values) => self.each(&values, f64::from, 0.0),
            Numbers::I16(values) => self.each(&values, f64::from, 65_536.0),
            Numbers::U16(values) => self.each(&values, f64::from, 0.0),
            Numbers::I32(values) => self.each(&values, f64::from, 4_294_967_296.0),
            Numbers::U32(values) => self.each(&values, f64::from, 0.0),
            Numbers::I64(values) => self.each(&values, |value| value as f64, 0.0),
            Numbers::U64(values) => self.each(&values, |value| value as f64, 0.0),
        }
    }

    /// Floats keep their bits where nothing is to be done.
    fn floats(&self, mut values: Vec<f32>) -> Vec<f32> {
        for missing in self.missing.iter().chain([&DEFAULT_FILL]) {
            let missing = *missing as f32;
            values
                .iter_mut()
                .filter(|value| **value == missing)
                .for_each(|value| *value = f32::NAN);
        }
        if let Some(scale) = self.scale {
            for value in &mut values {
                *value = (f64::from(*value) * scale + self.offset) as f32;
            }
        }
        values
    }

    fn each<T: Copy>(&self, values: &[T], wide: impl Fn(T) -> f64, turn: f64) -> Vec<f32> {
        let (scale, offset) = (self.scale.unwrap_or(1.0), self.offset);
        let unsigned = |value: f64| match self.unsigned && value < 0.0 {
            true => value + turn,
            false => value,
        };
        let plain = |value: T| (unsigned(wide(value)) * scale + offset) as f32;
        match self.missing.as_slice() {
            [] => values.iter().map(|value| plain(*value)).collect(),
            // The usual case, without an inner loop.
            [missing] => values
                .iter()
                .map(|value| if wide(*value) == *missing { f32::NAN } else { plain(*value) })
                .collect(),
            several => values
                .iter()
                .map(|value| match several.contains(&wide(*value)) {
                    true => f32::NAN,
                    false => plain(*value),
                })
                .collect(),
        }
    }
}

impl Numbers {
    /// As they are, widened: for coordinates. (Whole numbers of 64 bits are exact up to 2^53.)
    pub(crate) fn wide(self) -> Vec<f64> {
        match self {
            Self::F64(values) => values,
            Self::F32(values) => values.into_iter().map(f64::from).collect(),
            Self::I8(values) => values.into_iter().map(f64::from).collect(),
            Self::U8(values) => values.into_iter().map(f64::from).collect(),
            Self::I16(values) => values.into_iter().map(f64::from).collect(),
            Self::U16(values) => values.into_iter().map(f64::from).collect(),
            Self::I32(values) => values.into_iter().map(f64::from).collect(),
            Self::U32(values) => values.into_iter().map(f64::from).collect(),
            Self::I64(values) => values.into_iter().map(|value| value as f64).collect(),
            Self::U64(values) => values.into_iter().map(|value| value as f64).collect(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn variable(attributes: &[(&str, Attribute)]) -> Variable {
        Variable {
            name: "t".to_owned(),
            dims: vec![],
            shape: vec![],
            attributes: attributes.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
            text: false,
        }
    }

    #[test]
    fn packed_shorts_stand_for_values() {
        let packed = variable(&[
            ("scale_factor", Attribute::Numbers(vec![0.5])),
            ("add_offset", Attribute::Numbers(vec![100.0])),
            ("_FillValue", Attribute::Numbers(vec![-32767.0])),
            ("missing_value", Attribute::Numbers(vec![-1.0, -2.0])),
        ]);
        let got = Packing::of(&packed).values(Numbers::I16(vec![0, 3, -32767, -2]));
        assert_eq!(got[..2], [100.0, 101.5]);
        assert!(got[2].is_nan() && got[3].is_nan());
        let bytes = variable(&[("_Unsigned", Attribute::Text("true".to_owned()))]);
        assert_eq!(Packing::of(&bytes).values(Numbers::I8(vec![-1, 1])), [255.0, 1.0]);
    }

    #[test]
    fn floats_keep_their_bits_and_lose_their_fill() {
        let plain = Packing::of(&variable(&[("missing_value", Attribute::Numbers(vec![1e20]))]));
        let got = plain.values(Numbers::F32(vec![f32::MIN_POSITIVE, 1e20, 9.969_21e36, 0.1]));
        assert_eq!((got[0], got[3]), (f32::MIN_POSITIVE, 0.1));
        assert!(got[1].is_nan() && got[2].is_nan());
    }
}
