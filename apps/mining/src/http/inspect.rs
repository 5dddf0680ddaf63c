//! `/v1/inspect` and `/v1/banks`: how unlike the normals a picture is, and what the normals are.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use strata_serve::keys::Scope;
use strata_serve::{Call, Nothing, Operation, PICTURES, Problem, Reply, Source, Upload};
use strata_vision::bank::Normal;
use strata_vision::image::Plane;

use super::banks::{Bank, Banks, scored};
use super::picture::{self, JPEG, PNG};
use super::problems::{of_bank, too_long};
use crate::inspect::{InspectStages, Inspected};
use crate::overlay;

/// Longest side of the map of a reply.
const MAP: u32 = 96;

/// Longest name of a normal picture, in bytes.
const LONGEST: usize = 512;

/// What to inspect with.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InspectAsk {
    /// The bank.
    bank: String,
    /// Name of the picture, for the row.
    name: Option<String>,
}

/// How unlike the normals a picture is.
#[derive(Debug, Serialize, JsonSchema)]
struct InspectReply {
    /// The row that `strata-mining inspect` writes for this picture.
    #[serde(flatten)]
    row: Inspected,
    /// The heat map, made smaller.
    map: HeatMap,
    /// The bank.
    bank: BankRef,
    /// Where the features come from.
    provenance: Source,
}

/// A heat map over the whole picture.
#[derive(Debug, Serialize, JsonSchema)]
struct HeatMap {
    /// Rows of values.
    rows: u32,
    /// Values in a row.
    columns: u32,
    /// Distances from the normals, row by row, in units of the score.
    values: Vec<f32>,
}

/// Which bank.
#[derive(Debug, Serialize, JsonSchema)]
struct BankRef {
    /// Its name.
    name: String,
    /// SHA-256 of its file.
    sha256: String,
}

/// The banks of a server.
#[derive(Debug, Serialize, JsonSchema)]
struct BankList {
    /// All of them.
    banks: Vec<BankInfo>,
}

/// A bank in short.
#[derive(Debug, Serialize, JsonSchema)]
struct BankInfo {
    /// Its name.
    name: String,
    /// SHA-256 of its file.
    sha256: String,
    /// The model of its features.
    model: String,
    /// Whether it answers.
    ready: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Whether normals can be added and removed: its file may be written.
    editable: bool,
    /// Pictures it was made of.
    normals: usize,
    /// Patch vectors it keeps.
    patches: usize,
    /// Score above which a picture is anomalous; absent without a calibration.
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<f32>,
}

/// A bank with its normal pictures.
#[derive(Debug, Serialize, JsonSchema)]
struct BankDetail {
    /// In short.
    bank: BankInfo,
    /// The normal pictures, in the order in which they came.
    normals: Vec<NormalInfo>,
}

/// A normal picture of a bank.
#[derive(Debug, Serialize, JsonSchema)]
struct NormalInfo {
    /// Its name in the bank.
    name: String,
    /// SHA-256 of its bytes; empty when unknown.
    sha256: String,
}

/// Which bank.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BankAsk {
    /// Its name.
    name: String,
}

/// A normal picture to add.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AddAsk {
    /// The bank.
    bank: String,
    /// Name of the picture in the bank, one of its own.
    name: String,
}

/// What became of a picture that was added.
#[derive(Debug, Serialize, JsonSchema)]
struct AddReply {
    /// The bank.
    bank: BankRef,
    /// Normal pictures it has now.
    normals: usize,
    /// Patch vectors of the picture.
    offered: usize,
    /// Those of them that the bank took: what it had seen already it leaves out.
    kept: usize,
}

/// A normal picture to take out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RemoveAsk {
    /// The bank.
    bank: String,
    /// Name of the picture in the bank.
    normal: String,
}

pub(super) fn operations(banks: &Arc<Banks>) -> Vec<Operation> {
    let [inspecting, all, one, adding, removing] = std::array::from_fn(|_| Arc::clone(banks));
    vec![
        Operation::post("inspect", "/v1/inspect")
            .about(
                "Pictures",
                "Tell how unlike the normal pictures of a bank a picture is",
                "The body is the picture. Gives the row that `strata-mining inspect` writes, and the heat map; \
                 with `Accept: image/png` (or `image/jpeg`) the picture with the heat map drawn over it.",
            )
            .takes(PICTURES)
            .replies(&[PNG, JPEG], move |call, ask, upload| inspect(&inspecting, call, ask, &upload)),
        Operation::get("banks", "/v1/banks")
            .about("Memory banks", "Memory banks of normal pictures", "")
            .scope(Scope::Read)
            .computes(move |_, _: Nothing| {
                Ok(BankList { banks: all.all().iter().map(|bank| info(&all, bank)).collect() })
            }),
        Operation::get("bank", "/v1/banks/{name}")
            .about("Memory banks", "A memory bank with its normal pictures", "")
            .scope(Scope::Read)
            .computes(move |_, ask: BankAsk| {
                let bank = one.find(&ask.name)?;
                let normal = |normal: &Normal| NormalInfo {
                    name: normal.name.clone(),
                    sha256: normal.sha256.clone(),
                };
                let normals = bank.state().bank.normals().iter().map(normal).collect();
                Ok(BankDetail { bank: info(&one, bank), normals })
            }),
        Operation::post("add-normal", "/v1/banks/{bank}/normals")
            .about(
                "Memory banks",
                "Add a picture to what is normal",
                "The body is the picture. The bank's file is replaced as a whole before the next picture is \
                 inspected with it. The threshold stays: with more normals scores only fall.",
            )
            .scope(Scope::Jobs)
            .takes(PICTURES)
            .computes(move |call, ask, upload| add(&adding, call, ask, &upload)),
        Operation::delete("remove-normal", "/v1/banks/{bank}/normals/{normal}")
            .about(
                "Memory banks",
                "Take a picture out of what is normal",
                "The threshold goes with it, for scores rise: calibrate anew.",
            )
            .scope(Scope::Jobs)
            .does(move |_, ask: RemoveAsk| {
                removing.remove(removing.find(&ask.bank)?, &ask.normal)
            }),
    ]
}

fn info(banks: &Banks, bank: &Bank) -> BankInfo {
    let (state, bound) = (bank.state(), banks.features(bank));
    let stats = state.bank.stats();
    BankInfo {
        name: bank.name.clone(),
        sha256: state.sha256.clone(),
        model: state.bank.identity().model.clone(),
        ready: bound.is_ok(),
        reason: bound.err().map(|problem| problem.detail),
        editable: bank.is_editable(),
        normals: stats.images,
        patches: stats.vectors,
        threshold: state.bank.calibration().map(|calibration| calibration.threshold),
    }
}

fn inspect(
    banks: &Banks,
    call: &Call,
    ask: InspectAsk,
    upload: &Upload,
) -> Result<Reply<InspectReply>, Problem> {
    let name = picture::name(ask.name)?;
    let bank = banks.find(&ask.bank)?;
    let features = banks.features(bank)?;
    let state = bank.state();
    let mut image = picture::read(call, &name, &upload.bytes)?;
    let (patches, placement) = scored(features.patches_of(&image, &call.run_options()))?;
    let anomaly = state.bank.score(&patches).map_err(|error| of_bank(&error))?;
    let (row, heat) = InspectStages::judge(&state.bank, &anomaly, (&name, &placement));
    let kind = call.prefers(&["application/json", PNG, JPEG]);
    if kind != "application/json" {
        overlay::anomaly(&mut image, &row, &heat);
        return picture::reply(kind, &image);
    }
    Ok(Reply::Json(InspectReply {
        row,
        map: smaller(&heat),
        bank: BankRef { name: bank.name.clone(), sha256: state.sha256.clone() },
        provenance: Source::from(&**features.model().provenance()),
    }))
}

/// The map with at most [`MAP`] values a side: each the middle one of those it stands for, which is enough
/// for a map that is smooth.
fn smaller(heat: &Plane<f32>) -> HeatMap {
    let size = heat.size();
    let side = |length: u32, other: u32| {
        let longest = length.max(other).max(1);
        let scaled = u64::from(length) * u64::from(MAP.min(longest)) / u64::from(longest);
        u32::try_from(scaled).unwrap_or(MAP).max(1)
    };
    let (columns, rows) = (side(size.width, size.height), side(size.height, size.width));
    let middle = |at: u32, of: u32, length: u32| {
        let at = (u64::from(at) * 2 + 1) * u64::from(length) / (u64::from(of) * 2);
        u32::try_from(at).unwrap_or(0).min(length.saturating_sub(1))
    };
    let value = |row, column| {
        let (x, y) = (middle(column, columns, size.width), middle(row, rows, size.height));
        // Four digits are more than a colour shows.
        let value = f64::from(heat.get(x, y).unwrap_or(0.0));
        ((value * 1e4).round() / 1e4) as f32
    };
    let values = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    HeatMap { rows, columns, values: values.map(|(row, column)| value(row, column)).collect() }
}

fn add(banks: &Banks, call: &Call, ask: AddAsk, upload: &Upload) -> Result<AddReply, Problem> {
    if ask.name.trim().is_empty() {
        return Err(Problem::field("name", "it is empty"));
    }
    if ask.name.len() > LONGEST {
        return Err(too_long("name", LONGEST));
    }
    let bank = banks.find(&ask.bank)?;
    let image = picture::read(call, &ask.name, &upload.bytes)?;
    let digest = Sha256::digest(&upload.bytes);
    let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let normal = Normal { name: ask.name, sha256 };
    let edited = banks.add(bank, (normal, &image), &call.run_options())?;
    Ok(AddReply {
        bank: BankRef { name: bank.name.clone(), sha256: edited.state.sha256.clone() },
        normals: edited.state.bank.normals().len(),
        offered: edited.added.offered,
        kept: edited.added.kept,
    })
}

#[cfg(test)]
mod tests {
    use strata_vision::geometry::Size;

    use super::*;

    #[test]
    fn maps_are_made_smaller_in_proportion() {
        let mut heat = Plane::filled(Size::new(1920, 1080), 0.25_f32);
        heat.data_mut()[540 * 1920 + 970] = 1.0;
        let map = smaller(&heat);
        assert_eq!((map.columns, map.rows, map.values.len()), (96, 54, 96 * 54));
        assert_eq!(map.values[27 * 96 + 48], 0.25);
        let map = smaller(&Plane::filled(Size::new(3, 2), 0.123_456));
        assert_eq!((map.columns, map.rows, map.values[0]), (3, 2, 0.1235));
        let map = smaller(&Plane::filled(Size::new(1, 4000), 1.0));
        assert_eq!((map.columns, map.rows), (1, 96));
    }
}
