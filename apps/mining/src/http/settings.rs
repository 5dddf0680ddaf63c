//! Settings of mining vision beside those of every server.

use std::path::PathBuf;

strata_serve::settings_section! {
    /// Mining vision inspection.
    pub struct MiningSection in "mining" {
        /// Scenario files beside the built-in ones; each is known by the name inside.
        scenarios: Vec<PathBuf> = Vec::new(), common true;
        /// Memory banks to inspect with, made by `strata-mining fit`; each is known by its file's name.
        banks: Vec<PathBuf> = Vec::new(), common true;
        /// Cameras to watch while the server runs: a configuration of `strata-mining watch`.
        watch: Option<PathBuf> = None, common true;
    }
}
