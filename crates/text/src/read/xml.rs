//! XML of office formats, event by event: bounded depth, no entities but the five of XML and characters by number.

use std::io::{BufReader, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::problem::Problem;

/// What happens in an XML text. Names are local: prefixes differ between makers.
pub(super) enum Xml<'a> {
    /// An element begins.
    Start(&'a str, Attributes<'a>),
    /// An element ends; one without contents begins and ends.
    End(&'a str),
    /// Text.
    Text(&'a str),
}

/// The attributes of an element.
pub(super) struct Attributes<'a>(&'a BytesStart<'a>);

impl Attributes<'_> {
    /// The value of an attribute, by its local name.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        // Without the check for duplicates, which compares each attribute with all others.
        self.0
            .attributes()
            .with_checks(false)
            .flatten()
            .find(|a| a.key.local_name().as_ref() == name)
            .map(|attribute| {
                let raw = attribute.value.into_owned();
                quick_xml::escape::unescape(&raw).map_or(raw.clone(), std::borrow::Cow::into_owned)
            })
    }

    /// A number.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.trim().parse().ok()
    }

    /// An attribute by its whole name: `r:id` beside `id`.
    pub(super) fn qualified(&self, name: &str) -> Option<String> {
        self.0
            .attributes()
            .with_checks(false)
            .flatten()
            .find(|a| a.key.as_ref() == name)
            .map(|a| a.value.into_owned())
    }
}

/// Hands every event of an XML text to `see`.
pub(super) fn walk(
    reader: &mut dyn Read,
    depth_limit: usize,
    mut see: impl FnMut(Xml<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut xml = Reader::from_reader(BufReader::with_capacity(1 << 16, reader));
    let config = xml.config_mut();
    config.check_end_names = true;
    config.allow_unmatched_ends = false;
    let (mut buffer, mut depth) = (Vec::new(), 0usize);
    loop {
        let event = xml
            .read_event_into(&mut buffer)
            .map_err(|error| Problem::damaged(format!("its XML is damaged ({error})")))?;
        match &event {
            Event::Start(tag) => {
                depth += 1;
                if depth > depth_limit {
                    return Err(Problem::new(
                        "bomb",
                        format!("its XML is nested deeper than {depth_limit}"),
                    ));
                }
                see(Xml::Start(&local(tag), Attributes(tag)))?;
            }
            Event::Empty(tag) => {
                let name = local(tag);
                see(Xml::Start(&name, Attributes(tag)))?;
                see(Xml::End(&name))?;
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                see(Xml::End(tag.local_name().as_ref()))?;
            }
            Event::Text(text) => see(Xml::Text(text))?,
            Event::CData(text) => see(Xml::Text(text))?,
            Event::GeneralRef(reference) => {
                if let Some(text) = resolved(reference) {
                    see(Xml::Text(&text))?;
                }
            }
            Event::Eof => return Ok(()),
            // Entities of a DTD are not expanded: an office format has none.
            Event::DocType(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
        drop(event);
        buffer.clear();
    }
}

fn local(tag: &BytesStart<'_>) -> String {
    tag.local_name().as_ref().to_owned()
}

fn resolved(reference: &BytesRef<'_>) -> Option<String> {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return Some(c.to_string());
    }
    quick_xml::escape::resolve_predefined_entity(reference).map(str::to_owned)
}

/// The targets of a part's relations by their identifiers, with names from the archive's root; external ones left out.
pub(super) fn relations(
    archive: &mut super::archive::Archive<'_>,
    part: &str,
    depth: usize,
) -> Result<std::collections::BTreeMap<String, String>, Problem> {
    let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
    let mut out = std::collections::BTreeMap::new();
    archive.with(&format!("{folder}/_rels/{file}.rels"), |reader| {
        walk(reader, depth, |event| {
            if let Xml::Start("Relationship", attributes) = event
                && attributes.get("TargetMode").as_deref() != Some("External")
                && let (Some(id), Some(target)) = (attributes.get("Id"), attributes.get("Target"))
            {
                out.insert(id, absolute(folder, &target));
            }
            Ok(())
        })
    })?;
    Ok(out)
}

/// `../media/a.png` seen from `word/x` is `media/a.png`.
fn absolute(folder: &str, target: &str) -> String {
    if let Some(rooted) = target.strip_prefix('/') {
        return rooted.to_owned();
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in target.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(xml: &str, depth: usize) -> Result<String, Problem> {
        let mut out = String::new();
        walk(&mut xml.as_bytes(), depth, |event| {
            if let Xml::Text(text) = event {
                out.push_str(text);
            }
            Ok(())
        })?;
        Ok(out)
    }

    #[test]
    fn entities_are_characters_or_nothing() {
        assert_eq!(texts("<a>甲&amp;&#x4e59;&lt;<![CDATA[<丙>]]></a>", 9).unwrap(), "甲&乙<<丙>");
        let bomb = "<!DOCTYPE a [<!ENTITY x \"lol\"><!ENTITY y \"&x;&x;\">]><a>&y;</a>";
        assert_eq!(texts(bomb, 9).unwrap(), "");
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "<a>".repeat(100_000);
        assert_eq!(texts(&deep, 256).unwrap_err().code, "bomb");
    }

    #[test]
    fn targets_are_found_from_the_root() {
        assert_eq!(absolute("ppt/slides", "../notesSlides/n1.xml"), "ppt/notesSlides/n1.xml");
        assert_eq!(absolute("ppt", "/ppt/a.xml"), "ppt/a.xml");
        assert_eq!(absolute("a", "../../../b"), "b");
    }
}
