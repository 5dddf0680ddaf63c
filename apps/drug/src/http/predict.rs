//! `/v1/predict`: molecules to a table of predictions, scores and ranks.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize};
use sha2::Digest;
use strata_core::batching::Ask;
use strata_core::stream::Ranking;
use strata_serve::{Call, FeaturiserInfo, Operation, Problem, Source, aside, through_all};

use super::engine::{Engine, Key, Ready, record};
use super::problems::of_engine;
use crate::input::Record;
use crate::output::{Cell, OutKind, RowReader, Schema};
use crate::scenario;
use crate::screen::{OwnedCell, hex};

/// Longest SMILES that is taken.
const LONGEST: usize = 1 << 20;

/// Molecules to predict.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PredictAsk {
    /// The molecules: a SMILES each, or an object with a SMILES and an identifier.
    #[schemars(length(min = 1))]
    smiles: Vec<Molecule>,
    /// What a good molecule is.
    #[serde(default = "default_scenario")]
    scenario: String,
    /// Models to run in place of the scenario's; an empty list runs none.
    #[serde(default)]
    models: Option<Vec<String>>,
}

fn default_scenario() -> String {
    scenario::DEFAULT.to_owned()
}

/// A molecule.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a molecule is a SMILES (\"CCO\") or {\"smiles\": \"CCO\", \"id\": \"ethanol\"}"
)]
pub(super) enum Molecule {
    /// A SMILES.
    Smiles(String),
    /// A SMILES with an identifier.
    Named(NamedMolecule),
}

/// A molecule with an identifier.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedMolecule {
    /// The SMILES.
    smiles: String,
    /// The identifier.
    #[serde(default)]
    id: String,
}

/// A table of answers: a row for each molecule given, in order.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PredictReply {
    /// The scenario.
    scenario: String,
    /// The columns, in order.
    columns: Vec<ColumnInfo>,
    /// A row a molecule. One that cannot be read has an error_code.
    rows: Vec<Row>,
    /// Rows with an error, by code.
    failed: BTreeMap<String, u64>,
    /// Where the answers come from.
    provenance: Origin,
}

/// A column.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ColumnInfo {
    /// Its name.
    name: String,
    /// `text`, `float` or `integer`.
    kind: &'static str,
}

/// Where answers come from.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Origin {
    /// Version of Strata.
    strata: String,
    /// SHA-256 of the scenario's text.
    scenario_sha256: String,
    /// Version of the scenario.
    scenario_version: String,
    /// The models, in the order of their columns.
    models: Vec<Source>,
    /// What made their features.
    featurisers: Vec<FeaturiserInfo>,
    /// SHA-256 over the molecules as they were given.
    rows_sha256: String,
}

/// A row: the columns by name, in their order.
#[derive(Debug)]
pub(super) struct Row {
    schema: Arc<Schema>,
    cells: Vec<OwnedCell>,
}

impl Serialize for Row {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.cells.len()))?;
        for (column, cell) in self.schema.columns.iter().zip(&self.cells) {
            match cell {
                OwnedCell::Null => map.serialize_entry(&column.name, &())?,
                OwnedCell::Text(text) => map.serialize_entry(&column.name, text)?,
                OwnedCell::Float(value) => map.serialize_entry(&column.name, value)?,
                OwnedCell::Integer(value) => map.serialize_entry(&column.name, value)?,
            }
        }
        map.end()
    }
}

impl JsonSchema for Row {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Row".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "The columns by name: text, a number, or null where there is no value.",
            "required": ["smiles", "id", "canonical_smiles", "error_code", "error", "score", "rank"],
            "additionalProperties": {"type": ["string", "number", "null"]},
        })
    }
}

pub(super) fn operations(engine: &Arc<Engine>) -> Vec<Operation> {
    let engine = Arc::clone(engine);
    let predict = Operation::post("predict", "/v1/predict")
        .about(
            "Molecules",
            "Predict, score and rank molecules",
            "Gives the columns that `strata-drug screen` gives, with the same numbers: descriptors, \
             alerts, each model's predictions with spread and interval, the similarity to the nearest \
             training molecule, flags, score, and the rank among the molecules of this request.",
        )
        .waits(move |call, ask| predict(Arc::clone(&engine), call, ask));
    vec![predict]
}

/// A scenario with its models, ready for requests.
pub(super) async fn ready(engine: &Arc<Engine>, key: Key) -> Result<Arc<Ready>, Problem> {
    match engine.bound(&key) {
        Some(ready) => Ok(ready),
        None => {
            let engine = Arc::clone(engine);
            aside(move || engine.get(&key)).await?.map_err(|e| of_engine(&e))
        }
    }
}

async fn predict(
    engine: Arc<Engine>,
    call: Call,
    ask: PredictAsk,
) -> Result<PredictReply, Problem> {
    call.check_rows("/smiles", ask.smiles.len())?;
    let records = records(&ask.smiles)?;
    let ready = ready(&engine, (ask.scenario.clone(), ask.models)).await?;
    let mut digest = sha2::Sha256::new();
    records.iter().for_each(|record| record.digest(&mut digest));
    let rows = run(&engine, &ready, &call, records).await?;
    table(&ready, ask.scenario, (rows, &hex(&digest.finalize())))
}

pub(super) fn records(molecules: &[Molecule]) -> Result<Vec<Record>, Problem> {
    if molecules.is_empty() {
        return Err(Problem::field("/smiles", "there are no molecules"));
    }
    let one = |(at, molecule): (usize, &Molecule)| {
        let (smiles, id) = match molecule {
            Molecule::Smiles(smiles) => (smiles.as_str(), ""),
            Molecule::Named(named) => (named.smiles.as_str(), named.id.as_str()),
        };
        match smiles.len() + id.len() {
            0..=LONGEST => Ok(record(smiles, id)),
            _ => Err(Problem::field(format!("/smiles/{at}"), "it is longer than 1 MiB")),
        }
    };
    molecules.iter().enumerate().map(one).collect()
}

/// Runs the records in pieces, so that a large request leaves room for small ones.
pub(super) async fn run(
    engine: &Engine,
    ready: &Ready,
    call: &Call,
    records: Vec<Record>,
) -> Result<Vec<Vec<u8>>, Problem> {
    let mut rows = Vec::with_capacity(records.len());
    let mut records = records.into_iter();
    let piece = |piece: Vec<Record>| {
        let ask = Ask {
            rows: piece.len(),
            caller: call.caller.id,
            priority: call.caller.priority,
            deadline: Some(call.deadline),
            ..Ask::default()
        };
        (ask, piece)
    };
    let next =
        || Some(records.by_ref().take(engine.chunk()).collect()).filter(|p: &Vec<_>| !p.is_empty());
    let pieces = std::iter::from_fn(next).map(piece).collect();
    for done in through_all(&ready.batcher, pieces, &call.cancel).await? {
        engine.count(&done.value.tally.times);
        rows.extend(done.value.rows);
    }
    Ok(rows)
}

/// Ranks the rows and names their columns.
fn table(
    ready: &Ready,
    scenario: String,
    (rows, rows_sha256): (Vec<Vec<u8>>, &str),
) -> Result<PredictReply, Problem> {
    let schema = &ready.schema;
    let at = |name| schema.position(name).unwrap_or(usize::MAX);
    let (score, code) = (at("score"), at("error_code"));
    let mut decoded = Vec::with_capacity(rows.len());
    let (mut scores, mut failed) = (Vec::with_capacity(rows.len()), BTreeMap::new());
    for row in &rows {
        let mut cells = Vec::with_capacity(schema.columns.len());
        // The rank comes last, when all scores are known.
        let whole = RowReader::new(row).row(schema.columns.len() - 1, &mut cells);
        whole.ok_or_else(|| Problem::internal("a row does not fit its columns"))?;
        scores.push(cells[score].number().map_or(f32::NAN, |score| score as f32));
        match cells[code].text() {
            "" => {}
            code => *failed.entry(code.to_owned()).or_default() += 1,
        }
        decoded.push(cells);
    }
    let ranking = Ranking::from_scores(&scores);
    let rows = decoded.into_iter().enumerate().map(|(number, mut cells)| {
        let rank = ranking.rank(number as u64);
        cells.push(rank.map_or(Cell::Null, |rank| Cell::Integer(i64::from(rank))));
        let cells = cells.into_iter().map(OwnedCell::from).collect();
        Row { schema: Arc::clone(schema), cells }
    });
    let rows = rows.collect();
    let column = |column: &crate::output::OutColumn| ColumnInfo {
        name: column.name.clone(),
        kind: match column.kind {
            OutKind::Text => "text",
            OutKind::Float => "float",
            OutKind::Integer => "integer",
            OutKind::Boolean => "boolean",
        },
    };
    let columns = schema.columns.iter().map(column).collect();
    Ok(PredictReply { scenario, columns, rows, failed, provenance: origin(ready, rows_sha256) })
}

pub(super) fn origin(ready: &Ready, rows_sha256: &str) -> Origin {
    let from = &ready.provenance;
    let featuriser = |f: &strata_core::provenance::Featuriser| FeaturiserInfo {
        id: f.id.clone(),
        hash: f.hash.clone(),
    };
    Origin {
        strata: from.strata.clone(),
        scenario_sha256: from.scenario.sha256.clone(),
        scenario_version: from.scenario.version.clone(),
        models: from.models.iter().map(Source::from).collect(),
        featurisers: from.featurisers.iter().map(featuriser).collect(),
        rows_sha256: rows_sha256.to_owned(),
    }
}
