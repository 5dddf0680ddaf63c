//! Animated GIF as a clip.

use std::fs::File;
use std::io::{BufReader, Read};
use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use gif::{ColorOutput, DecodeOptions, Decoder, DisposalMethod, MemoryLimit};

use super::{Frame, FrameSource, VideoError, VideoInfo, VideoLimits};
use crate::geometry::Size;
use crate::image::Image;

/// Delays of 0 and 1 hundredths are shown as ten by every browser.
const SHORTEST_DELAY: u16 = 2;
const DEFAULT_DELAY: u16 = 10;

/// A reader of animated GIF. What is transparent is black.
pub struct GifReader<R: Read> {
    decoder: Decoder<R>,
    name: String,
    limits: VideoLimits,
    info: VideoInfo,
    canvas: Image,
    /// What the last frame leaves behind is only known when the next is drawn.
    pending: Option<(DisposalMethod, Region, Option<Image>)>,
    index: u64,
    hundredths: u64,
    done: bool,
}

/// A frame's place on the canvas, clipped.
#[derive(Clone, Copy)]
struct Region {
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
}

impl GifReader<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    /// [`VideoError`]: no GIF, or over the limits.
    pub fn open(path: &Path, limits: &VideoLimits) -> Result<Self, VideoError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|e| VideoError::io(&name, e))?;
        Self::new(BufReader::new(file), name, limits)
    }
}

impl<R: Read + Send> GifReader<R> {
    /// Reads the header; `name` is what errors call the clip.
    ///
    /// # Errors
    /// As [`GifReader::open`].
    pub fn new(reader: R, name: String, limits: &VideoLimits) -> Result<Self, VideoError> {
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        let bytes = limits.max_pixels.saturating_mul(4);
        options.set_memory_limit(
            NonZeroU64::new(bytes).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes),
        );
        let decoder =
            options.read_info(reader).map_err(|e| VideoError::format(&name, e.to_string()))?;
        let size = Size::new(u32::from(decoder.width()), u32::from(decoder.height()));
        limits.check_size(&name, size)?;
        let info =
            VideoInfo { size: Some(size), fps: None, frames: None, format: "GIF".to_owned() };
        Ok(Self {
            decoder,
            name,
            limits: *limits,
            info,
            canvas: Image::filled(size, [0; 3]),
            pending: None,
            index: 0,
            hundredths: 0,
            done: false,
        })
    }

    /// Takes the last frame off the canvas, as it asked.
    fn dispose(&mut self) {
        match self.pending.take() {
            Some((DisposalMethod::Background, region, _)) => {
                for y in region.top..region.bottom {
                    for x in region.left..region.right {
                        self.canvas.set_pixel(x, y, [0; 3]);
                    }
                }
            }
            Some((DisposalMethod::Previous, _, Some(before))) => self.canvas = before,
            _ => {}
        }
    }
}

impl<R: Read + Send> FrameSource for GifReader<R> {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, VideoError> {
        if self.done {
            return Ok(None);
        }
        self.done = true;
        self.dispose();
        let frame = match self.decoder.read_next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(None),
            Err(error) => {
                return Err(VideoError::truncated(&self.name, self.index, error.to_string()));
            }
        };
        self.limits.check_index(&self.name, self.index)?;
        let before = (frame.dispose == DisposalMethod::Previous).then(|| self.canvas.clone());
        let (left, top) = (u32::from(frame.left), u32::from(frame.top));
        let size = self.canvas.size();
        let region = Region {
            left,
            top,
            right: left.saturating_add(u32::from(frame.width)).min(size.width),
            bottom: top.saturating_add(u32::from(frame.height)).min(size.height),
        };
        let rows = frame.buffer.chunks_exact((usize::from(frame.width) * 4).max(4));
        for (y, row) in (top..region.bottom).zip(rows) {
            for (x, pixel) in (left..region.right).zip(row.chunks_exact(4)) {
                if let [r, g, b, 1..=255] = *pixel {
                    self.canvas.set_pixel(x, y, [r, g, b]);
                }
            }
        }
        let delay = if frame.delay < SHORTEST_DELAY { DEFAULT_DELAY } else { frame.delay };
        self.pending = Some((frame.dispose, region, before));
        let time = Duration::from_millis(self.hundredths.saturating_mul(10));
        self.hundredths = self.hundredths.saturating_add(u64::from(delay));
        let index = self.index;
        self.index += 1;
        self.done = false;
        Ok(Some(Frame { image: self.canvas.clone(), index, time }))
    }
}
