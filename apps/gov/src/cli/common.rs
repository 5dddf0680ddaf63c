//! Arguments that several commands take: the index, the asker, the day, the scenario.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use strata_text::date::Date;
use strata_text::index::{Index, Viewer};

use crate::answer::{Ask, SearchAsk};
use crate::audit::{AuditLog, Record};
use crate::desk::{Desk, today};
use crate::models::Folder;
use crate::scenario::{Loaded, Mode};

/// Which index, and which models read it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct IndexArgs {
    /// The index, made by `ingest`.
    #[arg(long, short, value_name = "DIR", env = "STRATA_GOV_INDEX")]
    pub(super) index: PathBuf,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    pub(super) models_dir: Option<PathBuf>,
}

/// Who asks, and as of when.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct AskerArgs {
    /// The day that texts must be in force: 2021-06-01 or 2021年6月1日 [default: today].
    #[arg(long, value_name = "DATE")]
    pub(super) as_of: Option<Date>,
    /// Department of the asker, who then sees its documents beside the public ones; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(super) department: Vec<String>,
    /// See every document, whatever its department.
    #[arg(long, conflicts_with = "department")]
    pub(super) all_departments: bool,
    /// Region of the asker: texts of other regions are not found.
    #[arg(long, value_name = "NAME")]
    pub(super) region: Option<String>,
}

impl AskerArgs {
    pub(super) fn viewer(&self) -> Viewer {
        match self.all_departments {
            true => Viewer::everything(),
            false => Viewer::with_labels(self.department.iter().cloned()),
        }
    }

    pub(super) fn day(&self) -> Date {
        self.as_of.unwrap_or_else(today)
    }
}

/// What is written of each question.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct AuditArgs {
    /// Write who asked what, and what was cited, to this log.
    #[arg(long, value_name = "FILE", env = "STRATA_GOV_AUDIT")]
    audit: Option<PathBuf>,
}

impl AuditArgs {
    /// Writes an entry, where there is a log.
    pub(super) fn write(&self, record: impl FnOnce(&str) -> Record) -> anyhow::Result<()> {
        let Some(path) = &self.audit else { return Ok(()) };
        let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
        let who = user.unwrap_or_else(|_| "command line".to_owned());
        AuditLog::open(path)?.append(record(&who))?;
        Ok(())
    }
}

/// A scenario of a mode.
pub(super) fn scenario(name: &str, modes: &[Mode]) -> anyhow::Result<Loaded> {
    let loaded = Loaded::find(name)?;
    let mode = loaded.scenario.mode;
    if !modes.contains(&mode) {
        let wanted: Vec<String> = modes.iter().map(Mode::to_string).collect();
        anyhow::bail!(
            "scenario {name} is of mode {mode}: this needs one of mode {}",
            wanted.join(" or ")
        );
    }
    Ok(loaded)
}

/// Opens an index and a scenario's models.
pub(super) fn desk(args: &IndexArgs, loaded: &Loaded) -> anyhow::Result<Desk> {
    let index =
        Index::open(&args.index).with_context(|| format!("index {}", args.index.display()))?;
    let models = Folder::new(args.models_dir.as_deref(), 1);
    Ok(Desk::new(Arc::new(index), &models, &loaded.scenario)?)
}

/// A question as a scenario answers it.
pub(super) fn question(loaded: &Loaded, text: &str, asker: &AskerArgs, top: Option<usize>) -> Ask {
    let scenario = &loaded.scenario;
    let retrieval = &scenario.retrieval;
    Ask {
        search: SearchAsk {
            text: text.to_owned(),
            as_of: asker.day(),
            history: false,
            viewer: asker.viewer(),
            region: asker.region.clone(),
            kinds: scenario.corpus.kinds.clone(),
            top: top.unwrap_or(retrieval.top),
            depth: retrieval.depth,
            per_record: retrieval.per_document,
            lexical_weight: retrieval.lexical_weight,
            choose: retrieval.choose,
        },
        task: scenario.answer.clone(),
    }
}
