//! `/v1/admet`: molecules to ADMET profiles.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Digest;
use strata_serve::{Call, Operation, Problem};

use super::engine::Engine;
use super::predict::{Molecule, Origin, origin, ready, records, run};
use crate::admet::{Profile, SCENARIO, radar};
use crate::output::{Cell, RowReader};
use crate::screen::{OwnedCell, hex};

/// Molecules to profile.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AdmetAsk {
    /// The molecules: a SMILES each, or an object with a SMILES and an identifier.
    #[schemars(length(min = 1))]
    smiles: Vec<Molecule>,
    /// Draw the radar of percentiles of each molecule.
    #[serde(default)]
    radar: bool,
}

/// A profile for each molecule given, in order.
#[derive(Debug, Serialize, JsonSchema)]
struct AdmetReply {
    /// The profiles. A molecule that cannot be read has an error_code.
    profiles: Vec<Profile>,
    /// What the percentiles are of: file names of reference sets.
    references: Vec<String>,
    /// Where the answers come from.
    provenance: Origin,
}

pub(super) fn operations(engine: &Arc<Engine>) -> Vec<Operation> {
    let engine = Arc::clone(engine);
    let admet = Operation::post("admet", "/v1/admet")
        .about(
            "Molecules",
            "ADMET profiles of molecules",
            "Absorption, distribution, metabolism, excretion and toxicity by ADMET-AI's models: 41 endpoints in \
             groups, with unit, percentile among a reference set, and on request a radar as SVG. The same numbers \
             as `strata-drug admet`.",
        )
        .waits(move |call, ask| admet(Arc::clone(&engine), call, ask));
    vec![admet]
}

async fn admet(engine: Arc<Engine>, call: Call, ask: AdmetAsk) -> Result<AdmetReply, Problem> {
    call.check_rows("/smiles", ask.smiles.len())?;
    let records = records(&ask.smiles)?;
    let ready = ready(&engine, (SCENARIO.to_owned(), None)).await?;
    let mut digest = sha2::Sha256::new();
    records.iter().for_each(|record| record.digest(&mut digest));
    let rows = run(&engine, &ready, &call, records).await?;
    let mut profiles = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut cells: Vec<Cell<'_>> = Vec::with_capacity(ready.schema.columns.len());
        // There is no rank: molecules are looked at one by one.
        let whole = RowReader::new(row).row(ready.schema.columns.len() - 1, &mut cells);
        whole.ok_or_else(|| Problem::internal("a row does not fit its columns"))?;
        let cells: Vec<OwnedCell> = cells.into_iter().map(OwnedCell::from).collect();
        let mut profile = ready.catalog.profile(&ready.schema, &cells);
        profile.radar_svg = if ask.radar { radar(&profile) } else { None };
        profiles.push(profile);
    }
    let references = ready.provenance.references.iter().map(|set| set.name.clone()).collect();
    let provenance = origin(&ready, &hex(&digest.finalize()));
    Ok(AdmetReply { profiles, references, provenance })
}
