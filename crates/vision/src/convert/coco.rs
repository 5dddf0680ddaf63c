//! COCO's annotation JSON (`images`, `categories`, `annotations`) and results JSON (a list of
//! detections).

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    Annotation, Class, ConvertError, Dataset, DatasetImage, MOST_JSON, read, write, wrong,
};
use crate::geometry::{BBox, Detection, Size};

#[derive(Deserialize, Serialize)]
struct File {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    info: Option<serde_json::Value>,
    images: Vec<ImageRow>,
    #[serde(default)]
    annotations: Vec<Row>,
    categories: Vec<CategoryRow>,
}

#[derive(Deserialize, Serialize)]
struct ImageRow {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
}

#[derive(Deserialize, Serialize)]
struct CategoryRow {
    id: u64,
    name: String,
}

#[derive(Deserialize, Serialize)]
struct Row {
    #[serde(default)]
    id: u64,
    image_id: u64,
    category_id: u64,
    bbox: [f64; 4],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    area: Option<f64>,
    #[serde(default)]
    iscrowd: Crowd,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    segmentation: Option<serde_json::Value>,
}

/// 0 or 1; some writers use truth values.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Crowd {
    Number(u64),
    Truth(bool),
}

impl Default for Crowd {
    fn default() -> Self {
        Self::Number(0)
    }
}

/// A detection in COCO's results JSON.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CocoResult {
    /// The image's number.
    pub image_id: u64,
    /// The class's number.
    pub category_id: u64,
    /// Left, top, width, height in pixels.
    pub bbox: [f64; 4],
    /// How sure.
    pub score: f64,
}

impl CocoResult {
    /// A detection in the picture's pixels under COCO's numbers.
    #[must_use]
    pub fn new(image_id: u64, category_id: u64, detection: &Detection) -> Self {
        let BBox { x1, y1, x2, y2 } = detection.bbox;
        let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(f64::from);
        let bbox = [x1, y1, x2 - x1, y2 - y1];
        Self { image_id, category_id, bbox, score: f64::from(detection.score) }
    }
}

/// Reads annotations. The pictures are looked for beside the file: in the folder `images` if there is one,
/// else in the file's own.
///
/// # Errors
/// A file that cannot be read, is not COCO's JSON, repeats a number, or names an image or category that
/// it does not have.
pub fn read_coco(file: &Path) -> Result<Dataset, ConvertError> {
    let mut dataset = parse_coco(&read(file, MOST_JSON)?, file)?;
    let own = file.parent().unwrap_or(Path::new("")).to_owned();
    let images = own.join("images");
    dataset.folder = if images.is_dir() { images } else { own };
    Ok(dataset)
}

/// Annotations from a file's bytes; its name is for messages.
///
/// # Errors
/// As [`read_coco`].
pub fn parse_coco(bytes: &[u8], name: &Path) -> Result<Dataset, ConvertError> {
    let file: File =
        serde_json::from_slice(bytes).map_err(|e| wrong(name, e.line(), e.to_string()))?;
    let mut dataset = Dataset::default();
    let mut classes = HashMap::new();
    for CategoryRow { id, name: class } in file.categories {
        if classes.insert(id, dataset.classes.len()).is_some() {
            return Err(wrong(name, 0, format!("two categories have the id {id}")));
        }
        dataset.classes.push(Class { id, name: class });
    }
    let mut images = HashMap::new();
    for ImageRow { id, file_name, width, height } in file.images {
        if images.insert(id, dataset.images.len()).is_some() {
            return Err(wrong(name, 0, format!("two images have the id {id}")));
        }
        let (size, annotations) = (Size::new(width, height), Vec::new());
        dataset.images.push(DatasetImage { id, file: file_name, size, annotations });
    }
    for (at, row) in file.annotations.into_iter().enumerate() {
        let message = |what: &str, id: u64| {
            wrong(
                name,
                0,
                format!(
                    "annotation {at} (id {}) names the {what} {id}, which is not in the file",
                    row.id
                ),
            )
        };
        let class =
            *classes.get(&row.category_id).ok_or_else(|| message("category", row.category_id))?;
        let image = *images.get(&row.image_id).ok_or_else(|| message("image", row.image_id))?;
        let (polygons, mask) = outlines(row.segmentation);
        dataset.images[image].annotations.push(Annotation {
            class,
            bbox: row.bbox,
            area: row.area,
            crowd: !matches!(row.iscrowd, Crowd::Number(0) | Crowd::Truth(false)),
            polygons,
            mask,
            ..Annotation::default()
        });
    }
    Ok(dataset)
}

/// Polygons, or what else the segmentation is. A list with anything but polygons is kept as it is.
fn outlines(value: Option<serde_json::Value>) -> (Vec<Vec<[f64; 2]>>, Option<serde_json::Value>) {
    let polygon = |value: &serde_json::Value| -> Option<Vec<[f64; 2]>> {
        let numbers: Option<Vec<f64>> =
            value.as_array()?.iter().map(serde_json::Value::as_f64).collect();
        let numbers = numbers?;
        let (pairs, rest) = numbers.as_chunks::<2>();
        rest.is_empty().then(|| pairs.to_vec())
    };
    let list = value.as_ref().and_then(|value| value.as_array());
    match list.map(|list| list.iter().map(polygon).collect::<Option<Vec<_>>>()) {
        Some(Some(polygons)) => (polygons, None),
        _ => (Vec::new(), value),
    }
}

/// The annotations as COCO's JSON. Annotations are numbered from 1 in their order.
#[must_use]
pub fn coco_to_json(dataset: &Dataset) -> String {
    let mut rows = Vec::new();
    for image in &dataset.images {
        for annotation in &image.annotations {
            let Some(class) = dataset.classes.get(annotation.class) else { continue };
            let flat = |p: &Vec<[f64; 2]>| serde_json::Value::from(p.as_flattened());
            let polygons = || annotation.polygons.iter().map(flat).collect::<Vec<_>>().into();
            rows.push(Row {
                id: rows.len() as u64 + 1,
                image_id: image.id,
                category_id: class.id,
                bbox: annotation.bbox,
                area: Some(annotation.area()),
                iscrowd: Crowd::Number(annotation.crowd.into()),
                segmentation: annotation.mask.clone().or_else(|| Some(polygons())),
            });
        }
    }
    let images = dataset.images.iter().map(|image| ImageRow {
        id: image.id,
        file_name: image.file.clone(),
        width: image.size.width,
        height: image.size.height,
    });
    let category = |class: &Class| CategoryRow { id: class.id, name: class.name.clone() };
    let categories = dataset.classes.iter().map(category).collect();
    let file = File { info: None, images: images.collect(), annotations: rows, categories };
    // Only a number that JSON has no word for could fail, and serde_json writes null for it.
    serde_json::to_string(&file).unwrap_or_default()
}

/// Writes annotations as COCO's JSON.
///
/// # Errors
/// The disk.
pub fn write_coco(dataset: &Dataset, file: &Path) -> Result<(), ConvertError> {
    write(file, &coco_to_json(dataset))
}

/// Reads detections.
///
/// # Errors
/// A file that cannot be read or is not a list of results.
pub fn read_coco_results(file: &Path) -> Result<Vec<CocoResult>, ConvertError> {
    parse_coco_results(&read(file, MOST_JSON)?, file)
}

/// Detections from a file's bytes; its name is for messages.
///
/// # Errors
/// As [`read_coco_results`].
pub fn parse_coco_results(bytes: &[u8], name: &Path) -> Result<Vec<CocoResult>, ConvertError> {
    serde_json::from_slice(bytes).map_err(|e| wrong(name, e.line(), e.to_string()))
}

/// Detections as COCO's results JSON. Those with numbers that are not finite are left out: JSON has no
/// word for them.
#[must_use]
pub fn coco_results_json(results: &[CocoResult]) -> String {
    let finite = |r: &&CocoResult| r.score.is_finite() && r.bbox.iter().all(|v| v.is_finite());
    let results: Vec<&CocoResult> = results.iter().filter(finite).collect();
    serde_json::to_string(&results).unwrap_or_default()
}
