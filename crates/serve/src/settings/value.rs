//! Values of settings: how each type is read from a file, a flag or a variable, and written.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::units::{ByteSize, NoByteSize};

/// A value of a TOML file, as far as settings need one.
#[derive(Debug, Clone, PartialEq)]
pub enum FileValue {
    /// A string.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a point or exponent.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// An array.
    List(Vec<FileValue>),
    /// What no setting takes (`table`, `datetime`, or a number too large).
    Other(&'static str),
}

impl fmt::Display for FileValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::List(values) => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", values.join(", "))
            }
            Self::Other(kind) => write!(f, "a {kind}"),
        }
    }
}

/// A type that a setting can have. Errors say what was expected; the caller adds key and place.
pub trait SettingValue: Sized {
    /// What the help calls a value, as in `ADDR:PORT`.
    const VALUE_NAME: &'static str;
    /// Whether the flag alone means `true`.
    const SWITCH: bool = false;
    /// Whether the flag may be given several times.
    const LIST: bool = false;

    /// The value of a key of a TOML file.
    ///
    /// # Errors
    /// What was expected.
    fn from_file(value: &FileValue) -> Result<Self, String>;

    /// The value of a flag or a variable.
    ///
    /// # Errors
    /// What was expected.
    fn from_text(text: &str) -> Result<Self, String>;

    /// The value as TOML.
    fn to_toml(&self) -> String;

    /// The same value, relative paths in it being below `folder`.
    #[must_use]
    fn below(self, folder: &Path) -> Self {
        let _ = folder;
        self
    }
}

/// A TOML basic string of `text`.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The text of a string value.
fn text_of<'a>(value: &'a FileValue, expected: &str) -> Result<&'a str, String> {
    match value {
        FileValue::Text(text) => Ok(text),
        _ => Err(format!("expected {expected}")),
    }
}

macro_rules! whole_number {
    ($($ty:ty),+) => {$(
        impl SettingValue for $ty {
            const VALUE_NAME: &'static str = "N";

            fn from_file(value: &FileValue) -> Result<Self, String> {
                let number = match value {
                    FileValue::Integer(number) => Self::try_from(*number).ok(),
                    _ => None,
                };
                number.ok_or_else(|| expected_whole(Self::MAX as u64))
            }

            fn from_text(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| expected_whole(Self::MAX as u64))
            }

            fn to_toml(&self) -> String {
                self.to_string()
            }
        }
    )+};
}
whole_number!(usize, u64, u32, u16);

fn expected_whole(max: u64) -> String {
    format!("expected a whole number from 0 to {max}")
}

impl SettingValue for f64 {
    const VALUE_NAME: &'static str = "NUMBER";

    fn from_file(value: &FileValue) -> Result<Self, String> {
        let number = match value {
            FileValue::Integer(number) => *number as f64,
            FileValue::Float(number) => *number,
            _ => Self::NAN,
        };
        if number.is_finite() { Ok(number) } else { Err("expected a number".to_owned()) }
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let number = text.trim().parse().ok().filter(|n: &f64| n.is_finite());
        number.ok_or_else(|| "expected a number".to_owned())
    }

    fn to_toml(&self) -> String {
        format!("{self:?}")
    }
}

impl SettingValue for bool {
    const VALUE_NAME: &'static str = "true|false";
    const SWITCH: bool = true;

    fn from_file(value: &FileValue) -> Result<Self, String> {
        match value {
            FileValue::Bool(value) => Ok(*value),
            _ => Err("expected true or false, without quotes".to_owned()),
        }
    }

    fn from_text(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err("expected true or false".to_owned()),
        }
    }

    fn to_toml(&self) -> String {
        self.to_string()
    }
}

impl SettingValue for ByteSize {
    const VALUE_NAME: &'static str = "BYTES";

    fn from_file(value: &FileValue) -> Result<Self, String> {
        let expected = || NoByteSize.to_string();
        match value {
            FileValue::Integer(bytes) => {
                u64::try_from(*bytes).map(Self::new).map_err(|_| expected())
            }
            FileValue::Text(text) => Self::from_text(text),
            _ => Err(expected()),
        }
    }

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|e: NoByteSize| e.to_string())
    }

    fn to_toml(&self) -> String {
        let text = self.to_string();
        if text.contains(' ') { quoted(&text) } else { text }
    }
}

impl SettingValue for String {
    const VALUE_NAME: &'static str = "TEXT";

    fn from_file(value: &FileValue) -> Result<Self, String> {
        text_of(value, "a string").map(str::to_owned)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn to_toml(&self) -> String {
        quoted(self)
    }
}

impl SettingValue for SocketAddr {
    const VALUE_NAME: &'static str = "ADDR:PORT";

    fn from_file(value: &FileValue) -> Result<Self, String> {
        Self::from_text(text_of(value, "a string such as \"127.0.0.1:8080\"")?)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
            return Ok(Self::from((Ipv4Addr::LOCALHOST, port)));
        }
        let expected = "expected an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 \
                        or [::1]:8080";
        text.parse().map_err(|_| expected.to_owned())
    }

    fn to_toml(&self) -> String {
        quoted(&self.to_string())
    }
}

impl SettingValue for PathBuf {
    const VALUE_NAME: &'static str = "PATH";

    fn from_file(value: &FileValue) -> Result<Self, String> {
        Self::from_text(text_of(value, "a path as a string")?)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("expected a path; this one is empty".to_owned());
        }
        Ok(Self::from(text))
    }

    fn to_toml(&self) -> String {
        quoted(&self.to_string_lossy())
    }

    fn below(self, folder: &Path) -> Self {
        // An absolute path takes the place of the folder.
        folder.join(self)
    }
}

/// A setting that may be left out: the empty string is none.
impl<T: SettingValue> SettingValue for Option<T> {
    const VALUE_NAME: &'static str = T::VALUE_NAME;

    fn from_file(value: &FileValue) -> Result<Self, String> {
        match value {
            FileValue::Text(text) if text.is_empty() => Ok(None),
            value => T::from_file(value).map(Some),
        }
    }

    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::from_text(text).map(Some) }
    }

    fn to_toml(&self) -> String {
        self.as_ref().map_or_else(|| quoted(""), T::to_toml)
    }

    fn below(self, folder: &Path) -> Self {
        self.map(|value| value.below(folder))
    }
}

/// A list: an array in the file, separated by commas elsewhere.
impl<T: SettingValue> SettingValue for Vec<T> {
    const VALUE_NAME: &'static str = T::VALUE_NAME;
    const LIST: bool = true;

    fn from_file(value: &FileValue) -> Result<Self, String> {
        match value {
            FileValue::List(values) => values.iter().map(T::from_file).collect(),
            _ => Err("expected a list in square brackets".to_owned()),
        }
    }

    fn from_text(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(T::from_text).collect()
    }

    fn to_toml(&self) -> String {
        let values: Vec<String> = self.iter().map(T::to_toml).collect();
        format!("[{}]", values.join(", "))
    }

    fn below(self, folder: &Path) -> Self {
        self.into_iter().map(|value| value.below(folder)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> FileValue {
        FileValue::Text(text.to_owned())
    }

    #[test]
    fn numbers_are_taken_as_numbers_only() {
        assert_eq!(usize::from_file(&FileValue::Integer(7)), Ok(7));
        assert!(usize::from_file(&FileValue::Integer(-7)).is_err());
        assert!(usize::from_file(&text("7")).is_err());
        assert_eq!(u16::from_text("65536").unwrap_err(), "expected a whole number from 0 to 65535");
        assert_eq!(f64::from_file(&FileValue::Integer(1)), Ok(1.0));
        assert!(f64::from_text("inf").is_err());
        assert!(bool::from_file(&text("true")).is_err());
        assert_eq!(bool::from_text("ON"), Ok(true));
    }

    #[test]
    fn addresses_need_a_port() {
        assert_eq!(SocketAddr::from_text("localhost:80").unwrap().to_string(), "127.0.0.1:80");
        assert_eq!(SocketAddr::from_text("[::]:80").unwrap().to_string(), "[::]:80");
        for bad in ["127.0.0.1", "8080", ":8080", "example.org:80", "localhost:99999"] {
            assert!(SocketAddr::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn empty_means_none_and_lists_are_split_at_commas() {
        assert_eq!(Option::<PathBuf>::from_file(&text("")), Ok(None));
        assert_eq!(Option::<PathBuf>::from_text(""), Ok(None));
        let two = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(Vec::<String>::from_text("a, b,"), Ok(two.clone()));
        assert_eq!(Vec::<String>::from_file(&FileValue::List(vec![text("a"), text("b")])), Ok(two));
        assert!(Vec::<String>::from_file(&text("a")).is_err());
    }

    #[test]
    fn relative_paths_go_below_the_folder_and_absolute_ones_stay() {
        let folder = Path::new("/etc/strata");
        assert_eq!(Some(PathBuf::from("a.pem")).below(folder), Some(folder.join("a.pem")));
        assert_eq!(PathBuf::from("/a.pem").below(folder), Path::new("/a.pem"));
    }

    #[test]
    fn strings_survive_being_written() {
        for raw in ["", "a \"quoted\" \\ one", "two\nlines\t\u{1}", "ünï"] {
            let table: toml::Table = format!("key = {}", quoted(raw)).parse().unwrap();
            assert_eq!(table["key"].as_str(), Some(raw));
        }
    }
}
