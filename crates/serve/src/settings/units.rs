//! Byte sizes, written as `"16 MiB"`.

use std::fmt;
use std::str::FromStr;

/// A number of bytes; written as a whole number or with a unit, as in `16 MiB` or `1.5 GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

/// Units and their bytes; the binary ones from the largest, as [`ByteSize`]'s `Display` wants them.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];
const BINARY_UNITS: usize = 4;

impl ByteSize {
    /// So many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many kibibytes (1024 bytes).
    #[must_use]
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// So many mebibytes.
    #[must_use]
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// So many gibibytes.
    #[must_use]
    pub const fn gib(count: u64) -> Self {
        Self(count << 30)
    }

    /// So many tebibytes.
    #[must_use]
    pub const fn tib(count: u64) -> Self {
        Self(count << 40)
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes as a length in memory; more than an address holds is the largest one.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ByteSize {
    /// With the largest binary unit that leaves a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |unit: &&(&str, u64)| self.0 >= unit.1 && self.0.is_multiple_of(unit.1);
        match UNITS[..BINARY_UNITS].iter().find(fits) {
            Some((name, bytes)) => write!(f, "{} {name}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A text that is no byte size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a number of bytes, or one with B, kB, KiB, MB, MiB, GB, GiB, TB or TiB")]
pub struct NoByteSize;

impl FromStr for ByteSize {
    type Err = NoByteSize;

    fn from_str(text: &str) -> Result<Self, NoByteSize> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '_'));
        let (number, unit) = text.split_at(end.unwrap_or(text.len()));
        let number = number.replace('_', "");
        let unit = match unit.trim() {
            "" => 1,
            name => {
                let unit = UNITS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                unit.ok_or(NoByteSize)?.1
            }
        };
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(unit).map(Self).ok_or(NoByteSize);
        }
        // A fraction needs a unit that it is a part of; what is left of a byte is dropped.
        let bytes = number.parse::<f64>().map_err(|_| NoByteSize)? * unit as f64;
        let fraction_of_unit = unit > 1 && number.contains('.');
        // Above this, not every whole number has a float.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        (fraction_of_unit && bytes < EXACT).then_some(Self(bytes as u64)).ok_or(NoByteSize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_sizes_are_read_with_and_without_units() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("1_000", 1000),
            ("16 MiB", 16 << 20),
            ("16MiB", 16 << 20),
            (" 2 gib ", 2 << 30),
            ("5 kB", 5000),
            ("5 KiB", 5120),
            ("1.5 GB", 1_500_000_000),
            ("0.5 KiB", 512),
            ("12 B", 12),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in [
            "",
            "MiB",
            "-1",
            "1.5",
            "1.5 B",
            "1.2.3 MiB",
            "16 M",
            "16 apples",
            "99999999999 TiB",
            "9999999999.5 TiB",
            "1e3",
            "inf",
            "NaN",
            "१६",
        ] {
            assert_eq!(text.parse::<ByteSize>(), Err(NoByteSize), "{text}");
        }
    }

    #[test]
    fn byte_sizes_are_written_as_they_are_read() {
        for size in [ByteSize(0), ByteSize(1000), ByteSize::kib(3), ByteSize::mib(16)] {
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        assert_eq!(ByteSize::mib(16).to_string(), "16 MiB");
        assert_eq!(ByteSize(1 << 31).to_string(), "2 GiB");
        assert_eq!(ByteSize(1025).to_string(), "1025");
        assert_eq!(ByteSize::tib(1).to_string(), "1 TiB");
    }
}
