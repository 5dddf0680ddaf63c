//! `cargo xtask setup`: the pinned ONNX Runtime library, in the cache, checked, with one command.

#[cfg(test)]
pub(crate) mod fixture;
mod pins;
mod pip;
mod wheel;

use std::path::{Path, PathBuf};
use std::time::{Instant, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use strata_core::paths::{Env, ORT_VERSION};
use strata_core::runtime::Runtime;
use strata_fetch::{Digest, hash_file};

use crate::download::{self, Wanted, human};
use pins::Pin;
pub(crate) use pins::pin;

/// Options of `setup`.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Folder or address that holds the wheel under its SHA-256, in place of pip
    #[arg(long, value_name = "DIR|URL")]
    pub(crate) mirror: Option<String>,
    /// The wheel itself, carried here
    #[arg(long, value_name = "FILE", conflicts_with = "mirror")]
    pub(crate) wheel: Option<PathBuf>,
    /// The Python whose pip fetches the wheel [default: python3, then python]
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
    /// Hash an installed library again even where size and time say that it is unchanged
    #[arg(long)]
    pub(crate) recheck: bool,
}

/// Runs `setup` and prints what it found.
pub(crate) fn main(args: &Args) -> Result<PathBuf> {
    let start = Instant::now();
    let env = Env::from_process();
    if let Some(given) = &env.ort_dylib_path {
        let path = PathBuf::from(given);
        if !path.is_file() {
            bail!(
                "ORT_DYLIB_PATH is {}, and there is no such file: set it to an ONNX Runtime library, or unset it to \
                 use the pinned one",
                path.display()
            );
        }
        let runtime =
            Runtime::global().context("ORT_DYLIB_PATH names a library that cannot be used")?;
        println!(
            "ONNX Runtime {}: {} (from ORT_DYLIB_PATH: loads; its bytes are not checked)",
            runtime.version(),
            path.display()
        );
        return Ok(path);
    }
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let pin = pin(os, arch).filter(|_| !cfg!(target_env = "musl"));
    let Some(pin) = pin else {
        bail!(
            "there is no pinned ONNX Runtime {ORT_VERSION} for {os} {arch}{} (only for {}): build or install one, \
             1.24 or newer, and set ORT_DYLIB_PATH to its library",
            if cfg!(target_env = "musl") { " with musl" } else { "" },
            pins::supported()
        );
    };
    let folder = env.cache_dir()?.join("onnxruntime").join(ORT_VERSION);
    let (path, fresh) = ensure(args, pin, &folder)?;
    if fresh {
        // Right bytes may still be wrong for the machine: a C library that is too old, say.
        Runtime::global().with_context(|| {
            format!("{} was installed and cannot be loaded here; set ORT_DYLIB_PATH to a library that can", path.display())
        })?;
    }
    println!(
        "ONNX Runtime {ORT_VERSION}: {} ({}, {}, {:.2} s)",
        path.display(),
        human(pin.libraries[0].bytes),
        if fresh { "installed now, sha256 checked, loads" } else { "present, sha256 checked" },
        start.elapsed().as_secs_f64()
    );
    Ok(path)
}

/// The pinned library with its companions and licences, for a release: never the one of `ORT_DYLIB_PATH`.
pub(crate) fn for_release(args: &Args) -> Result<Vec<PathBuf>> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let pin = pin(os, arch).with_context(|| {
        format!("there is no pinned ONNX Runtime for {os} {arch} (only for {})", pins::supported())
    })?;
    let folder = Env::from_process().cache_dir()?.join("onnxruntime").join(ORT_VERSION);
    release_files(args, pin, &folder)
}

fn release_files(args: &Args, pin: &Pin, folder: &Path) -> Result<Vec<PathBuf>> {
    let args = Args { recheck: true, ..args.clone() };
    ensure(&args, pin, folder)?;
    let names = pin.libraries.iter().map(|l| l.name).chain(wheel::NOTICES.iter().map(|n| n.name));
    let files: Vec<PathBuf> = names.map(|name| folder.join(name)).collect();
    if files.iter().any(|file| !file.is_file()) {
        // Installed before texts were kept: the wheel has them.
        install(&args, pin, folder)?;
    }
    if let Some(absent) = files.iter().find(|file| !file.is_file()) {
        bail!(
            "the wheel has no {}: a release must carry ONNX Runtime's licence. Give the published wheel with --wheel",
            absent.display()
        );
    }
    Ok(files)
}

/// The library of `pin` in `folder`; true when it had to be installed.
fn ensure(args: &Args, pin: &Pin, folder: &Path) -> Result<(PathBuf, bool)> {
    let path = folder.join(pin.libraries[0].name);
    if args.wheel.is_none() && installed(pin, folder, args.recheck) {
        return Ok((path, false));
    }
    Ok((install(args, pin, folder)?, true))
}

/// Takes the libraries of `pin` out of a wheel into `folder`, over what is there.
fn install(args: &Args, pin: &Pin, folder: &Path) -> Result<PathBuf> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let wheel = obtain(args, pin, scratch.path())?;
    let installed_at = wheel::install(&wheel, pin, folder).map_err(|error| {
        anyhow!("{error:#}\nONNX Runtime was not installed.\n{}", pip::other_ways(pin))
    })?;
    write_stamp(pin, folder)?;
    Ok(installed_at)
}

/// The wheel: the given one, the mirror's, or pip's. Only a given one may be another Python version's: its
/// libraries are checked all the same.
fn obtain(args: &Args, pin: &Pin, scratch: &Path) -> Result<PathBuf> {
    if let Some(wheel) = &args.wheel {
        return Ok(wheel.clone());
    }
    if args.mirror.is_some() {
        let dest = scratch.join(pin.wheel);
        let wanted = Wanted {
            dest: dest.clone(),
            sha256: Digest::parse(pin.sha256)?,
            bytes: Some(pin.bytes),
            urls: Vec::new(),
        };
        let from = download::From { mirror: args.mirror.clone(), from: None };
        download::bring(wanted, &from)
            .with_context(|| format!("taking {} from the mirror", pin.wheel))?;
        return Ok(dest);
    }
    let wheel = pip::download(pin, args.python.as_deref(), scratch)?;
    let (bytes, got) = hash_file(&wheel)?;
    if got != Digest::parse(pin.sha256)? {
        bail!(
            "pip brought another {} than the pinned one: sha256 expected {}, got {got} ({bytes} bytes). The package \
             index in use serves changed files; it was not installed.\n{}",
            pin.wheel,
            pin.sha256,
            pip::other_ways(pin)
        );
    }
    Ok(wheel)
}

/// What was hashed when, so that the next `setup` need not read the library again.
#[derive(Debug, Serialize, Deserialize)]
struct Stamp {
    sha256: String,
    bytes: u64,
    modified_nanos: String,
}

fn stamp_path(folder: &Path) -> PathBuf {
    folder.join("checked.json")
}

fn modified(path: &Path) -> Option<(u64, String)> {
    let meta = std::fs::metadata(path).ok()?;
    let nanos = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    Some((meta.len(), nanos.to_string()))
}

fn write_stamp(pin: &Pin, folder: &Path) -> Result<()> {
    let main = &pin.libraries[0];
    let Some((bytes, modified_nanos)) = modified(&folder.join(main.name)) else { return Ok(()) };
    let stamp = Stamp { sha256: main.sha256.to_owned(), bytes, modified_nanos };
    std::fs::write(stamp_path(folder), serde_json::to_vec_pretty(&stamp)?)
        .with_context(|| format!("cannot write into {}", folder.display()))
}

/// True when every library is there with the pinned bytes.
fn installed(pin: &Pin, folder: &Path, recheck: bool) -> bool {
    let main = &pin.libraries[0];
    let rest_present = pin.libraries[1..]
        .iter()
        .all(|l| std::fs::metadata(folder.join(l.name)).is_ok_and(|m| m.len() == l.bytes));
    let path = folder.join(main.name);
    let Some((bytes, nanos)) = modified(&path) else { return false };
    if !rest_present || bytes != main.bytes {
        return false;
    }
    let stamp: Option<Stamp> =
        std::fs::read(stamp_path(folder)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let unchanged = stamp
        .is_some_and(|s| s.sha256 == main.sha256 && s.bytes == bytes && s.modified_nanos == nanos);
    if unchanged && !recheck {
        return true;
    }
    let right = hash_file(&path).is_ok_and(|(_, got)| got.to_string() == main.sha256);
    if right {
        // A stamp that cannot be written costs the next run a second reading, no more.
        let _ = write_stamp(pin, folder);
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        folder: tempfile::TempDir,
        pin: Pin,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let wheel = folder.path().join("source.whl");
            fixture::write_wheel(&wheel, fixture::RUNTIME, true);
            let pin = fixture::pin(&wheel);
            Self { folder, pin }
        }

        fn ensure(&self, args: &Args) -> Result<(PathBuf, bool)> {
            ensure(args, &self.pin, &self.folder.path().join("cache"))
        }

        fn wheel(&self) -> Args {
            Args { wheel: Some(self.folder.path().join("source.whl")), ..Args::default() }
        }
    }

    /// No source at all: succeeds only where nothing is needed.
    fn none() -> Args {
        Args { python: Some("no-python-here".into()), ..Args::default() }
    }

    #[test]
    fn installed_once_it_is_found_again() {
        let scene = Scene::new();
        assert!(scene.ensure(&none()).is_err(), "nothing there yet");
        let (path, fresh) = scene.ensure(&scene.wheel()).unwrap();
        assert!(fresh);
        assert_eq!(std::fs::read(&path).unwrap(), fixture::RUNTIME);
        assert_eq!(scene.ensure(&none()).unwrap(), (path, false));
    }

    #[test]
    fn a_release_needs_the_licences_and_fetches_them_where_they_are_absent() {
        let scene = Scene::new();
        let cache = scene.folder.path().join("cache");
        let error = release_files(&scene.wheel(), &scene.pin, &cache).unwrap_err().to_string();
        assert!(error.contains("ONNXRUNTIME-LICENSE.txt"), "{error}");
        let wheel = scene.folder.path().join("source.whl");
        fixture::add_notices(&wheel);
        let pin = fixture::pin(&wheel);
        let files = release_files(&scene.wheel(), &pin, &cache).unwrap();
        assert_eq!(files.len(), 4, "{files:?}");
        assert_eq!(std::fs::read_to_string(&files[2]).unwrap(), "licence of ONNX Runtime");
        // They are kept: no source is needed any more.
        assert_eq!(release_files(&none(), &pin, &cache).unwrap(), files);
    }

    #[test]
    fn a_spoilt_library_is_noticed_and_replaced() {
        let scene = Scene::new();
        let (path, _) = scene.ensure(&scene.wheel()).unwrap();
        let mut spoilt = fixture::RUNTIME.to_vec();
        spoilt[3] ^= 1;
        // Same size; the time of change tells.
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(&path, &spoilt).unwrap();
        assert!(scene.ensure(&none()).is_err());
        assert!(scene.ensure(&scene.wheel()).unwrap().1);
        assert_eq!(std::fs::read(&path).unwrap(), fixture::RUNTIME);
        // A lost companion is noticed too.
        std::fs::remove_file(path.with_file_name("libshared.so")).unwrap();
        assert!(scene.ensure(&none()).is_err());
    }

    #[test]
    fn without_a_stamp_the_library_is_hashed() {
        let scene = Scene::new();
        let (path, _) = scene.ensure(&scene.wheel()).unwrap();
        let stamp = stamp_path(path.parent().unwrap());
        for spoil in [None, Some("{\"sha256\": 5}")] {
            match spoil {
                None => std::fs::remove_file(&stamp).unwrap(),
                Some(text) => std::fs::write(&stamp, text).unwrap(),
            }
            assert!(!scene.ensure(&none()).unwrap().1);
            assert!(stamp.exists(), "it is written again");
        }
        let recheck = Args { recheck: true, ..none() };
        assert!(!scene.ensure(&recheck).unwrap().1);
    }

    #[test]
    fn a_mirror_serves_the_wheel_by_its_digest() {
        let scene = Scene::new();
        let mirror = scene.folder.path().join("mirror");
        std::fs::create_dir(&mirror).unwrap();
        let args = Args { mirror: Some(mirror.display().to_string()), ..none() };
        let error = format!("{:#}", scene.ensure(&args).unwrap_err());
        assert!(error.contains(scene.pin.sha256) && error.contains(scene.pin.wheel), "{error}");
        std::fs::copy(scene.folder.path().join("source.whl"), mirror.join(scene.pin.sha256))
            .unwrap();
        assert!(scene.ensure(&args).unwrap().1);
    }

    #[test]
    fn another_wheel_than_the_pinned_one_is_refused() {
        let scene = Scene::new();
        let other = scene.folder.path().join("other.whl");
        fixture::write_wheel(&other, b"an older library, same name, other bytes", true);
        let args = Args { wheel: Some(other), ..Args::default() };
        let error = format!("{:#}", scene.ensure(&args).unwrap_err());
        assert!(error.contains("not installed"), "{error}");
        assert!(scene.ensure(&none()).is_err());
    }
}
