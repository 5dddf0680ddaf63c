//! What can go wrong with a clip or a stream.

use std::time::Duration;

/// Why a clip or a stream gives no frame. Names carry no password.
#[derive(Debug, thiserror::Error)]
pub enum VideoError {
    /// The file or folder cannot be read.
    #[error("{name}: {source}")]
    Io {
        /// The clip.
        name: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The bytes do not follow the format.
    #[error("{name}: not a readable clip: {what}")]
    Format {
        /// The clip.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// The clip ends in the middle; the frames before were given.
    #[error("{name}: the file is cut off after {frames} frames: {what}")]
    Truncated {
        /// The clip.
        name: String,
        /// Frames that were whole.
        frames: u64,
        /// What is missing.
        what: String,
    },
    /// A kind of clip that is not read here, and no `ffmpeg` to read it.
    #[error(
        "{name}: {what} is not read without the ffmpeg program: install ffmpeg (or set STRATA_FFMPEG to it), \
         or convert the clip to H.264 in MP4 or to Motion JPEG in AVI"
    )]
    Unsupported {
        /// The clip.
        name: String,
        /// What it is.
        what: String,
    },
    /// More than is allowed.
    #[error("{name}: {what}: {value}, and at most {limit} are read")]
    Limit {
        /// The clip.
        name: String,
        /// What there is too much of.
        what: &'static str,
        /// How much.
        value: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// One frame is damaged; the next may not be.
    #[error("{name}: frame {index}: {reason}")]
    Frame {
        /// The clip.
        name: String,
        /// The frame.
        index: u64,
        /// What the decoder says.
        reason: String,
    },
    /// The `ffmpeg` program failed.
    #[error("{name}: ffmpeg: {reason}")]
    Program {
        /// The clip.
        name: String,
        /// What it said, or what happened to it.
        reason: String,
    },
    /// A stream stopped sending.
    #[error("{name}: no frame for {:.1} s", after.as_secs_f64())]
    Stalled {
        /// The stream.
        name: String,
        /// How long was waited.
        after: Duration,
    },
    /// A stream could not be reached, or broke off.
    #[error("{name}: {reason}")]
    Lost {
        /// The stream.
        name: String,
        /// What happened.
        reason: String,
    },
    /// A stream refused the name or the password.
    #[error(
        "{name}: the camera refused the user name or the password: give them in the address or in STRATA_RTSP_USER and STRATA_RTSP_PASSWORD"
    )]
    Unauthorized {
        /// The stream.
        name: String,
    },
}

impl VideoError {
    /// True when the frames behind the damaged one can still be asked for.
    #[must_use]
    pub fn is_recoverable(&self) -> bool {
        matches!(self, Self::Frame { .. })
    }

    pub(crate) fn io(name: &str, source: std::io::Error) -> Self {
        Self::Io { name: name.to_owned(), source }
    }

    pub(crate) fn format(name: &str, what: impl Into<String>) -> Self {
        Self::Format { name: name.to_owned(), what: what.into() }
    }

    pub(crate) fn limit(name: &str, what: &'static str, value: u64, limit: u64) -> Self {
        Self::Limit { name: name.to_owned(), what, value, limit }
    }

    pub(crate) fn unsupported(name: &str, what: impl Into<String>) -> Self {
        Self::Unsupported { name: name.to_owned(), what: what.into() }
    }

    pub(crate) fn frame(name: &str, index: u64, reason: impl Into<String>) -> Self {
        Self::Frame { name: name.to_owned(), index, reason: reason.into() }
    }

    pub(crate) fn truncated(name: &str, frames: u64, what: impl Into<String>) -> Self {
        Self::Truncated { name: name.to_owned(), frames, what: what.into() }
    }
}
