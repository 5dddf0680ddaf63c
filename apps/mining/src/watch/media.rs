//! Pictures and clips of events: a JPEG with the box drawn in, and the seconds before and after as an
//! AVI of JPEG frames. The past of a camera is kept as JPEGs in a ring bounded by time and bytes.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use strata_vision::draw::Canvas;
use strata_vision::encode::{self, EncodeError, JpegOptions};
use strata_vision::geometry::{BBox, Size};
use strata_vision::image::Image;
use strata_vision::video::{AviOptions, AviWriter, VideoError};

use super::config::{ClipConfig, OutputsConfig, SnapshotConfig};
use super::event::Event;
use super::scene::Overlay;

/// Clips of a camera that are recorded at once.
const MAX_RECORDINGS: usize = 4;
/// Clips that wait to be written.
const MAX_QUEUED: usize = 8;
/// A clip with its after-time may be so many times larger than the past that is kept.
const CLIP_TIMES: usize = 4;
const ALERT: [u8; 3] = [255, 64, 32];
const CALM: [u8; 3] = [64, 220, 96];

/// A picture or clip that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The file.
    #[error("cannot write {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The picture.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The clip.
    #[error(transparent)]
    Clip(#[from] VideoError),
}

/// A picture as JPEG.
///
/// # Errors
/// A picture without pixels or with a side over 65,535.
pub fn jpeg(image: &Image, quality: u8) -> Result<Vec<u8>, MediaError> {
    let quality = quality.clamp(1, 100);
    Ok(encode::jpeg(image, JpegOptions { quality, ..JpegOptions::default() })?)
}

/// A picture no wider than `width`: each pixel the mean of those it stands for.
#[must_use]
pub fn shrunk(image: &Image, width: u32) -> Option<Image> {
    let from = image.size();
    if from.width <= width || width == 0 || from.height == 0 {
        return None;
    }
    let scaled = u64::from(from.height) * u64::from(width) / u64::from(from.width);
    let to = Size::new(width, u32::try_from(scaled).ok()?.max(1));
    let edge =
        |at: u32, to: u32, from: u32| (u64::from(at) * u64::from(from) / u64::from(to)) as usize;
    let mut data = Vec::with_capacity(to.area() as usize * 3);
    let mut sums = vec![[0_u32; 3]; width as usize];
    for y in 0..to.height {
        let (top, bottom) = (edge(y, to.height, from.height), edge(y + 1, to.height, from.height));
        sums.fill([0; 3]);
        for row in top..bottom.max(top + 1) {
            let row = image.row(row as u32);
            for (x, sum) in sums.iter_mut().enumerate() {
                let left = edge(x as u32, width, from.width);
                let right = edge(x as u32 + 1, width, from.width).max(left + 1);
                for pixel in row.get(left * 3..right * 3).unwrap_or_default().chunks_exact(3) {
                    for (sum, value) in sum.iter_mut().zip(pixel) {
                        *sum += u32::from(*value);
                    }
                }
            }
        }
        let rows = (bottom.max(top + 1) - top) as u32;
        for (x, sum) in sums.iter().enumerate() {
            let left = edge(x as u32, width, from.width);
            let right = edge(x as u32 + 1, width, from.width).max(left + 1);
            let count = rows * (right - left) as u32;
            data.extend(sum.map(|sum| ((sum + count / 2) / count) as u8));
        }
    }
    Image::new(to, data)
}

/// A live picture with what is seen.
#[must_use]
pub fn annotated(image: &Image, overlays: &[Overlay]) -> Image {
    let mut drawn = image.clone();
    let mut canvas = Canvas::new(&mut drawn);
    for overlay in overlays {
        let colour = if overlay.event { ALERT } else { CALM };
        canvas.bbox(&overlay.bbox, colour);
        canvas.label(&overlay.bbox, &overlay.label, colour);
    }
    drawn
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), MediaError> {
    let fail = |error| MediaError::File { path: path.to_owned(), error };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    std::fs::write(path, bytes).map_err(fail)
}

/// Writes an event's snapshot, its box drawn in.
///
/// # Errors
/// A folder that cannot be written to.
pub fn snapshot(config: &SnapshotConfig, image: &Image, event: &Event) -> Result<(), MediaError> {
    let Some(name) = &event.snapshot else { return Ok(()) };
    let mut drawn = image.clone();
    if let Some([x1, y1, x2, y2]) = event.bbox {
        let (bbox, mut canvas) = (BBox::new(x1, y1, x2, y2), Canvas::new(&mut drawn));
        canvas.bbox(&bbox, ALERT);
        canvas.label(&bbox, &format!("{} {:.2}", event.class, event.median_score), ALERT);
    }
    write(&config.dir.join(name), &jpeg(&drawn, config.quality)?)
}

/// Removes the snapshot and clip of an event that is no longer kept, and their day's folder with the
/// last of them.
pub fn remove(outputs: &OutputsConfig, event: &Event) {
    let snapshot = outputs.snapshots.as_ref().zip(event.snapshot.as_ref());
    let clip = outputs.clips.as_ref().zip(event.clip.as_ref());
    let files = snapshot
        .map(|(config, name)| config.dir.join(name))
        .into_iter()
        .chain(clip.map(|(config, name)| config.dir.join(name)));
    for file in files {
        // Whoever cleans the folder by hand has removed it already.
        let _ = std::fs::remove_file(&file);
        if let Some(folder) = file.parent() {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

type Jpeg = (i64, Arc<[u8]>);

/// A clip ready to be written.
#[derive(Debug)]
pub struct Clip {
    path: PathBuf,
    size: Size,
    frames: Vec<Jpeg>,
}

impl Clip {
    /// Frames in it.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    fn write(&self) -> Result<(), MediaError> {
        let (Some(first), Some(last)) = (self.frames.first(), self.frames.last()) else {
            return Ok(());
        };
        if let Some(folder) = self.path.parent() {
            let fail = |error| MediaError::File { path: folder.to_owned(), error };
            std::fs::create_dir_all(folder).map_err(fail)?;
        }
        let seconds = (last.0 - first.0) as f64 / 1000.0;
        let fps = if seconds > 0.0 { (self.frames.len() - 1) as f64 / seconds } else { 1.0 };
        let options = AviOptions::new(self.size, fps.clamp(0.01, 1000.0));
        let mut writer = AviWriter::create(&self.path, &options)?;
        for (_, jpeg) in &self.frames {
            writer.push_jpeg(jpeg)?;
        }
        writer.finish()?;
        Ok(())
    }
}

#[derive(Debug)]
struct Recording {
    path: PathBuf,
    until_ms: i64,
    bytes: usize,
    frames: Vec<Jpeg>,
}

/// The past seconds of a camera, and the clips that are being recorded.
#[derive(Debug)]
pub struct ClipRecorder {
    config: ClipConfig,
    size: Size,
    past: VecDeque<Jpeg>,
    bytes: usize,
    recordings: Vec<Recording>,
}

impl ClipRecorder {
    /// A recorder without a past.
    #[must_use]
    pub fn new(config: ClipConfig) -> Self {
        let (size, past, recordings) = (Size::default(), VecDeque::new(), Vec::new());
        Self { config, size, past, bytes: 0, recordings }
    }

    /// Bytes of the past that is kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Another frame: the clips that are through with it.
    ///
    /// # Errors
    /// A picture that cannot be encoded.
    pub fn push(&mut self, image: &Image, at_ms: i64) -> Result<Vec<Clip>, MediaError> {
        let small = shrunk(image, self.config.width);
        let image = small.as_ref().unwrap_or(image);
        let encoded: Arc<[u8]> = jpeg(image, self.config.quality)?.into();
        let mut done = Vec::new();
        if image.size() != self.size {
            // All frames of a clip have one size.
            done = self.finish();
            self.past.clear();
            (self.bytes, self.size) = (0, image.size());
        }
        self.bytes += encoded.len();
        self.past.push_back((at_ms, Arc::clone(&encoded)));
        let limit = self.limit();
        let before = at_ms - (self.config.before * 1000.0) as i64;
        while self.bytes > limit || self.past.front().is_some_and(|(at, _)| *at < before) {
            let Some((_, gone)) = self.past.pop_front() else { break };
            self.bytes -= gone.len();
        }
        for recording in &mut self.recordings {
            recording.bytes += encoded.len();
            recording.frames.push((at_ms, Arc::clone(&encoded)));
        }
        let full = limit.saturating_mul(CLIP_TIMES);
        let over = |r: &mut Recording| r.until_ms <= at_ms || r.bytes >= full;
        let size = self.size;
        done.extend(self.recordings.extract_if(.., over).map(|recording| clip(recording, size)));
        Ok(done)
    }

    /// An event begins: its clip is the past that is kept and the time to come. False when too many
    /// are being recorded.
    pub fn start(&mut self, event: &Event, at_ms: i64) -> bool {
        let Some(name) = &event.clip else { return true };
        if self.recordings.len() >= MAX_RECORDINGS {
            return false;
        }
        self.recordings.push(Recording {
            path: self.config.dir.join(name),
            until_ms: at_ms + (self.config.after * 1000.0) as i64,
            bytes: self.bytes,
            frames: self.past.iter().cloned().collect(),
        });
        true
    }

    /// Ends what is being recorded, as far as it came.
    pub fn finish(&mut self) -> Vec<Clip> {
        let size = self.size;
        self.recordings.drain(..).map(|recording| clip(recording, size)).collect()
    }

    fn limit(&self) -> usize {
        self.config.memory_mib as usize * (1 << 20)
    }
}

fn clip(recording: Recording, size: Size) -> Clip {
    Clip { path: recording.path, size, frames: recording.frames }
}

/// Writes clips on a thread of its own, so that nothing waits for the disk.
#[derive(Debug)]
pub struct ClipWriter {
    queue: Option<SyncSender<Clip>>,
    thread: Option<JoinHandle<()>>,
    failures: Arc<AtomicU64>,
}

impl ClipWriter {
    /// Starts the thread. `failures` counts what could not be written.
    ///
    /// # Errors
    /// A system without threads to give.
    pub fn start(failures: Arc<AtomicU64>) -> std::io::Result<Self> {
        let (queue, clips): (_, Receiver<Clip>) = sync_channel(MAX_QUEUED);
        let thread = std::thread::Builder::new().name("clips".to_owned()).spawn({
            let failures = Arc::clone(&failures);
            move || {
                for clip in clips {
                    if let Err(error) = clip.write() {
                        failures.fetch_add(1, Ordering::Relaxed);
                        tracing::warn!(%error, "a clip is lost");
                    }
                }
            }
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), failures })
    }

    /// Hands over clips; when the disk cannot keep up they are lost, and counted.
    pub fn write(&self, clips: Vec<Clip>) {
        for clip in clips {
            let sent = self.queue.as_ref().map(|queue| queue.try_send(clip));
            if let Some(Err(TrySendError::Full(clip) | TrySendError::Disconnected(clip))) = sent {
                self.failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(clip = %clip.path.display(), "a clip is lost: the disk is too slow");
            }
        }
    }
}

impl Drop for ClipWriter {
    fn drop(&mut self) {
        // The thread ends with the queue.
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
#[path = "media_tests.rs"]
mod tests;
