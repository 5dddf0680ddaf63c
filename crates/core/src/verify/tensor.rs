//! `TensorProto` and `SparseTensorProto`: dimensions within their caps, data of the right size, and
//! external data only under a plain file name.

use super::limits::Limits;
use super::wire::{Field, Reader, WalkError, WalkKind};
use crate::card::is_plain_name;

/// A tensor whose data lie in another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalTensor {
    /// Name of the tensor (empty in attributes).
    pub name: String,
    /// Name of the file, inside the model's folder.
    pub file: String,
    /// First byte of the data.
    pub offset: u64,
    /// Bytes of the data.
    pub length: u64,
    /// Element type, by its number in `TensorProto.DataType`.
    pub data_type: i32,
    /// Dimensions.
    pub dims: Vec<u64>,
}

/// A tensor that was found sound.
#[derive(Debug)]
pub(super) struct Tensor<'a> {
    pub(super) name: &'a str,
    pub(super) data_type: i32,
    pub(super) dims: Vec<u64>,
    pub(super) elements: u64,
    pub(super) external: Option<ExternalTensor>,
}

/// How a data type is stored: bits an element in `raw_data`, and the typed field it may use instead.
struct Storage {
    bits: u64,
    /// Field number of the typed data.
    field: u32,
    /// Typed values an element takes, as (values, elements).
    ratio: (u64, u64),
}

/// Storage of a data type, by its number; the table is onnx.proto's. `None`: no such type.
fn storage(data_type: i32) -> Option<Storage> {
    const FLOATS: u32 = 4;
    const INT32S: u32 = 5;
    const STRINGS: u32 = 6;
    const INT64S: u32 = 7;
    const DOUBLES: u32 = 10;
    const UINT64S: u32 = 11;
    let (bits, field, ratio) = match data_type {
        1 => (32, FLOATS, (1, 1)),                       // float32
        2 | 3 | 9 | 17..=20 | 24 => (8, INT32S, (1, 1)), // (u)int8, bool, float8 kinds
        4 | 5 | 10 | 16 => (16, INT32S, (1, 1)),         // (u)int16, float16, bfloat16
        6 => (32, INT32S, (1, 1)),                       // int32
        7 => (64, INT64S, (1, 1)),                       // int64
        8 => (0, STRINGS, (1, 1)),                       // string
        11 => (64, DOUBLES, (1, 1)),                     // float64
        12 => (32, UINT64S, (1, 1)),                     // uint32
        13 => (64, UINT64S, (1, 1)),                     // uint64
        14 => (64, FLOATS, (2, 1)),                      // complex64
        15 => (128, DOUBLES, (2, 1)),                    // complex128
        21..=23 => (4, INT32S, (1, 2)),                  // (u)int4, float4
        25 | 26 => (2, INT32S, (1, 4)),                  // (u)int2
        _ => return None,
    };
    Some(Storage { bits, field, ratio })
}

/// What a `TensorProto` says, before it is judged.
#[derive(Default)]
struct Raw<'a> {
    name: &'a str,
    data_type: Option<i32>,
    dims: Vec<i64>,
    rank: usize,
    /// Values in the typed fields, by field number.
    typed: Vec<(u32, u64)>,
    raw_bytes: Option<u64>,
    entries: Vec<(&'a str, &'a str)>,
    external: bool,
}

/// Reads and checks a `TensorProto`.
pub(super) fn tensor<'a>(mut reader: Reader<'a>, limits: &Limits) -> Result<Tensor<'a>, WalkError> {
    let mut raw = Raw::default();
    while let Some(field) = reader.next()? {
        if !matches!(field.number, 1 | 4..=7 | 10 | 11 | 13 | 16) {
            reader.once(&field)?;
        }
        read_field(&field, &mut raw, limits)?;
    }
    judge(&raw, limits).map_err(|kind| reader.error(kind))
}

fn read_field<'a>(field: &Field<'a>, raw: &mut Raw<'a>, limits: &Limits) -> Result<(), WalkError> {
    let mut count = |number, values| match raw.typed.iter_mut().find(|(n, _)| *n == number) {
        Some((_, total)) => *total += values,
        None => raw.typed.push((number, values)),
    };
    match field.number {
        1 => field.each_int(|dim| {
            raw.rank += 1;
            // A long list is refused later; until then it must not fill the memory.
            if raw.rank <= limits.rank {
                raw.dims.push(dim);
            }
        })?,
        2 => raw.data_type = Some(field.int32()?),
        3 => {
            return Err(field.error(WalkKind::Invalid("segmented tensors aren't supported".into())));
        }
        4 => count(4, field.count_fixed(4)?),
        5 | 7 | 11 => {
            let mut values = 0;
            field.each_int(|_| values += 1)?;
            count(field.number, values);
        }
        6 => {
            field.bytes()?;
            count(6, 1);
        }
        8 => raw.name = field.text()?,
        9 => raw.raw_bytes = Some(field.bytes()?.len() as u64),
        10 => count(10, field.count_fixed(8)?),
        12 => drop(field.bytes()?),
        13 => {
            let entry = string_entry(field)?;
            // Four keys exist; more entries than that are refused below.
            if raw.entries.len() < 8 {
                raw.entries.push(entry);
            }
        }
        14 => {
            raw.external = match field.int()? {
                0 => false,
                1 => true,
                n => return Err(field.error(WalkKind::Invalid(format!("data location {n}")))),
            }
        }
        16 => drop(string_entry(field)?),
        _ => return Err(field.unknown()),
    }
    Ok(())
}

/// A `StringStringEntryProto`: key and value.
pub(super) fn string_entry<'a>(field: &Field<'a>) -> Result<(&'a str, &'a str), WalkError> {
    let mut reader = field.message("StringStringEntryProto")?;
    let (mut key, mut value) = ("", "");
    while let Some(field) = reader.next()? {
        reader.once(&field)?;
        match field.number {
            1 => key = field.text()?,
            2 => value = field.text()?,
            _ => return Err(field.unknown()),
        }
    }
    Ok((key, value))
}

fn judge<'a>(raw: &Raw<'a>, limits: &Limits) -> Result<Tensor<'a>, WalkKind> {
    let (dims, elements) = dimensions(raw.name, &raw.dims, raw.rank, limits)?;
    if elements > limits.elements {
        return Err(bad_dims(raw.name, &raw.dims, "more elements than allowed"));
    }
    let data_type = raw.data_type.ok_or(WalkKind::Missing("a tensor's data type"))?;
    let storage = storage(data_type).ok_or_else(|| {
        WalkKind::Invalid(format!("tensor {:?} has the unknown data type {data_type}", raw.name))
    })?;
    let external = if raw.external || !raw.entries.is_empty() {
        Some(external(raw, data_type, &dims, (elements, &storage))?)
    } else {
        inline_size(raw, elements, &storage)?;
        None
    };
    Ok(Tensor { name: raw.name, data_type, dims, elements, external })
}

fn bad_dims(tensor: &str, dims: &[i64], why: &'static str) -> WalkKind {
    let dims = dims.iter().copied().take(8).collect();
    WalkKind::Dims { tensor: tensor.to_owned(), dims, why }
}

/// Dimensions as lengths, and their product.
fn dimensions(
    name: &str,
    dims: &[i64],
    rank: usize,
    limits: &Limits,
) -> Result<(Vec<u64>, u64), WalkKind> {
    if rank > limits.rank {
        return Err(bad_dims(name, dims, "more dimensions than allowed"));
    }
    let lengths: Option<Vec<u64>> = dims.iter().map(|dim| u64::try_from(*dim).ok()).collect();
    let Some(lengths) = lengths else {
        return Err(bad_dims(name, dims, "a dimension is negative"));
    };
    // Zeros are left out of the product on purpose: [0, 2^62, 2^62] overflows elsewhere.
    let mut factors = lengths.iter().copied().filter(|n| *n != 0);
    match factors.try_fold(1_u64, u64::checked_mul) {
        Some(elements) => {
            let elements = if lengths.contains(&0) { 0 } else { elements };
            Ok((lengths, elements))
        }
        None => Err(bad_dims(name, dims, "their product exceeds 64 bits")),
    }
}

fn byte_size(elements: u64, storage: &Storage) -> Option<u64> {
    elements.checked_mul(storage.bits).map(|bits| bits.div_ceil(8))
}

fn inline_size(raw: &Raw<'_>, elements: u64, storage: &Storage) -> Result<(), WalkKind> {
    let size_error = |expected: String, found: String| WalkKind::TensorSize {
        tensor: raw.name.to_owned(),
        expected,
        found,
    };
    if let Some(found) = raw.raw_bytes {
        let text = storage.bits == 0;
        let expected = byte_size(elements, storage).filter(|_| !text);
        // Both kinds at once would leave it to the reader which one counts.
        if expected == Some(found) && raw.typed.iter().all(|(_, n)| *n == 0) {
            return Ok(());
        }
        let expected = match expected {
            Some(bytes) => format!("{bytes} raw bytes and nothing else"),
            None => "no raw bytes".to_owned(),
        };
        return Err(size_error(expected, format!("{found}, typed values: {:?}", raw.typed)));
    }
    let (values, per_elements) = storage.ratio;
    let expected = elements.checked_mul(values).map(|n| n.div_ceil(per_elements));
    let found: u64 = raw.typed.iter().map(|(_, n)| n).sum();
    let right = raw.typed.iter().find(|(n, _)| *n == storage.field).map_or(0, |(_, n)| *n);
    if expected == Some(right) && found == right {
        return Ok(());
    }
    let expected = expected.map_or("an impossible number".to_owned(), |n| n.to_string());
    Err(size_error(
        format!("{expected} values in field {}", storage.field),
        format!("{right} there and {} elsewhere", found - right),
    ))
}

fn external(
    raw: &Raw<'_>,
    data_type: i32,
    dims: &[u64],
    (elements, storage): (u64, &Storage),
) -> Result<ExternalTensor, WalkKind> {
    let bad = |key: &str, why| WalkKind::ExternalEntry {
        tensor: raw.name.to_owned(),
        key: key.to_owned(),
        why,
    };
    if !raw.external {
        return Err(bad("location", "is there, but the tensor isn't marked external"));
    }
    if raw.raw_bytes.is_some() || !raw.typed.is_empty() {
        return Err(bad("location", "is there, and data are in the file too"));
    }
    let number = |key, text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| digits).ok_or_else(|| bad(key, "is no whole number"))
    };
    let (mut location, mut offset, mut length) = (None, None, None);
    for (i, (key, value)) in raw.entries.iter().enumerate() {
        if raw.entries[..i].iter().any(|(earlier, _)| earlier == key) {
            return Err(bad(key, "is there twice"));
        }
        match *key {
            "location" => location = Some(*value),
            "offset" => offset = Some(number("offset", value)?),
            "length" => length = Some(number("length", value)?),
            // SHA-1 of the file: the card's SHA-256 is checked instead.
            "checksum" => {}
            _ => return Err(bad(key, "is unknown")),
        }
    }
    let location = location.ok_or_else(|| bad("location", "is missing"))?;
    if !is_plain_name(location) {
        return Err(WalkKind::ExternalPath {
            tensor: raw.name.to_owned(),
            location: location.to_owned(),
        });
    }
    let expected = byte_size(elements, storage).filter(|_| storage.bits > 0);
    let expected = expected.ok_or_else(|| bad("location", "is there for a tensor of text"))?;
    let length = length.unwrap_or(expected);
    if length != expected {
        return Err(WalkKind::TensorSize {
            tensor: raw.name.to_owned(),
            expected: format!("{expected} external bytes"),
            found: length.to_string(),
        });
    }
    Ok(ExternalTensor {
        name: raw.name.to_owned(),
        file: location.to_owned(),
        offset: offset.unwrap_or(0),
        length,
        data_type,
        dims: dims.to_vec(),
    })
}

/// A sparse tensor's parts: its values carry its name.
pub(super) struct Sparse<'a> {
    pub(super) values: Tensor<'a>,
    pub(super) indices: Tensor<'a>,
}

/// Reads and checks a `SparseTensorProto`.
pub(super) fn sparse<'a>(mut reader: Reader<'a>, limits: &Limits) -> Result<Sparse<'a>, WalkError> {
    let (mut values, mut indices) = (None, None);
    let (mut dims, mut rank) = (Vec::new(), 0);
    while let Some(field) = reader.next()? {
        match field.number {
            1 | 2 => {
                reader.once(&field)?;
                let part = tensor(field.message("TensorProto")?, limits)?;
                *(if field.number == 1 { &mut values } else { &mut indices }) = Some(part);
            }
            3 => field.each_int(|dim| {
                rank += 1;
                if rank <= limits.rank {
                    dims.push(dim);
                }
            })?,
            _ => return Err(field.unknown()),
        }
    }
    let missing = |what| reader.error(WalkKind::Missing(what));
    let values = values.ok_or_else(|| missing("a sparse tensor's values"))?;
    let indices = indices.ok_or_else(|| missing("a sparse tensor's indices"))?;
    let (lengths, dense) =
        dimensions(values.name, &dims, rank, limits).map_err(|kind| reader.error(kind))?;
    if dense > limits.sparse_elements {
        let why = "more elements, once dense, than allowed";
        return Err(reader.error(bad_dims(values.name, &dims, why)));
    }
    // Indices are either one number a value or one row of coordinates a value.
    let count = values.elements;
    let coordinates = [count, lengths.len() as u64];
    let fits = values.dims == [count] && (indices.dims == [count] || indices.dims == coordinates);
    if !fits || indices.data_type != 7 || count > dense {
        return Err(reader.error(WalkKind::Invalid(format!(
            "sparse tensor {:?} of shape {lengths:?} has values {:?} and indices {:?}",
            values.name, values.dims, indices.dims
        ))));
    }
    Ok(Sparse { values, indices })
}
