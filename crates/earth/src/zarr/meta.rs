//! Metadata of arrays, of both versions of Zarr.

use base64::Engine;
use serde_json::Value;

use crate::cube::{Attribute, Attributes};

use super::codec::Codec;

/// Types of elements that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

impl Type {
    pub(crate) fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

/// How the file of a chunk is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    /// `c/` of version 3's default, or nothing.
    pub(crate) prefixed: bool,
    pub(crate) separator: char,
}

/// Chunks of a shard, and how its index is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shards {
    /// Sides of a shard; the array's chunks are the inner ones.
    pub(crate) sides: Vec<usize>,
    pub(crate) index_checked: bool,
    pub(crate) index_first: bool,
}

/// What is known of an array.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub(crate) shape: Vec<usize>,
    /// Sides of a chunk.
    pub(crate) chunk: Vec<usize>,
    /// None: texts and other types, which are named but not read.
    pub(crate) kind: Option<Type>,
    pub(crate) big_endian: bool,
    /// Dimensions in the order that a chunk stores them.
    pub(crate) order: Vec<usize>,
    /// In the order of encoding.
    pub(crate) codecs: Vec<Codec>,
    pub(crate) fill: f64,
    pub(crate) keys: Keys,
    pub(crate) shards: Option<Shards>,
    pub(crate) dims: Vec<String>,
    pub(crate) attributes: Attributes,
}

/// Most dimensions of an array.
const RANK: usize = 32;

fn sides(value: &Value) -> Result<Vec<usize>, String> {
    let list = value.as_array().ok_or("sides are missing")?;
    let side = |one: &Value| one.as_u64().and_then(|one| usize::try_from(one).ok());
    let sides: Option<Vec<usize>> = list.iter().map(side).collect();
    sides
        .filter(|sides| sides.len() <= RANK)
        .ok_or_else(|| "its sides are no list of numbers".to_owned())
}

/// Attributes of JSON as those of a file of named arrays.
pub(crate) fn attributes(value: &Value) -> Attributes {
    let Some(map) = value.as_object() else { return Attributes::new() };
    let of = |value: &Value| match value {
        Value::String(text) => Some(Attribute::Text(text.clone())),
        Value::Number(number) => number.as_f64().map(|number| Attribute::Numbers(vec![number])),
        Value::Array(list) => {
            list.iter().map(Value::as_f64).collect::<Option<_>>().map(Attribute::Numbers)
        }
        _ => None,
    };
    map.iter().filter_map(|(key, value)| Some((key.clone(), of(value)?))).collect()
}

fn fill(value: &Value, kind: Option<Type>) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => {
                let bits = u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()?;
                match kind? {
                    Type::F32 => Some(f64::from(f32::from_bits(u32::try_from(bits).ok()?))),
                    Type::F64 => Some(f64::from_bits(bits)),
                    _ => None,
                }
            }
        },
        _ => None,
    }
}

/// Version 3.
pub(crate) fn version_3(json: &Value) -> Result<Meta, String> {
    let shape = sides(&json["shape"])?;
    let kind = match json["data_type"].as_str() {
        Some("bool" | "uint8") => Some(Type::U8),
        Some("int8") => Some(Type::I8),
        Some("int16") => Some(Type::I16),
        Some("uint16") => Some(Type::U16),
        Some("int32") => Some(Type::I32),
        Some("uint32") => Some(Type::U32),
        Some("int64") => Some(Type::I64),
        Some("uint64") => Some(Type::U64),
        Some("float32") => Some(Type::F32),
        Some("float64") => Some(Type::F64),
        _ => None,
    };
    let grid = &json["chunk_grid"];
    if grid["name"] != "regular" {
        return Err(format!("its grid of chunks is {}; regular is read", grid["name"]));
    }
    let encoding = &json["chunk_key_encoding"];
    let separator = encoding["configuration"]["separator"].as_str();
    let keys = match encoding["name"].as_str() {
        Some("default") => Keys { prefixed: true, separator: separated(separator, '/') },
        Some("v2") => Keys { prefixed: false, separator: separated(separator, '.') },
        other => return Err(format!("its keys are {other:?}; default and v2 are read")),
    };
    let rank = shape.len();
    let dims = json["dimension_names"].as_array().map_or_else(Vec::new, |names| {
        names.iter().map(|name| name.as_str().unwrap_or("").to_owned()).collect()
    });
    let mut attributes = attributes(&json["attributes"]);
    decode_fill(&mut attributes);
    let mut meta = Meta {
        chunk: sides(&grid["configuration"]["chunk_shape"])?,
        kind,
        big_endian: false,
        order: (0..rank).collect(),
        codecs: vec![],
        fill: fill(&json["fill_value"], kind).unwrap_or(0.0),
        keys,
        shards: None,
        dims,
        attributes,
        shape,
    };
    if kind.is_some() {
        codecs_3(&json["codecs"], &mut meta)?;
    }
    checked(meta)
}

fn separated(told: Option<&str>, usual: char) -> char {
    match told {
        Some("/") => '/',
        Some(".") => '.',
        _ => usual,
    }
}

/// xarray writes the missing value of floats as the base64 of a double.
fn decode_fill(attributes: &mut Attributes) {
    let Some(Attribute::Text(text)) = attributes.get("_FillValue") else { return };
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok();
    if let Some(bytes) = bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()) {
        let fill = Attribute::Numbers(vec![f64::from_le_bytes(bytes)]);
        attributes.insert("_FillValue".to_owned(), fill);
    }
}

fn codecs_3(list: &Value, meta: &mut Meta) -> Result<(), String> {
    for codec in list.as_array().ok_or("it has no codecs")? {
        let (name, told) = (codec["name"].as_str().unwrap_or(""), &codec["configuration"]);
        match name {
            "bytes" => meta.big_endian = told["endian"] == "big",
            "gzip" => meta.codecs.push(Codec::Gzip),
            "zstd" | "numcodecs.zstd" => meta.codecs.push(Codec::Zstd),
            "blosc" | "numcodecs.blosc" => meta.codecs.push(Codec::Blosc),
            "numcodecs.zlib" => meta.codecs.push(Codec::Zlib),
            "numcodecs.lz4" => meta.codecs.push(Codec::Lz4),
            "numcodecs.shuffle" => {
                let size = told["elementsize"].as_u64().and_then(|size| usize::try_from(size).ok());
                meta.codecs.push(Codec::Shuffle(
                    size.filter(|size| (1..=256).contains(size)).unwrap_or(4),
                ));
            }
            "crc32c" => meta.codecs.push(Codec::Crc32c),
            "transpose" => {
                let order = sides(&told["order"])?;
                if !meta.codecs.is_empty() || meta.shards.is_some() {
                    return Err("a transpose after compression is not read".to_owned());
                }
                meta.order = order;
            }
            "sharding_indexed" if meta.shards.is_none() && meta.codecs.is_empty() => {
                let inner = sides(&told["chunk_shape"])?;
                let index = told["index_codecs"].as_array().map_or(&[][..], Vec::as_slice);
                let plain =
                    |one: &Value| one["name"] == "bytes" && one["configuration"]["endian"] != "big";
                let checked = index.last().is_some_and(|one| one["name"] == "crc32c");
                if !index.first().is_some_and(plain) || index.len() > 1 + usize::from(checked) {
                    return Err("its index of shards is compressed, which is not read".to_owned());
                }
                let sides = std::mem::replace(&mut meta.chunk, inner);
                let index_first = told["index_location"] == "start";
                meta.shards = Some(Shards { sides, index_checked: checked, index_first });
                codecs_3(&told["codecs"], meta)?;
            }
            other => {
                return Err(format!(
                    "codec {other:?} is not read; bytes, transpose, blosc, zstd, gzip, zlib, lz4, shuffle, crc32c and sharding are"
                ));
            }
        }
    }
    Ok(())
}

/// Version 2: `.zarray` and `.zattrs`.
pub(crate) fn version_2(json: &Value, attrs: &Value) -> Result<Meta, String> {
    let shape = sides(&json["shape"])?;
    let dtype = json["dtype"].as_str().unwrap_or("");
    let kind = match dtype.trim_start_matches(['<', '>', '|']) {
        "b1" | "u1" => Some(Type::U8),
        "i1" => Some(Type::I8),
        "i2" => Some(Type::I16),
        "u2" => Some(Type::U16),
        "i4" => Some(Type::I32),
        "u4" => Some(Type::U32),
        "i8" => Some(Type::I64),
        "u8" => Some(Type::U64),
        "f4" => Some(Type::F32),
        "f8" => Some(Type::F64),
        _ => None,
    };
    let mut codecs = Vec::new();
    let filters = json["filters"].as_array().map_or(&[][..], Vec::as_slice);
    let compressor = Some(&json["compressor"]).filter(|one| !one.is_null());
    for codec in filters.iter().chain(compressor).filter(|_| kind.is_some()) {
        codecs.push(match codec["id"].as_str().unwrap_or("") {
            "blosc" => Codec::Blosc,
            "zstd" => Codec::Zstd,
            "gzip" => Codec::Gzip,
            "zlib" => Codec::Zlib,
            "lz4" => Codec::Lz4,
            "shuffle" => {
                let size =
                    codec["elementsize"].as_u64().and_then(|size| usize::try_from(size).ok());
                Codec::Shuffle(size.filter(|size| (1..=256).contains(size)).unwrap_or(4))
            }
            other => {
                return Err(format!(
                    "codec {other:?} is not read; blosc, zstd, gzip, zlib, lz4 and shuffle are"
                ));
            }
        });
    }
    let mut order: Vec<usize> = (0..shape.len()).collect();
    if json["order"] == "F" {
        order.reverse();
    }
    let mut attributes = attributes(attrs);
    let fill_value = fill(&json["fill_value"], kind);
    // Version 2 has no other word for a missing value. (Zero, which libraries put where nothing is said, is none of floats.)
    let missing = fill_value.filter(|fill| *fill != 0.0 || !kind.is_some_and(Type::is_float));
    if let Some(fill) = missing {
        attributes.entry("_FillValue".to_owned()).or_insert(Attribute::Numbers(vec![fill]));
    }
    let dims = attrs["_ARRAY_DIMENSIONS"].as_array().map_or_else(Vec::new, |names| {
        names.iter().map(|name| name.as_str().unwrap_or("").to_owned()).collect()
    });
    let separator = separated(json["dimension_separator"].as_str(), '.');
    checked(Meta {
        chunk: sides(&json["chunks"])?,
        kind,
        big_endian: dtype.starts_with('>'),
        order,
        codecs,
        fill: fill_value.unwrap_or(0.0),
        keys: Keys { prefixed: false, separator },
        shards: None,
        dims,
        attributes,
        shape,
    })
}

fn checked(mut meta: Meta) -> Result<Meta, String> {
    let rank = meta.shape.len();
    let mut seen = meta.order.clone();
    seen.sort_unstable();
    let fits = |sides: &[usize]| sides.len() == rank && !sides.contains(&0);
    let shards = meta.shards.as_ref().is_none_or(|shards| {
        fits(&shards.sides)
            && shards.sides.iter().zip(&meta.chunk).all(|(shard, chunk)| shard % chunk == 0)
    });
    if !fits(&meta.chunk) || !shards || seen != (0..rank).collect::<Vec<_>>() {
        return Err("its chunks do not fit its shape".to_owned());
    }
    if meta.dims.len() != rank {
        meta.dims = (0..rank).map(|dim| format!("dim_{dim}")).collect();
    }
    Ok(meta)
}
