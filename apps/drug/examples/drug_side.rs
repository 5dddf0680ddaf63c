//! Our side of the suite `drug`: models run on molecules, timed, with their answers written down.
//!
//! `drug_side screen FILE COUNT THREADS PROFILE MODELS ANSWERS` screens COUNT molecules of FILE, evenly taken, as
//! `strata-drug screen` does, models open before the clock starts; an answer is the predictions of MODELS (separated by
//! commas), in the order of their cards. `drug_side targets FILE COUNT ANSWERS` runs ChEMBL's multitask model on one thread.
//! `drug_side library FILE COUNT THREADS PROFILE MODELS` is `screen` for its memory: nothing but the program's own work is held.
//! `drug_side first SMILES PROFILE MODELS` answers for one molecule and ends: a cold start. Models lie in `shared-models` or, where
//! only their cards do, under `STRATA_SHARED`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use strata_chem::Mol;
use strata_core::card::ModelCard;
use strata_core::paths::SearchPath;
use strata_core::runtime::Model;
use strata_core::stream::Silent;
use strata_drug::input::InputSpec;
use strata_drug::scenario::Loaded;
use strata_drug::screen::{
    Folder, Job, ModelChoice, ModelSource, ModelsError, Screened, Summary, screen_with,
};
use strata_drug::targets::{DEFAULT_MODEL, TargetPredictor};
use strata_testkit::bench::{
    Stopwatch, first_words, gather, report, report_process, since_start, write_answers,
};

/// Where the files of public models lie in the shared folder, by the names of their cards.
const PUBLIC: [(&str, &str); 3] = [
    ("admet-ai-classification", "admet_ai"),
    ("admet-ai-regression", "admet_ai"),
    ("chembl-multitask", "chembl_multitask_q8"),
];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let scratch = tempfile::tempdir()?;
    match words[..] {
        ["screen", file, count, threads, profile, models, answers] => {
            let side = Side { scratch: scratch.path(), threads: threads.parse()?, profile, models };
            side.screen(&first_words(Path::new(file), count.parse()?)?, Some(Path::new(answers)))
        }
        ["library", file, count, threads, profile, models] => {
            let side = Side { scratch: scratch.path(), threads: threads.parse()?, profile, models };
            side.library(Path::new(file), count.parse()?)
        }
        ["first", smiles, profile, models] => {
            let side = Side { scratch: scratch.path(), threads: 1, profile, models };
            side.screen(&[smiles.to_owned()], None)
        }
        ["targets", file, count, answers] => {
            targets(scratch.path(), &first_words(Path::new(file), count.parse()?)?, answers)
        }
        _ => bail!("usage: drug_side screen|first|targets …; see its head"),
    }
}

/// A folder of models: what `shared-models` has of them, and the shared folder's files.
fn models_in(scratch: &Path, names: &str) -> Result<PathBuf> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared-models");
    let folder = scratch.join("models");
    for name in names.split(',') {
        let mut from = vec![shipped.join(name)];
        if let Some((_, below)) = PUBLIC.iter().find(|(public, _)| *public == name) {
            let shared = strata_testkit::shared_dir().context("set STRATA_SHARED")?;
            from.push(shared.join("models/drug").join(below));
        }
        let from: Vec<&Path> = from.iter().map(PathBuf::as_path).collect();
        gather(&folder.join(name), &from).with_context(|| format!("the model {name}"))?;
    }
    Ok(folder)
}

/// Models that are open already.
struct Ready(BTreeMap<String, (Arc<Model>, SearchPath)>);

impl ModelSource for Ready {
    fn model(&self, name: &str) -> Result<(Arc<Model>, SearchPath), ModelsError> {
        let (model, search) = &self.0[name];
        Ok((Arc::clone(model), search.clone()))
    }
}

struct Side<'a> {
    scratch: &'a Path,
    threads: usize,
    profile: &'a str,
    models: &'a str,
}

impl Side<'_> {
    fn screen(&self, smiles: &[String], answers: Option<&Path>) -> Result<()> {
        let lines: Vec<String> =
            smiles.iter().enumerate().map(|(number, text)| format!("{text} m{number}\n")).collect();
        std::fs::write(self.scratch.join("in.smi"), lines.concat())?;
        let done = self.run()?;
        let Some(answers) = answers else {
            report_process(smiles.len(), &[("first_answer_seconds", json!(since_start()))]);
            return Ok(());
        };
        write_answers(answers, &predictions(&done)?)?;
        report(smiles.len(), done.times, &done.stages);
        Ok(())
    }

    /// Screens molecules of a file that is never held in memory.
    fn library(&self, file: &Path, count: usize) -> Result<()> {
        let total = each_line(file)?.count();
        let mut out = BufWriter::new(File::create(self.scratch.join("in.smi"))?);
        let mut chosen = 0;
        for (number, line) in each_line(file)?.enumerate() {
            if chosen < count && number == chosen * total / count {
                writeln!(out, "{}", line?)?;
                chosen += 1;
            }
        }
        out.flush()?;
        drop(out);
        let done = self.run()?;
        report(chosen, done.times, &done.stages);
        Ok(())
    }

    /// Screens what lies in `in.smi`.
    fn run(&self) -> Result<Done> {
        let models = models_in(self.scratch, self.models)?;
        let names: Vec<String> = self.models.split(',').map(str::to_owned).collect();
        let out = self.scratch.join("out.csv");
        let job = self.job(self.scratch.join("in.smi"), out.clone(), names.clone())?;
        let folder = Folder::new(Some(&models), self.threads);
        let open = |name: &String| Ok((name.clone(), folder.model(name)?));
        let ready = Ready(names.iter().map(open).collect::<Result<_>>()?);
        let opened = since_start();
        let watch = Stopwatch::start();
        let screened = screen_with(&job, &ready, (&AtomicBool::new(false), &mut Silent))?;
        let times = watch.seconds();
        let Screened::Complete(done) = screened else { bail!("the screening did not finish") };
        let mut stages = stages(&done.summary);
        stages.push(("models_open_seconds", json!(opened)));
        Ok(Done { out, models, names, times, stages })
    }

    fn job(&self, input: PathBuf, out: PathBuf, models: Vec<String>) -> Result<Job> {
        Ok(Job {
            input_name: None,
            input: InputSpec { path: input, ..InputSpec::default() },
            out,
            scenario: Loaded::find(self.profile)?,
            reference: None,
            models: ModelChoice::Only(models),
            models_dir: None,
            threads: self.threads,
            top: 10,
            top_out: None,
            report: None,
            resume: false,
            overwrite: true,
        })
    }
}

/// A screening that is done.
struct Done {
    out: PathBuf,
    models: PathBuf,
    names: Vec<String>,
    times: (f64, f64),
    stages: Vec<(&'static str, Value)>,
}

fn each_line(file: &Path) -> Result<impl Iterator<Item = std::io::Result<String>>> {
    let reader = BufReader::new(flate2::read::MultiGzDecoder::new(File::open(file)?));
    Ok(reader.lines())
}

/// Microseconds a molecule in each stage, over all threads.
fn stages(summary: &Summary) -> Vec<(&'static str, Value)> {
    let times = &summary.times;
    let all = [
        ("read_us", times.source),
        ("prepare_us", times.prepare),
        ("infer_us", times.infer),
        ("interpret_us", times.interpret),
        ("store_us", times.sink),
        ("write_us", summary.writing),
    ];
    let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / summary.rows.max(1) as f64;
    let mut lines: Vec<(&'static str, Value)> =
        all.iter().map(|(name, time)| (*name, json!(each(*time)))).collect();
    // Threads work at the same time; the model's share is of the work, not of the clock.
    let work: f64 = all.iter().map(|(_, time)| time.as_secs_f64()).sum();
    let share = times.infer.as_secs_f64() / work.max(1e-12);
    lines.push(("infer_share_of_work", json!(share)));
    lines
}

/// The models' endpoints of each row; null where a row has an error.
fn predictions(done: &Done) -> Result<Vec<Value>> {
    let mut wanted = Vec::new();
    for name in &done.names {
        let card = ModelCard::load(&done.models.join(name))?;
        wanted.extend(card.endpoints.into_iter().map(|endpoint| endpoint.name));
    }
    let mut table = csv::Reader::from_path(&done.out)?;
    let head = table.headers()?.clone();
    let position = |name: &str| {
        let at = head.iter().position(|column| column == name);
        at.with_context(|| format!("the result has no column {name}"))
    };
    let columns: Vec<usize> = wanted.iter().map(|name| position(name)).collect::<Result<_>>()?;
    let mut rows = Vec::new();
    for record in table.records() {
        let record = record?;
        let values: Vec<Option<f64>> =
            columns.iter().map(|at| record.get(*at).and_then(|text| text.parse().ok())).collect();
        let empty = values.iter().all(Option::is_none);
        rows.push(if empty { Value::Null } else { json!(values) });
    }
    Ok(rows)
}

/// Every target's probability for every molecule. An answer is a molecule's row.
fn targets(scratch: &Path, smiles: &[String], answers: &str) -> Result<()> {
    let models = models_in(scratch, DEFAULT_MODEL)?;
    let model = TargetPredictor::open(DEFAULT_MODEL, &Folder::new(Some(&models), 1))?;
    let watch = Stopwatch::start();
    let mols: Vec<Option<Mol>> = smiles.iter().map(|text| Mol::from_smiles(text).ok()).collect();
    let read: Vec<&Mol> = mols.iter().flatten().collect();
    let found = model.predict_mols(&read).map_err(|error| anyhow::anyhow!("{error}"))?;
    let times = watch.seconds();
    let mut rows = found.chunks(model.ids().len());
    let rows: Vec<Value> =
        mols.iter().map(|mol| mol.as_ref().map_or(Value::Null, |_| json!(rows.next()))).collect();
    write_answers(Path::new(answers), &rows)?;
    report(smiles.len(), times, &[]);
    Ok(())
}
