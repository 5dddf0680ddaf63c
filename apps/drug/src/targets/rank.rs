//! Ranking a library for one target: by the model's probability of activity, by similarity to known actives, and by both fused.
//!
//! Records ride the same belt as in screening; their rows wait in a file beside the result until all scores are known, and are
//! then written in the order of their ranks. Memory is some 30 bytes a row.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use strata_chem::arena::FingerprintArena;
use strata_chem::fingerprint::{EcfpParams, ecfp};
use strata_core::provenance::{Provenance, STRATA_VERSION};
use strata_core::stream::{self, Options, Outcome, Progress, Ranking};

use super::rank_stages::{Ranked, Scoring, Spool};
use super::{Fusion, Lists, TargetInfo, TargetNames, TargetPredictor};
use crate::input::{InputSpec, open, structure};
use crate::output::{
    Cell, OutColumn, OutFormat, OutKind, RowReader, Schema, TableWriter, create, round,
    write_note_beside,
};
use crate::screen::{Folder, LibrarySource, ModelSource, hex};
use crate::tools::ToolError;
use crate::tools::rows::Counts;

/// Molecules in one run of the model.
const BATCH: usize = 256;

/// Fingerprints that actives are compared by: ECFP4 of 2,048 bits.
pub(super) const FINGERPRINT: EcfpParams =
    EcfpParams { radius: 2, size: 2048, use_features: false };

/// Known actives of a target.
#[derive(Debug)]
pub struct Actives {
    pub(super) ids: Vec<String>,
    pub(super) arena: FingerprintArena,
    unreadable: u64,
}

impl Actives {
    /// The molecules of a file; rows that cannot be read are counted and left out.
    ///
    /// # Errors
    /// Where the file cannot be read or holds no molecule.
    pub fn from_file(spec: &InputSpec) -> Result<Self, ToolError> {
        let mut reader = open(spec)?;
        let layout = reader.layout().clone();
        let (mut found, mut unreadable, mut row) = (Vec::new(), 0, 0);
        while let Some(record) = reader.next_record()? {
            match record.molecule(&layout) {
                Ok(mol) => {
                    found.push((record.id(&layout, row).into_owned(), ecfp(&mol, &FINGERPRINT)));
                }
                Err(_) => unreadable += 1,
            }
            row += 1;
        }
        Self::of(found, unreadable, &spec.path.display().to_string())
    }

    /// Molecules given as SMILES; each is its own identifier.
    ///
    /// # Errors
    /// Where one cannot be read, naming it, or there is none.
    pub fn from_smiles(smiles: &[String]) -> Result<Self, ToolError> {
        let one = |smiles: &String| {
            let mol = structure(smiles).map_err(|error| {
                ToolError::Request(format!("active {smiles:?}: {}", error.message))
            })?;
            Ok((smiles.clone(), ecfp(&mol, &FINGERPRINT)))
        };
        Self::of(
            smiles.iter().map(one).collect::<Result<_, ToolError>>()?,
            0,
            "the list of actives",
        )
    }

    fn of(found: Vec<(String, Vec<u64>)>, unreadable: u64, from: &str) -> Result<Self, ToolError> {
        if found.is_empty() {
            return Err(ToolError::Request(format!("{from} holds no readable molecule")));
        }
        let (ids, words): (Vec<String>, Vec<Vec<u64>>) = found.into_iter().unzip();
        let arena = FingerprintArena::new(FINGERPRINT.size, &words.concat())?;
        Ok(Self { ids, arena, unreadable })
    }
}

/// What to rank, for which target, and where to.
#[derive(Debug)]
pub struct RankJob {
    /// The library.
    pub input: InputSpec,
    /// The input's name in the provenance, where it is another than its file's.
    pub input_name: Option<String>,
    /// The result: .csv, .csv.gz or .parquet.
    pub out: PathBuf,
    /// The target: an identifier, a gene or a name.
    pub target: String,
    /// Names of targets.
    pub names: TargetNames,
    /// Known actives, if any.
    pub actives: Option<Actives>,
    /// How the two rankings become one.
    pub fusion: Fusion,
    /// Name of the model.
    pub model: String,
    /// Worker threads; 0 takes all cores.
    pub threads: usize,
    /// How many of the best the summary holds.
    pub top: usize,
    /// Write over an existing result.
    pub overwrite: bool,
}

/// One of the best.
#[derive(Debug, Clone, Serialize)]
pub struct Best {
    /// Rank, from 1.
    pub rank: u32,
    /// Identifier.
    pub id: String,
    /// Canonical SMILES.
    pub smiles: String,
    /// Probability of activity.
    pub activity: Option<f64>,
    /// Similarity to the nearest active.
    pub similarity: Option<f64>,
    /// What it is ranked by.
    pub score: f64,
}

/// How it went.
#[derive(Debug, Clone, Serialize)]
pub struct RankSummary {
    /// Version of the program.
    pub strata: String,
    /// The model.
    pub model: Provenance,
    /// The target.
    pub target: TargetInfo,
    /// Known actives that were compared with.
    pub actives: usize,
    /// Rows of the actives' file that could not be read.
    pub actives_unreadable: u64,
    /// How the rankings were fused, where there are two.
    pub fusion: Option<Fusion>,
    /// Name of the input.
    pub input: String,
    /// SHA-256 over the input's rows as they were read.
    pub rows_sha256: String,
    /// Rows, and those without a score by error code.
    #[serde(flatten)]
    pub counts: Counts,
    /// The best.
    #[serde(skip)]
    pub best: Vec<Best>,
}

/// Ranks a library with a model from its folder. `None` when `stop` was set before the end; nothing is written then.
///
/// # Errors
/// [`ToolError`]. What is wrong with a row is in the row.
pub fn rank(
    job: &RankJob,
    models_dir: Option<&Path>,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<Option<RankSummary>, ToolError> {
    rank_with(job, &Folder::new(models_dir, threads(job)), (stop, progress))
}

fn threads(job: &RankJob) -> usize {
    match job.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// [`rank`] with a model from elsewhere, such as a server's.
///
/// # Errors
/// As [`rank`].
pub fn rank_with(
    job: &RankJob,
    models: &dyn ModelSource,
    (stop, progress): (&AtomicBool, &mut dyn Progress),
) -> Result<Option<RankSummary>, ToolError> {
    OutFormat::of(&job.out)?;
    if job.out.exists() && !job.overwrite {
        let out = job.out.display();
        let text = format!("{out} exists already: choose another name, or add --overwrite");
        return Err(ToolError::Request(text));
    }
    let reader = open(&job.input)?;
    let model = TargetPredictor::open(&job.model, models)?;
    let target = job.names.find(model.ids(), &job.target)?;
    let layout = reader.layout().clone();
    let computed = computed(job.actives.is_some());
    let mut schema = Schema::new(&layout, computed);
    let full = schema.clone();
    // Score and rank are known at the end.
    schema.columns.truncate(full.columns.len() - 2);
    let stages = Scoring {
        layout: &layout,
        schema: &schema,
        model: &model,
        target,
        actives: job.actives.as_ref(),
    };
    let mut spool = Spool::beside(&job.out, &schema)?;
    let mut source = LibrarySource::new(reader);
    let options = Options { threads: threads(job), chunk: BATCH, stop };
    let (outcome, tally) = stream::run(&mut source, &stages, &mut spool, options, progress)?;
    if outcome == Outcome::Interrupted {
        return Ok(None);
    }
    let path = job.input_name.as_deref().map_or(&*job.input.path, Path::new);
    let mut summary = RankSummary {
        strata: STRATA_VERSION.to_owned(),
        model: model.provenance(),
        target: job.names.of(&model.ids()[target]),
        actives: job.actives.as_ref().map_or(0, |actives| actives.ids.len()),
        actives_unreadable: job.actives.as_ref().map_or(0, |actives| actives.unreadable),
        fusion: job.actives.as_ref().map(|_| job.fusion),
        input: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        rows_sha256: hex(&spool.input_digest),
        counts: Counts { rows: tally.rows, errors: tally.failed },
        best: Vec::new(),
    };
    // Serialising plain strings and numbers cannot fail.
    let json = serde_json::to_string_pretty(&summary).unwrap_or_default();
    let scores = match &job.actives {
        None => std::mem::take(&mut spool.activity),
        Some(_) => {
            let lists = Lists { activity: &spool.activity, similarity: &spool.similarity };
            job.fusion.scores(lists)
        }
    };
    let table = create(&job.out, &full)?;
    summary.best = write(spool, (&full, layout.id), table, (&scores, job.top), &json)?;
    write_note_beside(&job.out, &json)?;
    Ok(Some(summary))
}

/// The columns behind the given ones.
fn computed(actives: bool) -> Vec<OutColumn> {
    let similar: &[_] = match actives {
        true => &[("similarity", OutKind::Float), ("nearest_active", OutKind::Text)],
        false => &[],
    };
    let before = [
        ("canonical_smiles", OutKind::Text),
        ("error_code", OutKind::Text),
        ("error", OutKind::Text),
        ("activity", OutKind::Float),
    ];
    let after = [("score", OutKind::Float), ("rank", OutKind::Integer)];
    let all = before.iter().chain(similar).chain(&after);
    all.map(|&(name, kind)| OutColumn { name: name.to_owned(), kind }).collect()
}

/// Writes all rows, best first, those without a score last and in their order.
fn write(
    mut spool: Spool,
    (schema, id): (&Schema, Option<usize>),
    mut table: Box<dyn TableWriter>,
    (scores, top): (&[f32], usize),
    json: &str,
) -> Result<Vec<Best>, ToolError> {
    let ranking = Ranking::from_scores(scores);
    let failed = (0..scores.len() as u32).filter(|&row| scores[row as usize].is_nan());
    let order = ranking.order().iter().copied().chain(failed);
    let at = |name| schema.position(name).unwrap_or(usize::MAX);
    let [smiles, activity, similarity] = ["canonical_smiles", "activity", "similarity"].map(at);
    let mut best = Vec::new();
    let mut bytes = Vec::new();
    for row in order {
        spool.read(row as usize, &mut bytes)?;
        let mut cells = Vec::with_capacity(schema.columns.len());
        let read = RowReader::new(&bytes).row(schema.columns.len() - 2, &mut cells);
        read.ok_or(crate::output::OutputError::Damaged { row: u64::from(row) })?;
        let rank = ranking.rank(u64::from(row));
        let score = rank.map(|_| round(f64::from(scores[row as usize]), 6));
        cells.push(score.map_or(Cell::Null, Cell::Float));
        cells.push(rank.map_or(Cell::Null, |rank| Cell::Integer(i64::from(rank))));
        table.row(&cells)?;
        if let (Some(rank), Some(score)) = (rank, score)
            && best.len() < top
        {
            let name = id.map_or("", |id| cells[id].text());
            let number = |at: usize| cells.get(at).and_then(Cell::number);
            best.push(Best {
                rank,
                id: if name.is_empty() { format!("row {}", row + 1) } else { name.to_owned() },
                smiles: cells[smiles].text().to_owned(),
                activity: number(activity),
                similarity: number(similarity),
                score,
            });
        }
    }
    table.finish(&[("strata.provenance".to_owned(), json.to_owned())])?;
    Ok(best)
}

/// A number of a cell as it is kept for ranking.
pub(super) fn kept(cell: Ranked<'_>) -> f32 {
    cell.and_then(crate::output::Cell::number).map_or(f32::NAN, |number| number as f32)
}
