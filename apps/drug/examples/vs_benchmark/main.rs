//! Virtual screening on DUD and MUV as compiled by Riniker and Landrum (J. Cheminf. 2013, 5:26): similarity to five actives, the
//! activity model, and their fusions. Prints one JSON object a line: each target, then means.
//!
//! `vs_benchmark [COMPOUNDS [MODELS]]`: the folder `compounds` of that data, the folder of models (with chembl-multitask in it);
//! without them those of `STRATA_SHARED`.
//!
//! Five actives drawn at random, five times, are the queries; the ranked list is everything else. Which fusion is the default, and
//! its weight, was chosen on the DUD targets of `tuning` (every other target with a model); the claim rests on `held-out`.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod figures;
mod sets;

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};
use strata_chem::split::Random;
use strata_drug::screen::Folder;
use strata_drug::targets::{Background, DEFAULT_MODEL, Fusion, Lists, TargetPredictor};

use figures::{Figures, Interval, mean_of, resampled};
use sets::{Molecules, TARGETS, Target};

/// Draws of queries.
const REPEATS: u64 = 5;

/// Actives of a draw.
const QUERIES: usize = 5;

/// What a method gave on one target: the mean over the repeats, and its interval.
struct Outcome {
    method: String,
    figures: Figures,
    bedroc: Interval,
}

struct Done {
    target: Target,
    outcomes: Vec<Outcome>,
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let scratch = tempfile::tempdir()?;
    let (compounds, models) = match args.next() {
        Some(compounds) => (PathBuf::from(compounds), args.next().map(PathBuf::from)),
        None => match shared(scratch.path())? {
            Some((compounds, models)) => (compounds, Some(models)),
            None => {
                println!(
                    "{}",
                    json!({ "skipped": "no shared folder with the data and the model" })
                );
                return Ok(());
            }
        },
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let model = TargetPredictor::open(DEFAULT_MODEL, &Folder::new(models.as_deref(), threads))?;
    let background = Background::built_in(&model)?;
    let mut done = Vec::new();
    let mut fished = Vec::new();
    for target in sets::read(TARGETS)? {
        let molecules = Molecules::read(&compounds, &target, &model)?;
        let outcomes = screen(&target, &molecules);
        println!("{}", line(&target, &molecules, &outcomes));
        fished.extend(molecules.own_target_ranks(&target, &model, &background));
        done.push(Done { target, outcomes });
    }
    // Every other target with a model, in the order of the table, tunes; the rest is held out.
    let with_model: Vec<&Done> =
        done.iter().filter(|one| one.target.output(&model).is_some()).collect();
    let half = |odd: usize| with_model.iter().skip(odd).step_by(2).copied().collect::<Vec<_>>();
    let of_set = |set: &str| -> Vec<&Done> {
        with_model.iter().filter(|one| one.target.set == set).copied().collect()
    };
    println!("{}", means("tuning", &half(0)));
    println!("{}", means("held-out", &half(1)));
    println!("{}", means("DUD, targets of the model", &of_set("DUD")));
    println!("{}", means("MUV, targets of the model", &of_set("MUV")));
    println!("{}", means("targets of the model", &with_model));
    let all: Vec<&Done> = done.iter().collect();
    println!("{}", means("all; similarity where there is no model", &all));
    println!("{}", sets::fishing_line(&fished, model.ids().len()));
    Ok(())
}

/// The shared folder's compounds, and a folder of models with its files and the card as shipped.
fn shared(scratch: &Path) -> Result<Option<(PathBuf, PathBuf)>> {
    let Some(shared) = strata_testkit::shared_dir() else { return Ok(None) };
    let compounds = shared.join("data/drug/vs_benchmark_riniker/compounds");
    let files = shared.join("models/drug/chembl_multitask_q8");
    if !compounds.is_dir() || !files.is_dir() {
        return Ok(None);
    }
    let folder = scratch.join(DEFAULT_MODEL);
    std::fs::create_dir_all(&folder)?;
    let card = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared-models");
    std::fs::copy(card.join(DEFAULT_MODEL).join("card.toml"), folder.join("card.toml"))?;
    for name in ["chembl_37_multitask_q8.onnx", "targets_37_all.json"] {
        std::fs::copy(files.join(name), folder.join(name))?;
    }
    Ok(Some((compounds, scratch.to_path_buf())))
}

/// All methods on one target.
fn screen(target: &Target, molecules: &Molecules) -> Vec<Outcome> {
    let has_model = molecules.activity.is_some();
    let mut methods = vec!["similarity".to_owned(), "activity".to_owned()];
    methods.extend(Fusion::ALL.map(|fusion| fusion.to_string()));
    let mut figures: Vec<Vec<Figures>> = vec![Vec::new(); methods.len()];
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); methods.len()];
    for repeat in 0..REPEATS {
        let mut random = Random::new(repeat * 1000 + target.seed());
        let mut actives: Vec<usize> = (0..molecules.actives).collect();
        random.shuffle(&mut actives);
        let queries = &actives[..QUERIES.min(actives.len() - 1)];
        let similarity = molecules.similarity(queries);
        let kept: Vec<usize> = (0..molecules.len()).filter(|at| !queries.contains(at)).collect();
        let labels: Vec<bool> = kept.iter().map(|&at| at < molecules.actives).collect();
        let similarity: Vec<f32> = kept.iter().map(|&at| similarity[at]).collect();
        let activity: Option<Vec<f32>> =
            molecules.activity.as_ref().map(|all| kept.iter().map(|&at| all[at]).collect());
        for (at, method) in methods.iter().enumerate() {
            let scores = match (&activity, at) {
                (Some(activity), 1) => activity.clone(),
                (Some(activity), 2..) => {
                    let lists = Lists { activity, similarity: &similarity };
                    Fusion::ALL[at - 2].scores(lists)
                }
                _ => similarity.clone(),
            };
            // Without a model there is nothing but similarity.
            if method == "activity" && !has_model {
                continue;
            }
            figures[at].push(Figures::of(&labels, &scores));
            samples[at].extend(resampled(&labels, &scores, repeat));
        }
    }
    methods
        .into_iter()
        .zip(figures.into_iter().zip(samples))
        .filter(|(_, (figures, _))| !figures.is_empty())
        .map(|(method, (figures, samples))| Outcome {
            method,
            figures: mean_of(&figures),
            bedroc: Interval::of(samples),
        })
        .collect()
}

fn line(target: &Target, molecules: &Molecules, outcomes: &[Outcome]) -> Value {
    let methods: serde_json::Map<String, Value> = outcomes
        .iter()
        .map(|one| {
            let mut value = one.figures.json();
            value["bedroc_interval_95"] = one.bedroc.json();
            (one.method.clone(), value)
        })
        .collect();
    json!({
        "set": target.set, "name": target.name, "target": target.target, "protein": target.protein,
        "actives": molecules.actives, "decoys": molecules.len() - molecules.actives,
        "unreadable": molecules.unreadable, "methods": methods,
    })
}

/// Means over targets, with intervals by drawing targets with replacement.
fn means(what: &str, done: &[&Done]) -> Value {
    let mut methods = serde_json::Map::new();
    let names: Vec<String> = done
        .first()
        .map(|one| one.outcomes.iter().map(|o| o.method.clone()).collect())
        .unwrap_or_default();
    for name in names {
        let of = |one: &&Done| one.outcomes.iter().find(|o| o.method == name).map(|o| o.figures);
        let figures: Vec<Figures> = done.iter().filter_map(of).collect();
        methods.insert(name, figures::over_targets(&figures));
    }
    json!({ "mean_over": what, "targets": done.len(), "methods": methods })
}
