//! `word/styles.xml`: which styles are headings, which carry a number, which belong to a table of contents.

use std::collections::BTreeMap;
use std::io::Read;

use crate::read::problem::Problem;
use crate::read::xml::{self, Xml};

/// What a paragraph gets from its style.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Style {
    name: String,
    based_on: Option<String>,
    /// Level of a heading, from 1.
    pub(super) heading: Option<u8>,
    /// Numbering instance.
    pub(super) number: Option<String>,
    /// Level of the numbering, from 0.
    pub(super) level: Option<usize>,
    /// A line of a table of contents.
    pub(super) contents: bool,
}

/// The styles of a document by their identifiers.
#[derive(Debug, Default)]
pub(super) struct Styles(BTreeMap<String, Style>);

impl Styles {
    pub(super) fn get(&self, id: &str) -> Option<&Style> {
        self.0.get(id)
    }

    pub(super) fn read(reader: &mut dyn Read, depth: usize) -> Result<Self, Problem> {
        let mut styles: BTreeMap<String, Style> = BTreeMap::new();
        let mut current: Option<(String, Style)> = None;
        xml::walk(reader, depth, |event| {
            match event {
                Xml::Start("style", attributes) => {
                    let paragraph = attributes.get("type").is_none_or(|kind| kind == "paragraph");
                    current = attributes
                        .get("styleId")
                        .filter(|_| paragraph)
                        .map(|id| (id, Style::default()));
                }
                Xml::Start(name, attributes) => {
                    if let Some((_, style)) = &mut current {
                        match name {
                            "name" => {
                                style.name =
                                    attributes.get("val").unwrap_or_default().to_lowercase();
                            }
                            "basedOn" => style.based_on = attributes.get("val"),
                            "outlineLvl" => {
                                let level = attributes.number("val").filter(|&level| level < 9);
                                style.heading =
                                    level.and_then(|level| u8::try_from(level + 1).ok());
                            }
                            "numId" => style.number = attributes.get("val"),
                            "ilvl" => style.level = attributes.number("val"),
                            _ => {}
                        }
                    }
                }
                Xml::End("style") => {
                    if let Some((id, style)) = current.take() {
                        styles.insert(id, style);
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self(styles).resolved())
    }

    /// With what styles say by their names and have from the styles they are based on.
    fn resolved(mut self) -> Self {
        for style in self.0.values_mut() {
            style.contents = style.name.starts_with("toc ") && style.name.len() == 5;
            style.heading = style.heading.or_else(|| by_name(&style.name));
        }
        let ids: Vec<String> = self.0.keys().cloned().collect();
        for id in ids {
            let mut merged = self.0.get(&id).cloned().unwrap_or_default();
            let mut base = merged.based_on.clone();
            // A chain of a few; one that is longer goes in a circle.
            for _ in 0..10 {
                let Some(parent) = base.as_ref().and_then(|id| self.0.get(id)) else { break };
                merged.heading = merged.heading.or(parent.heading);
                merged.number = merged.number.or_else(|| parent.number.clone());
                merged.level = merged.level.or(parent.level);
                base = parent.based_on.clone();
            }
            self.0.insert(id, merged);
        }
        self
    }
}

/// `heading 1`, `标题 1`, `Title`.
fn by_name(name: &str) -> Option<u8> {
    if name == "title" || name == "标题" {
        return Some(1);
    }
    let level = name.strip_prefix("heading ").or_else(|| name.strip_prefix("标题 "))?;
    level.trim().parse().ok().filter(|level| (1..=9).contains(level))
}
