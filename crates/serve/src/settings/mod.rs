//! Settings of a server. Each is declared once, by [`settings_section!`](crate::settings_section),
//! and is then a key of a TOML file, a command-line flag and an environment variable. A flag counts
//! before a variable, a variable before the file, the file before the default.
//!
//! An empty variable counts as not set. Relative paths in a file start from that file's folder,
//! others from the current one. Secrets are never settings: keys lie in files of their own.

mod args;
mod check;
mod error;
mod file;
mod render;
mod resolve;
mod section;
mod server;
#[cfg(test)]
mod tests;
mod units;
mod value;

pub use args::{Loaded, SettingsArgs};
pub use check::exposed_file;
pub use error::{Fault, Origin, SettingsError};
pub use render::default_toml;
pub use resolve::{Environment, Resolver, Setting};
pub use section::{Key, Section, SectionInfo, Sections};
#[doc(hidden)]
pub use section::{check_range, range_text, spell};
pub use server::{
    AuthSection, BatchingSection, DrainSection, JobsSection, LimitsSection, LogFormat, LogSection,
    ModelsSection, ServerSection, ServerSettings, TlsSection, TraceSection,
};
pub use units::{ByteSize, NoByteSize};
pub use value::{FileValue, SettingValue, quoted};
