//! `ValueInfoProto` and `TypeProto`: names, element types and shapes of graph inputs and outputs.

use super::limits::Limits;
use super::signature::{Dimension, ValueInfo, ValueKind};
use super::tensor::string_entry;
use super::wire::{Field, Reader, WalkError, WalkKind};

/// Reads a `ValueInfoProto`.
pub(super) fn value_info(field: &Field<'_>, limits: &Limits) -> Result<ValueInfo, WalkError> {
    let mut reader = field.message("ValueInfoProto")?;
    let mut value = ValueInfo { name: String::new(), kind: ValueKind::Other("untyped") };
    while let Some(field) = reader.next()? {
        if field.number != 4 {
            reader.once(&field)?;
        }
        match field.number {
            1 => field.text()?.clone_into(&mut value.name),
            2 => value.kind = type_proto(field.message("TypeProto")?, limits, 0)?,
            3 => drop(field.bytes()?),
            4 => drop(string_entry(&field)?),
            _ => return Err(field.unknown()),
        }
    }
    Ok(value)
}

/// Reads a `TypeProto`, `depth` levels down.
pub(super) fn type_proto(
    mut reader: Reader<'_>,
    limits: &Limits,
    depth: usize,
) -> Result<ValueKind, WalkError> {
    if depth > limits.type_depth {
        let kind = WalkKind::TooDeep { what: "types", limit: limits.type_depth };
        return Err(reader.error(kind));
    }
    let mut kind = None;
    while let Some(field) = reader.next()? {
        reader.once(&field)?;
        if field.number == 6 {
            field.bytes()?; // denotation
            continue;
        }
        let found = match field.number {
            1 => tensor_type(&field, limits)?,
            4 => inner(&field, 1, (limits, depth)).map(|()| ValueKind::Other("sequence"))?,
            5 => inner(&field, 2, (limits, depth)).map(|()| ValueKind::Other("map"))?,
            7 => opaque(&field).map(|()| ValueKind::Other("opaque"))?,
            8 => tensor_type(&field, limits).map(|_| ValueKind::Other("sparse tensor"))?,
            9 => inner(&field, 1, (limits, depth)).map(|()| ValueKind::Other("optional"))?,
            _ => return Err(field.unknown()),
        };
        // The kinds exclude each other.
        if kind.replace(found).is_some() {
            return Err(field.error(WalkKind::Repeated(field.number)));
        }
    }
    Ok(kind.unwrap_or(ValueKind::Other("untyped")))
}

/// Reads a sequence, map or optional type, whose element type is in field `element`.
fn inner(
    field: &Field<'_>,
    element: u32,
    (limits, depth): (&Limits, usize),
) -> Result<(), WalkError> {
    let mut reader = field.message("TypeProto.Sequence, Map or Optional")?;
    while let Some(field) = reader.next()? {
        reader.once(&field)?;
        match field.number {
            n if n == element => {
                type_proto(field.message("TypeProto")?, limits, depth + 1)?;
            }
            1 => drop(field.int32()?), // a map's key type
            _ => return Err(field.unknown()),
        }
    }
    Ok(())
}

fn opaque(field: &Field<'_>) -> Result<(), WalkError> {
    let mut reader = field.message("TypeProto.Opaque")?;
    while let Some(field) = reader.next()? {
        match field.number {
            1 | 2 => drop(field.bytes()?),
            _ => return Err(field.unknown()),
        }
    }
    Ok(())
}

fn tensor_type(field: &Field<'_>, limits: &Limits) -> Result<ValueKind, WalkError> {
    let mut reader = field.message("TypeProto.Tensor")?;
    let (mut data_type, mut shape) = (0, None);
    while let Some(field) = reader.next()? {
        reader.once(&field)?;
        match field.number {
            1 => data_type = field.int32()?,
            2 => shape = Some(tensor_shape(&field, limits)?),
            _ => return Err(field.unknown()),
        }
    }
    Ok(ValueKind::Tensor { data_type, shape })
}

fn tensor_shape(field: &Field<'_>, limits: &Limits) -> Result<Vec<Dimension>, WalkError> {
    let mut reader = field.message("TensorShapeProto")?;
    let mut shape = Vec::new();
    while let Some(field) = reader.next()? {
        match field.number {
            1 => shape.push(dimension(&field)?),
            _ => return Err(field.unknown()),
        }
        if shape.len() > limits.rank {
            let kind = WalkKind::TooMany { what: "dimensions", limit: limits.rank as u64 };
            return Err(field.error(kind));
        }
    }
    Ok(shape)
}

fn dimension(field: &Field<'_>) -> Result<Dimension, WalkError> {
    let mut reader = field.message("TensorShapeProto.Dimension")?;
    let mut dimension = Dimension::Unknown;
    while let Some(field) = reader.next()? {
        reader.once(&field)?;
        match field.number {
            // Some exporters write -1 for a length that is open.
            1 => {
                dimension =
                    u64::try_from(field.int()?).map_or(Dimension::Unknown, Dimension::Fixed);
            }
            2 => {
                let symbol = field.text()?;
                if !symbol.is_empty() {
                    dimension = Dimension::Symbol(symbol.to_owned());
                }
            }
            3 => drop(field.bytes()?),
            _ => return Err(field.unknown()),
        }
    }
    Ok(dimension)
}
