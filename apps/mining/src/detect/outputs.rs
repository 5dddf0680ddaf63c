//! What a detection leaves behind: COCO results, YOLO labels, CSV, or the rows themselves.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Found;

/// Form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// COCO results: one JSON list of `image_id`, `category_id`, `bbox` and `score`.
    Coco,
    /// YOLO labels: a folder with a text file a picture.
    Yolo,
    /// A table with a row a thing.
    Csv,
    /// A line of JSON a picture, pictures without a thing and errors included.
    Jsonl,
}

/// Why a result cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The name does not tell the form.
    #[error("cannot tell what form {} is to have: end it in .json, .jsonl or .csv, name a folder, or add --format", path.display())]
    Unknown {
        /// The result.
        path: PathBuf,
    },
    /// The system.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Two pictures of different folders or kinds would share a label file.
    #[error("{} would be written for two pictures: {first} and {second}; write another format, or give each its own name", path.display())]
    SameLabels {
        /// The label file.
        path: PathBuf,
        /// The one picture.
        first: String,
        /// The other.
        second: String,
    },
}

impl Format {
    /// The form a name asks for.
    ///
    /// # Errors
    /// [`OutputError::Unknown`]
    pub fn of(path: &Path) -> Result<Self, OutputError> {
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("json") => Ok(Self::Coco),
            Some("jsonl" | "ndjson") => Ok(Self::Jsonl),
            Some("csv") => Ok(Self::Csv),
            None => Ok(Self::Yolo),
            Some(_) => Err(OutputError::Unknown { path: path.to_path_buf() }),
        }
    }

    /// Writes rows in this form. A file appears under its name only when it is whole.
    ///
    /// # Errors
    /// [`OutputError`]
    pub fn write(self, path: &Path, rows: &[Found]) -> Result<(), OutputError> {
        match self {
            Self::Yolo => yolo(path, rows),
            Self::Coco => whole(path, |out| coco(out, rows)),
            Self::Csv => whole(path, |out| csv_rows(out, rows)),
            Self::Jsonl => whole(path, |out| jsonl(out, rows)),
        }
    }
}

/// Writes a file beside its name first, then gives it its name.
///
/// # Errors
/// [`OutputError::Io`]
fn whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), OutputError> {
    let io = |source| OutputError::Io { path: path.to_path_buf(), source };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
    let mut out = BufWriter::new(file);
    write(&mut out).map_err(io)?;
    let file = out.into_inner().map_err(|error| io(error.into_error()))?;
    readable(file.as_file()).map_err(io)?;
    file.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}

/// Temporary files are their owner's alone; results are as other files of the folder.
#[cfg(unix)]
fn readable(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &fs::File) -> std::io::Result<()> {
    Ok(())
}

/// The number COCO knows a picture by: the one its name is, as in `000000000139.jpg`, else its place from 1.
fn image_id(row: &Found, place: usize) -> u64 {
    let stem = Path::new(&row.image).file_stem().and_then(|stem| stem.to_str());
    stem.and_then(|stem| stem.parse().ok()).unwrap_or(place as u64 + 1)
}

fn coco(out: &mut dyn Write, rows: &[Found]) -> std::io::Result<()> {
    out.write_all(b"[")?;
    let mut first = true;
    for (place, row) in rows.iter().enumerate() {
        for object in &row.objects {
            let [x1, y1, x2, y2] = object.bbox;
            let result = json!({
                "image_id": image_id(row, place),
                "category_id": object.class + 1,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "score": object.score,
                "file_name": row.image,
                "category": object.label,
            });
            out.write_all(if first { b"\n" } else { b",\n" })?;
            first = false;
            serde_json::to_writer(&mut *out, &result)?;
        }
    }
    out.write_all(b"\n]\n")
}

fn csv_rows(out: &mut dyn Write, rows: &[Found]) -> std::io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record([
        "image",
        "width",
        "height",
        "class",
        "label",
        "score",
        "x1",
        "y1",
        "x2",
        "y2",
        "error_code",
        "error",
    ])?;
    for row in rows {
        let (width, height) = (row.width.to_string(), row.height.to_string());
        let start = [row.image.as_str(), &width, &height];
        if let Some(error) = &row.error {
            let rest = ["", "", "", "", "", "", "", &error.code, &error.message];
            table.write_record(start.into_iter().chain(rest))?;
        }
        for object in &row.objects {
            let numbers: Vec<String> = object.bbox.iter().map(ToString::to_string).collect();
            let (class, score) = (object.class.to_string(), object.score.to_string());
            let named = [class.as_str(), &object.label, &score];
            let rest = numbers.iter().map(String::as_str).chain(["", ""]);
            table.write_record(start.into_iter().chain(named).chain(rest))?;
        }
    }
    table.flush()
}

fn jsonl(out: &mut dyn Write, rows: &[Found]) -> std::io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *out, row)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// A file a picture: class, centre and size as shares of the picture, score. Pictures that could not be read
/// have none.
fn yolo(folder: &Path, rows: &[Found]) -> Result<(), OutputError> {
    let mut written: std::collections::BTreeMap<PathBuf, &str> = std::collections::BTreeMap::new();
    for row in rows.iter().filter(|row| row.error.is_none()) {
        // A frame of a clip is `clip.avi#000012`.
        let name = row.image.replace('#', "_");
        let path = folder.join(Path::new(&name).with_extension("txt"));
        if let Some(first) = written.insert(path.clone(), &row.image) {
            let (first, second) = (first.to_owned(), row.image.clone());
            return Err(OutputError::SameLabels { path, first, second });
        }
        let io = |source| OutputError::Io { path: path.clone(), source };
        fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(io)?;
        let (w, h) = (row.width.max(1) as f32, row.height.max(1) as f32);
        whole(&path, |out| {
            for object in &row.objects {
                let (rect, class) = (object.rect(), object.class);
                let centre = rect.centre();
                let (cx, cy) = (centre.x / w, centre.y / h);
                let (bw, bh) = (rect.width() / w, rect.height() / h);
                writeln!(out, "{class} {cx:.6} {cy:.6} {bw:.6} {bh:.6} {:.6}", object.score)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::FoundObject;

    fn row(image: &str) -> Found {
        let object = FoundObject {
            class: 1,
            label: "tear".to_owned(),
            label_zh: None,
            score: 0.5,
            bbox: [10.0, 20.0, 30.0, 60.0],
        };
        Found {
            image: image.to_owned(),
            width: 100,
            height: 200,
            objects: vec![object],
            error: None,
        }
    }

    #[test]
    fn each_form_says_the_same() {
        let dir = tempfile::tempdir().expect("a folder");
        let rows = [row("000000000139.jpg"), row("b/x.png")];
        for name in ["r.json", "r.csv", "r.jsonl", "labels"] {
            let path = dir.path().join(name);
            Format::of(&path).expect("known").write(&path, &rows).expect("written");
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect("readable");
        let coco: serde_json::Value = serde_json::from_str(&read("r.json")).expect("JSON");
        assert_eq!(coco[0]["image_id"], 139);
        assert_eq!(coco[0]["category_id"], 2);
        assert_eq!(coco[1]["image_id"], 2);
        assert_eq!(coco[1]["bbox"], json!([10.0, 20.0, 20.0, 40.0]));
        assert!(read("r.csv").contains("b/x.png,100,200,1,tear,0.5,10,20,30,60,,"));
        assert_eq!(read("labels/b/x.txt"), "1 0.200000 0.200000 0.200000 0.200000 0.500000\n");
        assert_eq!(read("r.jsonl").lines().count(), 2);
        assert!(matches!(Format::of(Path::new("a.xlsx")), Err(OutputError::Unknown { .. })));
    }

    #[test]
    fn two_pictures_never_share_a_label_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let error = Format::Yolo.write(dir.path(), &[row("x.png"), row("x.jpg")]);
        assert!(matches!(error, Err(OutputError::SameLabels { .. })));
    }
}
