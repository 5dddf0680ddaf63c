//! Pictures as records of the belt: files of a folder or frames of a video, each with a name.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use strata_core::stream::{RecordError, Source, SourceError};
use strata_vision::image::{DecodeLimits, Image, decode};
use strata_vision::video::{Frame, FrameSource};

/// A picture on its way in.
#[derive(Debug)]
pub struct Picture {
    /// What results call it: the file's name, or the clip's with the frame's number.
    pub name: String,
    /// Where it is, for pictures that are files.
    pub path: Option<PathBuf>,
    /// What there is of it.
    pub content: Content,
}

/// What there is of a picture.
#[derive(Debug)]
pub enum Content {
    /// The bytes of a file.
    Encoded(Vec<u8>),
    /// A frame that is decoded already.
    Decoded(Image),
    /// Why there is nothing.
    Unreadable(RecordError),
}

impl Picture {
    /// A picture from the bytes of a file.
    #[must_use]
    pub fn encoded(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), path: None, content: Content::Encoded(bytes) }
    }

    /// Reads a file; what keeps it from being read stays with the record.
    #[must_use]
    pub fn read(path: &Path, name: String, limits: &DecodeLimits) -> Self {
        let content = match read_file(path, limits) {
            Ok(bytes) => Content::Encoded(bytes),
            Err(error) => Content::Unreadable(error),
        };
        Self { name, path: Some(path.to_path_buf()), content }
    }

    /// The pixels.
    ///
    /// # Errors
    /// With the decoder's code: what is wrong with the file.
    pub fn pixels(
        &self,
        limits: &DecodeLimits,
    ) -> Result<std::borrow::Cow<'_, Image>, RecordError> {
        match &self.content {
            Content::Encoded(bytes) => decode(bytes, limits)
                .map(std::borrow::Cow::Owned)
                .map_err(|error| RecordError::new(error.code(), format!("{}: {error}", self.name))),
            Content::Decoded(image) => Ok(std::borrow::Cow::Borrowed(image)),
            Content::Unreadable(error) => Err(error.clone()),
        }
    }
}

fn read_file(path: &Path, limits: &DecodeLimits) -> Result<Vec<u8>, RecordError> {
    let io = |error: std::io::Error| {
        RecordError::new("io", format!("cannot read {}: {error}", path.display()))
    };
    let file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    if length > limits.max_bytes {
        let text = format!("{}: {length} bytes, the limit is {}", path.display(), limits.max_bytes);
        return Err(RecordError::new("too_large", text));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    // A pipe or a growing file has no length to trust.
    file.take(limits.max_bytes + 1).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Where pictures come from.
pub enum Pictures {
    /// Files.
    Files(Files),
    /// A clip or a stream.
    Frames(Frames),
}

/// A list of files.
pub struct Files {
    paths: Vec<PathBuf>,
    next: usize,
    base: Option<PathBuf>,
    limits: DecodeLimits,
}

/// Frames of a clip.
pub struct Frames {
    source: Box<dyn FrameSource>,
    name: String,
    every: u64,
    read: u64,
}

impl Pictures {
    /// Files, named by their paths below `base` where they are there.
    #[must_use]
    pub fn files(paths: Vec<PathBuf>, base: Option<PathBuf>, limits: DecodeLimits) -> Self {
        Self::Files(Files { paths, next: 0, base, limits })
    }

    /// Every `every`-th frame of a clip.
    #[must_use]
    pub fn frames(source: Box<dyn FrameSource>, name: String, every: u64) -> Self {
        Self::Frames(Frames { source, name, every: every.max(1), read: 0 })
    }

    /// How many there are, where that is known.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Files(files) => Some(files.paths.len() as u64),
            Self::Frames(frames) => frames.source.info().frames.map(|n| n.div_ceil(frames.every)),
        }
    }
}

impl Files {
    fn next_picture(&mut self) -> Option<Picture> {
        let path = self.paths.get(self.next)?;
        self.next += 1;
        let below = self.base.as_deref().and_then(|base| path.strip_prefix(base).ok());
        let name = below.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
        // Results are the same on every system.
        let name = name.to_string_lossy().replace('\\', "/");
        Some(Picture::read(path, name, &self.limits))
    }
}

impl Frames {
    fn next_picture(&mut self) -> Result<Option<Picture>, SourceError> {
        while !self.read.is_multiple_of(self.every) {
            if !self.source.skip_frame()? {
                return Ok(None);
            }
            self.read += 1;
        }
        let Some(Frame { image, index, .. }) = self.source.next_frame()? else { return Ok(None) };
        self.read += 1;
        let name = format!("{}#{index:06}", self.name);
        Ok(Some(Picture { name, path: None, content: Content::Decoded(image) }))
    }
}

impl Source for Pictures {
    type Record = Picture;

    fn next_record(&mut self) -> Result<Option<Picture>, SourceError> {
        match self {
            Self::Files(files) => Ok(files.next_picture()),
            Self::Frames(frames) => frames.next_picture(),
        }
    }

    fn digest(record: &Picture, hasher: &mut Sha256) {
        hasher.update((record.name.len() as u64).to_le_bytes());
        hasher.update(record.name.as_bytes());
        let bytes = match &record.content {
            Content::Encoded(bytes) => bytes,
            Content::Decoded(image) => image.data(),
            Content::Unreadable(error) => error.code.as_bytes(),
        };
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }

    fn fraction(&self) -> Option<f64> {
        let done = match self {
            Self::Files(files) => files.next as u64,
            Self::Frames(frames) => frames.read.div_ceil(frames.every),
        };
        let count = self.count().filter(|&count| count > 0)?;
        Some((done as f64 / count as f64).min(1.0))
    }
}
