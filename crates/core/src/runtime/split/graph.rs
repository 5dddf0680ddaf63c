//! The graph of a file, as nodes with the names they read and make, and the initialisers by name.

use std::collections::{HashMap, HashSet};

use super::super::weights::{Field, Fields, varint};

/// Initialisers smaller than this are shapes and axes that types depend on.
pub(super) const SMALL: usize = 4096;

/// A node.
pub(super) struct Node<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    /// Whether all it reads are initialisers, or made of them alone: it goes into every part that needs it.
    pub(super) constant: bool,
}

/// An initialiser.
pub(super) struct Initialiser<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) dims: Vec<u64>,
    pub(super) data_type: u64,
    /// File, offset and length of external data.
    pub(super) external: Option<(&'a str, u64, u64)>,
    /// Bytes of its data.
    pub(super) size: u64,
}

/// A graph.
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) initialisers: HashMap<&'a str, Initialiser<'a>>,
    /// Inputs that are no initialisers, with their bytes.
    pub(super) inputs: Vec<(&'a str, &'a [u8])>,
    pub(super) outputs: Vec<(&'a str, &'a [u8])>,
    /// Its name.
    pub(super) name: &'a [u8],
}

impl<'a> Graph<'a> {
    pub(super) fn read(model: &'a [u8]) -> Result<Self, String> {
        let bytes = Fields(model).find(|(number, _)| *number == 7).map(|(_, graph)| graph.bytes());
        let mut graph = Self {
            nodes: Vec::new(),
            initialisers: HashMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            name: b"part",
        };
        for (number, field) in Fields(bytes.ok_or("it has no graph")?) {
            let bytes = field.bytes();
            match number {
                1 => graph.nodes.push(node(bytes)?),
                2 => graph.name = bytes,
                5 => {
                    let (name, initialiser) = initialiser(bytes)?;
                    graph.initialisers.insert(name, initialiser);
                }
                11 => graph.inputs.push((name_of(bytes)?, bytes)),
                12 => graph.outputs.push((name_of(bytes)?, bytes)),
                15 => return Err("it has sparse initialisers".to_owned()),
                _ => {}
            }
        }
        let initialisers = &graph.initialisers;
        graph.inputs.retain(|(name, _)| !initialisers.contains_key(name));
        graph.mark_constants();
        Ok(graph)
    }

    fn mark_constants(&mut self) {
        let mut constant: HashSet<&str> = self.initialisers.keys().copied().collect();
        for node in &mut self.nodes {
            node.constant =
                node.inputs.iter().all(|name| name.is_empty() || constant.contains(name));
            if node.constant {
                constant.extend(node.outputs.iter().copied());
            }
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "a name is no text".to_owned())
}

/// Name of an input or output.
fn name_of(value: &[u8]) -> Result<&str, String> {
    let name = Fields(value).find(|(number, _)| *number == 1);
    text(name.map_or(&[][..], |(_, name)| name.bytes()))
}

fn node(bytes: &[u8]) -> Result<Node<'_>, String> {
    let mut node = Node { bytes, inputs: Vec::new(), outputs: Vec::new(), constant: false };
    for (number, field) in Fields(bytes) {
        match number {
            1 => node.inputs.push(text(field.bytes())?),
            2 => node.outputs.push(text(field.bytes())?),
            5 => captured(field.bytes(), &mut node.inputs, 0)?,
            _ => {}
        }
    }
    Ok(node)
}

/// Names that graphs inside a node read: any of them may be the outer graph's.
fn captured<'a>(attribute: &'a [u8], names: &mut Vec<&'a str>, depth: usize) -> Result<(), String> {
    if depth > 8 {
        return Err("graphs are nested too deeply".to_owned());
    }
    for (_, graph) in Fields(attribute).filter(|(number, _)| matches!(number, 6 | 11)) {
        let mut own = HashSet::new();
        let mut read = Vec::new();
        for (number, field) in Fields(graph.bytes()) {
            match number {
                1 => {
                    for (number, field) in Fields(field.bytes()) {
                        match number {
                            1 => read.push(text(field.bytes())?),
                            2 => _ = own.insert(text(field.bytes())?),
                            5 => captured(field.bytes(), &mut read, depth + 1)?,
                            _ => {}
                        }
                    }
                }
                5 => _ = own.insert(initialiser(field.bytes())?.0),
                11 => _ = own.insert(name_of(field.bytes())?),
                12 => read.push(name_of(field.bytes())?),
                _ => {}
            }
        }
        names.extend(read.into_iter().filter(|name| !own.contains(name)));
    }
    Ok(())
}

fn initialiser(bytes: &[u8]) -> Result<(&str, Initialiser<'_>), String> {
    let mut found = Initialiser { bytes, dims: Vec::new(), data_type: 0, external: None, size: 0 };
    let (mut name, mut outside) = ("", (None, 0_u64, None));
    for (number, field) in Fields(bytes) {
        match (number, field) {
            (1, Field::Number(length)) => found.dims.push(length),
            (1, Field::Bytes(mut packed)) => {
                while let Some(length) = varint(&mut packed) {
                    found.dims.push(length);
                }
            }
            (2, Field::Number(number)) => found.data_type = number,
            (8, field) => name = text(field.bytes())?,
            (4..=11, field) => found.size += field.bytes().len() as u64,
            (13, field) => {
                let mut pair = ["", ""];
                for (number, part) in Fields(field.bytes()) {
                    if let 1 | 2 = number {
                        pair[number as usize - 1] = text(part.bytes())?;
                    }
                }
                let number =
                    || pair[1].parse::<u64>().map_err(|_| format!("{}: {:?}", pair[0], pair[1]));
                match pair[0] {
                    "location" => outside.0 = Some(pair[1]),
                    "offset" => outside.1 = number()?,
                    "length" => outside.2 = Some(number()?),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    if let (Some(file), offset, length) = outside {
        let length =
            length.ok_or_else(|| format!("external tensor {name:?} does not tell its length"))?;
        found.external = Some((file, offset, length));
        found.size = length;
    }
    Ok((name, found))
}
