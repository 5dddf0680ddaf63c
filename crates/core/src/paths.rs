//! Where things are: the cache, the ONNX Runtime library, the models. Everything is worked out from
//! an [`Env`], a plain struct, so that tests and servers never touch the process environment.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Version of ONNX Runtime that Strata is built and tested with.
pub const ORT_VERSION: &str = "1.32.0";

/// Name of the folder that holds the models beside (or above) the executable or current folder.
pub const MODELS_FOLDER: &str = "shared-models";

/// Name of the folder beside the executable that holds the ONNX Runtime library of a release archive.
pub const LIBRARY_FOLDER: &str = "lib";

/// File name of the ONNX Runtime library on this operating system.
pub const ORT_LIBRARY: &str = if cfg!(target_os = "windows") {
    "onnxruntime.dll"
} else if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else {
    "libonnxruntime.so"
};

/// A place that could not be worked out.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// None of the variables that lead to a cache folder is set.
    #[error(
        "no cache folder: none of STRATA_CACHE, XDG_CACHE_HOME, HOME is set to an absolute path; \
         set STRATA_CACHE to a folder that can be written"
    )]
    NoCache,
}

/// The part of the process's environment that decides where things are.
#[derive(Debug, Clone, Default)]
pub struct Env {
    /// `STRATA_CACHE`: the cache folder itself.
    pub strata_cache: Option<OsString>,
    /// `STRATA_MODELS`: folders of models, separated as in `PATH`.
    pub strata_models: Option<OsString>,
    /// `ORT_DYLIB_PATH`: the ONNX Runtime library itself.
    pub ort_dylib_path: Option<OsString>,
    /// `XDG_CACHE_HOME`.
    pub xdg_cache_home: Option<OsString>,
    /// `HOME`, or `LOCALAPPDATA` on Windows.
    pub home: Option<OsString>,
    /// The running executable.
    pub executable: Option<PathBuf>,
    /// The current folder.
    pub current_dir: Option<PathBuf>,
}

impl Env {
    /// Reads the environment of this process. An empty variable counts as not set.
    #[must_use]
    pub fn from_process() -> Self {
        let var = |name: &str| env::var_os(name).filter(|v| !v.is_empty());
        Self {
            strata_cache: var("STRATA_CACHE"),
            strata_models: var("STRATA_MODELS"),
            ort_dylib_path: var("ORT_DYLIB_PATH"),
            xdg_cache_home: var("XDG_CACHE_HOME"),
            home: var(if cfg!(windows) { "LOCALAPPDATA" } else { "HOME" }),
            executable: env::current_exe().ok(),
            current_dir: env::current_dir().ok(),
        }
    }

    /// The cache folder: `STRATA_CACHE`, else `$XDG_CACHE_HOME/strata`, else `~/.cache/strata`
    /// (`%LOCALAPPDATA%\strata` on Windows). It need not exist yet.
    ///
    /// # Errors
    /// [`PathError::NoCache`] when no variable leads to one. A relative `XDG_CACHE_HOME` is ignored,
    /// as its specification asks.
    pub fn cache_dir(&self) -> Result<PathBuf, PathError> {
        if let Some(dir) = &self.strata_cache {
            let dir = PathBuf::from(dir);
            return Ok(match &self.current_dir {
                // One folder, wherever the process goes later.
                Some(cwd) if dir.is_relative() => cwd.join(dir),
                _ => dir,
            });
        }
        let absolute = |value: &Option<OsString>| {
            value.as_ref().map(PathBuf::from).filter(|path| path.is_absolute())
        };
        let below_home = if cfg!(windows) { "" } else { ".cache" };
        absolute(&self.xdg_cache_home)
            .or_else(|| absolute(&self.home).map(|home| home.join(below_home)))
            .map(|dir| dir.join("strata"))
            .ok_or(PathError::NoCache)
    }

    /// Where the ONNX Runtime library is: `ORT_DYLIB_PATH`, else `lib/<library>` beside the executable, as release
    /// archives have it, where that file is; else `<cache>/onnxruntime/<ORT_VERSION>/<library>`, which need not exist.
    ///
    /// # Errors
    /// [`PathError::NoCache`].
    pub fn ort_library(&self) -> Result<PathBuf, PathError> {
        if let Some(path) = &self.ort_dylib_path {
            return Ok(PathBuf::from(path));
        }
        let folder = self.executable.as_deref().and_then(Path::parent);
        let beside = folder.map(|folder| folder.join(LIBRARY_FOLDER).join(ORT_LIBRARY));
        if let Some(library) = beside.filter(|path| path.is_file()) {
            return Ok(library);
        }
        Ok(self.cache_dir()?.join("onnxruntime").join(ORT_VERSION).join(ORT_LIBRARY))
    }

    /// Where models are looked for. `models_dir` is the value of `--models-dir`, which excludes
    /// every other place; then `STRATA_MODELS`; else the first `shared-models/` beside or above the
    /// executable, else beside or above the current folder.
    #[must_use]
    pub fn search_path(&self, models_dir: Option<&Path>) -> SearchPath {
        SearchPath { models: self.models_dirs(models_dir), cache: self.cache_dir().ok() }
    }

    fn models_dirs(&self, models_dir: Option<&Path>) -> Vec<PathBuf> {
        if let Some(dir) = models_dir {
            return vec![dir.to_owned()];
        }
        if let Some(list) = &self.strata_models {
            return env::split_paths(list).filter(|p| !p.as_os_str().is_empty()).collect();
        }
        let beside_or_above = |start: Option<&Path>| {
            start?.ancestors().map(|dir| dir.join(MODELS_FOLDER)).find(|dir| dir.is_dir())
        };
        let executable_dir = self.executable.as_deref().and_then(Path::parent);
        beside_or_above(executable_dir)
            .or_else(|| beside_or_above(self.current_dir.as_deref()))
            .into_iter()
            .collect()
    }
}

/// [`Env::cache_dir`] of this process.
///
/// # Errors
/// [`PathError::NoCache`].
pub fn cache_dir() -> Result<PathBuf, PathError> {
    Env::from_process().cache_dir()
}

/// [`Env::ort_library`] of this process.
///
/// # Errors
/// [`PathError::NoCache`].
pub fn ort_library() -> Result<PathBuf, PathError> {
    Env::from_process().ort_library()
}

/// [`Env::search_path`] of this process.
#[must_use]
pub fn search_path(models_dir: Option<&Path>) -> SearchPath {
    Env::from_process().search_path(models_dir)
}

/// Where models and their files are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPath {
    /// Folders holding `<name>/card.toml`, in order of preference.
    pub models: Vec<PathBuf>,
    /// The cache, holding fetched files under `models/<sha256>/<file name>`.
    pub cache: Option<PathBuf>,
}

impl SearchPath {
    /// A search path of one models folder and no cache.
    #[must_use]
    pub fn only(models: impl Into<PathBuf>) -> Self {
        Self { models: vec![models.into()], cache: None }
    }

    /// Where a fetched file lies in the cache, whether it is there or not.
    #[must_use]
    pub fn cached_file(&self, sha256: &str, name: &str) -> Option<PathBuf> {
        self.cache.as_ref().map(|cache| cache.join("models").join(sha256).join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(path: &str) -> Env {
        Env { home: Some(path.into()), ..Env::default() }
    }

    #[test]
    #[cfg(unix)]
    fn the_cache_follows_its_variables_in_order() {
        let mut env = home("/home/ann");
        assert_eq!(env.cache_dir(), Ok(PathBuf::from("/home/ann/.cache/strata")));
        env.xdg_cache_home = Some("relative".into());
        assert_eq!(env.cache_dir(), Ok(PathBuf::from("/home/ann/.cache/strata")));
        env.xdg_cache_home = Some("/fast".into());
        assert_eq!(env.cache_dir(), Ok(PathBuf::from("/fast/strata")));
        env.strata_cache = Some("/mine".into());
        assert_eq!(env.cache_dir(), Ok(PathBuf::from("/mine")));
        env.strata_cache = Some("here".into());
        env.current_dir = Some("/work dir".into());
        assert_eq!(env.cache_dir(), Ok(PathBuf::from("/work dir/here")));
        assert_eq!(Env::default().cache_dir(), Err(PathError::NoCache));
    }

    #[test]
    #[cfg(unix)]
    fn the_library_is_the_given_one_or_the_cached_one() {
        let mut env = home("/home/ann");
        let cached = Path::new("/home/ann/.cache/strata/onnxruntime/1.32.0").join(ORT_LIBRARY);
        assert_eq!(env.ort_library(), Ok(cached));
        env.ort_dylib_path = Some("/opt/libonnxruntime.so".into());
        assert_eq!(env.ort_library(), Ok(PathBuf::from("/opt/libonnxruntime.so")));
    }

    #[test]
    #[cfg(unix)]
    fn a_library_beside_the_executable_comes_before_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let mut env = home("/home/ann");
        env.executable = Some(folder.path().join("strata-drug"));
        assert!(env.ort_library().unwrap().starts_with("/home/ann"), "nothing is there yet");
        let library = folder.path().join(LIBRARY_FOLDER).join(ORT_LIBRARY);
        std::fs::create_dir(folder.path().join(LIBRARY_FOLDER)).unwrap();
        std::fs::write(&library, "").unwrap();
        assert_eq!(env.ort_library(), Ok(library));
        env.ort_dylib_path = Some("/opt/libonnxruntime.so".into());
        assert_eq!(env.ort_library(), Ok(PathBuf::from("/opt/libonnxruntime.so")));
    }

    #[test]
    fn models_are_found_above_the_executable_before_the_current_folder() {
        let root = tempfile::tempdir().unwrap();
        let (install, project) = (root.path().join("install"), root.path().join("project"));
        std::fs::create_dir_all(install.join("bin")).unwrap();
        std::fs::create_dir_all(project.join("sub")).unwrap();
        std::fs::create_dir(project.join(MODELS_FOLDER)).unwrap();
        let mut env = Env {
            executable: Some(install.join("bin").join("strata-drug")),
            current_dir: Some(project.join("sub")),
            ..Env::default()
        };
        assert_eq!(env.search_path(None).models, [project.join(MODELS_FOLDER)]);
        std::fs::create_dir(install.join(MODELS_FOLDER)).unwrap();
        assert_eq!(env.search_path(None).models, [install.join(MODELS_FOLDER)]);
        let (a, b) = (root.path().join("a"), root.path().join("b"));
        env.strata_models = Some(std::env::join_paths([&a, &b]).unwrap());
        assert_eq!(env.search_path(None).models, [a, b]);
        let given = root.path().join("given");
        assert_eq!(env.search_path(Some(&given)).models, [given]);
    }

    #[test]
    fn a_cached_file_lies_under_its_digest() {
        let search = SearchPath { models: Vec::new(), cache: Some("c".into()) };
        let expected = Path::new("c").join("models").join("ab12").join("m.onnx");
        assert_eq!(search.cached_file("ab12", "m.onnx"), Some(expected));
        assert_eq!(SearchPath::only("m").cached_file("ab12", "m.onnx"), None);
    }
}
