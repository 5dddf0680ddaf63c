//! The ONNX Runtime library: found, checked and loaded once per process, with telemetry off and its
//! log sent to `tracing`. A library that is missing or wrong gives an error, never a panic, and the
//! next call tries again.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::{RuntimeError, elf};
use crate::paths;

/// Oldest minor version of ONNX Runtime 1.x that this build can talk to.
pub const OLDEST_MINOR: u32 = ort::MINOR_VERSION;

/// The loaded ONNX Runtime.
#[derive(Debug)]
pub struct Runtime {
    environment: Environment,
    library: PathBuf,
    version: String,
    build: String,
}

impl Runtime {
    /// The runtime of this process, loaded at the first call from [`paths::ort_library`]. Later
    /// calls return the same one, whatever the environment says by then.
    ///
    /// # Errors
    /// When the library is missing, isn't ONNX Runtime, or is too old. Nothing is remembered of a
    /// failed attempt.
    pub fn global() -> Result<&'static Self, RuntimeError> {
        static LOADED: OnceLock<Runtime> = OnceLock::new();
        static LOADING: Mutex<()> = Mutex::new(());
        if let Some(runtime) = LOADED.get() {
            return Ok(runtime);
        }
        // ort allows one environment per process: one thread makes it, the others wait here.
        let _one = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = LOADED.get() {
            return Ok(runtime);
        }
        let runtime = Self::load(&paths::ort_library()?)?;
        Ok(LOADED.get_or_init(|| runtime))
    }

    /// Version of the library, such as `1.32.0`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Path of the library.
    #[must_use]
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// What the library says about its own build: branch, commit, compiler flags.
    #[must_use]
    pub fn build_info(&self) -> &str {
        &self.build
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }

    fn load(path: &Path) -> Result<Self, RuntimeError> {
        let unusable =
            |reason: String| RuntimeError::LibraryUnusable { path: path.to_owned(), reason };
        // An absolute path: the loader would look a bare name up in the system's folders.
        let absolute = std::path::absolute(path).map_err(|e| unusable(e.to_string()))?;
        match std::fs::metadata(&absolute) {
            Ok(meta) if meta.is_file() => {}
            Ok(_) => return Err(unusable("it is not a file".to_owned())),
            Err(_) => return Err(RuntimeError::LibraryMissing { path: absolute }),
        }
        if cfg!(target_os = "linux") {
            elf::check_whole(&absolute).map_err(unusable)?;
        }
        let version = probe(&absolute).map_err(unusable)?;
        if !supported(&version) {
            return Err(RuntimeError::LibraryVersion { path: absolute, version });
        }
        let environment = ort::init_from(&absolute)
            .map_err(|e| unusable(e.to_string()))?
            .with_name("strata")
            .with_telemetry(false)
            .with_logger(Arc::new(log))
            .build()
            .map_err(|e| unusable(e.to_string()))?;
        environment.set_log_level(LogLevel::Warning);
        let build = ort::info().to_owned();
        tracing::debug!(version, library = %absolute.display(), build, "ONNX Runtime loaded");
        Ok(Self { environment, library: absolute, version, build })
    }
}

/// ONNX Runtime's log, a level lower than it says: its errors come back to the caller as errors
/// anyway, and its warnings are notes to the model's exporter.
fn log(level: LogLevel, category: &str, _id: &str, location: &str, message: &str) {
    match level {
        LogLevel::Fatal => tracing::error!(target: "onnxruntime", category, location, "{message}"),
        LogLevel::Error => tracing::warn!(target: "onnxruntime", category, location, "{message}"),
        LogLevel::Warning => {
            tracing::debug!(target: "onnxruntime", category, location, "{message}");
        }
        _ => tracing::trace!(target: "onnxruntime", category, location, "{message}"),
    }
}

fn supported(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let (major, minor) = (parts.next().flatten(), parts.next().flatten());
    major == Some(1) && minor.is_some_and(|minor| minor >= OLDEST_MINOR)
}

/// Opens the library and asks for its version, before `ort` does: `ort` panics on a library that
/// exports the entry point but doesn't have the interface it wants, and doesn't tell the version.
#[allow(unsafe_code, reason = "opening a shared library and calling its C entry point")]
fn probe(path: &Path) -> Result<String, String> {
    type Entry = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;
    // SAFETY: opening a library runs its initialisers. The path is the one the user or the set-up
    // chose for this purpose; there is no way to use ONNX Runtime without trusting it this far.
    let library = unsafe { libloading::Library::new(path) }.map_err(|e| e.to_string())?;
    // SAFETY: `OrtGetApiBase` has had this signature in every version of ONNX Runtime.
    let entry = unsafe { library.get::<Entry>(b"OrtGetApiBase\0") }
        .map_err(|_| "it does not export OrtGetApiBase".to_owned())?;
    // SAFETY: the function takes nothing and returns a pointer to a static, or null.
    let base = unsafe { entry().as_ref() }.ok_or("OrtGetApiBase returned null")?;
    // SAFETY: the version is a static, zero-terminated string while the library is open.
    let version = unsafe {
        let text = (base.GetVersionString)();
        (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
    }
    .ok_or("it does not tell its version")?;
    // SAFETY: GetApi returns null for a version it doesn't have.
    if supported(&version) && unsafe { (base.GetApi)(ort::sys::ORT_API_VERSION) }.is_null() {
        return Err(format!("version {version} has no interface {}", ort::sys::ORT_API_VERSION));
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::supported;

    #[test]
    fn versions_from_1_24_are_supported() {
        assert!(["1.24.0", "1.32.0", "1.100.0-dev"].into_iter().all(supported));
        assert!(!["1.23.9", "0.99.0", "2.0.0", "", "1", "one.24"].into_iter().any(supported));
    }
}
