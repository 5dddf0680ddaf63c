//! YOLO folders: `data.yaml` with the class names, pictures under `images/`, for each a text of the same
//! name under `labels/` with a line a thing: class, then centre x and y, width and height as shares of the
//! picture, or the corners of an outline.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::yaml::{self, DataYaml};
use super::{
    Annotation, Class, ConvertError, Dataset, DatasetImage, LeftOut, around, beside, files, io,
    name_in, read_text, write, wrong,
};
use crate::geometry::Size;

/// Extensions of pictures.
const PICTURES: [&str; 7] = ["jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff"];

/// What is written of a thing with an outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum YoloLabels {
    /// Its box.
    #[default]
    Boxes,
    /// Its outline, where it has just one; else its box.
    Outlines,
}

/// Reads a folder with `images/` and `labels/`, or one with a `data.yaml` that names the images of a
/// split (`train`, `val`, `test`). The names come from the `data.yaml` in the folder or the one above;
/// without one the classes are called by their numbers. `size` gives a picture's size. A picture without a
/// label file has nothing in it.
///
/// # Errors
/// A folder without pictures, a label that is not one, a picture without a size.
pub fn read_yolo<E: std::fmt::Display>(
    folder: &Path,
    split: Option<&str>,
    size: impl Fn(&Path) -> Result<Size, E>,
) -> Result<Dataset, ConvertError> {
    let data = data_yaml(folder)?;
    let images = images_folder(folder, split, data.as_ref())?;
    let names = data.map(|data| data.names).unwrap_or_default();
    let mut most = names.len();
    let mut dataset = Dataset { folder: images.clone(), ..Dataset::default() };
    for file in files(&images, &PICTURES)? {
        let size = size(&file).map_err(|error| ConvertError::Picture {
            file: file.clone(),
            message: error.to_string(),
        })?;
        let label = label_of(&images, &file);
        let text = if label.is_file() { read_text(&label)? } else { String::new() };
        let mut annotations = Vec::new();
        for (line, content) in text.lines().enumerate() {
            if content.trim().is_empty() {
                continue;
            }
            let annotation = thing(content, size, names.len());
            let annotation = annotation.map_err(|message| wrong(&label, line + 1, message))?;
            most = most.max(annotation.class + 1);
            annotations.push(annotation);
        }
        let (id, file) = (dataset.images.len() as u64 + 1, name_in(&images, &file));
        dataset.images.push(DatasetImage { id, file, size, annotations });
    }
    if dataset.images.is_empty() {
        return Err(wrong(&images, 0, format!("no pictures here ({})", PICTURES.join(", "))));
    }
    let name = |at: usize| names.get(at).cloned().unwrap_or_else(|| at.to_string());
    dataset.classes = (0..most).map(|at| Class { id: at as u64, name: name(at) }).collect();
    Ok(dataset)
}

fn data_yaml(folder: &Path) -> Result<Option<DataYaml>, ConvertError> {
    let above = folder.canonicalize().ok().and_then(|f| f.parent().map(Path::to_owned));
    for folder in [Some(folder.to_owned()), above].into_iter().flatten() {
        for name in ["data.yaml", "data.yml"] {
            let file = folder.join(name);
            if file.is_file() {
                return yaml::parse(&read_text(&file)?, &file).map(Some);
            }
        }
    }
    Ok(None)
}

fn images_folder(
    folder: &Path,
    split: Option<&str>,
    data: Option<&DataYaml>,
) -> Result<PathBuf, ConvertError> {
    let named = |name: &str| {
        let value = |key: &str| data?.keys.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
        let mut place = folder.to_owned();
        if let Some(path) = value("path") {
            // Often the path on the writer's machine: then it is left out.
            place = Some(folder.join(path)).filter(|p| p.is_dir()).unwrap_or(place);
        }
        let value = value(name).or_else(|| value(if name == "val" { "valid" } else { name }))?;
        // Some writers count from a folder further down.
        let below = value.trim_start_matches("../");
        [place.join(&value), place.join(below)].into_iter().find(|p| p.is_dir())
    };
    let found = match split {
        Some(split) => {
            let usual = [folder.join("images").join(split), folder.join(split).join("images")];
            named(split).or_else(|| usual.into_iter().find(|p| p.is_dir()))
        }
        None => Some(folder.join("images")).filter(|p| p.is_dir()),
    };
    found.ok_or_else(|| {
        let message = match split {
            Some(split) => format!(
                "no pictures of the split {split}: neither data.yaml nor a folder names them"
            ),
            None => {
                "no folder images/ here: name the split (train, val, test) or a folder that has it"
                    .to_owned()
            }
        };
        wrong(folder, 0, message)
    })
}

/// The label file of a picture: the last folder `images` of its path replaced by `labels`.
fn label_of(images: &Path, file: &Path) -> PathBuf {
    let inside = file.strip_prefix(images).unwrap_or(file);
    let mut above: Vec<_> = images.components().collect();
    let place = above.iter().rposition(|part| part.as_os_str() == "images");
    if let Some(place) = place {
        above[place] = std::path::Component::Normal("labels".as_ref());
    }
    above.into_iter().collect::<PathBuf>().join(inside).with_extension("txt")
}

/// A line of a label file.
fn thing(line: &str, size: Size, classes: usize) -> Result<Annotation, String> {
    let mut fields = line.split_whitespace();
    let class = fields.next().unwrap_or_default();
    // Some writers give the class as 0.0.
    let number = class.parse::<f64>().ok().filter(|c| c.fract() == 0.0 && (0.0..1e5).contains(c));
    let class = number.ok_or_else(|| format!("{class:?} is not the number of a class"))? as usize;
    if classes > 0 && class >= classes {
        return Err(format!("class {class} where data.yaml names {classes}"));
    }
    let mut numbers = Vec::new();
    for field in fields {
        let number = field.parse::<f64>().ok().filter(|v| v.abs() <= 100.0);
        numbers.push(number.ok_or_else(|| format!("{field:?} is not a share of the picture"))?);
    }
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    if let [cx, cy, w, h] = numbers[..] {
        if w < 0.0 || h < 0.0 {
            return Err(format!("a box of the size {w} x {h}"));
        }
        let bbox = [(cx - w / 2.0) * width, (cy - h / 2.0) * height, w * width, h * height];
        return Ok(Annotation::new(class, bbox));
    }
    let (pairs, rest) = numbers.as_chunks::<2>();
    if pairs.len() < 3 || !rest.is_empty() {
        let found = numbers.len();
        return Err(format!(
            "{found} numbers after the class: 4 of a box, or 3 or more corners of an outline are needed"
        ));
    }
    let outline: Vec<[f64; 2]> = pairs.iter().map(|[x, y]| [x * width, y * height]).collect();
    Ok(Annotation { polygons: vec![outline.clone()], ..Annotation::new(class, around(&outline)) })
}

/// A line of a label file: class, centre, width and height as shares with 6 decimals, and the score of a
/// detection. `bbox`: left, top, width, height in pixels.
#[must_use]
pub fn yolo_line(class: usize, bbox: [f64; 4], size: Size, score: Option<f64>) -> String {
    let (width, height) = (f64::from(size.width.max(1)), f64::from(size.height.max(1)));
    let [x, y, w, h] = bbox;
    let (cx, cy) = ((x + w / 2.0) / width, (y + h / 2.0) / height);
    let mut line = format!("{class} {cx:.6} {cy:.6} {:.6} {:.6}", w / width, h / height);
    if let Some(score) = score {
        let _ = write!(line, " {score:.6}");
    }
    line
}

/// Writes `data.yaml` and the label files into a folder; the pictures belong under its `images/`, in the
/// same folders as in the data set. A picture without things gets an empty file.
///
/// # Errors
/// The disk; a picture whose name leads out of the folder.
pub fn write_yolo(
    dataset: &Dataset,
    folder: &Path,
    labels: YoloLabels,
) -> Result<LeftOut, ConvertError> {
    std::fs::create_dir_all(folder).map_err(io(folder))?;
    let mut data = "path: .\ntrain: images\nval: images\nnames:\n".to_owned();
    for (at, class) in dataset.classes.iter().enumerate() {
        let _ = writeln!(data, "  {at}: {}", yaml::quote(&class.name));
    }
    write(&folder.join("data.yaml"), &data)?;
    let mut left_out = LeftOut::default();
    for image in &dataset.images {
        let file = beside(&folder.join("labels"), &image.file, "txt")?;
        let mut text = String::new();
        for annotation in &image.annotations {
            if annotation.crowd {
                left_out.crowds += 1;
                continue;
            }
            let positive = annotation.bbox[2] > 0.0 && annotation.bbox[3] > 0.0;
            if !positive || !annotation.bbox.iter().all(|v| v.is_finite()) {
                left_out.empty += 1;
                continue;
            }
            match (labels, &annotation.polygons[..]) {
                (YoloLabels::Outlines, [outline]) if outline.len() >= 3 => {
                    let _ = write!(text, "{}", annotation.class);
                    for [x, y] in outline {
                        let (w, h) = (image.size.width.max(1), image.size.height.max(1));
                        let _ = write!(text, " {:.6} {:.6}", x / f64::from(w), y / f64::from(h));
                    }
                    text.push('\n');
                }
                _ => {
                    let outlined = !annotation.polygons.is_empty() || annotation.mask.is_some();
                    left_out.outlines += usize::from(outlined);
                    text += &yolo_line(annotation.class, annotation.bbox, image.size, None);
                    text.push('\n');
                }
            }
        }
        write(&file, &text)?;
    }
    Ok(left_out)
}
