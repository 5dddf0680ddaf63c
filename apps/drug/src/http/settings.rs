//! Settings of drug screening beside those of every server.

use std::path::PathBuf;

strata_serve::settings_section! {
    /// Drug screening.
    pub struct DrugSection in "drug" {
        /// Libraries to search, made by `strata-drug index`; each is known by its file's name.
        libraries: Vec<PathBuf> = Vec::new(), common true;
        /// Scenario files beside the built-in ones; each is known by the name inside.
        scenarios: Vec<PathBuf> = Vec::new(), common true;
    }
}
