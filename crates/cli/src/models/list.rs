//! Models for people: a list of them, and one card in full.

use strata_core::card::ModelCard;
use strata_core::paths::SearchPath;

use super::{ModelsError, Which, cards};
use crate::text::{TextTable, size};

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

/// Models on the search path, by name.
///
/// # Errors
/// [`ModelsError::Card`] for a name that is not there; a broken card is part of the list.
pub fn list(search: &SearchPath, which: Which<'_>) -> Result<Vec<Listed>, ModelsError> {
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
    Ok(cards(search, which)?.into_iter().map(listed).collect())
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
