//! Where pictures come from: the argument SOURCE, as every command takes it.

use std::path::{Path, PathBuf};

use strata_vision::image::DecodeLimits;

use crate::picture::Pictures;
use crate::sources::{SourceSpec, StreamOptions, list_images, open_stream};

/// Where pictures come from.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct SourceArgs {
    /// A picture, a folder, a pattern in quotes ('shift-*/*.jpg'), a video, or rtsp://…
    #[arg(value_name = "SOURCE")]
    pub source: String,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// How pictures are read.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ReadingArgs {
    /// Videos: look at every N-th frame.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub every: u64,
    /// Most pixels of a picture; a larger one is an error, so that no file can take all memory.
    #[arg(long, value_name = "N", default_value_t = DecodeLimits::default().max_pixels)]
    pub max_pixels: u64,
    /// Take a damaged or cut JPEG as far as it can be read, the rest of it grey.
    #[arg(long)]
    pub lenient: bool,
}

impl Default for ReadingArgs {
    fn default() -> Self {
        Self { every: 1, max_pixels: DecodeLimits::default().max_pixels, lenient: false }
    }
}

impl ReadingArgs {
    /// Limits of the decoder.
    pub(super) fn limits(&self) -> DecodeLimits {
        DecodeLimits {
            max_pixels: self.max_pixels,
            lenient: self.lenient,
            ..DecodeLimits::default()
        }
    }

    /// Opens a source.
    pub(super) fn open(&self, source: &str) -> anyhow::Result<Pictures> {
        let spec = SourceSpec::parse(source)?;
        if spec.is_stream() {
            let stream = open_stream(&spec, &StreamOptions::default())?;
            let name =
                Path::new(&spec.name()).file_name().map(|name| name.to_string_lossy().into_owned());
            return Ok(Pictures::frames(stream, name.unwrap_or_else(|| spec.name()), self.every));
        }
        let base = Some(PathBuf::from(source)).filter(|path| path.is_dir());
        Ok(Pictures::files(list_images(&spec)?, base, self.limits()))
    }
}

impl SourceArgs {
    /// Opens it.
    pub(super) fn open(&self) -> anyhow::Result<Pictures> {
        self.reading.open(&self.source)
    }

    /// Limits of the decoder.
    pub(super) fn limits(&self) -> DecodeLimits {
        self.reading.limits()
    }
}
