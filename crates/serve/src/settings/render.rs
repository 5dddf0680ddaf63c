//! The default configuration file, with every key, its default and what it is for.

use super::section::{Key, SectionInfo, Sections};
use super::server::ServerSettings;

/// The configuration file that says what holds without one, for the server and the sections of `A`.
#[must_use]
pub fn default_toml<A: Sections>() -> String {
    let mut text = "\
# Settings of a Strata server, all at their defaults: copy what you change.
#
# A key is also a flag and an environment variable: max_rows in [batching] is --batching-max-rows
# and STRATA_BATCHING_MAX_ROWS. A flag counts before a variable, a variable before this file.
# Name the file with --config or STRATA_CONFIG. Relative paths in it start from its folder.
# Sizes are bytes, or text with a unit such as \"16 MiB\"; a time's unit ends the key's name.
"
    .to_owned();
    for section in ServerSettings::infos().into_iter().chain(A::infos()) {
        text += &section_text(&section);
    }
    text
}

fn section_text(section: &SectionInfo) -> String {
    let mut text = format!("\n# {}\n[{}]\n", section.doc, section.name);
    for key in section.keys {
        for line in comment(key) {
            text += &format!("# {line}\n");
        }
        text += &format!("{} = {}\n", key.name, (key.default)());
    }
    text
}

fn comment(key: &Key) -> Vec<String> {
    let mut lines: Vec<String> = key.help_lines().map(str::to_owned).collect();
    if let (Some(range), Some(last)) = (key.range.first(), lines.last_mut()) {
        *last += &format!(" From {}.", range());
    }
    lines
}
