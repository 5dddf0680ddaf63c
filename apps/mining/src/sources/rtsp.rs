//! Frames of a camera: RTSP through retina on a thread of its own, H.264 and JPEG decoded there.
//! H.265 needs the `ffmpeg` program.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::time::Duration;

use futures_util::StreamExt;
use retina::client::{
    Credentials, Demuxed, PlayOptions, Session, SessionGroup, SessionOptions, SetupOptions,
    TcpTransportOptions, UdpTransportOptions,
};
use retina::codec::{CodecItem, ParametersRef, VideoFrame};
use strata_vision::geometry::Size;
use strata_vision::image::Image;
use strata_vision::video::ffmpeg::{FfmpegInput, FfmpegReader, Killer, find_program};
use strata_vision::video::h264::{Decoded, H264Decoder, H264Error};
use strata_vision::video::jpeg;
use strata_vision::video::{Frame, FrameSource, VideoError, VideoInfo};
use tokio::sync::Notify;

use super::address::redacted;
use super::queue::{Queue, Waited};
use super::{RtspAddress, StreamOptions, Transport};

/// RTCP's packet type of a good-bye.
const BYE: u8 = 203;
/// How long a camera is given to hear that the session is over.
const FAREWELL: Duration = Duration::from_millis(500);

/// The reader's side of a camera.
struct Camera {
    name: String,
    info: VideoInfo,
    queue: Arc<Queue>,
    closed: Arc<Notify>,
    program: Option<Killer>,
    timeout: Duration,
    stop: Arc<AtomicBool>,
    done: bool,
}

impl FrameSource for Camera {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, VideoError> {
        if self.done {
            return Ok(None);
        }
        match self.queue.wait(self.timeout, &self.stop) {
            Waited::Frame(frame) => Ok(Some(frame)),
            Waited::Nothing => {
                Err(VideoError::Stalled { name: self.name.clone(), after: self.timeout })
            }
            Waited::End(how) => {
                self.done = true;
                how.map(|()| None)
            }
        }
    }

    fn dropped(&self) -> u64 {
        self.queue.dropped()
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.queue.close();
        self.closed.notify_one();
        if let Some(program) = &self.program {
            program.kill();
        }
    }
}

/// What the thread needs.
struct Job {
    address: RtspAddress,
    credentials: Option<(String, String)>,
    options: StreamOptions,
    name: String,
    queue: Arc<Queue>,
    closed: Arc<Notify>,
}

/// Connects, and returns when the camera plays.
pub(super) fn open(
    address: &RtspAddress,
    options: &StreamOptions,
) -> Result<Box<dyn FrameSource>, VideoError> {
    let name = address.to_string();
    let (queue, closed) = (Arc::new(Queue::new(options.queue)), Arc::new(Notify::new()));
    let job = Job {
        address: address.clone(),
        credentials: address.credentials().or(options.credentials.as_ref()).cloned(),
        options: options.clone(),
        name: name.clone(),
        queue: Arc::clone(&queue),
        closed: Arc::clone(&closed),
    };
    let lost = |reason: String| VideoError::Lost { name: name.clone(), reason };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| lost(e.to_string()))?;
    let (told, opened) = mpsc::channel();
    let credentials = job.credentials.clone();
    std::thread::Builder::new()
        .name("camera".to_owned())
        .spawn(move || {
            runtime.block_on(job.run(&told));
            // Name resolution may hang on; nobody waits for it.
            runtime.shutdown_background();
        })
        .map_err(|e| lost(e.to_string()))?;
    // A little more than the connection's own time-out, so that its words come first.
    let opened = opened.recv_timeout(options.timeout + Duration::from_secs(1));
    let camera = |info, program| Camera {
        name: name.clone(),
        info,
        queue: Arc::clone(&queue),
        closed: Arc::clone(&closed),
        program,
        timeout: options.timeout,
        stop: Arc::clone(&options.stop),
        done: false,
    };
    match opened {
        Ok(Ok(info)) => Ok(Box::new(camera(info, None))),
        Ok(Err(VideoError::Unsupported { name: unsupported, what })) => {
            let Some(program) = find_program() else {
                return Err(VideoError::Unsupported { name: unsupported, what });
            };
            let reader = start_program(program, address, options, credentials.as_ref())?;
            let (info, killer) = (reader.info().clone(), reader.killer());
            let camera = camera(info, Some(killer));
            pump(reader, queue)?;
            Ok(Box::new(camera))
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Err(VideoError::Stalled { name: name.clone(), after: options.timeout }),
    }
}

/// Starts ffmpeg on the camera. The password stands in its arguments: it takes it in no other way.
fn start_program(
    program: std::path::PathBuf,
    address: &RtspAddress,
    options: &StreamOptions,
    credentials: Option<&(String, String)>,
) -> Result<FfmpegReader, VideoError> {
    let transport = if options.transport == Transport::Tcp { "tcp" } else { "udp" };
    let timeout = options.timeout.as_micros().to_string();
    let full = address.with_credentials(credentials);
    let escaped = url::Url::parse(&full).ok().and_then(|u| u.password().map(str::to_owned));
    let secrets =
        credentials.map(|(_, password)| password.clone()).into_iter().chain(escaped).collect();
    let input = FfmpegInput {
        program,
        options: ["-rtsp_transport", transport, "-timeout", &timeout].map(Into::into).to_vec(),
        input: full.into(),
        name: address.to_string(),
        secrets,
    };
    FfmpegReader::start(&input, &options.limits)
}

/// Moves frames from a program to the queue, on a thread.
fn pump(mut reader: FfmpegReader, queue: Arc<Queue>) -> Result<(), VideoError> {
    let work = move || loop {
        match reader.next_frame() {
            Ok(Some(frame)) => {
                if !queue.push(frame) {
                    return;
                }
            }
            Ok(None) => return queue.end(Ok(())),
            Err(error) => return queue.end(Err(error)),
        }
    };
    let thread = std::thread::Builder::new().name("camera".to_owned()).spawn(work);
    thread.map(|_| ()).map_err(|source| VideoError::Io { name: "a thread".to_owned(), source })
}

/// How an encoded frame is decoded.
enum Codec {
    H264(Box<H264Decoder>),
    Jpeg,
}

impl Job {
    /// Connects, tells how that went, and feeds the queue until the end.
    async fn run(self, told: &mpsc::Sender<Result<VideoInfo, VideoError>>) {
        let group = Arc::new(SessionGroup::default());
        let connected = tokio::select! {
            connected = tokio::time::timeout(self.options.timeout, self.connect(&group)) => connected,
            () = self.closed.notified() => return,
        };
        let (session, codec, info) = match connected {
            Ok(Ok(connected)) => connected,
            Ok(Err(error)) => return drop(told.send(Err(error))),
            Err(_) => {
                let after = self.options.timeout;
                return drop(
                    told.send(Err(VideoError::Stalled { name: self.name.clone(), after })),
                );
            }
        };
        if told.send(Ok(info)).is_err() {
            return;
        }
        tokio::select! {
            how = self.receive(session, codec) => self.queue.end(how),
            () = self.closed.notified() => {}
        }
        let _ = tokio::time::timeout(FAREWELL, group.await_teardown()).await;
    }

    async fn connect(
        &self,
        group: &Arc<SessionGroup>,
    ) -> Result<(Demuxed, Codec, VideoInfo), VideoError> {
        let failed = |error: retina::Error| self.failed(&error);
        let credentials = self.credentials.clone();
        let options = SessionOptions::default()
            .creds(credentials.map(|(username, password)| Credentials { username, password }))
            .session_group(Arc::clone(group))
            .user_agent("strata-mining".to_owned());
        let mut session =
            Session::describe(self.address.url().clone(), options).await.map_err(failed)?;
        let found =
            session.streams().iter().enumerate().filter(|(_, stream)| stream.media() == "video");
        let names: Vec<(usize, String)> =
            found.map(|(n, s)| (n, s.encoding_name().to_owned())).collect();
        let Some((stream, encoding)) =
            names.iter().find(|(_, name)| matches!(name.as_str(), "h264" | "jpeg"))
        else {
            let what = match names.first().map(|(_, name)| name.as_str()) {
                None => {
                    return Err(VideoError::Format {
                        name: self.name.clone(),
                        what: "no video in the stream".to_owned(),
                    });
                }
                Some("h265") => "H.265 from a camera (it may send H.264 if set so)".to_owned(),
                Some(other) => format!("{other} from a camera"),
            };
            return Err(VideoError::Unsupported { name: self.name.clone(), what });
        };
        let codec = if encoding == "h264" {
            let decoder = H264Decoder::new(&self.options.limits, None);
            Codec::H264(Box::new(decoder.map_err(|e| self.lost(&e.to_string()))?))
        } else {
            Codec::Jpeg
        };
        let transport = match self.options.transport {
            Transport::Tcp => retina::client::Transport::Tcp(TcpTransportOptions::default()),
            Transport::Udp => retina::client::Transport::Udp(UdpTransportOptions::default()),
        };
        session
            .setup(*stream, SetupOptions::default().transport(transport))
            .await
            .map_err(failed)?;
        let described = &session.streams()[*stream];
        let mut info = VideoInfo {
            size: None,
            fps: described.framerate().map(f64::from),
            frames: None,
            format: format!("RTSP, {}", if encoding == "h264" { "H.264" } else { "JPEG" }),
        };
        if let Some(ParametersRef::Video(video)) = described.parameters() {
            let (width, height) = video.pixel_dimensions();
            info.size = (width > 0 && height > 0).then_some(Size::new(width, height));
            let told = video.frame_rate().map(|(ticks, scale)| f64::from(scale) / f64::from(ticks));
            info.fps = info.fps.or(told.filter(|f| (0.01..=1000.0).contains(f)));
        }
        let playing = session.play(PlayOptions::default()).await.map_err(failed)?;
        Ok((playing.demuxed().map_err(failed)?, codec, info))
    }

    /// Decodes what comes until the stream is at its end.
    async fn receive(&self, mut session: Demuxed, mut codec: Codec) -> Result<(), VideoError> {
        let mut state = Receiver::default();
        while let Some(item) = session.next().await {
            match item.map_err(|e| self.failed(&e))? {
                CodecItem::VideoFrame(frame) => {
                    if self.queue.is_closed() {
                        return Ok(());
                    }
                    self.take(&mut codec, &mut state, &frame)?;
                }
                CodecItem::Rtcp(packet) => {
                    state.bye |= packet.pkts().any(|p| p.payload_type() == BYE);
                }
                _ => {}
            }
            if state.bye {
                return Ok(());
            }
        }
        Err(self.lost("the camera closed the connection"))
    }

    /// Decodes a frame and puts what comes out into the queue.
    fn take(
        &self,
        codec: &mut Codec,
        state: &mut Receiver,
        frame: &VideoFrame,
    ) -> Result<(), VideoError> {
        // Behind a gap all pictures are damaged until one that needs no other.
        state.broken |= frame.loss() > 0;
        let whole = frame.is_random_access_point() || matches!(codec, Codec::Jpeg);
        if state.broken && !whole {
            return Ok(());
        }
        if state.broken {
            state.shown.clear();
            state.broken = false;
        }
        let time = frame.timestamp().elapsed_secs().max(0.0);
        let place = state.shown.partition_point(|&t| t <= time);
        state.shown.insert(place, time);
        let limits = &self.options.limits;
        let due = self.options.max_fps.is_none_or(|fps| {
            // A frame counts as due a tenth of the interval early: clocks are not exact.
            state.given.is_none_or(|given| time - given >= 0.9 / fps)
        });
        let decoded = match codec {
            Codec::Jpeg if !due => Ok(Decoded::Passed),
            Codec::Jpeg => jpeg::decode_frame(frame.data(), limits)
                .map(Decoded::Image)
                .map_err(H264Error::Damaged),
            Codec::H264(decoder) => {
                decoder.push_lengths(frame.data(), 4).and_then(|()| decoder.decode(due))
            }
        };
        match decoded {
            Ok(Decoded::Nothing) => {}
            Ok(Decoded::Passed) => drop(state.next_time()),
            Ok(Decoded::Image(image)) => {
                let time = state.next_time();
                self.give(state, image, time);
            }
            Err(H264Error::Damaged(_)) => state.broken = true,
            Err(H264Error::Unsupported(what)) => {
                return Err(VideoError::Unsupported { name: self.name.clone(), what });
            }
            Err(H264Error::TooLarge(size)) => {
                let (value, limit) = (size.area(), limits.max_pixels);
                return Err(VideoError::Limit {
                    name: self.name.clone(),
                    what: "pixels of a frame",
                    value,
                    limit,
                });
            }
        }
        Ok(())
    }

    fn give(&self, state: &mut Receiver, image: Image, time: f64) {
        state.given = Some(time);
        let first = *state.first.get_or_insert(time);
        let since = Duration::try_from_secs_f64((time - first).max(0.0)).unwrap_or_default();
        self.queue.push(Frame { image, index: state.index, time: since });
        state.index += 1;
    }

    fn lost(&self, reason: &str) -> VideoError {
        VideoError::Lost {
            name: self.name.clone(),
            reason: redacted(reason, self.credentials.as_ref()),
        }
    }

    fn failed(&self, error: &retina::Error) -> VideoError {
        if matches!(error.status_code(), Some(401 | 403)) {
            return VideoError::Unauthorized { name: self.name.clone() };
        }
        // Behind the first line come the addresses of both ends.
        let text = error.to_string();
        self.lost(text.lines().next().unwrap_or("the connection failed"))
    }
}

/// What is kept from frame to frame.
struct Receiver {
    /// Pictures cannot be decoded until one that needs no other.
    broken: bool,
    bye: bool,
    /// Times of the frames in the decoder, earliest first.
    shown: Vec<f64>,
    first: Option<f64>,
    given: Option<f64>,
    index: u64,
}

impl Default for Receiver {
    fn default() -> Self {
        Self { broken: true, bye: false, shown: Vec::new(), first: None, given: None, index: 0 }
    }
}

impl Receiver {
    /// When the picture that has just come out of the decoder is shown.
    fn next_time(&mut self) -> f64 {
        if self.shown.is_empty() { self.given.unwrap_or(0.0) } else { self.shown.remove(0) }
    }
}
