//! Data sets of boxes between COCO JSON, YOLO folders and Pascal VOC folders, and COCO's results JSON.
//!
//! In memory a box is left, top, width and height in pixels, 64-bit. What each format keeps:
//!
//! | | COCO | YOLO | VOC |
//! | --- | --- | --- | --- |
//! | boxes | as they are | shares of the picture, 6 decimals: each edge within 10⁻⁶ of the side | as they are |
//! | crowds, areas | kept | left out, counted | left out, counted; areas are the boxes' |
//! | polygons | kept | one a thing, if asked for | left out |
//! | run-length masks | kept as they are | left out | left out |
//! | difficult, truncated | left out | left out | kept |

mod coco;
mod voc;
mod yaml;
mod yolo;

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

pub use coco::{
    CocoResult, coco_results_json, coco_to_json, parse_coco, parse_coco_results, read_coco,
    read_coco_results, write_coco,
};
pub use voc::{read_voc, voc_xml, write_voc};
pub use yolo::{YoloLabels, read_yolo, write_yolo, yolo_line};

use crate::geometry::{BBox, Size};
use crate::metrics::{CocoFound, CocoTruth};

/// Bytes a JSON file may have.
const MOST_JSON: u64 = 2 << 30;
/// Bytes a label file, an XML file or a `data.yaml` may have.
const MOST_TEXT: u64 = 16 << 20;

/// Pictures and what is annotated in them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dataset {
    /// Where the pictures' files lie.
    pub folder: PathBuf,
    /// Classes, in the order annotations count them.
    pub classes: Vec<Class>,
    /// Pictures, in the order of the file or of their names.
    pub images: Vec<DatasetImage>,
}

/// A class of things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// COCO's number of it; elsewhere its place from 0.
    pub id: u64,
    /// Its name.
    pub name: String,
}

/// An annotated picture.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetImage {
    /// COCO's number of it; elsewhere its place from 1.
    pub id: u64,
    /// Its file in the data set's folder, with `/` between folders.
    pub file: String,
    /// Its size in pixels.
    pub size: Size,
    /// What is in it.
    pub annotations: Vec<Annotation>,
}

/// An annotated thing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Annotation {
    /// Place of its class in the data set's list.
    pub class: usize,
    /// Left, top, width, height in pixels.
    pub bbox: [f64; 4],
    /// Area in square pixels where the format says one.
    pub area: Option<f64>,
    /// A region of many things that are not told apart.
    pub crowd: bool,
    /// VOC: hard to see.
    pub difficult: bool,
    /// VOC: reaches out of the picture or behind something.
    pub truncated: bool,
    /// Outlines in pixels.
    pub polygons: Vec<Vec<[f64; 2]>>,
    /// COCO's run-length mask, as it is in the file.
    pub mask: Option<serde_json::Value>,
}

impl Annotation {
    /// A box without more.
    #[must_use]
    pub fn new(class: usize, bbox: [f64; 4]) -> Self {
        Self { class, bbox, ..Self::default() }
    }

    /// The area: the format's, else the polygons', else the box's.
    #[must_use]
    pub fn area(&self) -> f64 {
        let outlines = || self.polygons.iter().map(|p| shoelace(p)).sum();
        let own =
            || if self.polygons.is_empty() { self.bbox[2] * self.bbox[3] } else { outlines() };
        self.area.unwrap_or_else(own)
    }

    /// The box in 32-bit corners.
    #[must_use]
    pub fn corners(&self) -> BBox {
        let [x, y, w, h] = self.bbox;
        BBox::new(x as f32, y as f32, (x + w) as f32, (y + h) as f32)
    }
}

fn shoelace(points: &[[f64; 2]]) -> f64 {
    let ends = points.iter().cycle().skip(1);
    let twice: f64 = points.iter().zip(ends).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum();
    twice.abs() / 2.0
}

/// The box around points: left, top, width, height.
fn around(points: &[[f64; 2]]) -> [f64; 4] {
    let low = |axis: usize| points.iter().map(|p| p[axis]).fold(f64::INFINITY, f64::min);
    let high = |axis: usize| points.iter().map(|p| p[axis]).fold(f64::NEG_INFINITY, f64::max);
    [low(0), low(1), high(0) - low(0), high(1) - low(1)]
}

impl Dataset {
    /// The annotations for [`crate::metrics::coco_ap`], under the numbers of images and classes.
    #[must_use]
    pub fn truths(&self) -> Vec<CocoTruth> {
        let mut truths = Vec::new();
        for image in &self.images {
            for annotation in &image.annotations {
                let Some(class) = self.classes.get(annotation.class) else { continue };
                truths.push(CocoTruth {
                    image: image.id,
                    class: class.id,
                    bbox: annotation.bbox,
                    area: annotation.area(),
                    crowd: annotation.crowd,
                });
            }
        }
        truths
    }

    /// Numbers of the classes, in their order.
    #[must_use]
    pub fn class_ids(&self) -> Vec<u64> {
        self.classes.iter().map(|class| class.id).collect()
    }
}

impl From<&CocoResult> for CocoFound {
    fn from(result: &CocoResult) -> Self {
        let CocoResult { image_id: image, category_id: class, bbox, score } = *result;
        Self { image, class, bbox, score }
    }
}

/// What a format could not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Crowds, which were not written.
    pub crowds: usize,
    /// Boxes without width or height, which were not written.
    pub empty: usize,
    /// Things written as boxes whose outlines or masks were not.
    pub outlines: usize,
}

/// Why a data set cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The disk.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that is not what it should be.
    #[error("{file}:{line}: {message}")]
    Format {
        /// The file.
        file: PathBuf,
        /// The line, from 1; 0 for the file as a whole.
        line: usize,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// A file that is too large.
    #[error("{file} has {bytes} bytes, more than the {limit} that are read")]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A picture without a size.
    #[error("the size of {file} cannot be read: {message}")]
    Picture {
        /// The picture.
        file: PathBuf,
        /// Why.
        message: String,
    },
    /// A file name that leads out of its folder.
    #[error("{0:?} is no name of a file inside a folder: nothing is written for it")]
    Name(String),
}

/// An error at a line of a file.
fn wrong(file: &Path, line: usize, message: impl Into<String>) -> ConvertError {
    ConvertError::Format { file: file.to_owned(), line, message: message.into() }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> ConvertError + '_ {
    move |source| ConvertError::Io { path: path.to_owned(), source }
}

/// A file's bytes, up to a limit.
fn read(file: &Path, limit: u64) -> Result<Vec<u8>, ConvertError> {
    let bytes = std::fs::metadata(file).map_err(io(file))?.len();
    if bytes > limit {
        return Err(ConvertError::TooLarge { file: file.to_owned(), bytes, limit });
    }
    std::fs::read(file).map_err(io(file))
}

fn read_text(file: &Path) -> Result<String, ConvertError> {
    let bytes = read(file, MOST_TEXT)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|&&byte| byte == b'\n').count();
        wrong(file, line, "not UTF-8 text")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn write(file: &Path, text: &str) -> Result<(), ConvertError> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(io(folder))?;
    }
    std::fs::write(file, text).map_err(io(file))
}

/// The files in a folder and its folders with one of some extensions, sorted by name.
fn files(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, ConvertError> {
    const DEEPEST: usize = 16;
    let mut found = BTreeSet::new();
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        for entry in std::fs::read_dir(&folder).map_err(io(&folder))? {
            let entry = entry.map_err(io(&folder))?;
            let path = entry.path();
            // Links to files are followed, links to folders are not: they could lead in a circle.
            if entry.file_type().map_err(io(&path))?.is_dir() {
                if depth < DEEPEST {
                    open.push((path, depth + 1));
                }
            } else if path.extension().is_some_and(|own| {
                extensions.iter().any(|extension| own.eq_ignore_ascii_case(extension))
            }) {
                found.insert(path);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// A path inside a folder as text with `/`.
fn name_in(folder: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(folder).unwrap_or(file);
    let parts = inside.components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

/// The name of a file made from a picture's, refused when it would lie outside of the folder.
fn beside(folder: &Path, image: &str, extension: &str) -> Result<PathBuf, ConvertError> {
    let path = Path::new(image);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    if !inside || image.contains(['\\', '\0']) || path.file_stem().is_none() {
        return Err(ConvertError::Name(image.to_owned()));
    }
    Ok(folder.join(path).with_extension(extension))
}

#[cfg(test)]
mod tests;
