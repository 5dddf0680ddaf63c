//! Files to pictures: JPEG, PNG, BMP, TIFF, WebP and GIF, told apart by their first bytes, within
//! limits that are checked before memory is taken.

use std::io::Read;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{Image, jpeg, source};
use crate::geometry::Size;

/// A file format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Baseline and progressive JPEG with one, three or four components.
    Jpeg,
    /// PNG of any depth; of an animated one the default picture.
    Png,
    /// Windows bitmap.
    Bmp,
    /// TIFF, its first picture.
    Tiff,
    /// WebP; of an animated one the first frame.
    WebP,
    /// GIF, its first frame.
    Gif,
}

impl Format {
    /// The format that a file's first bytes announce; `None` for any other file.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let is = |magic: &[u8]| bytes.starts_with(magic);
        if is(b"\xFF\xD8\xFF") {
            Some(Self::Jpeg)
        } else if is(b"\x89PNG\r\n\x1A\n") {
            Some(Self::Png)
        } else if is(b"BM") {
            Some(Self::Bmp)
        } else if is(b"II*\0") || is(b"MM\0*") || is(b"II+\0") || is(b"MM\0+") {
            Some(Self::Tiff)
        } else if is(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else if is(b"GIF87a") || is(b"GIF89a") {
            Some(Self::Gif)
        } else {
            None
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
        })
    }
}

/// What a picture may cost to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Most columns.
    pub max_width: u32,
    /// Most rows.
    pub max_height: u32,
    /// Most pixels.
    pub max_pixels: u64,
    /// Longest file, in bytes.
    pub max_bytes: u64,
    /// Most memory that the decoder may take, in bytes, the picture itself included.
    pub max_alloc: u64,
    /// Accept a damaged or cut JPEG as far as it could be read, the rest of the picture grey.
    /// Off by default: a half-grey picture is an anomaly to a memory bank and a miss to a detector,
    /// and both look like a verdict. A cut file of another format is always refused.
    pub lenient: bool,
}

impl Default for DecodeLimits {
    /// 32,768 columns and rows, 128 million pixels, a file of 256 MiB, 1 GiB of memory, strict.
    fn default() -> Self {
        Self {
            max_width: 32_768,
            max_height: 32_768,
            max_pixels: 128_000_000,
            max_bytes: 256 << 20,
            max_alloc: 1 << 30,
            lenient: false,
        }
    }
}

impl DecodeLimits {
    /// Refuses a size that is empty or over the limits.
    pub(super) fn check_size(&self, size: Size, format: Format) -> Result<(), DecodeError> {
        if size.width == 0 || size.height == 0 {
            return Err(DecodeError::ZeroSize { format, size });
        }
        let over = |what, found, limit| DecodeError::TooLarge { what, size, found, limit };
        if size.width > self.max_width {
            return Err(over("width", size.width.into(), self.max_width.into()));
        }
        if size.height > self.max_height {
            return Err(over("height", size.height.into(), self.max_height.into()));
        }
        if size.area() > self.max_pixels {
            return Err(over("number of pixels", size.area(), self.max_pixels));
        }
        Ok(())
    }

    /// Refuses a decoder's need of memory over the limit.
    pub(super) fn check_alloc(&self, size: Size, bytes: u64) -> Result<(), DecodeError> {
        if bytes > self.max_alloc {
            let what = "need of memory in bytes";
            return Err(DecodeError::TooLarge { what, size, found: bytes, limit: self.max_alloc });
        }
        Ok(())
    }

    fn check_bytes(&self, bytes: u64) -> Result<(), DecodeError> {
        if bytes > self.max_bytes {
            return Err(DecodeError::FileTooLong { bytes, limit: self.max_bytes });
        }
        Ok(())
    }
}

/// Why a file gave no picture.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A file without bytes.
    #[error("the file is empty: no picture was written into it")]
    Empty,
    /// Not a format that is read here.
    #[error(
        "the file begins with {start}, which is no JPEG, PNG, BMP, TIFF, WebP or GIF: convert it to one of these"
    )]
    UnknownFormat {
        /// The first bytes, in hexadecimal.
        start: String,
    },
    /// A kind of a known format that is not read.
    #[error("this kind of {format} cannot be read ({reason}): save it as an 8-bit JPEG or PNG")]
    Unsupported {
        /// The format.
        format: Format,
        /// Which kind.
        reason: String,
    },
    /// No columns or no rows.
    #[error("the {format} says that it has {size} pixels: there is nothing to look at")]
    ZeroSize {
        /// The format.
        format: Format,
        /// The size in its header.
        size: Size,
    },
    /// Larger than the limits allow.
    #[error(
        "the picture of {size} pixels has a {what} of {found}, over the limit of {limit}: scale it down, cut it into tiles, or raise the limit"
    )]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Size in the header.
        size: Size,
        /// How large it is.
        found: u64,
        /// How large it may be.
        limit: u64,
    },
    /// A file longer than the limits allow.
    #[error(
        "the file has {bytes} bytes, over the limit of {limit}: compress it, or raise the limit"
    )]
    FileTooLong {
        /// Its length in bytes; for a growing file what was read.
        bytes: u64,
        /// The longest allowed.
        limit: u64,
    },
    /// The file ends before the picture does.
    #[error("the {format} ends before its picture does ({reason}): copy or record it again")]
    Truncated {
        /// The format.
        format: Format,
        /// What was missing.
        reason: String,
    },
    /// The bytes contradict the format.
    #[error("the {format} is damaged ({reason}): copy or record it again")]
    Corrupt {
        /// The format.
        format: Format,
        /// Where it contradicts itself.
        reason: String,
    },
    /// The file could not be read at all.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl DecodeError {
    /// A stable short code for result tables.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::UnknownFormat { .. } => "unknown_format",
            Self::Unsupported { .. } => "unsupported",
            Self::ZeroSize { .. } => "zero_size",
            Self::TooLarge { .. } | Self::FileTooLong { .. } => "too_large",
            Self::Truncated { .. } => "truncated",
            Self::Corrupt { .. } => "corrupt",
            Self::Io { .. } => "io",
        }
    }
}

/// Reads a picture.
///
/// The format is told by the first bytes. The EXIF orientation of JPEG, PNG, TIFF and WebP is
/// applied. Samples of 16 bits are scaled to 8 by their full range (so a 12-bit recording in a
/// 16-bit file comes out dark). Transparency is laid on white. CMYK becomes RGB by multiplication
/// with black, without a colour profile.
///
/// # Errors
/// A file that is empty, of another format, cut, damaged or over the limits.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Image, DecodeError> {
    let mut image = Image { size: Size::default(), data: Vec::new() };
    decode_into(bytes, limits, &mut image)?;
    Ok(image)
}

/// [`decode`] into the memory of an earlier picture: for a stream of frames, fresh pages for each
/// are a tenth of the time. After an error the picture is of some size and content.
///
/// # Errors
/// As [`decode`].
pub fn decode_into(
    bytes: &[u8],
    limits: &DecodeLimits,
    image: &mut Image,
) -> Result<(), DecodeError> {
    limits.check_bytes(bytes.len() as u64)?;
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let format = Format::of(bytes).ok_or_else(|| DecodeError::UnknownFormat {
        start: bytes.iter().take(8).map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" "),
    })?;
    if let Some(size) = stated(format, bytes) {
        // The library calls a PNG without pixels damaged, and one that is cut before its pixels too.
        limits.check_size(size, format)?;
    }
    // The decoders are written not to panic, but they are large and the bytes are a stranger's: one
    // bad frame must not end a watch of eight cameras.
    let read = std::panic::AssertUnwindSafe(|| match format {
        Format::Jpeg => jpeg::decode(bytes, limits, image),
        other => source::decode(other, bytes, limits, image),
    });
    std::panic::catch_unwind(read).unwrap_or_else(|_| {
        // Whatever state the picture was left in, it is a valid one again.
        *image = Image { size: Size::default(), data: Vec::new() };
        Err(DecodeError::Corrupt { format, reason: "its decoder gave up".to_owned() })
    })
}

/// The size that a PNG's first chunk states.
fn stated(format: Format, bytes: &[u8]) -> Option<Size> {
    let side = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    (format == Format::Png && bytes.get(12..16) == Some(b"IHDR"))
        .then(|| Some(Size::new(side(16)?, side(20)?)))
        .flatten()
}

/// [`decode`] of a file. Its length is checked before it is read.
///
/// # Errors
/// A file that cannot be opened or is no file; else as [`decode`].
pub fn decode_file(path: &Path, limits: &DecodeLimits) -> Result<Image, DecodeError> {
    let io = |source| DecodeError::Io { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(io)?;
    let about = file.metadata().map_err(io)?;
    if about.is_dir() {
        return Err(io(std::io::ErrorKind::IsADirectory.into()));
    }
    limits.check_bytes(about.len())?;
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0));
    // A pipe or a file that grows while it is read has no length to go by.
    file.take(limits.max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    decode(&bytes, limits)
}
