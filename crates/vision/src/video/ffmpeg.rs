//! Any other clip, through an `ffmpeg` program: its frames come through a pipe as YUV4MPEG2, which
//! carries their size. The program is started without a shell, and ended with the reader.

use std::ffi::OsString;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::y4m::Y4mReader;
use super::yuv::{Matrix, YuvColor};
use super::{Frame, FrameSource, VideoError, VideoInfo, VideoLimits};

/// The variable that says where the program is; `off` means that none is to be used.
pub const PROGRAM_VARIABLE: &str = "STRATA_FFMPEG";

/// What of the program's complaints is kept.
const MAX_COMPLAINT: usize = 2000;

/// Finds the program: `STRATA_FFMPEG`, or else `ffmpeg` in `PATH`.
#[must_use]
pub fn find_program() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os(PROGRAM_VARIABLE).filter(|v| !v.is_empty()) {
        return (given != "off").then(|| PathBuf::from(given));
    }
    let file = format!("ffmpeg{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
}

/// What is to be read, and how errors call it.
#[derive(Debug, Clone)]
pub struct FfmpegInput {
    /// The program.
    pub program: PathBuf,
    /// Arguments that belong before `-i`.
    pub options: Vec<OsString>,
    /// The argument of `-i`.
    pub input: OsString,
    /// Name in errors; without a password.
    pub name: String,
    /// Words that must not appear in errors: passwords.
    pub secrets: Vec<String>,
}

impl FfmpegInput {
    /// A file. The program may open no other kind of address from it.
    #[must_use]
    pub fn file(program: PathBuf, path: &Path) -> Self {
        let mut input = OsString::from("file:");
        input.push(path);
        let options = ["-protocol_whitelist", "file"].map(OsString::from).to_vec();
        Self { program, options, input, name: path.display().to_string(), secrets: Vec::new() }
    }
}

/// Ends the program from another thread; its reader then comes to its end.
#[derive(Clone)]
pub struct Killer(Arc<Mutex<Child>>);

impl Killer {
    /// Ends the program and waits for it. Does nothing the second time.
    pub fn kill(&self) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Frames from an `ffmpeg` program.
pub struct FfmpegReader {
    frames: Y4mReader<BufReader<ChildStdout>>,
    child: Killer,
    complaints: Option<JoinHandle<String>>,
    name: String,
    secrets: Vec<String>,
    ended: bool,
}

impl FfmpegReader {
    /// Starts the program and waits for the first frame's header.
    ///
    /// # Errors
    /// [`VideoError::Program`] with the program's own words, or a size over the limits.
    pub fn start(input: &FfmpegInput, limits: &VideoLimits) -> Result<Self, VideoError> {
        let failed = |reason: String| VideoError::Program { name: input.name.clone(), reason };
        // Colours are asked for in one fixed form, whatever the clip has.
        let mut child = Command::new(&input.program)
            .args(["-hide_banner", "-nostdin", "-v", "error"])
            .args(&input.options)
            .arg("-i")
            .arg(&input.input)
            .args(["-map", "0:v:0", "-vf", "scale=out_color_matrix=bt709:out_range=limited"])
            .args(["-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "pipe:1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| failed(format!("{} does not start: {e}", input.program.display())))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let child = Killer(Arc::new(Mutex::new(child)));
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
            child.kill();
            return Err(failed("no pipe to the program".to_owned()));
        };
        let complaints = std::thread::spawn(move || collect(stderr));
        let color = YuvColor { matrix: Matrix::Bt709, full_range: false };
        let reader = BufReader::with_capacity(256 << 10, stdout);
        match Y4mReader::new(reader, input.name.clone(), limits, Some(color)) {
            Ok(mut frames) => {
                frames.set_format("read by ffmpeg".to_owned());
                Ok(Self {
                    frames,
                    child,
                    complaints: Some(complaints),
                    name: input.name.clone(),
                    secrets: input.secrets.clone(),
                    ended: false,
                })
            }
            Err(error) => {
                child.kill();
                let said = redacted(&complaints.join().unwrap_or_default(), &input.secrets);
                Err(if said.is_empty() { error } else { failed(said) })
            }
        }
    }

    /// A handle that ends the program.
    #[must_use]
    pub fn killer(&self) -> Killer {
        self.child.clone()
    }

    /// At the end of the frames: whether the program ended well.
    fn end(&mut self) -> Result<(), VideoError> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        let status = {
            let mut child = self.child.0.lock().unwrap_or_else(PoisonError::into_inner);
            child.wait().map_err(|e| VideoError::io(&self.name, e))?
        };
        let said = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        let mut reason = redacted(&said, &self.secrets);
        if reason.is_empty() {
            reason = format!("ended with {status}");
        }
        Err(VideoError::Program { name: self.name.clone(), reason })
    }
}

impl FrameSource for FfmpegReader {
    fn info(&self) -> &VideoInfo {
        self.frames.info()
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, VideoError> {
        let frame = self.frames.next_frame()?;
        if frame.is_none() {
            self.end()?;
        }
        Ok(frame)
    }

    fn skip_frame(&mut self) -> Result<bool, VideoError> {
        let more = self.frames.skip_frame()?;
        if !more {
            self.end()?;
        }
        Ok(more)
    }
}

impl Drop for FfmpegReader {
    fn drop(&mut self) {
        self.child.kill();
    }
}

/// Reads all that the program complains about, so that it never waits for us, and keeps the start.
fn collect(mut stderr: impl Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stderr.read(&mut buffer) {
        let room = MAX_COMPLAINT.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..count.min(room)]);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

/// A text in which no secret is left.
fn redacted(text: &str, secrets: &[String]) -> String {
    secrets
        .iter()
        .filter(|s| !s.is_empty())
        .fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
}
