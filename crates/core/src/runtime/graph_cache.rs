//! Optimised graphs kept on disk. The name of a file is a digest of all that shaped it (model,
//! runtime, settings, processor); a digest of its contents lies beside it and is checked at each
//! load. A file that is missing, broken or refused is rebuilt and never an error.
//!
//! Off unless a folder is given, because it seldom pays: reading and hashing the larger optimised
//! file costs about what optimising a small model does. It is for models whose optimisation takes
//! seconds. A graph laid out for one processor is never loaded on another: the processor's features
//! are part of the name.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::RuntimeError;
use super::assignment;
use super::device::Device;
use super::options::Optimization;
use super::session::{Factory, Loaded};
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

/// The first session of a pool, the optimised graph it came from (for the other sessions), and what
/// the cache did.
pub(super) fn first_session(
    factory: &Factory<'_>,
    sha256: &str,
) -> Result<(Loaded, Option<Vec<u8>>, CacheOutcome), RuntimeError> {
    let Some(entry) = Entry::of(factory, sha256) else {
        return Ok((factory.first()?, None, CacheOutcome::Off));
    };
    if let Some(graph) = entry.read() {
        match load(factory, &graph) {
            Ok(loaded) => return Ok((loaded, Some(graph), CacheOutcome::Hit)),
            Err(e) => {
                let (graph, reason) = (entry.graph.display(), e.message());
                tracing::debug!(%graph, reason, "cached graph refused");
            }
        }
    }
    match entry.build(factory) {
        Ok(loaded) => Ok((loaded, None, CacheOutcome::Stored)),
        Err(reason) => {
            tracing::debug!(graph = %entry.graph.display(), reason, "optimised graph not kept");
            Ok((factory.first()?, None, CacheOutcome::NotStored))
        }
    }
}

/// A session from an optimised graph: nothing is left to optimise.
fn load(factory: &Factory<'_>, graph: &[u8]) -> ort::Result<Loaded> {
    let session = factory.builder(Device::Cpu, Optimization::None)?.commit_from_memory(graph)?;
    let assignment = assignment::of(&session);
    Ok(Loaded { session, device: Device::Cpu, assignment })
}

/// Where an optimised graph and its digest lie.
struct Entry {
    graph: PathBuf,
    digest: PathBuf,
}

impl Entry {
    fn of(factory: &Factory<'_>, sha256: &str) -> Option<Self> {
        let config = factory.config;
        let folder = config.graph_cache.as_ref()?;
        let on_cpu = config.devices.as_slice().first() == Some(&Device::Cpu);
        if !on_cpu
            || !factory.source.external.is_empty()
            || config.optimization == Optimization::None
        {
            return None;
        }
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

    /// Optimises the graph, keeps it, and returns the session made on the way.
    fn build(&self, factory: &Factory<'_>) -> Result<Loaded, String> {
        let folder = self.graph.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        let part = Part::beside(&self.graph);
        let optimise = || {
            factory
                .builder(Device::Cpu, factory.config.optimization)?
                .with_optimized_model_path(&part.0)?
                .commit_from_memory(factory.source.bytes)
        };
        let session = optimise().map_err(|e| e.message().to_owned())?;
        let graph = fs::read(&part.0).map_err(|e| e.to_string())?;
        let text = Part::beside(&self.digest);
        fs::write(&text.0, sha256_hex(&graph)).map_err(|e| e.to_string())?;
        // The graph before its digest: a graph without one is never loaded.
        fs::rename(&part.0, &self.graph).map_err(|e| e.to_string())?;
        fs::rename(&text.0, &self.digest).map_err(|e| e.to_string())?;
        let assignment = assignment::of(&session);
        Ok(Loaded { session, device: Device::Cpu, assignment })
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
