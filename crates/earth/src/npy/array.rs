//! Reading of arrays: the header, both byte orders, both orders of storage.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::source::{Limits, ReadError};

/// An array of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Sides, slowest first.
    pub shape: Vec<usize>,
    /// Values, last side fastest, whatever the file's order.
    pub values: Vec<f32>,
}

/// What a header tells.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    pub(super) shape: Vec<usize>,
    pub(super) size: usize,
    pub(super) big_endian: bool,
    pub(super) fortran: bool,
    /// Where values begin.
    pub(super) start: u64,
}

impl Head {
    pub(super) fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1_usize, |count, side| count.checked_mul(*side))
    }

    pub(super) fn value(&self, bytes: &[u8]) -> f32 {
        match (self.size, self.big_endian) {
            (4, false) => bytes.try_into().map_or(f32::NAN, f32::from_le_bytes),
            (4, true) => bytes.try_into().map_or(f32::NAN, f32::from_be_bytes),
            (_, false) => {
                bytes.try_into().map_or(f32::NAN, |bytes| f64::from_le_bytes(bytes) as f32)
            }
            (_, true) => {
                bytes.try_into().map_or(f32::NAN, |bytes| f64::from_be_bytes(bytes) as f32)
            }
        }
    }
}

/// Reads an array of floats (`f4` or `f8`).
///
/// # Errors
/// [`ReadError`]: it is no array of floats, is cut short, or has more values than the limit's points times its fields would
/// make of it.
pub fn read(path: &Path, limits: &Limits) -> Result<Array, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    array(&mut file, length, limits).map_err(|why| ReadError::Format { path: path.to_owned(), why })
}

/// Reads the arrays of an `.npz` archive, by name.
///
/// # Errors
/// [`ReadError`] names the array.
pub fn read_archive(path: &Path, limits: &Limits) -> Result<Vec<(String, Array)>, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let wrong = |why: String| ReadError::Format { path: path.to_owned(), why };
    let file = File::open(path).map_err(io)?;
    let mut archive =
        zip::ZipArchive::new(file).map_err(|error| wrong(format!("no .npz archive: {error}")))?;
    let mut arrays = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| wrong(error.to_string()))?;
        let name = entry
            .name()
            .map_err(|error| wrong(error.to_string()))?
            .trim_end_matches(".npy")
            .to_owned();
        let length = entry.size();
        let array = array(&mut entry, length, limits).map_err(|why| ReadError::Part {
            path: path.to_owned(),
            place: format!("array {name}"),
            why,
        })?;
        arrays.push((name, array));
    }
    Ok(arrays)
}

/// Most values of an array: a state of a model is some tens of fields.
pub(super) fn most(limits: &Limits) -> usize {
    limits.points.saturating_mul(8)
}

fn array(reader: &mut impl Read, length: u64, limits: &Limits) -> Result<Array, String> {
    let head = head(reader)?;
    let count = head.count().filter(|count| *count <= most(limits));
    let count = count.ok_or_else(|| format!("an array of {:?} is too large", head.shape))?;
    let size = count as u64 * head.size as u64;
    if head.start.checked_add(size).is_none_or(|end| end > length) {
        return Err(format!(
            "it is cut short: {:?} values need {size} bytes after the header",
            head.shape
        ));
    }
    let mut values = Vec::with_capacity(count.min(1 << 20));
    let mut buffer = vec![0; head.size << 16];
    let mut left = count;
    while left > 0 {
        let now = left.min(1 << 16);
        let bytes = &mut buffer[..now * head.size];
        reader.read_exact(bytes).map_err(|error| error.to_string())?;
        values.extend(bytes.chunks_exact(head.size).map(|bytes| head.value(bytes)));
        left -= now;
    }
    if head.fortran {
        values = by_rows(&values, &head.shape);
    }
    Ok(Array { shape: head.shape, values })
}

/// From the first side fastest to the last side fastest.
fn by_rows(values: &[f32], shape: &[usize]) -> Vec<f32> {
    let mut strides = Vec::new();
    let mut stride = 1;
    for side in shape {
        strides.push(stride);
        stride *= side;
    }
    let mut index = vec![0; shape.len()];
    let mut turned = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let from: usize = index.iter().zip(&strides).map(|(at, stride)| at * stride).sum();
        turned.push(values[from]);
        for dim in (0..shape.len()).rev() {
            index[dim] += 1;
            if index[dim] < shape[dim] {
                break;
            }
            index[dim] = 0;
        }
    }
    turned
}

/// Reads a header.
pub(super) fn head(reader: &mut impl Read) -> Result<Head, String> {
    let cut = |error: std::io::Error| format!("its header is cut short: {error}");
    let mut magic = [0; 8];
    reader.read_exact(&mut magic).map_err(cut)?;
    if &magic[..6] != b"\x93NUMPY" {
        return Err("it does not begin as an array of NumPy does".to_owned());
    }
    let mut length = [0; 4];
    let wide = if magic[6] >= 2 { 4 } else { 2 };
    reader.read_exact(&mut length[..wide]).map_err(cut)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > 1 << 16 {
        return Err(format!("its header claims {length} bytes"));
    }
    let mut text = vec![0; length];
    reader.read_exact(&mut text).map_err(cut)?;
    let text = String::from_utf8(text).map_err(|_| "its header is no text".to_owned())?;
    let (size, big_endian) = match quoted(&text, "descr").as_deref() {
        Some("<f4" | "=f4") => (4, false),
        Some(">f4") => (4, true),
        Some("<f8" | "=f8") => (8, false),
        Some(">f8") => (8, true),
        other => {
            return Err(format!("its type is {}; f4 and f8 are read", other.unwrap_or("not told")));
        }
    };
    let after =
        |key: &str| text.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
    let fortran = after("fortran_order").is_some_and(|rest| rest.starts_with("True"));
    let shape = after("shape").and_then(|rest| rest.strip_prefix('(')?.split_once(')'));
    let (shape, _) = shape.ok_or("its header tells no shape")?;
    let side = |side: &str| side.trim().trim_end_matches('L').parse().ok();
    let sides: Option<Vec<usize>> =
        shape.split(',').filter(|side| !side.trim().is_empty()).map(side).collect();
    let shape = sides.filter(|sides| sides.len() <= 32).ok_or("its header tells no shape")?;
    Ok(Head { shape, size, big_endian, fortran, start: (8 + wide + length) as u64 })
}

fn quoted(text: &str, key: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("'{key}':"))?;
    Some(rest.split('\'').nth(1)?.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(descr: &str, fortran: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
        let text =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let mut all = b"\x93NUMPY\x01\x00".to_vec();
        all.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
        all.extend(text.as_bytes());
        all.extend(bytes);
        all
    }

    fn of(bytes: &[u8]) -> Result<Array, String> {
        array(&mut &bytes[..], bytes.len() as u64, &Limits::default())
    }

    #[test]
    fn both_byte_orders_and_both_orders_of_storage_are_read() {
        let floats: Vec<u8> = (0..6).flat_map(|v| (v as f32).to_be_bytes()).collect();
        let got = of(&file(">f4", "True", "(2, 3)", &floats)).unwrap();
        assert_eq!((got.shape, got.values), (vec![2, 3], vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0]));
        let doubles: Vec<u8> = (0..3).flat_map(|v| f64::from(v).to_le_bytes()).collect();
        assert_eq!(of(&file("<f8", "False", "(3,)", &doubles)).unwrap().values, [0.0, 1.0, 2.0]);
        assert_eq!(of(&file("<f4", "False", "()", &1_f32.to_le_bytes())).unwrap().values, [1.0]);
    }

    #[test]
    fn what_is_no_array_of_floats_is_named() {
        assert!(of(&file("<i8", "False", "(1,)", &[0; 8])).unwrap_err().contains("<i8"));
        assert!(of(&file("<f4", "False", "(9,)", &[0; 8])).unwrap_err().contains("cut short"));
        let large = "(99999999999, 99999999999)";
        assert!(of(&file("<f4", "False", large, &[0; 8])).unwrap_err().contains("too large"));
        assert!(of(b"GRIB").is_err());
    }

    proptest! {
        #[test]
        fn broken_files_are_errors(at in 0_usize..90, byte in any::<u8>(), keep in 0_usize..120) {
            let mut bytes = file("<f4", "True", "(2, 3)", &[0; 24]);
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(keep);
            if let Ok(array) = of(&bytes) {
                prop_assert_eq!(array.shape.iter().product::<usize>(), array.values.len());
            }
        }
    }
}
