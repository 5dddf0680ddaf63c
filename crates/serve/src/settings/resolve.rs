//! The value of a key from its strongest source: flag, then environment, then file, then default.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::error::{Fault, Origin};
use super::file::ConfigFile;
use super::section::Key;
use super::value::{SettingValue, quoted};

/// Looks up an environment variable. A function, so that tests never touch the real environment.
pub type Environment<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// A key's value, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// `section.key`.
    pub key: String,
    /// The value as TOML.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// All sources of settings, and what was found in them.
pub struct Resolver<'a> {
    pub(super) flags: &'a BTreeMap<&'static str, String>,
    pub(super) environment: &'a Environment<'a>,
    pub(super) file: Option<&'a ConfigFile>,
    pub(super) settings: Vec<Setting>,
    pub(super) faults: Vec<Fault>,
}

impl Resolver<'_> {
    /// The value of the key `name`. One that is not of its type or that `allowed` refuses is noted,
    /// and the default stands in for it until everything was looked at.
    #[doc(hidden)]
    pub fn value<T: SettingValue>(
        &mut self,
        keys: &[Key],
        name: &str,
        default: impl Fn() -> T,
        allowed: impl Fn(&T) -> Result<(), String>,
    ) -> T {
        let Some(key) = keys.iter().find(|key| key.name == name) else { return default() };
        let Written { text, origin, value } = self.strongest(key).unwrap_or_else(|| {
            let value = default();
            Written { text: value.to_toml(), origin: Origin::Default, value: Ok(value) }
        });
        let key = format!("{}.{name}", key.section);
        match value.and_then(|value| allowed(&value).map(|()| value)) {
            Ok(value) => {
                self.settings.push(Setting { key, value: value.to_toml(), origin });
                value
            }
            Err(message) => {
                self.faults.push(Fault { key, value: Some(text), origin, message });
                default()
            }
        }
    }

    fn strongest<T: SettingValue>(&self, key: &Key) -> Option<Written<T>> {
        if let Some(text) = self.flags.get(key.flag) {
            let value = T::from_text(text);
            return Some(Written { text: quoted(text), origin: Origin::Flag(key.flag), value });
        }
        for variable in std::iter::once(&key.variable).chain(key.aliases) {
            // An empty variable counts as not set, as everywhere in Strata.
            let Some(raw) = (self.environment)(variable).filter(|raw| !raw.is_empty()) else {
                continue;
            };
            let value = raw.to_str().ok_or_else(|| "is not UTF-8".to_owned());
            return Some(Written {
                text: quoted(&raw.to_string_lossy()),
                origin: Origin::Variable(variable),
                value: value.and_then(T::from_text),
            });
        }
        let file = self.file?;
        let (value, origin) = file.get(key.section, key.name)?;
        // A path in a file starts from that file, wherever the program was started.
        let read = T::from_file(value).map(|value| value.below(file.folder()));
        Some(Written { text: value.to_string(), origin, value: read })
    }
}

/// A value as it was written, and as it was read.
struct Written<T> {
    text: String,
    origin: Origin,
    value: Result<T, String>,
}
