//! The configuration file: TOML with the line of every key, and the search for unknown ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::error::{Fault, Origin, SettingsError};
use super::section::SectionInfo;
use super::value::FileValue;

/// A configuration file as read, its keys not yet checked.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    /// What stands at the top: sections, if all is well.
    top: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    line: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Section(BTreeMap<String, (usize, FileValue)>),
    Value,
}

impl ConfigFile {
    /// Reads `text`, the content of the file at `path`.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, SettingsError> {
        let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        let table = DeTable::parse(text).map_err(|error| SettingsError::Syntax {
            path: path.to_owned(),
            line: error.span().map_or(1, |span| line(span.start)),
            message: error.message().to_owned(),
        })?;
        let mut top = BTreeMap::new();
        for (name, value) in table.get_ref() {
            let content = match value.get_ref() {
                DeValue::Table(keys) => Content::Section(
                    keys.iter()
                        .map(|(key, value)| {
                            let entry = (line(key.span().start), file_value(value.get_ref()));
                            (key.get_ref().to_string(), entry)
                        })
                        .collect(),
                ),
                _ => Content::Value,
            };
            let entry = Entry { line: line(name.span().start), content };
            top.insert(name.get_ref().to_string(), entry);
        }
        Ok(Self { path: path.to_owned(), top })
    }

    /// The folder that relative paths in the file start from.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// A key's value and where it stands.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<(&FileValue, Origin)> {
        match &self.top.get(section)?.content {
            Content::Section(keys) => keys.get(key).map(|(line, v)| (v, self.origin(*line))),
            Content::Value => None,
        }
    }

    fn origin(&self, line: usize) -> Origin {
        Origin::File { path: self.path.clone(), line }
    }

    /// Everything in the file that no section knows.
    pub(super) fn unknown(&self, known: &[SectionInfo]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (name, entry) in &self.top {
            let info = known.iter().find(|info| info.name == name);
            match (&entry.content, info) {
                (Content::Section(keys), Some(info)) => {
                    for (key, (line, _)) in keys {
                        if !info.keys.iter().any(|k| k.name == key) {
                            let fault = (format!("{name}.{key}"), unknown_key(key, info, known));
                            faults.push(self.fault(fault, *line));
                        }
                    }
                }
                (Content::Section(_), None) => {
                    let names: Vec<&str> = known.iter().map(|info| info.name).collect();
                    let remedy = match nearest(name, &names) {
                        Some(near) => format!("there is no such section; did you mean [{near}]?"),
                        None => format!("there is no such section; there are {}", names.join(", ")),
                    };
                    faults.push(self.fault((format!("[{name}]"), remedy), entry.line));
                }
                (Content::Value, Some(_)) => {
                    let remedy = format!("{name} is a section: write [{name}] and keys below it");
                    faults.push(self.fault((name.clone(), remedy), entry.line));
                }
                (Content::Value, None) => {
                    let remedy = match home_of(name, known) {
                        Some(section) => format!("this key belongs below [{section}]"),
                        None => "every key stands below a section such as [server]".to_owned(),
                    };
                    faults.push(self.fault((name.clone(), remedy), entry.line));
                }
            }
        }
        faults
    }

    fn fault(&self, (key, message): (String, String), line: usize) -> Fault {
        Fault { key, value: None, origin: self.origin(line), message }
    }
}

fn unknown_key(key: &str, info: &SectionInfo, known: &[SectionInfo]) -> String {
    let names: Vec<&str> = info.keys.iter().map(|k| k.name).collect();
    // The very name in another section is a better guess than a similar one in this.
    if let Some(section) = home_of(key, known) {
        return format!("there is no such key in [{}]; it belongs below [{section}]", info.name);
    }
    match nearest(key, &names) {
        Some(near) => format!("there is no such key; did you mean {near}?"),
        None => format!("there is no such key; [{}] has {}", info.name, names.join(", ")),
    }
}

/// The only section that has a key of this name.
fn home_of(key: &str, known: &[SectionInfo]) -> Option<&'static str> {
    let mut homes = known.iter().filter(|info| info.keys.iter().any(|k| k.name == key));
    let home = homes.next()?.name;
    homes.next().is_none().then_some(home)
}

fn file_value(value: &DeValue<'_>) -> FileValue {
    match value {
        DeValue::String(text) => FileValue::Text(text.to_string()),
        DeValue::Boolean(value) => FileValue::Bool(*value),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(FileValue::Other("number too large"), FileValue::Integer),
        DeValue::Float(number) => {
            number.as_str().parse().map_or(FileValue::Other("number"), FileValue::Float)
        }
        DeValue::Array(values) => {
            FileValue::List(values.iter().map(|value| file_value(value.get_ref())).collect())
        }
        DeValue::Datetime(_) => FileValue::Other("date"),
        DeValue::Table(_) => FileValue::Other("table"),
    }
}

/// The one of `known` that `word` is probably a slip of.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let within = (word.chars().count() / 3).max(2);
    let distances = known.iter().map(|candidate| (distance(word, candidate), *candidate));
    let (distance, candidate) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= within).then_some(candidate)
}

/// Edits (insertions, deletions, replacements) from one word to the other, after Levenshtein.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ServerSettings;

    fn faults(text: &str) -> Vec<String> {
        let file = ConfigFile::parse(Path::new("s.toml"), text).unwrap();
        file.unknown(&ServerSettings::infos()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn unknown_keys_are_refused_with_line_and_remedy() {
        for (text, told) in [
            (
                "\n[server]\nbindd = 1",
                "server.bindd (s.toml:3): there is no such key; did you mean bind?",
            ),
            (
                "[limit]\nrows = 1",
                "[limit] (s.toml:1): there is no such section; did you mean [limits]?",
            ),
            (
                "[server]\nbody_bytes = 1",
                "server.body_bytes (s.toml:2): there is no such key in [server]; it belongs below \
                 [limits]",
            ),
            ("bind = 1", "bind (s.toml:1): this key belongs below [server]"),
            (
                "server = 1",
                "server (s.toml:1): server is a section: write [server] and keys below it",
            ),
            (
                "[tls]\nzzzzzzzzzzzz.a = 1",
                "tls.zzzzzzzzzzzz (s.toml:2): there is no such key; [tls] has certificate, key",
            ),
        ] {
            assert_eq!(faults(text), [told], "{text}");
        }
        assert_eq!(faults("[server]\nbind = 1\n[tls]\n"), [""; 0]);
        assert_eq!(faults("[server]\na = 1\nb = 2\n[x]\n").len(), 3);
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        let error = ConfigFile::parse(Path::new("s.toml"), "[server]\n\nbind = \n").unwrap_err();
        assert!(error.to_string().starts_with("s.toml:3: "), "{error}");
        let twice = ConfigFile::parse(Path::new("s.toml"), "[server]\n[server]\n").unwrap_err();
        assert!(twice.to_string().starts_with("s.toml:2: duplicate key"), "{twice}");
    }

    #[test]
    fn distances() {
        for (a, b, edits) in
            [("", "abc", 3), ("bind", "bind", 0), ("bnid", "bind", 2), ("kitten", "sitting", 3)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (edits, edits), "{a} {b}");
        }
        assert_eq!(nearest("max_row", &["max_rows", "rows"]), Some("max_rows"));
        assert_eq!(nearest("colour", &["max_rows", "rows"]), None);
    }
}
