//! What a section of settings is, and the macro that declares one: each key is at the same time a
//! key of a TOML file, a command-line flag and an environment variable.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::resolve::Resolver;

/// A key of a section, as the help and the default file describe it.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The section it is in.
    pub section: &'static str,
    /// Its name in the file.
    pub name: &'static str,
    /// What it is for, line by line.
    pub help: &'static str,
    /// What the help calls its value.
    pub value_name: &'static str,
    /// The flag, without the dashes before it.
    pub flag: &'static str,
    /// The environment variable.
    pub variable: &'static str,
    /// Further variables; the one above counts first.
    pub aliases: &'static [&'static str],
    /// Whether the flag alone means `true`.
    pub switch: bool,
    /// Whether the flag may be given several times.
    pub list: bool,
    /// Whether the short help lists it.
    pub common: bool,
    /// The default as TOML.
    pub default: fn() -> String,
    /// What values are allowed, if not all of the type.
    pub range: &'static [fn() -> String],
}

impl Key {
    /// The lines of the help, without the space that a doc comment begins with.
    pub fn help_lines(&self) -> impl Iterator<Item = &'static str> {
        self.help.lines().map(str::trim)
    }
}

/// A section's name, purpose and keys.
#[derive(Debug, Clone, Copy)]
pub struct SectionInfo {
    /// Its name in the file.
    pub name: &'static str,
    /// What it is for: one line.
    pub doc: &'static str,
    /// Its keys, in the order of the file.
    pub keys: &'static [Key],
}

/// A section of settings. [`settings_section!`](crate::settings_section) writes the implementation.
pub trait Section: Default {
    /// Name, purpose and keys.
    const INFO: SectionInfo;

    /// The values, each from its strongest source. What is wrong with them is kept in `from`.
    fn resolve(from: &mut Resolver<'_>) -> Self;
}

/// Sections that a program has beside those of the server: none, one, or several as a tuple.
pub trait Sections: Sized {
    /// The sections.
    #[must_use]
    fn infos() -> Vec<SectionInfo>;

    /// All values; as [`Section::resolve`].
    fn resolve(from: &mut Resolver<'_>) -> Self;
}

impl Sections for () {
    fn infos() -> Vec<SectionInfo> {
        Vec::new()
    }

    fn resolve(_: &mut Resolver<'_>) -> Self {}
}

impl<S: Section> Sections for S {
    fn infos() -> Vec<SectionInfo> {
        vec![S::INFO]
    }

    fn resolve(from: &mut Resolver<'_>) -> Self {
        <S as Section>::resolve(from)
    }
}

impl<A: Section, B: Section> Sections for (A, B) {
    fn infos() -> Vec<SectionInfo> {
        vec![A::INFO, B::INFO]
    }

    fn resolve(from: &mut Resolver<'_>) -> Self {
        (<A as Section>::resolve(from), <B as Section>::resolve(from))
    }
}

/// Declares a section of settings: a struct with a public field a key.
///
/// A key has a help text (its doc comment), a type that is a
/// [`SettingValue`](crate::settings::SettingValue), and a default; then, in this order and each only
/// where it is wanted, `range` (an inclusive range of allowed values), `flag` (in place of
/// `section-key`), `env` (a second environment variable) and `common` (listed by the short help).
///
/// ```
/// strata_serve::settings_section! {
///     /// Drug screening.
///     pub struct DrugSection in "drug" {
///         /// A library to search, as an SD or SMILES file.
///         library: Option<std::path::PathBuf> = None, common true;
///         /// Neighbours in an answer.
///         neighbours: usize = 10, range 1..=1000;
///     }
/// }
/// assert_eq!(DrugSection::default().neighbours, 10);
/// ```
///
/// The keys above are `library` and `neighbours` in `[drug]`, `--drug-library` and
/// `--drug-neighbours`, `STRATA_DRUG_LIBRARY` and `STRATA_DRUG_NEIGHBOURS`.
#[macro_export]
macro_rules! settings_section {
    (
        #[doc = $doc:literal]
        $vis:vis struct $name:ident in $section:literal {
            $(
                $(#[doc = $help:literal])+
                $key:ident: $ty:ty = $default:expr
                $(, range $range:expr)?
                $(, flag $flag:literal)?
                $(, env $env:literal)?
                $(, common $common:literal)?;
            )+
        }
    ) => {
        #[doc = $doc]
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $( $(#[doc = $help])+ pub $key: $ty, )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl $crate::settings::Section for $name {
            const INFO: $crate::settings::SectionInfo = $crate::settings::SectionInfo {
                name: $section,
                doc: $doc.trim_ascii(),
                keys: &[$(
                    $crate::settings::Key {
                        section: $section,
                        name: stringify!($key),
                        help: concat!($($help, "\n"),+),
                        value_name: <$ty as $crate::settings::SettingValue>::VALUE_NAME,
                        flag: $crate::settings_section!(@flag $section $key $($flag)?),
                        variable: $crate::settings_section!(
                            @spell upper concat!("STRATA_", $section, "_", stringify!($key))
                        ),
                        aliases: &[$($env)?],
                        switch: <$ty as $crate::settings::SettingValue>::SWITCH,
                        list: <$ty as $crate::settings::SettingValue>::LIST,
                        common: false $(|| $common)?,
                        default: || {
                            $crate::settings::SettingValue::to_toml(&$name::default().$key)
                        },
                        range: &[$(|| $crate::settings::range_text::<$ty>(&$range))?],
                    },
                )+],
            };

            fn resolve(from: &mut $crate::settings::Resolver<'_>) -> Self {
                let keys = <Self as $crate::settings::Section>::INFO.keys;
                Self {
                    $($key: from.value(
                        keys,
                        stringify!($key),
                        || Self::default().$key,
                        |_value: &$ty| {
                            $($crate::settings::check_range(_value, &$range)?;)?
                            Ok(())
                        },
                    ),)+
                }
            }
        }
    };
    (@flag $section:literal $key:ident $flag:literal) => { $flag };
    (@flag $section:literal $key:ident) => {
        $crate::settings_section!(@spell dashes concat!($section, "-", stringify!($key)))
    };
    (@spell $how:ident $text:expr) => {{
        const TEXT: &str = $text;
        const BYTES: [u8; TEXT.len()] = $crate::settings::spell::$how(TEXT);
        match ::core::str::from_utf8(&BYTES) {
            Ok(text) => text,
            // Not reached: one ASCII byte has taken the place of another.
            Err(_) => TEXT,
        }
    }};
}

/// Spellings of a key's name, worked out while compiling because clap wants `'static` names.
#[doc(hidden)]
pub mod spell {
    /// With dashes for underscores.
    #[must_use]
    pub const fn dashes<const N: usize>(text: &str) -> [u8; N] {
        let mut out = [0; N];
        let mut at = 0;
        while at < N {
            let byte = text.as_bytes()[at];
            out[at] = if byte == b'_' { b'-' } else { byte };
            at += 1;
        }
        out
    }

    /// In capitals, with underscores for dashes.
    #[must_use]
    pub const fn upper<const N: usize>(text: &str) -> [u8; N] {
        let mut out = [0; N];
        let mut at = 0;
        while at < N {
            let byte = text.as_bytes()[at].to_ascii_uppercase();
            out[at] = if byte == b'-' { b'_' } else { byte };
            at += 1;
        }
        out
    }
}

/// What the help says of a range.
#[doc(hidden)]
#[must_use]
pub fn range_text<T: Display>(range: &RangeInclusive<T>) -> String {
    format!("{} to {}", range.start(), range.end())
}

/// Refuses a value outside its range.
///
/// # Errors
/// The range.
#[doc(hidden)]
pub fn check_range<T: Display + PartialOrd>(
    value: &T,
    range: &RangeInclusive<T>,
) -> Result<(), String> {
    if range.contains(value) { Ok(()) } else { Err(format!("expected {}", range_text(range))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::settings_section! {
        /// For this test.
        pub(super) struct Sample in "some-app" {
            /// The first line,
            /// and the second.
            top_k: usize = 3, range 1..=9;
            /// Odd.
            odd: bool = true, flag "odd", env "ODD", common true;
        }
    }

    #[test]
    fn names_follow_from_section_and_key() {
        let keys = Sample::INFO.keys;
        assert_eq!((keys[0].flag, keys[0].variable), ("some-app-top-k", "STRATA_SOME_APP_TOP_K"));
        assert_eq!((keys[1].flag, keys[1].aliases), ("odd", &["ODD"][..]));
        assert_eq!(
            keys[0].help_lines().collect::<Vec<_>>(),
            ["The first line,", "and the second."]
        );
        assert_eq!((keys[0].default)(), "3");
        assert_eq!(keys[0].range[0](), "1 to 9");
        assert!(keys[1].common && keys[1].switch && !keys[0].common);
        assert_eq!(Sample::INFO.doc, "For this test.");
    }
}
