//! The files of models: whether they are what their cards say, and fetching those that are not here.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use strata_core::card::ModelFile;
use strata_core::paths::SearchPath;
use strata_core::verify::{Limits, verify_all};
use strata_fetch::{Digest, Mirror, Progress, Request, Snapshot, fetch, locate};

use super::{ModelsError, Which, cards};
use crate::text::size;

/// What verifying one file of a model gave.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// The model.
    pub model: String,
    /// The file.
    pub file: String,
    /// Whether the file is not on this machine, which is no fault of the model.
    pub absent: bool,
    /// What is wrong; empty where the file is what the card says, or absent.
    pub problem: String,
}

/// Compares the files of models with their cards, ONNX files inside and out.
///
/// # Errors
/// [`ModelsError::Card`] for a name that is not there. What is wrong with a file is part of the result.
pub fn verify(search: &SearchPath, which: Which<'_>) -> Result<Vec<Verified>, ModelsError> {
    let mut results = Vec::new();
    for (name, card) in cards(search, which)? {
        match card {
            Err(problem) => {
                let file = "card.toml".to_owned();
                results.push(Verified { model: name, file, absent: false, problem });
            }
            Ok(card) => {
                for (file, result) in verify_all(&card, search, &Limits::default()) {
                    let absent = card.locate(file, search).is_err();
                    let problem = result.err().filter(|_| !absent);
                    let problem = problem.map(|error| error.to_string()).unwrap_or_default();
                    let (model, file) = (name.clone(), file.path.clone());
                    results.push(Verified { model, file, absent, problem });
                }
            }
        }
    }
    Ok(results)
}

/// What fetching one file gave.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FetchedFile {
    /// The model.
    pub model: String,
    /// The file.
    pub file: String,
    /// Where it lies now.
    pub path: Option<PathBuf>,
    /// What went wrong; empty where the file is here.
    pub problem: String,
}

/// Where absent files may come from besides the address on their card.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origins<'a> {
    /// A folder that holds them somewhere below it, under any name.
    pub from: Option<&'a Path>,
    /// A folder or address of files named by their SHA-256; the only source where it is given.
    pub mirror: Option<&'a str>,
}

/// Fetches the files of models that are not on this machine into the cache, checked against their cards.
///
/// # Errors
/// [`ModelsError`] for a name that is not there, or without a cache folder.
pub fn fetch_models(
    search: &SearchPath,
    which: Which<'_>,
    origins: Origins<'_>,
    note: &mut dyn FnMut(&str),
) -> Result<Vec<FetchedFile>, ModelsError> {
    let Some(cache) = &search.cache else {
        let request = "no cache folder: set STRATA_CACHE to a folder that can be written";
        return Err(ModelsError::Request(request.to_owned()));
    };
    let mut results = Vec::new();
    for (name, card) in cards(search, which)? {
        let Ok(card) = card else { continue };
        for file in &card.files {
            if card.locate(file, search).is_ok() {
                continue;
            }
            let dest = cache.join("models").join(&file.sha256).join(&file.path);
            let outcome = fetch_file(file, dest, origins, note);
            let (path, problem) = match outcome {
                Ok(path) => (Some(path), String::new()),
                Err(problem) => (None, problem),
            };
            results.push(FetchedFile {
                model: name.clone(),
                file: file.path.clone(),
                path,
                problem,
            });
        }
    }
    Ok(results)
}

fn fetch_file(
    file: &ModelFile,
    dest: PathBuf,
    origins: Origins<'_>,
    note: &mut dyn FnMut(&str),
) -> Result<PathBuf, String> {
    let Origins { from, mirror } = origins;
    if file.url.is_none() && mirror.is_none() && from.is_none() {
        let card =
            "its card names no address; give --from with a folder that holds it, or --mirror";
        return Err(card.to_owned());
    }
    let digest = Digest::parse(&file.sha256).map_err(|error| error.to_string())?;
    let found = match from {
        Some(folder) => locate(folder, Some(file.bytes), &digest).map_err(|e| e.to_string())?,
        None => None,
    };
    if let (Some(folder), None, None, None) = (from, &found, &file.url, mirror) {
        let sha256 = &file.sha256;
        return Err(format!("no file with the SHA-256 {sha256} lies below {}", folder.display()));
    }
    let mut request = Request::new(dest, digest);
    request.bytes = Some(file.bytes);
    request.files = found.into_iter().collect();
    request.urls = file.url.iter().cloned().collect();
    request.mirror = mirror.map(Mirror::parse);
    let fetched = fetch(&request, &mut Notes { file: &file.path, note });
    fetched.map(|fetched| fetched.path).map_err(|error| error.to_string())
}

/// Tells about a transfer now and then.
struct Notes<'a> {
    file: &'a str,
    note: &'a mut dyn FnMut(&str),
}

impl Progress for Notes<'_> {
    fn update(&mut self, snapshot: &Snapshot<'_>) -> ControlFlow<()> {
        let total = snapshot.total.map(|total| format!(" of {}", size(total))).unwrap_or_default();
        (self.note)(&format!("{}: {}{total}", self.file, size(snapshot.bytes)));
        ControlFlow::Continue(())
    }

    fn retrying(&mut self, reason: &str, wait: std::time::Duration) {
        (self.note)(&format!("{}: {reason}; again in {} s", self.file, wait.as_secs()));
    }
}
