//! An encoder's ONNX file taken apart, so that a head's nodes can stand behind its own in one graph.

use std::collections::BTreeSet;

/// Versions of ONNX's own operators in which those of a head mean the same.
const OPERATORS: std::ops::RangeInclusive<u64> = 13..=21;
/// Version of the operators of learned trees that a head is written in.
pub(super) const TREES: u64 = 3;
/// Version of the file format that a head needs at least.
pub(super) const FORMAT: u64 = 8;

/// A graph's parts, each as it lay in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Base {
    pub(super) nodes: Vec<Vec<u8>>,
    pub(super) constants: Vec<Vec<u8>>,
    pub(super) inputs: Vec<Vec<u8>>,
    /// Version of the file format.
    pub(super) format: u64,
    /// Version of ONNX's own operators.
    pub(super) operators: u64,
}

/// A field of a message.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

impl Base {
    /// Takes a file apart. `output` must be its one output; no value of it may begin with `prefix` or be named as one
    /// of `names`.
    ///
    /// # Errors
    /// What in the file does not let a head be joined.
    pub(super) fn read(
        file: &[u8],
        output: &str,
        (prefix, names): (&str, &[&str]),
    ) -> Result<Self, String> {
        let mut base = Self {
            nodes: Vec::new(),
            constants: Vec::new(),
            inputs: Vec::new(),
            format: FORMAT,
            operators: 0,
        };
        let mut outputs = Vec::new();
        let mut used = BTreeSet::new();
        for (number, field) in fields(file)? {
            match (number, field) {
                (1, Field::Number(version)) => base.format = version.max(FORMAT),
                (7, Field::Bytes(graph)) => {
                    for (number, field) in fields(graph)? {
                        let Field::Bytes(bytes) = field else { continue };
                        match number {
                            1 => {
                                used.extend(texts(bytes, &[1, 2])?);
                                base.nodes.push(bytes.to_vec());
                            }
                            5 => {
                                used.extend(texts(bytes, &[8])?);
                                base.constants.push(bytes.to_vec());
                            }
                            11 => {
                                used.extend(texts(bytes, &[1])?);
                                base.inputs.push(bytes.to_vec());
                            }
                            12 => outputs.extend(texts(bytes, &[1])?),
                            2 | 10 | 13 | 14 => {}
                            _ => {
                                return Err(format!(
                                    "its graph has a field {number}, which is not understood"
                                ));
                            }
                        }
                    }
                }
                (8, Field::Bytes(set)) => base.take_operators(set)?,
                (20 | 25, _) => {
                    return Err("it has training steps or functions of its own".to_owned());
                }
                _ => {}
            }
        }
        if outputs != [output] {
            return Err(format!("its outputs are {outputs:?} in place of {output:?} alone"));
        }
        if !OPERATORS.contains(&base.operators) {
            let (least, most) = (OPERATORS.start(), OPERATORS.end());
            let version = base.operators;
            return Err(format!(
                "its operators are of version {version}; {least} to {most} can be joined"
            ));
        }
        let taken = |name: &&String| name.starts_with(prefix) || names.contains(&name.as_str());
        match used.iter().find(taken) {
            Some(name) => Err(format!("it has a value named {name:?}, as a head has")),
            None => Ok(base),
        }
    }

    fn take_operators(&mut self, set: &[u8]) -> Result<(), String> {
        let (mut domain, mut version) = (String::new(), 0);
        for (number, field) in fields(set)? {
            match (number, field) {
                (1, Field::Bytes(name)) => domain = String::from_utf8_lossy(name).into_owned(),
                (2, Field::Number(number)) => version = number,
                _ => {}
            }
        }
        match domain.as_str() {
            "" | "ai.onnx" => self.operators = version,
            super::proto::ML if version == TREES => {}
            _ => return Err(format!("it needs operators {domain:?} of version {version}")),
        }
        Ok(())
    }
}

/// The texts of some fields.
fn texts(message: &[u8], wanted: &[u64]) -> Result<Vec<String>, String> {
    let found = fields(message)?.into_iter().filter_map(|(number, field)| match field {
        Field::Bytes(bytes) if wanted.contains(&number) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    });
    Ok(found.collect())
}

/// The fields of a message.
fn fields(mut bytes: &[u8]) -> Result<Vec<(u64, Field<'_>)>, String> {
    let broken = || "it is damaged".to_owned();
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes).ok_or_else(broken)?;
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut bytes).ok_or_else(broken)?),
            2 => {
                let length = varint(&mut bytes).and_then(|length| usize::try_from(length).ok());
                let (head, rest) =
                    length.and_then(|length| bytes.split_at_checked(length)).ok_or_else(broken)?;
                bytes = rest;
                Field::Bytes(head)
            }
            1 => {
                bytes = bytes.get(8..).ok_or_else(broken)?;
                Field::Other
            }
            5 => {
                bytes = bytes.get(4..).ok_or_else(broken)?;
                Field::Other
            }
            _ => return Err(broken()),
        };
        found.push((tag >> 3, field));
    }
    Ok(found)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoder() -> Vec<u8> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared-models");
        std::fs::read(root.join("molecule-encoder/molecule-encoder.onnx"))
            .expect("it is in the tree")
    }

    #[test]
    fn the_shipped_encoder_comes_apart() {
        let file = encoder();
        let base = Base::read(&file, "embedding", ("head.", &["features", "predictions"]));
        let base = base.expect("it can be joined");
        assert_eq!((base.inputs.len(), base.operators), (6, 17));
        assert!(base.nodes.len() > 20 && base.constants.len() > 5);
        let other = Base::read(&file, "vector", ("head.", &[]));
        assert!(other.is_err_and(|why| why.contains("embedding")));
        let named = Base::read(&file, "embedding", ("head.", &["f_atoms"]));
        assert!(named.is_err_and(|why| why.contains("f_atoms")));
    }

    #[test]
    fn a_file_cut_anywhere_is_refused_and_never_panics() {
        let file = encoder();
        let read = |length: usize| Base::read(&file[..length], "embedding", ("head.", &[]));
        let whole = read(file.len());
        for length in (0..2_000).chain(file.len() - 200..file.len()) {
            let cut = read(length);
            // What is cut behind the operators of ONNX itself lacks nothing that is read.
            assert!(cut.is_err() || cut == whole, "{length} of {}", file.len());
        }
        assert!(read(file.len() / 2).is_err());
    }
}
