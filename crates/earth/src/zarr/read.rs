//! Zarr stores as named arrays.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde_json::Value;

use crate::cube::{Attributes, Cube, Numbers, Store, Variable};
use crate::source::{Limits, ReadError, Source};

use super::chunks::{Block, Cache, Element};
use super::codec;
use super::meta::{self, Meta, Shards, Type};

/// Most bytes of a file of metadata.
const METADATA: u64 = 64 << 20;
/// Chunks decoded at a time before they are put in their place.
const BATCH: usize = 32;

/// Opens a folder whose arrays lie on latitudes and longitudes: version 2 (with or without consolidated metadata) or 3.
///
/// # Errors
/// [`ReadError`]: it is no Zarr store, is broken, or holds no field. Arrays with codecs that are not read are told by
/// [`Source::notes`].
pub fn open(path: &Path, limits: &Limits) -> Result<impl Source + use<>, ReadError> {
    Cube::new(Zarr::open(path, limits)?, path, "zarr", limits)
}

struct Zarr {
    path: PathBuf,
    /// None where metadata was not understood: the variable then has no values.
    metas: Vec<Result<Meta, String>>,
    variables: Vec<Variable>,
    attributes: Attributes,
    most: usize,
    cache: Cache,
}

impl Zarr {
    fn open(path: &Path, limits: &Limits) -> Result<Self, ReadError> {
        let format =
            |why: String| ReadError::Format { path: path.to_owned(), why: format!("Zarr: {why}") };
        let listed = if path.join("zarr.json").is_file() { list_3(path) } else { list_2(path) };
        let (attributes, arrays) = listed.map_err(format)?;
        let mut zarr = Self {
            path: path.to_owned(),
            metas: vec![],
            variables: vec![],
            attributes,
            most: limits.points.saturating_mul(8),
            cache: Cache::default(),
        };
        for (name, meta) in arrays {
            let variable = meta.as_ref().ok().map(|meta| Variable {
                name: name.clone(),
                dims: meta.dims.clone(),
                shape: meta.shape.clone(),
                attributes: meta.attributes.clone(),
                text: meta.kind.is_none(),
            });
            let empty = || Variable {
                name: name.clone(),
                dims: vec!["unread".to_owned()],
                shape: vec![1],
                attributes: Attributes::new(),
                text: false,
            };
            zarr.variables.push(variable.unwrap_or_else(empty));
            zarr.metas.push(meta);
        }
        Ok(zarr)
    }

    /// A chunk's elements as bytes in its own order; none where it was never written.
    fn chunk(&self, variable: usize, meta: &Meta, at: &[usize]) -> Result<Option<Vec<u8>>, String> {
        let size = meta.kind.ok_or("values of its type are not read")?.size();
        let plain = meta.chunk.iter().try_fold(size, |plain, side| plain.checked_mul(*side));
        let plain = plain.filter(|plain| *plain <= self.most);
        let plain = plain.ok_or_else(|| format!("a chunk is more than {} bytes", self.most))?;
        let name = &self.variables[variable].name;
        let stored = match &meta.shards {
            None => self.file(name, meta, at, None)?,
            Some(shards) => {
                let inner = |(shard, chunk): (&usize, &usize)| shard / chunk;
                let counts: Vec<usize> = shards.sides.iter().zip(&meta.chunk).map(inner).collect();
                let shard: Vec<usize> =
                    at.iter().zip(&counts).map(|(at, count)| at / count).collect();
                let place =
                    at.iter().zip(&counts).fold(0, |place, (at, count)| place * count + at % count);
                let total =
                    counts.iter().try_fold(1_usize, |total, count| total.checked_mul(*count));
                let total =
                    total.filter(|total| *total <= 1 << 24).ok_or("a shard has too many chunks")?;
                self.file(name, meta, &shard, Some((shards, total, place)))?
            }
        };
        let Some(mut bytes) = stored else { return Ok(None) };
        // Compressed bytes may be a little longer than plain ones.
        let slack = plain + plain / 8 + 1024;
        for (left, codec) in meta.codecs.iter().enumerate().rev() {
            bytes = codec.decode(&bytes, if left == 0 { plain } else { slack })?;
        }
        match bytes.len() == plain {
            true => Ok(Some(bytes)),
            false => Err(format!("a chunk has {} bytes in place of {plain}", bytes.len())),
        }
    }

    /// The stored bytes of a chunk: a file, or a piece of a shard.
    fn file(
        &self,
        name: &str,
        meta: &Meta,
        at: &[usize],
        shard: Option<(&Shards, usize, usize)>,
    ) -> Result<Option<Vec<u8>>, String> {
        let separator = meta.keys.separator.to_string();
        let joined = at.iter().map(usize::to_string).collect::<Vec<_>>().join(&separator);
        let key = match (meta.keys.prefixed, at.is_empty()) {
            (true, true) => "c".to_owned(),
            (true, false) => format!("c{separator}{joined}"),
            (false, true) => "0".to_owned(),
            (false, false) => joined,
        };
        let told = |error: std::io::Error| format!("chunk {key}: {error}");
        let mut file = match File::open(self.path.join(name).join(&key)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(told(error)),
        };
        let length = file.metadata().map_err(told)?.len();
        let read = |file: &mut File, from: u64, size: u64| -> Result<Vec<u8>, String> {
            if from.checked_add(size).is_none_or(|end| end > length)
                || size > self.most as u64 + (1 << 20)
            {
                return Err(format!("chunk {key} is cut short or too large"));
            }
            let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
            file.seek(SeekFrom::Start(from)).map_err(told)?;
            file.read_exact(&mut bytes).map_err(told)?;
            Ok(bytes)
        };
        let Some((shards, total, place)) = shard else {
            return read(&mut file, 0, length).map(Some);
        };
        let size = total as u64 * 16 + if shards.index_checked { 4 } else { 0 };
        let from = if shards.index_first {
            0
        } else {
            length.checked_sub(size).ok_or("a shard is cut short")?
        };
        let index = read(&mut file, from, size)?;
        let index = if shards.index_checked { codec::crc32c_checked(&index)? } else { &index };
        let word = |at: usize| {
            let bytes = index.get(at * 8..at * 8 + 8).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(u64::MAX, u64::from_le_bytes)
        };
        match (word(2 * place), word(2 * place + 1)) {
            (u64::MAX, u64::MAX) => Ok(None),
            (from, size) => read(&mut file, from, size).map(Some),
        }
    }

    fn block<T: Element>(
        &self,
        variable: usize,
        meta: &Meta,
        block: &Block,
    ) -> Result<Vec<T>, String> {
        let size = block.size().filter(|size| *size <= self.most / 8);
        let size = size.ok_or_else(|| format!("a block is more than {} values", self.most / 8))?;
        let mut values = vec![T::of(meta.fill); size];
        let chunks = block.chunks(meta);
        // A chunk that holds more than the block asks of it will be asked for again.
        let keep = |at: &[usize]| block.leaves_some_of(meta, at);
        let get = |at: &Vec<usize>| -> Result<Option<Arc<Vec<u8>>>, String> {
            let keep = keep(at);
            if let Some(bytes) = keep.then(|| self.cache.get(variable, at)).flatten() {
                return Ok(Some(bytes));
            }
            let bytes = self.chunk(variable, meta, at)?.map(Arc::new);
            if let (true, Some(bytes)) = (keep, &bytes) {
                self.cache.put(variable, at, bytes);
            }
            Ok(bytes)
        };
        for batch in chunks.chunks(BATCH) {
            let decoded: Result<Vec<_>, String> = match batch {
                [one] => get(one).map(|bytes| vec![bytes]),
                several => several.par_iter().map(get).collect(),
            };
            for (at, bytes) in batch.iter().zip(decoded?) {
                if let Some(bytes) = bytes {
                    block.place(meta, at, &bytes, &mut values);
                }
            }
        }
        Ok(values)
    }
}

/// Name, or what is wrong with it: names come from a file and become paths.
fn safe(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    name.split('/').all(part) && !name.contains(['\\', ':', '\0'])
}

fn json(path: &Path) -> Result<Value, String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut text = String::new();
    File::open(path).map_err(told)?.take(METADATA).read_to_string(&mut text).map_err(told)?;
    // Version 2's writers in Python leave bare words that JSON does not have.
    let text = text.replace(": NaN", ": \"NaN\"").replace(": Infinity", ": \"Infinity\"");
    let text = text.replace(": -Infinity", ": \"-Infinity\"");
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Attributes of a store and its arrays.
type Listed = (Attributes, Vec<(String, Result<Meta, String>)>);

fn folders(path: &Path) -> Result<Vec<String>, String> {
    let list = std::fs::read_dir(path).map_err(|error| error.to_string())?;
    let name =
        |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    let mut names: Vec<String> =
        list.filter_map(name).filter(|name| path.join(name).is_dir()).collect();
    names.sort();
    Ok(names)
}

fn list_3(path: &Path) -> Result<Listed, String> {
    let root = json(&path.join("zarr.json"))?;
    if root["zarr_format"] != 3 || root["node_type"] != "group" {
        return Err("zarr.json tells no group of version 3".to_owned());
    }
    let mut arrays = Vec::new();
    let mut add = |name: String, node: &Value| {
        if node["node_type"] == "array" && safe(&name) {
            arrays.push((name, meta::version_3(node)));
        }
    };
    match root["consolidated_metadata"]["metadata"].as_object() {
        Some(nodes) => nodes.iter().for_each(|(name, node)| add(name.clone(), node)),
        None => {
            for name in folders(path)? {
                let file = path.join(&name).join("zarr.json");
                if file.is_file() {
                    add(name, &json(&file)?);
                }
            }
        }
    }
    Ok((meta::attributes(&root["attributes"]), arrays))
}

fn list_2(path: &Path) -> Result<Listed, String> {
    let mut arrays = Vec::new();
    let consolidated = path.join(".zmetadata");
    if consolidated.is_file() {
        let all = json(&consolidated)?;
        let nodes = all["metadata"].as_object().ok_or(".zmetadata has no metadata")?;
        for (key, node) in nodes {
            let Some(name) = key.strip_suffix("/.zarray").filter(|name| safe(name)) else {
                continue;
            };
            let none = Value::Null;
            let attrs = nodes.get(&format!("{name}/.zattrs")).unwrap_or(&none);
            arrays.push((name.to_owned(), meta::version_2(node, attrs)));
        }
        return Ok((meta::attributes(nodes.get(".zattrs").unwrap_or(&Value::Null)), arrays));
    }
    if !path.join(".zgroup").is_file() {
        return Err("the folder has no zarr.json, .zmetadata or .zgroup".to_owned());
    }
    let optional = |path: PathBuf| if path.is_file() { json(&path) } else { Ok(Value::Null) };
    for name in folders(path)? {
        let file = path.join(&name).join(".zarray");
        if file.is_file() {
            let attrs = optional(path.join(&name).join(".zattrs"))?;
            arrays.push((name, meta::version_2(&json(&file)?, &attrs)));
        }
    }
    Ok((meta::attributes(&optional(path.join(".zattrs"))?), arrays))
}

impl Store for Zarr {
    fn variables(&self) -> &[Variable] {
        &self.variables
    }

    fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    fn read(&self, variable: usize, start: &[usize], count: &[usize]) -> Result<Numbers, String> {
        let meta = self.metas.get(variable).ok_or("there is no such variable")?;
        let meta = meta.as_ref().map_err(String::clone)?;
        let block = Block { start: start.to_vec(), count: count.to_vec() };
        Ok(match meta.kind.ok_or("values of its type are not read")? {
            Type::I8 => Numbers::I8(self.block(variable, meta, &block)?),
            Type::U8 => Numbers::U8(self.block(variable, meta, &block)?),
            Type::I16 => Numbers::I16(self.block(variable, meta, &block)?),
            Type::U16 => Numbers::U16(self.block(variable, meta, &block)?),
            Type::I32 => Numbers::I32(self.block(variable, meta, &block)?),
            Type::U32 => Numbers::U32(self.block(variable, meta, &block)?),
            Type::I64 => Numbers::I64(self.block(variable, meta, &block)?),
            Type::U64 => Numbers::U64(self.block(variable, meta, &block)?),
            Type::F32 => Numbers::F32(self.block(variable, meta, &block)?),
            Type::F64 => Numbers::F64(self.block(variable, meta, &block)?),
        })
    }

    fn texts(&self, _: usize) -> Result<Vec<String>, String> {
        Err("texts of Zarr are not read".to_owned())
    }

    fn broken(&self, variable: usize) -> Option<&str> {
        self.metas.get(variable)?.as_ref().err().map(String::as_str)
    }
}
