//! Pascal VOC: an XML file a picture, its things as corners in pixels.
//!
//! Corners are taken and written as the tools of today do it, as distances from the picture's upper left
//! corner; VOC's own files of 2007 to 2012 count pixels from 1, which moves their boxes by one pixel.

use std::fmt::Write as _;
use std::path::Path;

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::Event;

use super::{
    Annotation, Class, ConvertError, Dataset, DatasetImage, LeftOut, beside, files, read_text,
    write, wrong,
};
use crate::geometry::Size;

/// Elements inside each other.
const DEEPEST: usize = 32;
/// Things in one picture.
const MOST_THINGS: usize = 100_000;

/// Reads a folder with `Annotations/` and `JPEGImages/`, or one of XML files. Classes are those of
/// `classes`, and after them others by their names. `size` gives the size of a picture whose XML does not.
///
/// # Errors
/// No XML file, one that is not VOC's, a picture without a size.
pub fn read_voc<E: std::fmt::Display>(
    folder: &Path,
    classes: &[String],
    size: impl Fn(&Path) -> Result<Size, E>,
) -> Result<Dataset, ConvertError> {
    let below = |name: &str| Some(folder.join(name)).filter(|folder| folder.is_dir());
    let annotations = below("Annotations").unwrap_or_else(|| folder.to_owned());
    let images =
        below("JPEGImages").or_else(|| below("images")).unwrap_or_else(|| folder.to_owned());
    let mut read = Vec::new();
    for file in files(&annotations, &["xml"])? {
        read.push((parse(&read_text(&file)?, &file)?, file));
    }
    if read.is_empty() {
        return Err(wrong(&annotations, 0, "no XML files here"));
    }
    let mut names = classes.to_vec();
    let mut others: Vec<&String> =
        read.iter().flat_map(|(p, _)| p.things.iter().map(|t| &t.name)).collect();
    others.sort_unstable();
    others.dedup();
    names.extend(others.into_iter().filter(|name| !classes.contains(name)).cloned());
    let mut dataset = Dataset { folder: images.clone(), ..Dataset::default() };
    for (picture, file) in read {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let name = picture.file.unwrap_or_else(|| format!("{stem}.jpg"));
        let size = match picture.size {
            Some(size) if size.area() > 0 => size,
            _ => size(&images.join(&name)).map_err(|error| ConvertError::Picture {
                file: images.join(&name),
                message: error.to_string(),
            })?,
        };
        let annotation = |thing: Thing| Annotation {
            difficult: thing.difficult,
            truncated: thing.truncated,
            ..Annotation::new(
                names.iter().position(|name| *name == thing.name).unwrap_or(0),
                [
                    thing.corners[0],
                    thing.corners[1],
                    thing.corners[2] - thing.corners[0],
                    thing.corners[3] - thing.corners[1],
                ],
            )
        };
        let annotations = picture.things.into_iter().map(annotation).collect();
        let id = dataset.images.len() as u64 + 1;
        dataset.images.push(DatasetImage { id, file: name, size, annotations });
    }
    let class = |(name, id): (String, u64)| Class { id, name };
    dataset.classes = names.into_iter().zip(0..).map(class).collect();
    Ok(dataset)
}

/// One XML file.
#[derive(Default)]
struct Picture {
    file: Option<String>,
    size: Option<Size>,
    things: Vec<Thing>,
}

#[derive(Default)]
struct Thing {
    name: String,
    corners: [f64; 4],
    found: [bool; 4],
    difficult: bool,
    truncated: bool,
}

fn parse(text: &str, file: &Path) -> Result<Picture, ConvertError> {
    let mut reader = Reader::from_str(text);
    let mut picture = Picture::default();
    // Names of the elements around, and the text of the innermost.
    let mut path: Vec<String> = Vec::new();
    let mut content = String::new();
    loop {
        let event = reader.read_event();
        let place = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len());
        let here = || 1 + text.as_bytes()[..place].iter().filter(|&&byte| byte == b'\n').count();
        let bad = |message: String| wrong(file, here(), message);
        match event.map_err(|error| bad(format!("not XML: {error}")))? {
            Event::Start(start) => {
                path.push(start.name().0.to_owned());
                content.clear();
                if path.len() > DEEPEST {
                    return Err(bad(format!("more than {DEEPEST} elements inside each other")));
                }
                if path.len() == 1 && path[0] != "annotation" {
                    return Err(bad(format!("the element {} where VOC has annotation", path[0])));
                }
                if is(&path, &["object"]) {
                    if picture.things.len() == MOST_THINGS {
                        return Err(bad(format!("more than {MOST_THINGS} things")));
                    }
                    picture.things.push(Thing::default());
                }
            }
            Event::Text(text) => content.push_str(&text),
            Event::CData(text) => content.push_str(&text),
            Event::GeneralRef(entity) => {
                let named = resolve_predefined_entity(&entity).map(str::to_owned);
                let numbered = || entity.resolve_char_ref().ok().flatten().map(String::from);
                let meaning = named.or_else(numbered);
                content += &meaning.ok_or_else(|| bad(format!("the entity &{};", &*entity)))?;
            }
            // Declares entities: VOC has none, and they could be made to grow without end.
            Event::DocType(_) => return Err(bad("a DOCTYPE, which VOC does not have".to_owned())),
            Event::End(_) => {
                take(&mut picture, &path, content.trim()).map_err(bad)?;
                path.pop();
                content.clear();
            }
            Event::Eof if !path.is_empty() => {
                return Err(bad(format!("the file ends inside {}", path.join("/"))));
            }
            Event::Eof => break,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    Ok(picture)
}

fn is(path: &[String], inside: &[&str]) -> bool {
    path.first().is_some_and(|first| first == "annotation") && path[1..] == *inside
}

/// Takes the text of an element that ends.
fn take(picture: &mut Picture, path: &[String], content: &str) -> Result<(), String> {
    let names: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
    let number = |what: &str| {
        let number = content.parse::<f64>().ok().filter(|v| v.abs() <= 1e7);
        number.ok_or_else(|| format!("{what} is {content:?}, not a number of pixels"))
    };
    match (names.as_slice(), picture.things.last_mut()) {
        (["filename"], _) if !content.is_empty() => picture.file = Some(content.to_owned()),
        (["size", side @ ("width" | "height")], _) => {
            let pixels = number(side)?.max(0.0) as u32;
            let size = picture.size.get_or_insert_default();
            *(if *side == "width" { &mut size.width } else { &mut size.height }) = pixels;
        }
        (["object", "name"], Some(thing)) => content.clone_into(&mut thing.name),
        (["object", "difficult"], Some(thing)) => thing.difficult = content == "1",
        (["object", "truncated"], Some(thing)) => thing.truncated = content == "1",
        (["object", "bndbox", corner], Some(thing)) => {
            let place = ["xmin", "ymin", "xmax", "ymax"].iter().position(|name| name == corner);
            if let Some(place) = place {
                thing.corners[place] = number(corner)?;
                thing.found[place] = true;
            }
        }
        (["object"], Some(thing)) => {
            if thing.name.is_empty() {
                return Err("a thing without a name".to_owned());
            }
            if thing.found != [true; 4] {
                return Err(format!("{} without xmin, ymin, xmax and ymax in bndbox", thing.name));
            }
            if thing.corners[2] < thing.corners[0] || thing.corners[3] < thing.corners[1] {
                return Err(format!("{} has its corners the wrong way round", thing.name));
            }
        }
        _ => {}
    }
    Ok(())
}

/// The XML of a picture.
#[must_use]
pub fn voc_xml(dataset: &Dataset, image: &DatasetImage) -> String {
    let (width, height) = (image.size.width, image.size.height);
    let mut xml = format!(
        "<annotation>\n  <filename>{}</filename>\n  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n  <segmented>0</segmented>\n",
        escape(&image.file)
    );
    for annotation in image.annotations.iter().filter(|a| !a.crowd) {
        let Some(class) = dataset.classes.get(annotation.class) else { continue };
        let [x, y, w, h] = annotation.bbox;
        let (truncated, difficult) =
            (u8::from(annotation.truncated), u8::from(annotation.difficult));
        let _ = write!(
            xml,
            "  <object>\n    <name>{}</name>\n    <pose>Unspecified</pose>\n    <truncated>{truncated}</truncated>\n    <difficult>{difficult}</difficult>\n    <bndbox><xmin>{x}</xmin><ymin>{y}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>\n  </object>\n",
            escape(&class.name),
            x + w,
            y + h
        );
    }
    xml + "</annotation>\n"
}

/// Writes an XML file a picture into the folder's `Annotations/`; the pictures belong into its
/// `JPEGImages/`.
///
/// # Errors
/// The disk; a picture whose name leads out of the folder.
pub fn write_voc(dataset: &Dataset, folder: &Path) -> Result<LeftOut, ConvertError> {
    let mut left_out = LeftOut::default();
    for image in &dataset.images {
        let file = beside(&folder.join("Annotations"), &image.file, "xml")?;
        for annotation in &image.annotations {
            let outlined = !annotation.polygons.is_empty() || annotation.mask.is_some();
            left_out.crowds += usize::from(annotation.crowd);
            left_out.outlines += usize::from(outlined && !annotation.crowd);
        }
        write(&file, &voc_xml(dataset, image))?;
    }
    Ok(left_out)
}
