//! Patch vectors and scores of pictures as `strata-mining` makes them, for a peer that scores the same vectors.
//!
//! ```text
//! bank_scores MODEL BANK_PICTURES/ OUT/ PICTURES...
//! ```
//! Writes to `OUT` the vectors of all patches as little-endian f32, row by row (`bank.f32`, `tests.f32`), and a PatchCore score a
//! picture (`scores.f32`) against a bank that keeps every patch. Prints the length of a vector and how many a picture has.
//! `bench/peers/vision/auroc_torch.py` uses it.
#![allow(clippy::print_stdout, reason = "a program")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use strata_core::runtime::RunOptions;
use strata_mining::inspect::FeatureModel;
use strata_mining::models::{Folder, ModelSource};
use strata_vision::bank::{BankBuilder, FitOptions, Keep, Normal, Patches, Precision, Scoring};
use strata_vision::image::{DecodeLimits, decode_file};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, bank, out, pictures @ ..] = arguments.as_slice() else {
        bail!("usage: bank_scores MODEL BANK_PICTURES/ OUT/ PICTURES...");
    };
    let model = FeatureModel::new(Folder::new(None, 1).vision(model)?)?;
    let create = |name: &str| {
        let path = Path::new(out).join(name);
        let file = File::create(&path).with_context(|| path.display().to_string())?;
        anyhow::Ok(BufWriter::new(file))
    };
    let options =
        FitOptions { scoring: Scoring::patchcore(), keep: Keep::All, ..FitOptions::default() };
    let mut builder = BankBuilder::new(model.identity().clone(), options)?;
    let mut vectors = create("bank.f32")?;
    for path in normals(Path::new(bank))? {
        let patches = patches(&model, &path)?;
        write(&mut vectors, patches.data())?;
        let name = path.display().to_string();
        builder.push(Normal { name, sha256: String::new() }, &patches)?;
    }
    vectors.flush()?;
    let bank = builder.finish(Precision::Int8)?;
    let (mut vectors, mut scores) = (create("tests.f32")?, create("scores.f32")?);
    let mut shape = (0, 0);
    for path in pictures {
        let patches = patches(&model, Path::new(path))?;
        write(&mut vectors, patches.data())?;
        write(&mut scores, &[bank.score(&patches)?.score])?;
        shape = (patches.dim(), patches.count());
    }
    vectors.flush()?;
    scores.flush()?;
    println!("{} {}", shape.0, shape.1);
    Ok(())
}

fn normals(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut all =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    all.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    all.sort();
    Ok(all)
}

fn patches(model: &FeatureModel, path: &Path) -> anyhow::Result<Patches> {
    let image =
        decode_file(path, &DecodeLimits::default()).with_context(|| path.display().to_string())?;
    Ok(model.patches_of(&image, &RunOptions::default())?.0)
}

fn write(out: &mut impl Write, numbers: &[f32]) -> std::io::Result<()> {
    numbers.iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))
}
