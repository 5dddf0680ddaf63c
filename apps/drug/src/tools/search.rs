//! Similarity and substructure search in a library.

use std::path::{Path, PathBuf};

use strata_chem::arena::Search;
use strata_chem::db::{FingerprintSpec, Library};
use strata_chem::smarts::Pattern;
use strata_cli::text::TextTable;
use strata_core::stream::RecordError;

use super::ToolError;
use crate::input::{InputSpec, open, structure};

/// A molecule found.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Found {
    /// Rank among the hits of its query, from 1.
    pub rank: usize,
    /// Similarity; absent for a substructure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Its identifier.
    pub id: String,
    /// Its SMILES.
    pub smiles: String,
    /// Its row in the indexed input, from 1.
    pub row: u64,
}

/// A query and what it found.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct QueryResult {
    /// The query's identifier.
    pub query: String,
    /// Stable error code, empty where the query is good.
    pub error_code: String,
    /// What was wrong with the query.
    pub error: String,
    /// The hits, best first.
    pub hits: Vec<Found>,
}

/// A molecule to look for.
struct Query {
    id: String,
    fingerprint: Result<Vec<u64>, RecordError>,
}

/// Opens a library.
///
/// # Errors
/// [`ToolError::Library`] where it is absent, damaged, or holds other fingerprints than this program computes.
pub fn open_library(path: &Path) -> Result<OpenLibrary, ToolError> {
    let library = Library::open(path).map_err(ToolError::library(path))?;
    let spec = library.fingerprint_spec().map_err(ToolError::library(path))?;
    Ok(OpenLibrary { library, spec, path: path.to_path_buf() })
}

/// A library whose fingerprints this program computes as well.
#[derive(Debug)]
pub struct OpenLibrary {
    library: Library,
    spec: FingerprintSpec,
    path: PathBuf,
}

impl OpenLibrary {
    /// Molecules in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.library.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Compares the checksums of the whole file.
    ///
    /// # Errors
    /// [`ToolError::Library`] naming what is damaged.
    pub fn verify(&self) -> Result<(), ToolError> {
        self.library.verify().map_err(ToolError::library(&self.path))
    }

    fn found(&self, number: u32, rank: usize, score: Option<f64>) -> Result<Found, ToolError> {
        let molecule = self.library.molecule(number).map_err(ToolError::library(&self.path))?;
        Ok(Found {
            rank,
            score,
            id: molecule.id.to_owned(),
            smiles: molecule.smiles.to_owned(),
            row: molecule.input_row + 1,
        })
    }
}

/// Searches for one SMILES, or for every molecule of a file; one result a query, in order.
///
/// # Errors
/// [`ToolError`] where the file or the library cannot be read. A bad query is a result with an error code.
pub fn similar(
    db: &OpenLibrary,
    query: &str,
    spec: &InputSpec,
    search: &Search,
) -> Result<Vec<QueryResult>, ToolError> {
    answer(db, queries(&db.spec, query, spec)?, search)
}

/// Searches for molecules given as SMILES, never read as names of files; one result each, in order.
///
/// # Errors
/// [`ToolError`] where the library cannot be read. A bad SMILES is a result with an error code.
pub fn similar_to(
    db: &OpenLibrary,
    smiles: &[String],
    search: &Search,
) -> Result<Vec<QueryResult>, ToolError> {
    let query = |smiles: &String| Query {
        id: smiles.clone(),
        fingerprint: structure(smiles).map(|mol| db.spec.compute(&mol)),
    };
    answer(db, smiles.iter().map(query).collect(), search)
}

fn answer(
    db: &OpenLibrary,
    queries: Vec<Query>,
    search: &Search,
) -> Result<Vec<QueryResult>, ToolError> {
    let good: Vec<&Vec<u64>> =
        queries.iter().filter_map(|query| query.fingerprint.as_ref().ok()).collect();
    let mut hits = db.library.arena().search_batch(&good, search)?.into_iter();
    let result = |query: Query| match query.fingerprint {
        Err(error) => Ok(QueryResult {
            query: query.id,
            error_code: error.code.into_owned(),
            error: error.message,
            hits: Vec::new(),
        }),
        Ok(_) => {
            let hits = hits.next().unwrap_or_default();
            let found = hits.iter().enumerate();
            let found = found.map(|(at, hit)| db.found(hit.row, at + 1, Some(hit.score)));
            Ok(QueryResult {
                query: query.id,
                error_code: String::new(),
                error: String::new(),
                hits: found.collect::<Result<_, ToolError>>()?,
            })
        }
    };
    queries.into_iter().map(result).collect()
}

fn queries(kind: &FingerprintSpec, query: &str, spec: &InputSpec) -> Result<Vec<Query>, ToolError> {
    if query != "-" && !Path::new(query).is_file() {
        let mol = strata_chem::Mol::from_smiles(query).map_err(|error| {
            ToolError::Request(format!("{query:?} is neither a file nor a SMILES: {error}"))
        })?;
        return Ok(vec![Query { id: query.to_owned(), fingerprint: Ok(kind.compute(&mol)) }]);
    }
    let mut reader = open(spec)?;
    let layout = reader.layout().clone();
    let mut queries = Vec::new();
    while let Some(record) = reader.next_record()? {
        queries.push(Query {
            id: record.id(&layout, queries.len() as u64).into_owned(),
            fingerprint: record.molecule(&layout).map(|mol| kind.compute(&mol)),
        });
    }
    Ok(queries)
}

/// What a substructure search found.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct SubstructureResult {
    /// The pattern.
    pub smarts: String,
    /// Molecules in the library.
    pub library: usize,
    /// Molecules that had to be matched exactly.
    pub matched: usize,
    /// Molecules with the pattern, in the order of the input.
    pub hits: Vec<Found>,
    /// Identifiers of molecules on which the match was given up.
    pub given_up: Vec<String>,
}

/// Molecules that contain a SMARTS pattern, the first `limit`.
///
/// # Errors
/// [`ToolError`] where the pattern or the library cannot be read.
pub fn substructure(
    db: &OpenLibrary,
    smarts: &str,
    limit: usize,
) -> Result<SubstructureResult, ToolError> {
    let pattern = Pattern::parse(smarts)?;
    let result = db.library.substructure(&pattern, limit).map_err(ToolError::library(&db.path))?;
    let hits = result.molecules.iter().enumerate();
    let hits = hits.map(|(at, &number)| db.found(number, at + 1, None));
    let given_up = result.given_up.iter().map(|&number| Ok(db.found(number, 0, None)?.id));
    Ok(SubstructureResult {
        smarts: smarts.to_owned(),
        library: db.library.len(),
        matched: result.matched,
        hits: hits.collect::<Result<_, ToolError>>()?,
        given_up: given_up.collect::<Result<_, ToolError>>()?,
    })
}

/// Tables for people, one a query.
#[must_use]
pub fn render(results: &[QueryResult]) -> String {
    let mut text = String::new();
    for result in results {
        if results.len() > 1 {
            text.push_str(&format!("query {}\n", result.query));
        }
        if !result.error_code.is_empty() {
            text.push_str(&format!("error ({}): {}\n\n", result.error_code, result.error));
            continue;
        }
        if result.hits.is_empty() {
            text.push_str("no molecule is that similar\n");
        } else {
            let mut table = TextTable::new(&["rank", "score", "id", "smiles"]);
            for hit in &result.hits {
                let score = hit.score.map(|score| format!("{score:.4}")).unwrap_or_default();
                table.row(vec![hit.rank.to_string(), score, hit.id.clone(), hit.smiles.clone()]);
            }
            text.push_str(&table.render());
        }
        if results.len() > 1 {
            text.push('\n');
        }
    }
    text
}

/// Results as comma-separated rows, one a hit; a query without hits or with an error has one row as well.
///
/// # Errors
/// Where the rows cannot be written.
pub fn write_csv(results: &[QueryResult], out: impl std::io::Write) -> csv::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record([
        "query",
        "rank",
        "score",
        "id",
        "smiles",
        "row",
        "error_code",
        "error",
    ])?;
    for result in results {
        if result.hits.is_empty() {
            let QueryResult { query, error_code, error, .. } = result;
            writer.write_record([query, "", "", "", "", "", error_code, error])?;
        }
        for hit in &result.hits {
            let score = hit.score.map(|score| score.to_string()).unwrap_or_default();
            let (rank, row) = (hit.rank.to_string(), hit.row.to_string());
            writer.write_record([
                &result.query,
                &rank,
                &score,
                &hit.id,
                &hit.smiles,
                &row,
                "",
                "",
            ])?;
        }
    }
    writer.flush()?;
    Ok(())
}
