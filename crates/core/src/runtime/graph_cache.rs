//! Optimised graphs kept on disk. The name of a file is a digest of all that shaped it (model,
//! runtime, settings, processor); a digest of its contents lies beside it and is checked at each
//! load. A file that is missing, broken or refused is rebuilt and never an error.
//!
//! Off unless a folder is given: it pays where optimising takes long. Measured with ONNX Runtime
//! 1.32, load time without and with: a network of 798 small heads 1.8 s and 0.6 s, MobileNet v2
//! 0.16 s and 0.11 s; tree ensembles have nothing to optimise. A graph laid out for one processor is never loaded on another: the processor's features
//! are part of the name.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ort::session::Session;

use super::assignment;
use super::device::Device;
use super::options::Optimization;
use super::session::{Factory, Loaded};
use super::{RuntimeError, weights};
use crate::verify::sha256_hex;

/// What the cache did for a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheOutcome {
    /// No folder was given, or the model can't be cached: it has external data, it doesn't run on
    /// the processor, or nothing is to be optimised.
    Off,
    /// The optimised graph was there and was loaded.
    Hit,
    /// The graph was optimised and kept.
    Stored,
    /// The graph was optimised but could not be kept; the log says why.
    NotStored,
}

/// How a pool begins: its first session, the optimised graph that the others are made from (if any),
/// and what the cache did.
pub(super) struct Beginning {
    pub(super) first: Loaded,
    pub(super) graph: Option<Vec<u8>>,
    pub(super) cache: CacheOutcome,
}

/// Makes the first session of a pool. A pool of several sessions on the processor is optimised once,
/// cache or no cache: all its sessions are made from the optimised graph and share its weights.
pub(super) fn begin(factory: &mut Factory<'_>, sha256: &str) -> Result<Beginning, RuntimeError> {
    let several = factory.config.sessions > 1;
    let Some(entry) = Entry::of(factory, sha256) else {
        let optimised = if several && cacheable(factory) { optimise_apart(factory) } else { None };
        if let Some(first) = optimised.as_ref().and_then(|graph| load(factory, graph)) {
            return Ok(Beginning { first, graph: optimised, cache: CacheOutcome::Off });
        }
        let first = factory.first()?;
        return Ok(Beginning { first, graph: None, cache: CacheOutcome::Off });
    };
    if let Some(graph) = entry.read()
        && let Some(first) = load(factory, &graph)
    {
        return Ok(Beginning { first, graph: Some(graph), cache: CacheOutcome::Hit });
    }
    match entry.build(factory) {
        Ok((first, graph)) => {
            let cache = CacheOutcome::Stored;
            if several && let Some(first) = load(factory, &graph) {
                return Ok(Beginning { first, graph: Some(graph), cache });
            }
            Ok(Beginning { first, graph: None, cache })
        }
        Err(reason) => {
            tracing::debug!(graph = %entry.graph.display(), reason, "optimised graph not kept");
            let (first, cache) = (factory.first()?, CacheOutcome::NotStored);
            Ok(Beginning { first, graph: None, cache })
        }
    }
}

/// Whether a model can be loaded from an optimised graph: one file, on the processor, with something
/// to optimise.
fn cacheable(factory: &Factory<'_>) -> bool {
    let config = factory.config;
    config.devices.as_slice().first() == Some(&Device::Cpu)
        && factory.source.external.is_empty()
        && config.optimization != Optimization::None
}

/// A session from an optimised graph: nothing is left to optimise. Sets the weights to share, which
/// is sound here only: a graph that is still rewritten may give a weight's name to other values.
fn load(factory: &mut Factory<'_>, graph: &[u8]) -> Option<Loaded> {
    if factory.config.sessions > 1 {
        factory.shared = weights::shared(graph).unwrap_or_default();
    }
    let builder = factory.builder(Device::Cpu, Optimization::None);
    match builder.and_then(|mut builder| builder.commit_from_memory(graph)) {
        Ok(session) => {
            let assignment = assignment::of(&session);
            Some(Loaded { session, device: Device::Cpu, assignment })
        }
        Err(error) => {
            tracing::debug!(reason = error.message(), "optimised graph refused");
            factory.shared.clear();
            None
        }
    }
}

/// Optimises the model and writes the graph to `path`, which ONNX Runtime can only do to a file.
fn optimise(factory: &Factory<'_>, path: &Path) -> Result<(Session, Vec<u8>), String> {
    let session = factory
        .builder(Device::Cpu, factory.config.optimization)
        .and_then(|builder| Ok(builder.with_optimized_model_path(path)?))
        .and_then(|mut builder| builder.commit_from_memory(factory.source.bytes))
        .map_err(|e| e.message().to_owned())?;
    let graph = fs::read(path).map_err(|e| e.to_string())?;
    Ok((session, graph))
}

/// The optimised graph by way of a folder that is made for it and removed again.
fn optimise_apart(factory: &Factory<'_>) -> Option<Vec<u8>> {
    let folder = Part::beside(&std::env::temp_dir().join("strata-graph"));
    let mut make = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut make, 0o700);
    // Fails if the name is taken: nobody else's folder is ever used.
    make.create(&folder.0).ok()?;
    let graph = optimise(factory, &folder.0.join("graph.onnx")).map(|(_, graph)| graph);
    let _ = fs::remove_dir_all(&folder.0);
    graph.ok()
}

/// Where an optimised graph and its digest lie.
struct Entry {
    graph: PathBuf,
    digest: PathBuf,
}

impl Entry {
    fn of(factory: &Factory<'_>, sha256: &str) -> Option<Self> {
        let config = factory.config;
        let folder = config.graph_cache.as_ref().filter(|_| cacheable(factory))?;
        let key = [
            "strata optimised graph 1",
            sha256,
            factory.runtime.version(),
            factory.runtime.build_info(),
            &format!("{:?}", config.optimization),
            &processor(),
        ];
        let name = sha256_hex(key.join("\0").as_bytes());
        let at = |extension: &str| folder.join(format!("{name}.{extension}"));
        Some(Self { graph: at("onnx"), digest: at("sha256") })
    }

    fn read(&self) -> Option<Vec<u8>> {
        let digest = fs::read_to_string(&self.digest).ok()?;
        let graph = fs::read(&self.graph).ok()?;
        let sound = sha256_hex(&graph) == digest.trim();
        if !sound {
            tracing::debug!(graph = %self.graph.display(), "cached graph is damaged; rebuilding it");
        }
        sound.then_some(graph)
    }

    /// Optimises the model, keeps the graph, and returns it with the session made on the way.
    fn build(&self, factory: &Factory<'_>) -> Result<(Loaded, Vec<u8>), String> {
        let folder = self.graph.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        let (part, text) = (Part::beside(&self.graph), Part::beside(&self.digest));
        let (session, graph) = optimise(factory, &part.0)?;
        fs::write(&text.0, sha256_hex(&graph)).map_err(|e| e.to_string())?;
        // The graph before its digest: a graph without one is never loaded.
        fs::rename(&part.0, &self.graph).map_err(|e| e.to_string())?;
        fs::rename(&text.0, &self.digest).map_err(|e| e.to_string())?;
        let assignment = assignment::of(&session);
        Ok((Loaded { session, device: Device::Cpu, assignment }, graph))
    }
}

/// A file being written; removed when dropped, which does nothing once it has been renamed.
struct Part(PathBuf);

impl Part {
    fn beside(path: &Path) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{process}-{number}.part"));
        Self(path.with_file_name(name))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// What a graph's memory layout depends on: the architecture and the instructions it has.
fn processor() -> String {
    let mut text = std::env::consts::ARCH.to_owned();
    #[cfg(target_arch = "x86_64")]
    {
        let mut has = |name: &str, detected: bool| {
            if detected {
                text.push(' ');
                text.push_str(name);
            }
        };
        has("sse4.1", std::is_x86_feature_detected!("sse4.1"));
        has("avx", std::is_x86_feature_detected!("avx"));
        has("avx2", std::is_x86_feature_detected!("avx2"));
        has("fma", std::is_x86_feature_detected!("fma"));
        has("avxvnni", std::is_x86_feature_detected!("avxvnni"));
        has("avx512f", std::is_x86_feature_detected!("avx512f"));
        has("avx512bw", std::is_x86_feature_detected!("avx512bw"));
        has("avx512vnni", std::is_x86_feature_detected!("avx512vnni"));
        has("avx512bf16", std::is_x86_feature_detected!("avx512bf16"));
    }
    text
}
