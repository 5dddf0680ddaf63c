//! Protobuf wire format, reading side. Stricter than protobuf's own parsers wherever they are
//! lenient, so that no file can mean one thing here and another to ONNX Runtime: a field of the wrong
//! wire type, a group, a singular field given twice and an unknown field are all errors.

use thiserror::Error;

/// What is wrong with a model file's bytes, and where.
#[derive(Debug, Error)]
#[error("byte {offset}, {message}: {kind}")]
pub struct WalkError {
    /// Offset in the file.
    pub offset: usize,
    /// The ONNX message being read.
    pub message: &'static str,
    /// What is wrong.
    pub kind: WalkKind,
}

/// What is wrong with a model file's bytes.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WalkKind {
    /// A field reaches beyond the end of its message.
    #[error("a field of {claimed} bytes where {left} are left: the file is truncated or damaged")]
    Truncated {
        /// Bytes the field claims.
        claimed: u64,
        /// Bytes that are left.
        left: usize,
    },
    /// A variable-length integer of more than 64 bits.
    #[error("an integer of more than 64 bits: the file is damaged")]
    Varint,
    /// A field number outside protobuf's range.
    #[error("field number {0} does not exist in protobuf: this is no ONNX file, or a damaged one")]
    FieldNumber(u64),
    /// A field with a wire type that it cannot have (groups included).
    #[error("field {field} has wire type {wire}: this is no ONNX file, or a damaged one")]
    WireType {
        /// Field number.
        field: u32,
        /// Wire type found.
        wire: u8,
    },
    /// A field that no known version of ONNX has.
    #[error("field {0} is unknown: the file is damaged, or newer than this version of Strata")]
    UnknownField(u32),
    /// A field that may be there once is there again.
    #[error("field {0} is there twice")]
    Repeated(u32),
    /// Text that isn't UTF-8.
    #[error("field {0} is not valid UTF-8")]
    Utf8(u32),
    /// Something every model has is missing.
    #[error("{0} is missing: this is no ONNX model, or a damaged one")]
    Missing(&'static str),
    /// A value outside what ONNX allows.
    #[error("{0}")]
    Invalid(String),
    /// Graphs or types nested too deeply.
    #[error("{what} are nested more than {limit} deep")]
    TooDeep {
        /// What is nested.
        what: &'static str,
        /// The cap.
        limit: usize,
    },
    /// More of something than the caps allow.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The cap.
        limit: u64,
    },
    /// A tensor's dimensions are negative, overflow or exceed the caps.
    #[error("tensor {tensor:?} has dimensions {dims:?}: {why}")]
    Dims {
        /// The tensor.
        tensor: String,
        /// Its dimensions (the first few).
        dims: Vec<i64>,
        /// What is wrong with them.
        why: &'static str,
    },
    /// A tensor's data doesn't have the size its dimensions ask for.
    #[error("tensor {tensor:?} should hold {expected} and holds {found}")]
    TensorSize {
        /// The tensor.
        tensor: String,
        /// What its type and dimensions ask for.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// External data outside the model's folder, or that could be.
    #[error(
        "tensor {tensor:?} keeps its data in {location:?}, which is not a plain file name inside \
         the model's folder; such a file is never opened"
    )]
    ExternalPath {
        /// The tensor.
        tensor: String,
        /// Where it says its data are.
        location: String,
    },
    /// An `external_data` entry that is unknown, doubled or no number.
    #[error("tensor {tensor:?}: external data entry {key:?} {why}")]
    ExternalEntry {
        /// The tensor.
        tensor: String,
        /// The entry's key.
        key: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An operator from outside ONNX and ONNX Runtime that the card doesn't allow.
    #[error(
        "operator {operator:?} is of domain {domain:?}, which neither ONNX Runtime has nor the \
         card's operator_domains allows"
    )]
    Operator {
        /// Domain.
        domain: String,
        /// Operator.
        operator: String,
    },
    /// A local function that calls itself, directly or not.
    #[error("the local function {0:?} calls itself")]
    FunctionCycle(String),
    /// Two things of one name where names must differ.
    #[error("{0:?} is there twice")]
    DuplicateName(String),
    /// Bytes that ONNX Runtime would take for its own flatbuffer format.
    #[error(
        "the bytes bear ONNX Runtime's own format's mark (ORTM), which cannot be verified; export \
         the model as ONNX"
    )]
    OrtFormat,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Payload<'a> {
    Varint(u64),
    Fixed64,
    Bytes(&'a [u8]),
    Fixed32,
}

/// One field of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    payload: Payload<'a>,
    /// Offset of the payload in the file.
    at: usize,
    message: &'static str,
}

/// Reads the fields of one message.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Offset of `bytes` in the file.
    base: usize,
    message: &'static str,
    /// Field numbers below 64 that [`Self::once`] has seen.
    seen: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], message: &'static str) -> Self {
        Self { bytes, position: 0, base: 0, message, seen: 0 }
    }

    /// The next field, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Field<'a>>, WalkError> {
        if self.position == self.bytes.len() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let (number, wire) = (tag >> 3, (tag & 7) as u8);
        let Some(number) = u32::try_from(number).ok().filter(|n| (1..1 << 29).contains(n)) else {
            return Err(self.error(WalkKind::FieldNumber(number)));
        };
        let mut at = self.base + self.position;
        let payload = match wire {
            0 => Payload::Varint(self.varint()?),
            1 => self.take(8).map(|_| Payload::Fixed64)?,
            2 => {
                let length = self.varint()?;
                at = self.base + self.position;
                Payload::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Payload::Fixed32)?,
            _ => return Err(self.error(WalkKind::WireType { field: number, wire })),
        };
        Ok(Some(Field { number, payload, at, message: self.message }))
    }

    /// Fails when a field that may be there once was there before: protobuf would merge the two.
    pub(super) fn once(&mut self, field: &Field<'_>) -> Result<(), WalkError> {
        let bit = 1_u64.checked_shl(field.number).unwrap_or(0);
        if self.seen & bit != 0 {
            return Err(field.error(WalkKind::Repeated(field.number)));
        }
        self.seen |= bit;
        Ok(())
    }

    /// An error at the place reached.
    pub(super) fn error(&self, kind: WalkKind) -> WalkError {
        WalkError { offset: self.base + self.position, message: self.message, kind }
    }

    fn varint(&mut self) -> Result<u64, WalkError> {
        let rest = &self.bytes[self.position..];
        let (value, length) = decode_varint(rest).map_err(|kind| self.error(kind))?;
        self.position += length;
        Ok(value)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], WalkError> {
        let rest = &self.bytes[self.position..];
        match usize::try_from(length).ok().and_then(|n| rest.get(..n)) {
            Some(taken) => {
                self.position += taken.len();
                Ok(taken)
            }
            None => Err(self.error(WalkKind::Truncated { claimed: length, left: rest.len() })),
        }
    }
}

impl<'a> Field<'a> {
    /// An error at this field.
    pub(super) fn error(&self, kind: WalkKind) -> WalkError {
        WalkError { offset: self.at, message: self.message, kind }
    }

    /// The error for a field no version of ONNX has.
    pub(super) fn unknown(&self) -> WalkError {
        self.error(WalkKind::UnknownField(self.number))
    }

    /// The field as an integer.
    pub(super) fn int(&self) -> Result<i64, WalkError> {
        match self.payload {
            Payload::Varint(value) => Ok(value.cast_signed()),
            _ => Err(self.wrong_type()),
        }
    }

    /// The field as an int32 or enum, which protobuf cuts from 64 bits; here it must fit.
    pub(super) fn int32(&self) -> Result<i32, WalkError> {
        let value = self.int()?;
        i32::try_from(value).map_err(|_| {
            self.error(WalkKind::Invalid(format!("{value} is out of range for a 32-bit number")))
        })
    }

    /// The field as bytes.
    pub(super) fn bytes(&self) -> Result<&'a [u8], WalkError> {
        match self.payload {
            Payload::Bytes(bytes) => Ok(bytes),
            _ => Err(self.wrong_type()),
        }
    }

    /// The field as text.
    pub(super) fn text(&self) -> Result<&'a str, WalkError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.error(WalkKind::Utf8(self.number)))
    }

    /// The field as a message of its own.
    pub(super) fn message(&self, message: &'static str) -> Result<Reader<'a>, WalkError> {
        Ok(Reader { bytes: self.bytes()?, position: 0, base: self.at, message, seen: 0 })
    }

    /// Fails unless the field is four bytes.
    pub(super) fn fixed32(&self) -> Result<(), WalkError> {
        if matches!(self.payload, Payload::Fixed32) { Ok(()) } else { Err(self.wrong_type()) }
    }

    /// Calls `each` for every integer of a repeated field, packed or not.
    pub(super) fn each_int(&self, mut each: impl FnMut(i64)) -> Result<(), WalkError> {
        match self.payload {
            Payload::Varint(value) => each(value.cast_signed()),
            Payload::Bytes(mut rest) => {
                while !rest.is_empty() {
                    let (value, used) = decode_varint(rest).map_err(|kind| self.error(kind))?;
                    each(value.cast_signed());
                    rest = &rest[used..];
                }
            }
            _ => return Err(self.wrong_type()),
        }
        Ok(())
    }

    /// Number of values of `size` (4 or 8) bytes in a repeated field, packed or not.
    pub(super) fn count_fixed(&self, size: usize) -> Result<u64, WalkError> {
        match self.payload {
            Payload::Fixed32 if size == 4 => Ok(1),
            Payload::Fixed64 if size == 8 => Ok(1),
            Payload::Bytes(bytes) if bytes.len().is_multiple_of(size) => {
                Ok((bytes.len() / size) as u64)
            }
            Payload::Bytes(bytes) => {
                let (claimed, left) = (bytes.len().next_multiple_of(size) as u64, bytes.len());
                Err(self.error(WalkKind::Truncated { claimed, left }))
            }
            _ => Err(self.wrong_type()),
        }
    }

    fn wrong_type(&self) -> WalkError {
        let wire = match self.payload {
            Payload::Varint(_) => 0,
            Payload::Fixed64 => 1,
            Payload::Bytes(_) => 2,
            Payload::Fixed32 => 5,
        };
        self.error(WalkKind::WireType { field: self.number, wire })
    }
}

/// A varint at the start of `bytes`: its value and length.
fn decode_varint(bytes: &[u8]) -> Result<(u64, usize), WalkKind> {
    let mut value = 0_u64;
    for (i, &byte) in bytes.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one more bit.
        if i == 9 && bits > 1 {
            return Err(WalkKind::Varint);
        }
        value |= bits << (7 * i);
        if byte & 0x80 == 0 {
            return Ok((value, i + 1));
        }
    }
    if bytes.len() >= 10 {
        return Err(WalkKind::Varint);
    }
    Err(WalkKind::Truncated { claimed: bytes.len() as u64 + 1, left: bytes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_every_length() {
        assert_eq!(decode_varint(&[0x00]), Ok((0, 1)));
        assert_eq!(decode_varint(&[0x96, 0x01, 9]), Ok((150, 2)));
        let max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(decode_varint(&max), Ok((u64::MAX, 10)));
        let over = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(decode_varint(&over), Err(WalkKind::Varint));
        assert_eq!(decode_varint(&[0x80; 11]), Err(WalkKind::Varint));
        let cut = WalkKind::Truncated { claimed: 3, left: 2 };
        assert_eq!(decode_varint(&[0x80, 0x80]), Err(cut));
    }

    #[test]
    fn groups_and_lengths_beyond_the_end_are_refused() {
        let kind = |bytes: &[u8]| Reader::new(bytes, "test").next().unwrap_err().kind;
        assert_eq!(kind(&[0x0b]), WalkKind::WireType { field: 1, wire: 3 });
        assert_eq!(kind(&[0x0c]), WalkKind::WireType { field: 1, wire: 4 });
        assert_eq!(kind(&[0x00]), WalkKind::FieldNumber(0));
        assert_eq!(kind(&[0x0a, 5, 1]), WalkKind::Truncated { claimed: 5, left: 1 });
        let huge = [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(kind(&huge), WalkKind::Truncated { claimed: (1 << 63) - 1, left: 0 });
    }
}
