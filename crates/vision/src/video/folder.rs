//! A folder of pictures as a clip, in the order in which people count: 2 before 10.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use super::{Frame, FrameSource, VideoError, VideoInfo, VideoLimits, jpeg, time_at};
use crate::image::{Image, decode_file};

/// Endings of files that are taken for pictures.
pub const PICTURE_ENDINGS: [&str; 8] = ["jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp", "gif"];

/// Compares names as people do: digits by their value, letters without regard to case, then by bytes.
#[must_use]
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a.as_bytes(), b.as_bytes());
    loop {
        let (Some(&p), Some(&q)) = (x.first(), y.first()) else {
            return x.len().cmp(&y.len()).then_with(|| a.cmp(b));
        };
        let order = if p.is_ascii_digit() && q.is_ascii_digit() {
            let (m, n) = (take_number(&mut x), take_number(&mut y));
            m.len().cmp(&n.len()).then_with(|| m.cmp(n))
        } else {
            (x, y) = (&x[1..], &y[1..]);
            p.to_ascii_lowercase().cmp(&q.to_ascii_lowercase())
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Takes the digits at the start, without leading zeros.
fn take_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().position(|&b| b != b'0').unwrap_or(digits.len());
    &digits[zeros..]
}

/// True for a file whose name ends like a picture's.
#[must_use]
pub fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    PICTURE_ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

/// The pictures of a folder, not of folders in it, in natural order of their names.
///
/// # Errors
/// [`VideoError::Io`].
pub fn list_pictures(folder: &Path) -> Result<Vec<PathBuf>, VideoError> {
    let name = folder.display().to_string();
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| VideoError::io(&name, e))? {
        let path = entry.map_err(|e| VideoError::io(&name, e))?.path();
        if is_picture(&path) && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort_by(|a, b| natural_order(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(paths)
}

/// Pictures shown one after another. One that cannot be read is an error of that frame alone.
pub struct PictureClip {
    name: String,
    paths: Vec<PathBuf>,
    limits: VideoLimits,
    info: VideoInfo,
    fps: f64,
    next: usize,
}

impl PictureClip {
    /// The pictures of a folder, at the pace given.
    ///
    /// # Errors
    /// [`VideoError`]: the folder cannot be read or holds no picture.
    pub fn open(folder: &Path, fps: f64, limits: &VideoLimits) -> Result<Self, VideoError> {
        Self::new(folder.display().to_string(), list_pictures(folder)?, fps, limits)
    }

    /// Pictures in the order given; `name` is what errors call them together.
    ///
    /// # Errors
    /// [`VideoError`]: no picture, too many, or a pace that is none.
    pub fn new(
        name: String,
        paths: Vec<PathBuf>,
        fps: f64,
        limits: &VideoLimits,
    ) -> Result<Self, VideoError> {
        if paths.is_empty() {
            let what = format!("no pictures ({})", PICTURE_ENDINGS.join(", "));
            return Err(VideoError::format(&name, what));
        }
        if !(0.001..=100_000.0).contains(&fps) {
            return Err(VideoError::format(&name, format!("{fps} frames a second")));
        }
        limits.check_index(&name, paths.len() as u64 - 1)?;
        let frames = Some(paths.len() as u64);
        let info = VideoInfo {
            size: None,
            fps: Some(fps),
            frames,
            format: "folder of pictures".to_owned(),
        };
        Ok(Self { name, paths, limits: *limits, info, fps, next: 0 })
    }

    /// The file that the next frame comes from.
    #[must_use]
    pub fn next_path(&self) -> Option<&Path> {
        self.paths.get(self.next).map(PathBuf::as_path)
    }
}

impl FrameSource for PictureClip {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, VideoError> {
        let Some(path) = self.paths.get(self.next) else { return Ok(None) };
        let index = self.next as u64;
        self.next += 1;
        let image = read_picture(path, &self.limits).map_err(|reason| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            VideoError::frame(&self.name, index, format!("{file}: {reason}"))
        })?;
        Ok(Some(Frame { image, index, time: time_at(index, self.fps) }))
    }

    fn skip_frame(&mut self) -> Result<bool, VideoError> {
        let more = self.next < self.paths.len();
        self.next += usize::from(more);
        Ok(more)
    }
}

fn read_picture(path: &Path, limits: &VideoLimits) -> Result<Image, String> {
    decode_file(path, &jpeg::decode_limits(limits)).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_count_like_this() {
        let mut names =
            ["b10", "b2", "b02", "B1", "a", "b2x", "b", "b1000000000000000000000000", "9"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(
            names,
            ["9", "a", "b", "B1", "b02", "b2", "b2x", "b10", "b1000000000000000000000000"]
        );
        assert_eq!(natural_order("x1", "x1"), Ordering::Equal);
    }
}
