//! Where pictures come from: files, folders, globs, clips and cameras, by one word on the command line
//! or in a configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use strata_vision::video::folder::{PictureClip, is_picture, list_pictures, natural_order};
use strata_vision::video::{
    DEFAULT_FPS, FrameSource, VideoError, VideoLimits, is_video, open_video,
};

pub mod address;
pub mod faulty;
mod queue;
pub mod replay;
mod rtsp;

pub use address::RtspAddress;
pub use replay::{Pace, Replay};

/// Why a source cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nothing is there.
    #[error("{0}: no such file or folder; a camera's address begins with rtsp://")]
    Missing(String),
    /// The pattern is none, or nothing matches it.
    #[error("{pattern}: {what}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        what: String,
    },
    /// The address of a camera cannot be read. The address is not repeated: it may hold a password.
    #[error(
        "a camera's address is not readable: {0}; it looks like rtsp://user:password@host:554/path"
    )]
    Address(String),
    /// Pictures were asked of a clip or a camera.
    #[error(
        "{0} is a clip or a camera, and single pictures are asked for: give a picture, a folder or a pattern"
    )]
    NotPictures(String),
    /// The clip or the camera.
    #[error(transparent)]
    Video(#[from] VideoError),
}

/// A source, told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// One picture. An animated GIF is one picture here and a clip for [`open_stream`].
    Picture(PathBuf),
    /// A folder of pictures.
    Folder(PathBuf),
    /// Files that match a pattern with `*`, `?`, `[...]` or `**`.
    Glob(String),
    /// A clip.
    Video(PathBuf),
    /// A camera.
    Rtsp(RtspAddress),
}

impl SourceSpec {
    /// Tells a source by its form and by what lies there: `a.jpg`, `folder`, `folder/*.png`,
    /// `clip.avi`, `rtsp://host/path`.
    ///
    /// # Errors
    /// [`SourceError::Missing`], [`SourceError::Address`].
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let scheme = text.split("://").next().unwrap_or_default();
        let camera = ["rtsp", "rtsps"].iter().any(|known| known.eq_ignore_ascii_case(scheme));
        if camera && text.contains("://") {
            return RtspAddress::parse(text).map(Self::Rtsp);
        }
        let path = Path::new(text);
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        if path.is_file() {
            // The bytes decide; a picture's ending alone makes no picture of a clip.
            return Ok(if is_video(&head(path)?) {
                Self::Video(path.to_owned())
            } else {
                picture_or_clip(path)
            });
        }
        if text.contains(['*', '?', '[']) {
            return Ok(Self::Glob(text.to_owned()));
        }
        Err(SourceError::Missing(text.to_owned()))
    }

    /// The source for people and logs: without a password.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Picture(path) | Self::Folder(path) | Self::Video(path) => {
                path.display().to_string()
            }
            Self::Glob(pattern) => pattern.clone(),
            Self::Rtsp(address) => address.to_string(),
        }
    }

    /// True for a clip or a camera.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        matches!(self, Self::Video(_) | Self::Rtsp(_))
    }
}

/// A file that does not begin as a known clip does: a picture, unless its ending says otherwise.
fn picture_or_clip(path: &Path) -> SourceSpec {
    let clip =
        ["ts", "mts", "m2ts", "mpg", "mpeg", "vob", "264", "h264", "265", "h265", "hevc", "dav"];
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if clip.iter().any(|known| known.eq_ignore_ascii_case(ending)) {
        SourceSpec::Video(path.to_owned())
    } else {
        SourceSpec::Picture(path.to_owned())
    }
}

fn head(path: &Path) -> Result<Vec<u8>, VideoError> {
    use std::io::Read;
    let failed = |source| VideoError::Io { name: path.display().to_string(), source };
    let mut head = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(64).read_to_end(&mut head).map_err(failed)?;
    Ok(head)
}

/// The pictures of a source, in natural order.
///
/// # Errors
/// [`SourceError`]: none there, or a clip or camera.
pub fn list_images(spec: &SourceSpec) -> Result<Vec<PathBuf>, SourceError> {
    let found = match spec {
        SourceSpec::Picture(path) => return Ok(vec![path.clone()]),
        SourceSpec::Folder(path) => list_pictures(path)?,
        SourceSpec::Glob(pattern) => matches_of(pattern)?,
        SourceSpec::Video(_) | SourceSpec::Rtsp(_) => {
            return Err(SourceError::NotPictures(spec.name()));
        }
    };
    if found.is_empty() {
        return Err(SourceError::Pattern {
            pattern: spec.name(),
            what: "no picture is there".to_owned(),
        });
    }
    Ok(found)
}

/// Pictures that match a pattern.
fn matches_of(pattern: &str) -> Result<Vec<PathBuf>, SourceError> {
    let wrong = |what: String| SourceError::Pattern { pattern: pattern.to_owned(), what };
    let paths = glob::glob(pattern).map_err(|e| wrong(e.to_string()))?;
    // What cannot be read on the way is no match.
    let mut found: Vec<PathBuf> =
        paths.filter_map(Result::ok).filter(|p| is_picture(p) && p.is_file()).collect();
    found.sort_by(|a, b| natural_order(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(found)
}

/// How a camera sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// In the connection of the commands: passes every firewall, loses nothing.
    #[default]
    Tcp,
    /// Beside it: for a local network.
    Udp,
}

/// How a source is read frame by frame.
#[derive(Debug, Clone)]
pub struct StreamOptions {
    /// How a camera sends.
    pub transport: Transport,
    /// How long is waited for a connection, and for each frame, before the stream counts as stalled.
    pub timeout: Duration,
    /// User name and password of a camera, where its address has none.
    pub credentials: Option<(String, String)>,
    /// Decoded frames of a camera that may wait; with one more, the oldest is thrown away.
    pub queue: usize,
    /// Frames a second of a camera that are handed on at most; the others are decoded, but not
    /// converted.
    pub max_fps: Option<f64>,
    /// Files and folders: in real time, as a camera would, or as fast as they are asked for.
    pub pace: Pace,
    /// Limits of what is read.
    pub limits: VideoLimits,
    /// Set from outside to end a wait: the source then is at its end.
    pub stop: Arc<AtomicBool>,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            transport: Transport::Tcp,
            timeout: Duration::from_secs(20),
            credentials: None,
            queue: 4,
            max_fps: None,
            pace: Pace::default(),
            limits: VideoLimits::default(),
            stop: Arc::new(AtomicBool::new(false)),
        }
    }
}

impl StreamOptions {
    /// Takes a camera's name and password from `STRATA_RTSP_USER` and `STRATA_RTSP_PASSWORD`.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        if let Some(user) = variable("STRATA_RTSP_USER") {
            self.credentials = Some((user, variable("STRATA_RTSP_PASSWORD").unwrap_or_default()));
        }
        self
    }
}

/// Opens a source as a row of frames. A camera is connected to and playing when this returns.
///
/// # Errors
/// [`SourceError`].
pub fn open_stream(
    spec: &SourceSpec,
    options: &StreamOptions,
) -> Result<Box<dyn FrameSource>, SourceError> {
    if let SourceSpec::Rtsp(address) = spec {
        return Ok(rtsp::open(address, options)?);
    }
    if options.pace.is_immediate() {
        return open_once(spec, options);
    }
    let (spec, inner) = (spec.clone(), options.clone());
    let open = move || {
        open_once(&spec, &inner).map_err(|error| match error {
            SourceError::Video(error) => error,
            other => VideoError::Lost { name: spec.name(), reason: other.to_string() },
        })
    };
    Ok(Box::new(Replay::new(Box::new(open), options.pace, Arc::clone(&options.stop))?))
}

/// Opens a file or a folder, once through.
fn open_once(
    spec: &SourceSpec,
    options: &StreamOptions,
) -> Result<Box<dyn FrameSource>, SourceError> {
    let fps = options.pace.fps.unwrap_or(DEFAULT_FPS);
    let limits = &options.limits;
    Ok(match spec {
        SourceSpec::Picture(path)
            if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gif")) =>
        {
            open_video(path, limits)?
        }
        SourceSpec::Picture(_) | SourceSpec::Folder(_) | SourceSpec::Glob(_) => {
            Box::new(PictureClip::new(spec.name(), list_images(spec)?, fps, limits)?)
        }
        SourceSpec::Video(path) => open_video(path, limits)?,
        SourceSpec::Rtsp(address) => rtsp::open(address, options)?,
    })
}
