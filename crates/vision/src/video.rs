//! Frames one after another from a clip: Motion JPEG in AVI, H.264 and Motion JPEG in MP4 and MOV,
//! Y4M, animated GIF, a folder of pictures; anything else through an `ffmpeg` program, if there is one.
//!
//! A reader holds one frame at a time. What it is given is not trusted: sizes, lengths and counts are
//! held against [`VideoLimits`], and damage is an error, after the frames that could be read.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::time::Duration;

use crate::geometry::Size;
use crate::image::Image;

pub mod avi;
pub mod avi_write;
mod error;
pub mod ffmpeg;
pub mod folder;
pub mod gif;
#[cfg(feature = "h264")]
pub mod h264;
pub mod jpeg;
mod mp4;
pub mod mp4_read;
pub mod sps;
pub mod y4m;
pub mod yuv;

pub use avi_write::{AviOptions, AviWriter};
pub use error::VideoError;

/// Frames a second taken where a clip does not say.
pub const DEFAULT_FPS: f64 = 25.0;

/// One picture of a clip.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The picture.
    pub image: Image,
    /// Its place in the clip, from 0; frames that were skipped count.
    pub index: u64,
    /// Time since the first frame.
    pub time: Duration,
}

/// What is known of a clip before its frames are read.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoInfo {
    /// Width and height, as the container says; a frame may differ.
    pub size: Option<Size>,
    /// Frames a second, averaged.
    pub fps: Option<f64>,
    /// Number of frames, as the container says.
    pub frames: Option<u64>,
    /// Container and codec, for people: `AVI, Motion JPEG`.
    pub format: String,
}

/// Frames one after another.
pub trait FrameSource: Send {
    /// What is known of the clip.
    fn info(&self) -> &VideoInfo;

    /// The next frame; `None` after the last.
    ///
    /// # Errors
    /// [`VideoError`]. After one that is [recoverable](VideoError::is_recoverable) the next call goes
    /// on with the frame behind it; after any other the source is at its end.
    fn next_frame(&mut self) -> Result<Option<Frame>, VideoError>;

    /// Passes over the next frame, without decoding it where the codec allows; false after the last.
    ///
    /// # Errors
    /// As [`FrameSource::next_frame`].
    fn skip_frame(&mut self) -> Result<bool, VideoError> {
        Ok(self.next_frame()?.is_some())
    }

    /// Frames that were thrown away unseen because they were not fetched in time.
    fn dropped(&self) -> u64 {
        0
    }
}

impl<T: FrameSource + ?Sized> FrameSource for Box<T> {
    fn info(&self) -> &VideoInfo {
        (**self).info()
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, VideoError> {
        (**self).next_frame()
    }

    fn skip_frame(&mut self) -> Result<bool, VideoError> {
        (**self).skip_frame()
    }

    fn dropped(&self) -> u64 {
        (**self).dropped()
    }
}

/// How much of a clip is read at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoLimits {
    /// Pixels of a frame.
    pub max_pixels: u64,
    /// Bytes of one encoded frame.
    pub max_frame_bytes: usize,
    /// Frames of a clip.
    pub max_frames: u64,
}

impl Default for VideoLimits {
    /// 64 million pixels (8K has 33), 64 MiB an encoded frame, 20 million frames (nine days at 25 a second).
    fn default() -> Self {
        Self { max_pixels: 64_000_000, max_frame_bytes: 64 << 20, max_frames: 20_000_000 }
    }
}

impl VideoLimits {
    /// Refuses a frame of no pixels or too many.
    pub(crate) fn check_size(&self, name: &str, size: Size) -> Result<(), VideoError> {
        if size.area() == 0 {
            return Err(VideoError::format(name, format!("a frame of {size} pixels")));
        }
        if size.area() > self.max_pixels {
            return Err(VideoError::limit(name, "pixels of a frame", size.area(), self.max_pixels));
        }
        Ok(())
    }

    /// Refuses an encoded frame of too many bytes.
    pub(crate) fn check_bytes(&self, name: &str, bytes: u64) -> Result<usize, VideoError> {
        match usize::try_from(bytes) {
            Ok(count) if count <= self.max_frame_bytes => Ok(count),
            _ => Err(VideoError::limit(
                name,
                "bytes of an encoded frame",
                bytes,
                self.max_frame_bytes as u64,
            )),
        }
    }

    /// Refuses a frame past the highest number.
    pub(crate) fn check_index(&self, name: &str, index: u64) -> Result<(), VideoError> {
        if index >= self.max_frames {
            return Err(VideoError::limit(
                name,
                "frames",
                index.saturating_add(1),
                self.max_frames,
            ));
        }
        Ok(())
    }
}

/// Time of a frame in a clip of even pace.
pub(crate) fn time_at(index: u64, fps: f64) -> Duration {
    Duration::try_from_secs_f64(index as f64 / fps).unwrap_or(Duration::MAX)
}

/// Opens a clip, told apart by its first bytes, not by its name. A folder is a clip of its pictures at
/// [`DEFAULT_FPS`]; [`folder::PictureClip`] takes another pace.
///
/// # Errors
/// [`VideoError`]: the file cannot be read, is no clip, is over the limits, or is of a kind that needs
/// the `ffmpeg` program where there is none.
pub fn open_video(path: &Path, limits: &VideoLimits) -> Result<Box<dyn FrameSource>, VideoError> {
    let opened = open_built_in(path, limits);
    let Err(VideoError::Unsupported { .. }) = &opened else { return opened };
    match ffmpeg::find_program() {
        Some(program) => {
            let input = ffmpeg::FfmpegInput::file(program, path);
            Ok(Box::new(ffmpeg::FfmpegReader::start(&input, limits)?))
        }
        None => opened,
    }
}

/// Opens a clip that needs no other program.
///
/// # Errors
/// As [`open_video`]; [`VideoError::Unsupported`] for all that needs `ffmpeg`.
pub fn open_built_in(
    path: &Path,
    limits: &VideoLimits,
) -> Result<Box<dyn FrameSource>, VideoError> {
    if path.is_dir() {
        return Ok(Box::new(folder::PictureClip::open(path, DEFAULT_FPS, limits)?));
    }
    let name = path.display().to_string();
    let mut file = File::open(path).map_err(|e| VideoError::io(&name, e))?;
    let mut head = Vec::new();
    file.by_ref().take(64).read_to_end(&mut head).map_err(|e| VideoError::io(&name, e))?;
    match container(&head) {
        Some(Container::Avi) => Ok(Box::new(avi::AviReader::open(path, limits)?)),
        Some(Container::Mp4) => Ok(Box::new(mp4_read::Mp4Reader::open(path, limits)?)),
        Some(Container::Gif) => Ok(Box::new(gif::GifReader::open(path, limits)?)),
        Some(Container::Y4m) => {
            let file = File::open(path).map_err(|e| VideoError::io(&name, e))?;
            Ok(Box::new(y4m::Y4mReader::new(BufReader::new(file), name, limits, None)?))
        }
        Some(Container::Other(what)) => Err(VideoError::unsupported(&name, what)),
        None if head.is_empty() => Err(VideoError::format(&name, "the file is empty")),
        None => Err(VideoError::unsupported(&name, "a file of an unknown kind")),
    }
}

/// True for bytes that begin as a clip does; pictures, an animated GIF's among them, are none.
#[must_use]
pub fn is_video(head: &[u8]) -> bool {
    container(head).is_some_and(|container| !matches!(container, Container::Gif))
}

enum Container {
    Avi,
    Mp4,
    Gif,
    Y4m,
    Other(&'static str),
}

/// Tells a clip by its first bytes.
fn container(head: &[u8]) -> Option<Container> {
    let at = |range: std::ops::Range<usize>| head.get(range).unwrap_or_default();
    Some(match head {
        _ if at(0..4) == b"RIFF" && at(8..12) == b"AVI " => Container::Avi,
        _ if matches!(at(4..8), b"ftyp" | b"moov" | b"mdat" | b"wide" | b"skip" | b"free") => {
            if matches!(at(8..12), b"avif" | b"avis" | b"heic" | b"heix" | b"mif1") {
                return None;
            }
            Container::Mp4
        }
        _ if matches!(at(0..6), b"GIF87a" | b"GIF89a") => Container::Gif,
        _ if head.starts_with(y4m::MAGIC) => Container::Y4m,
        _ if at(0..4) == [0x1A, 0x45, 0xDF, 0xA3] => Container::Other("Matroska or WebM"),
        _ if at(0..3) == b"FLV" => Container::Other("Flash video"),
        _ if at(0..4) == [0x30, 0x26, 0xB2, 0x75] => Container::Other("Windows Media video"),
        _ if at(0..4) == [0, 0, 1, 0xBA] => Container::Other("an MPEG program stream"),
        _ if at(0..4) == [0, 0, 0, 1] || at(0..3) == [0, 0, 1] => {
            Container::Other("a bare stream of H.264, H.265 or MPEG-2")
        }
        [0x47, ..] if head.len() >= 64 => Container::Other("an MPEG transport stream"),
        _ => return None,
    })
}
