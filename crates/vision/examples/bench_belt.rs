//! Belt geometry of the pictures given: a line of JSON for each, with the milliseconds of the fastest
//! of 40 looks on one thread and the mean of its processor time (after decoding). `--config FILE.json` tells what is expected of the belt.

use std::path::Path;
use std::time::Instant;

use strata_vision::belt::{BeltConfig, BeltInspector};
use strata_vision::image::{DecodeLimits, decode_file};

/// How often each picture is looked at.
const LOOKS: u32 = 40;

/// Milliseconds that this thread has run, which a busy machine hardly changes; 0 where the system does not tell. Some kernels count
/// in steps of 4 ms, hence a mean over many looks.
fn on_processor() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|field| field.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e6
}

#[allow(clippy::print_stdout, reason = "a program for measurements")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut paths: Vec<String> = std::env::args().skip(1).collect();
    let config = match paths.iter().position(|path| path == "--config") {
        Some(at) if at + 1 < paths.len() => {
            let config = std::fs::read(paths.remove(at + 1))?;
            paths.remove(at);
            serde_json::from_slice(&config)?
        }
        _ => BeltConfig::default(),
    };
    let inspector = BeltInspector::new(config)?;
    for path in paths {
        let image = decode_file(Path::new(&path), &DecodeLimits::default())?;
        let (mut fastest, before) = (f64::MAX, on_processor());
        for _ in 0..LOOKS {
            let start = Instant::now();
            std::hint::black_box(inspector.inspect(&image));
            fastest = fastest.min(start.elapsed().as_secs_f64() * 1000.0);
        }
        let cpu = (on_processor() - before) / f64::from(LOOKS);
        let report = inspector.inspect(&image);
        println!(
            "{}",
            serde_json::json!({ "file": path, "ms": fastest, "cpu_ms": cpu, "report": report })
        );
    }
    Ok(())
}
