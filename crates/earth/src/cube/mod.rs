//! Named arrays with coordinates, as NetCDF and Zarr both hold them: what such a file is, and the fields that its
//! coordinates make of it.

mod axes;
mod coordinates;
mod fields;
pub(crate) mod forecast;
mod numbers;
mod source;
mod time;

use std::collections::BTreeMap;

pub(crate) use numbers::Numbers;
pub(crate) use source::Cube;

/// An attribute of a file or a variable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Attribute {
    /// A text.
    Text(String),
    /// Numbers.
    Numbers(Vec<f64>),
}

/// Attributes by name.
pub(crate) type Attributes = BTreeMap<String, Attribute>;

/// An array of a file.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    /// Its name.
    pub(crate) name: String,
    /// Names of its dimensions, slowest first.
    pub(crate) dims: Vec<String>,
    /// Their sizes.
    pub(crate) shape: Vec<usize>,
    /// Its attributes.
    pub(crate) attributes: Attributes,
    /// Whether it holds texts rather than numbers.
    pub(crate) text: bool,
}

impl Variable {
    /// A text attribute; empty where there is none.
    pub(crate) fn attribute(&self, name: &str) -> &str {
        text_of(&self.attributes, name)
    }

    /// Numbers of an attribute.
    pub(crate) fn numbers(&self, name: &str) -> &[f64] {
        match self.attributes.get(name) {
            Some(Attribute::Numbers(numbers)) => numbers,
            _ => &[],
        }
    }
}

/// A text attribute; empty where there is none.
pub(crate) fn text_of<'a>(attributes: &'a Attributes, name: &str) -> &'a str {
    match attributes.get(name) {
        Some(Attribute::Text(text)) => text.trim(),
        _ => "",
    }
}

/// A file of named arrays.
pub(crate) trait Store: Send + Sync {
    /// Its arrays, in the file's order.
    fn variables(&self) -> &[Variable];

    /// Its attributes.
    fn attributes(&self) -> &Attributes;

    /// A block of an array of numbers, slowest dimension first. `start` and `count` have the array's rank and lie within it.
    fn read(&self, variable: usize, start: &[usize], count: &[usize]) -> Result<Numbers, String>;

    /// All of an array of texts.
    fn texts(&self, variable: usize) -> Result<Vec<String>, String>;

    /// Why an array cannot be read at all, where that is known.
    fn broken(&self, _variable: usize) -> Option<&str> {
        None
    }
}
