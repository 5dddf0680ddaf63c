//! Frames from MP4 and MOV: H.264 (feature `h264`) and Motion JPEG.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

#[cfg(feature = "h264")]
use super::h264::{Decoded, H264Decoder, H264Error};
use super::mp4::{Codec, Sample, Track, read_track};
use super::{Frame, FrameSource, VideoError, VideoInfo, VideoLimits, jpeg};
use crate::geometry::Size;
use crate::image::Image;

/// A reader of MP4 and MOV.
pub struct Mp4Reader<R> {
    reader: R,
    name: String,
    limits: VideoLimits,
    info: VideoInfo,
    track: Track,
    #[cfg(feature = "h264")]
    decoder: Option<H264Decoder>,
    /// When the samples that are in the decoder are shown, earliest first.
    shown: Vec<i64>,
    /// Pictures that came out together at the end.
    ready: VecDeque<Image>,
    first: Option<i64>,
    index: u64,
    flushed: bool,
    done: bool,
    buffer: Vec<u8>,
}

/// A picture on its way out: `None` where it is passed over.
type Picture = Option<Image>;

impl Mp4Reader<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    /// [`VideoError`]: no MP4, no video in it, or a codec that needs ffmpeg.
    pub fn open(path: &Path, limits: &VideoLimits) -> Result<Self, VideoError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|e| VideoError::io(&name, e))?;
        Self::new(BufReader::with_capacity(64 << 10, file), name, limits)
    }
}

impl<R: Read + Seek + Send> Mp4Reader<R> {
    /// Reads the tables; `name` is what errors call the clip.
    ///
    /// # Errors
    /// As [`Mp4Reader::open`].
    pub fn new(mut reader: R, name: String, limits: &VideoLimits) -> Result<Self, VideoError> {
        let track = read_track(&mut reader, &name, limits)?;
        let codec = match track.codec {
            Codec::H264 { .. } => "H.264",
            Codec::MotionJpeg => "Motion JPEG",
        };
        let turned = track.quarter_turns % 2 == 1;
        let size = if turned { Size::new(track.size.height, track.size.width) } else { track.size };
        let info = VideoInfo {
            size: Some(size),
            fps: track.fps,
            frames: Some(u64::from(track.samples)),
            format: format!("MP4, {codec}"),
        };
        #[cfg(feature = "h264")]
        let decoder = h264_decoder(&track, &name, limits)?;
        #[cfg(not(feature = "h264"))]
        if matches!(track.codec, Codec::H264 { .. }) {
            return Err(VideoError::unsupported(&name, "H.264 (this program is built without it)"));
        }
        Ok(Self {
            reader,
            name,
            limits: *limits,
            info,
            track,
            #[cfg(feature = "h264")]
            decoder,
            shown: Vec::new(),
            ready: VecDeque::new(),
            first: None,
            index: 0,
            flushed: false,
            done: false,
            buffer: Vec::new(),
        })
    }

    /// Reads the next sample's bytes into the buffer.
    fn read_sample(&mut self) -> Result<Option<Sample>, VideoError> {
        let next = self.track.cursor.next();
        let sample = match next.map_err(|what| VideoError::truncated(&self.name, self.index, what))
        {
            Ok(Some(sample)) => sample,
            Ok(None) => return Ok(None),
            Err(error) => {
                self.done = true;
                return Err(error);
            }
        };
        let count = self
            .limits
            .check_bytes(&self.name, u64::from(sample.bytes))
            .inspect_err(|_| self.done = true)?;
        // Samples lie one behind the other mostly: a relative seek keeps the buffer.
        let here = self.reader.stream_position().map_err(|e| VideoError::io(&self.name, e))?;
        let step = i64::try_from(i128::from(sample.offset) - i128::from(here)).unwrap_or(i64::MAX);
        let seek = self.reader.seek_relative(step);
        seek.or_else(|_| self.reader.seek(SeekFrom::End(0)).map(|_| ()))
            .map_err(|e| VideoError::io(&self.name, e))?;
        self.buffer.clear();
        let read = self.reader.by_ref().take(u64::from(sample.bytes)).read_to_end(&mut self.buffer);
        let read = read.map_err(|e| VideoError::io(&self.name, e))?;
        if read < count {
            self.done = true;
            let what = format!("{read} of the {count} bytes of the next are there");
            return Err(VideoError::truncated(&self.name, self.index, what));
        }
        Ok(Some(sample))
    }

    /// The next picture in the order in which they are shown.
    fn next_picture(&mut self, wanted: bool) -> Result<Option<(Picture, i64)>, VideoError> {
        loop {
            if let Some(image) = self.ready.pop_front() {
                return Ok(Some((Some(image), self.take_shown())));
            }
            if self.done {
                return Ok(None);
            }
            let Some(sample) = self.read_sample()? else {
                if std::mem::replace(&mut self.flushed, true) {
                    self.done = true;
                    return Ok(None);
                }
                self.flush()?;
                continue;
            };
            let place = self.shown.partition_point(|&t| t <= sample.shown);
            self.shown.insert(place, sample.shown);
            if let Some(picture) = self.decode(&sample, wanted)? {
                return Ok(Some((picture, self.take_shown())));
            }
        }
    }

    fn take_shown(&mut self) -> i64 {
        if self.shown.is_empty() { 0 } else { self.shown.remove(0) }
    }

    fn decode(&mut self, sample: &Sample, wanted: bool) -> Result<Option<Picture>, VideoError> {
        match self.track.codec {
            Codec::MotionJpeg if !wanted => Ok(Some(None)),
            Codec::MotionJpeg => match jpeg::decode_frame(&self.buffer, &self.limits) {
                Ok(image) => Ok(Some(Some(image))),
                Err(reason) => Err(self.frame_error(sample, reason)),
            },
            #[cfg(feature = "h264")]
            Codec::H264 { length_bytes, .. } => {
                let Some(decoder) = &mut self.decoder else { return Ok(None) };
                let pushed = decoder.push_lengths(&self.buffer, length_bytes);
                // What was pushed before the damage is decoded too, and leaves the decoder clean.
                match pushed.and(decoder.decode(wanted)) {
                    Ok(Decoded::Nothing) => Ok(None),
                    Ok(Decoded::Passed) => Ok(Some(None)),
                    Ok(Decoded::Image(image)) => Ok(Some(Some(image))),
                    Err(H264Error::Damaged(reason)) => Err(self.frame_error(sample, reason)),
                    Err(H264Error::Unsupported(what)) => {
                        self.done = true;
                        Err(VideoError::unsupported(&self.name, what))
                    }
                    Err(H264Error::TooLarge(size)) => {
                        self.done = true;
                        let limit = self.limits.max_pixels;
                        Err(VideoError::limit(&self.name, "pixels of a frame", size.area(), limit))
                    }
                }
            }
            #[cfg(not(feature = "h264"))]
            Codec::H264 { .. } => Ok(None),
        }
    }

    /// A sample that gives no picture takes its time and its number with it.
    fn frame_error(&mut self, sample: &Sample, reason: String) -> VideoError {
        if let Some(place) = self.shown.iter().position(|&t| t == sample.shown) {
            self.shown.remove(place);
        }
        let index = self.index;
        self.index += 1;
        VideoError::frame(&self.name, index, reason)
    }

    fn flush(&mut self) -> Result<(), VideoError> {
        #[cfg(feature = "h264")]
        if let Some(decoder) = &mut self.decoder {
            let images = decoder.flush();
            let images =
                images.map_err(|e| VideoError::frame(&self.name, self.index, e.to_string()))?;
            self.ready.extend(images);
        }
        Ok(())
    }

    /// Time since the first frame, and the number of this one.
    fn place(&mut self, shown: i64) -> (u64, Duration) {
        let first = *self.first.get_or_insert(shown);
        let ticks = shown.saturating_sub(first).max(0) as f64;
        let time = Duration::try_from_secs_f64(ticks / f64::from(self.track.timescale));
        let index = self.index;
        self.index += 1;
        (index, time.unwrap_or(Duration::MAX))
    }
}

impl<R: Read + Seek + Send> FrameSource for Mp4Reader<R> {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, VideoError> {
        while let Some((picture, shown)) = self.next_picture(true)? {
            let (index, time) = self.place(shown);
            if let Some(image) = picture {
                let image = turned(image, self.track.quarter_turns);
                return Ok(Some(Frame { image, index, time }));
            }
        }
        Ok(None)
    }

    fn skip_frame(&mut self) -> Result<bool, VideoError> {
        let Some((_, shown)) = self.next_picture(false)? else { return Ok(false) };
        self.place(shown);
        Ok(true)
    }
}

#[cfg(feature = "h264")]
fn h264_decoder(
    track: &Track,
    name: &str,
    limits: &VideoLimits,
) -> Result<Option<H264Decoder>, VideoError> {
    let Codec::H264 { sets, .. } = &track.codec else { return Ok(None) };
    let failed = |error: H264Error| match error {
        H264Error::Unsupported(what) => VideoError::unsupported(name, what),
        H264Error::TooLarge(size) => {
            VideoError::limit(name, "pixels of a frame", size.area(), limits.max_pixels)
        }
        H264Error::Damaged(what) => VideoError::format(name, what),
    };
    let mut decoder = H264Decoder::new(limits, track.color).map_err(failed)?;
    sets.iter().for_each(|set| decoder.push_nal(set));
    decoder.decode(false).map_err(failed)?;
    Ok(Some(decoder))
}

/// A picture turned to the right by quarters.
fn turned(image: Image, quarters: u8) -> Image {
    if quarters == 0 {
        return image;
    }
    let Size { width, height } = image.size();
    let size = if quarters == 2 { image.size() } else { Size::new(height, width) };
    let mut out = Image::filled(size, [0; 3]);
    for y in 0..size.height {
        for x in 0..size.width {
            let (from_x, from_y) = match quarters {
                1 => (y, height - 1 - x),
                2 => (width - 1 - x, height - 1 - y),
                _ => (width - 1 - y, x),
            };
            out.set_pixel(x, y, image.pixel(from_x, from_y).unwrap_or_default());
        }
    }
    out
}
