//! `/v1/libraries`, `/v1/search`, `/v1/substructure`: libraries of the server's settings.

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_chem::arena::{Metric, Search};
use strata_serve::{Kind, Nothing, Operation, Problem};

use super::HttpError;
use super::problems::of_tool;
use crate::tools::search::{
    Found, OpenLibrary, QueryResult, open_library, similar_to, substructure,
};

/// Hits of one query at most.
const MOST_HITS: usize = 10_000;

/// A library by name.
struct Named {
    name: String,
    library: OpenLibrary,
}

/// The libraries of a server.
pub(super) struct Libraries(Vec<Named>);

impl Libraries {
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, HttpError> {
        let mut all: Vec<Named> = Vec::new();
        for path in paths {
            let library = open_library(path)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if all.iter().any(|known| known.name == name) {
                return Err(HttpError::SameName { key: "libraries", name });
            }
            all.push(Named { name, library });
        }
        Ok(Self(all))
    }

    /// A library by name; the first one where no name is given.
    fn get(&self, name: Option<&str>) -> Result<&Named, Problem> {
        let found = match name {
            None => self.0.first(),
            Some(name) => self.0.iter().find(|known| known.name == name),
        };
        found.ok_or_else(|| match name {
            None => Problem::new(Kind::Conflict, "no-library", "this server has no library")
                .with_remedy("start it with --drug-libraries FILE, made by `strata-drug index`"),
            Some(name) => Problem::field("/library", format!("there is no library {name:?}"))
                .with_remedy("/v1/libraries lists them"),
        })
    }
}

/// The libraries that can be searched.
#[derive(Debug, Serialize, JsonSchema)]
struct LibraryList {
    /// The first is searched where none is named.
    libraries: Vec<LibraryInfo>,
}

/// A library.
#[derive(Debug, Serialize, JsonSchema)]
struct LibraryInfo {
    /// Its name.
    name: String,
    /// Molecules in it.
    molecules: u64,
}

/// What to look for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SearchAsk {
    /// Molecules to look for.
    #[schemars(length(min = 1))]
    smiles: Vec<String>,
    /// The library; the first one where it is left out.
    #[serde(default)]
    library: Option<String>,
    /// At most so many hits a molecule; 10 where neither this nor a threshold is given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10000))]
    top_k: Option<u32>,
    /// Only hits at least this similar, 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    threshold: Option<f64>,
    /// The similarity measure.
    #[serde(default)]
    metric: MetricName,
    /// Tversky's weight of what only the query has.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0, max = 100.0))]
    alpha: f64,
    /// Tversky's weight of what only the molecule has.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 100.0))]
    beta: f64,
}

fn one() -> f64 {
    1.0
}

/// Similarity measures.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum MetricName {
    /// Common bits ÷ bits of either.
    #[default]
    Tanimoto,
    /// Common bits ÷ (alpha × bits only the query has + beta × bits only the molecule has + common).
    Tversky,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
struct SearchReply {
    /// The library.
    library: String,
    /// One result a molecule, in order.
    results: Vec<QueryResult>,
    /// Version of Strata.
    strata: &'static str,
}

/// A pattern to look for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SubstructureAsk {
    /// The pattern.
    smarts: String,
    /// The library; the first one where it is left out.
    #[serde(default)]
    library: Option<String>,
    /// At most so many hits.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 10000))]
    limit: u32,
}

fn hundred() -> u32 {
    100
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
struct SubstructureReply {
    /// The library.
    library: String,
    /// The pattern.
    smarts: String,
    /// Molecules in the library.
    molecules: u64,
    /// Molecules that had to be matched exactly.
    matched: u64,
    /// Molecules with the pattern, in the order of the library's input.
    hits: Vec<Found>,
    /// Identifiers of molecules on which the match was given up.
    given_up: Vec<String>,
    /// Version of Strata.
    strata: &'static str,
}

pub(super) fn operations(libraries: &Arc<Libraries>) -> Vec<Operation> {
    let [list, search, patterns] = [(); 3].map(|()| Arc::clone(libraries));
    vec![
        Operation::get("libraries", "/v1/libraries")
            .about("Libraries", "Libraries that can be searched", "")
            .scope(strata_serve::keys::Scope::Read)
            .computes(move |_, _: Nothing| {
                let info = |named: &Named| LibraryInfo {
                    name: named.name.clone(),
                    molecules: named.library.len() as u64,
                };
                Ok(LibraryList { libraries: list.0.iter().map(info).collect() })
            }),
        Operation::post("search", "/v1/search")
            .about(
                "Libraries",
                "The most similar molecules of a library",
                "Exact, best first. A molecule that cannot be read has an error_code.",
            )
            .computes(move |call, ask: SearchAsk| {
                call.check_rows("/smiles", ask.smiles.len())?;
                let named = search.get(ask.library.as_deref())?;
                let found = similar_to(&named.library, &ask.smiles, &wanted(&ask)?);
                Ok(SearchReply {
                    library: named.name.clone(),
                    results: found.map_err(|error| of_tool("/smiles", &error))?,
                    strata: strata_core::provenance::STRATA_VERSION,
                })
            }),
        Operation::post("substructure", "/v1/substructure")
            .about("Libraries", "Molecules of a library with a SMARTS pattern", "")
            .computes(move |_, ask: SubstructureAsk| {
                let limit = bounded("/limit", ask.limit)?;
                let named = patterns.get(ask.library.as_deref())?;
                let found = substructure(&named.library, &ask.smarts, limit);
                let found = found.map_err(|error| of_tool("/smarts", &error))?;
                Ok(SubstructureReply {
                    library: named.name.clone(),
                    smarts: found.smarts,
                    molecules: found.library as u64,
                    matched: found.matched as u64,
                    hits: found.hits,
                    given_up: found.given_up,
                    strata: strata_core::provenance::STRATA_VERSION,
                })
            }),
    ]
}

fn bounded(field: &str, number: u32) -> Result<usize, Problem> {
    match number as usize {
        n @ 1..=MOST_HITS => Ok(n),
        _ => Err(Problem::field(field, format!("it must be from 1 to {MOST_HITS}"))),
    }
}

fn wanted(ask: &SearchAsk) -> Result<Search, Problem> {
    if ask.smiles.is_empty() {
        return Err(Problem::field("/smiles", "there are no molecules"));
    }
    let threshold = ask.threshold.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&threshold) {
        return Err(Problem::field("/threshold", "a similarity is from 0 to 1"));
    }
    let metric = match ask.metric {
        MetricName::Tanimoto => Metric::Tanimoto,
        MetricName::Tversky => Metric::Tversky { alpha: ask.alpha, beta: ask.beta },
    };
    metric.validate().map_err(|error| Problem::field("/alpha", error))?;
    let few = if ask.threshold.is_none() { 10 } else { MOST_HITS };
    let top_k = ask.top_k.map_or(Ok(few), |k| bounded("/top_k", k))?;
    Ok(Search { metric, threshold, top_k: Some(top_k), ..Search::default() })
}
