//! The models on this machine: which there are, what their cards say, whether their files are whole, fetching them.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use strata_core::card::{ModelCard, ModelStore};
use strata_core::paths::SearchPath;
use strata_core::verify::{Limits, verify_all};
use strata_fetch::{Digest, Mirror, Progress, Request, Snapshot, fetch, locate};

use super::ToolError;
use super::text::TextTable;

/// One model in a list.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Listed {
    /// Name.
    pub name: String,
    /// Title, or what is wrong with the card.
    pub title: String,
    /// Task; empty where the card is broken.
    pub task: String,
    /// Version.
    pub version: String,
    /// Licence.
    pub licence: String,
    /// Size of all files.
    pub bytes: u64,
    /// Files that are not on this machine.
    pub absent: Vec<String>,
    /// Whether the card could be read.
    pub card_is_good: bool,
}

/// All models on the search path, by name.
#[must_use]
pub fn list(search: &SearchPath) -> Vec<Listed> {
    let listed = |(name, card): (String, Result<ModelCard, _>)| match card {
        Ok(card) => Listed {
            absent: absent(&card, search),
            bytes: card.files.iter().map(|file| file.bytes).sum(),
            name,
            title: card.title,
            task: card.task,
            version: card.version,
            licence: card.licence,
            card_is_good: true,
        },
        Err(error) => Listed {
            name,
            title: format!("broken card: {error}"),
            task: String::new(),
            version: String::new(),
            licence: String::new(),
            bytes: 0,
            absent: Vec::new(),
            card_is_good: false,
        },
    };
    ModelStore::new(search.clone()).cards().map(listed).collect()
}

fn absent(card: &ModelCard, search: &SearchPath) -> Vec<String> {
    let absent = card.files.iter().filter(|file| card.locate(file, search).is_err());
    absent.map(|file| file.path.clone()).collect()
}

/// A list for people.
#[must_use]
pub fn render_list(models: &[Listed], search: &SearchPath) -> String {
    if models.is_empty() {
        let folders: Vec<String> =
            search.models.iter().map(|folder| folder.display().to_string()).collect();
        let searched = if folders.is_empty() { "no folder".to_owned() } else { folders.join(", ") };
        return format!(
            "no models (searched {searched}); give --models-dir or set STRATA_MODELS\n"
        );
    }
    let mut table = TextTable::new(&["name", "version", "task", "size", "files", "title"]);
    for model in models {
        let files = match (model.card_is_good, model.absent.len()) {
            (false, _) => "card broken".to_owned(),
            (true, 0) => "here".to_owned(),
            (true, absent) => format!("{absent} to fetch"),
        };
        table.row(vec![
            model.name.clone(),
            model.version.clone(),
            model.task.clone(),
            size(model.bytes),
            files,
            model.title.clone(),
        ]);
    }
    table.render()
}

/// A number of bytes as people say it.
#[must_use]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.0} MB", bytes as f64 / 1e6),
    }
}

/// A card for people: what the model is, what goes in and comes out, its held-out figures.
#[must_use]
pub fn render_card(card: &ModelCard, search: &SearchPath) -> String {
    let mut text = format!("{} {} – {}\n", card.name, card.version, card.title);
    text.push_str(&format!("{}\n\n", card.description.trim()));
    text.push_str(&format!(
        "task     {}\nlicence  {}\nsource   {}\n",
        card.task, card.licence, card.source.url
    ));
    if let Some(training) = &card.training {
        let rows = training.rows.map(|rows| format!(", {rows} rows")).unwrap_or_default();
        let split = training.split.as_deref().unwrap_or("not told");
        text.push_str(&format!(
            "trained  {} ({}){rows}, split: {split}, seeds {:?}\n",
            training.data, training.licence, training.seeds
        ));
    }
    let mut files = TextTable::new(&["file", "role", "size", "where"]);
    for file in &card.files {
        let place = card.locate(file, search);
        let place = place.map_or_else(|_| "to fetch".to_owned(), |path| path.display().to_string());
        files.row(vec![file.path.clone(), file.role.to_string(), size(file.bytes), place]);
    }
    text.push_str(&format!("\n{}", files.render()));
    if !card.endpoints.is_empty() {
        let mut endpoints = TextTable::new(&["endpoint", "unit", "title"]);
        for endpoint in card.endpoints.iter().take(40) {
            endpoints.row(vec![
                endpoint.name.clone(),
                endpoint.unit.clone().unwrap_or_default(),
                endpoint.title.clone(),
            ]);
        }
        text.push_str(&format!("\n{}", endpoints.render()));
        if card.endpoints.len() > 40 {
            text.push_str(&format!("… and {} more\n", card.endpoints.len() - 40));
        }
    }
    if !card.figures.is_empty() {
        let mut figures = TextTable::new(&["data set", "split", "seed", "metric", "value", "n"]);
        for figure in &card.figures {
            figures.row(vec![
                figure.dataset.clone(),
                figure.split.clone(),
                figure.seed.to_string(),
                figure.metric.clone(),
                format!("{:.4}", figure.value),
                figure.n.map(|n| n.to_string()).unwrap_or_default(),
            ]);
        }
        text.push_str(&format!("\n{}", figures.render()));
    }
    text
}

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

/// Compares the files of models (all where `names` is empty) with their cards, ONNX files inside and out.
///
/// # Errors
/// [`ToolError::Card`] for a name that is not there. What is wrong with a file is part of the result.
pub fn verify(search: &SearchPath, names: &[String]) -> Result<Vec<Verified>, ToolError> {
    let mut results = Vec::new();
    for (name, card) in cards(search, names)? {
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

type NamedCards = Vec<(String, Result<ModelCard, String>)>;

fn cards(search: &SearchPath, names: &[String]) -> Result<NamedCards, ToolError> {
    let store = ModelStore::new(search.clone());
    if names.is_empty() {
        let all = store.cards().map(|(name, card)| (name, card.map_err(|error| error.to_string())));
        return Ok(all.collect());
    }
    names.iter().map(|name| Ok((name.clone(), Ok(store.card(name)?)))).collect()
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
/// [`ToolError`] for a name that is not there, or without a cache folder.
pub fn fetch_models(
    search: &SearchPath,
    names: &[String],
    origins: Origins<'_>,
    note: &mut dyn FnMut(&str),
) -> Result<Vec<FetchedFile>, ToolError> {
    let Some(cache) = &search.cache else {
        let request = "no cache folder: set STRATA_CACHE to a folder that can be written";
        return Err(ToolError::Request(request.to_owned()));
    };
    let mut results = Vec::new();
    for (name, card) in cards(search, names)? {
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
    file: &strata_core::card::ModelFile,
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
