//! `convert`: annotated pictures from one form to another.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use strata_cli::{Globals, say};
use strata_vision::convert::{
    Dataset, YoloLabels, read_coco, read_voc, read_yolo, write_coco, write_voc, write_yolo,
};
use strata_vision::image::{DecodeLimits, decode_file};

/// Convert annotations between COCO, YOLO and Pascal VOC.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-mining convert belt/ --to coco --out belt.json
  strata-mining convert instances_val2017.json --to yolo --out val/
  strata-mining convert VOC2012/ --to coco --out voc.json

The form of INPUT is told by what lies there: a .json file is COCO, a folder with images/ and labels/ or a data.yaml is YOLO, a folder
with Annotations/ or XML files is VOC. Pictures stay where they are; --copy puts them beside the new labels.")]
pub struct Args {
    /// A COCO file, a YOLO folder or a VOC folder.
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// The form wanted.
    #[arg(long, value_enum)]
    to: Form,
    /// Where it goes: a file for COCO, a folder for the others.
    #[arg(long, short, value_name = "FILE|DIR")]
    out: PathBuf,
    /// YOLO: the split of data.yaml to read: train, val or test.
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// YOLO: write outlines where there are some, not their boxes.
    #[arg(long)]
    outlines: bool,
    /// YOLO and VOC: also copy the pictures.
    #[arg(long)]
    copy: bool,
    /// Write over an existing result.
    #[arg(long)]
    overwrite: bool,
}

/// A form of annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Coco,
    Yolo,
    Voc,
}

impl Form {
    /// What lies at a path.
    fn of(path: &Path) -> anyhow::Result<Self> {
        if path.is_file() {
            return Ok(Self::Coco);
        }
        if !path.is_dir() {
            bail!("{}: no such file or folder", path.display());
        }
        if path.join("images").is_dir() || path.join("data.yaml").is_file() {
            return Ok(Self::Yolo);
        }
        let has_xml = |folder: &Path| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|entry| entry.path())
                .any(|file| file.extension().is_some_and(|e| e.eq_ignore_ascii_case("xml")))
        };
        if path.join("Annotations").is_dir() || has_xml(path) {
            return Ok(Self::Voc);
        }
        bail!(
            "{}: neither YOLO (images/ and labels/, or data.yaml) nor VOC (Annotations/ or XML files)",
            path.display()
        )
    }
}

/// Converts.
///
/// # Errors
/// Annotations that cannot be read, with file and line; a result that cannot be written.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let form = Form::of(&args.input)?;
    let taken = match args.to {
        Form::Coco => args.out.exists(),
        // An empty folder is as good as none.
        _ => std::fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_some()),
    };
    if taken && !args.overwrite {
        bail!("{} exists already: choose another name, or add --overwrite", args.out.display());
    }
    let size =
        |picture: &Path| decode_file(picture, &DecodeLimits::default()).map(|image| image.size());
    let dataset = match form {
        Form::Coco => read_coco(&args.input)?,
        Form::Yolo => read_yolo(&args.input, args.split.as_deref(), size)?,
        Form::Voc => read_voc(&args.input, &[], size)?,
    };
    let labels = if args.outlines { YoloLabels::Outlines } else { YoloLabels::Boxes };
    let left_out = match args.to {
        Form::Coco => {
            write_coco(&dataset, &args.out)?;
            None
        }
        Form::Yolo => Some(write_yolo(&dataset, &args.out, labels)?),
        Form::Voc => Some(write_voc(&dataset, &args.out)?),
    };
    if args.copy && args.to != Form::Coco {
        let folder = args.out.join(if args.to == Form::Yolo { "images" } else { "JPEGImages" });
        copy(&dataset, &folder)?;
    }
    if !globals.quiet {
        let things: usize = dataset.images.iter().map(|image| image.annotations.len()).sum();
        say(&format!(
            "{} pictures, {things} annotations, {} classes\n",
            dataset.images.len(),
            dataset.classes.len()
        ))?;
        if let Some(left_out) = left_out {
            for (count, what) in [
                (left_out.crowds, "crowds left out, which the form cannot say"),
                (left_out.empty, "boxes without area left out"),
                (left_out.outlines, "outlines written as their boxes"),
            ] {
                if count > 0 {
                    say(&format!("{count} {what}\n"))?;
                }
            }
        }
        say(&format!("written: {}\n", args.out.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Copies the pictures into a folder, by the names in the data set.
fn copy(dataset: &Dataset, folder: &Path) -> anyhow::Result<()> {
    for image in &dataset.images {
        let (from, to) = (dataset.folder.join(&image.file), folder.join(&image.file));
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        std::fs::copy(&from, &to)
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}
