//! Belt geometry of the pictures given: a line of JSON for each, with the milliseconds of the fastest
//! of five looks on one thread (after decoding).

use std::path::Path;
use std::time::Instant;

use strata_vision::belt::{BeltConfig, BeltInspector};
use strata_vision::image::{DecodeLimits, decode_file};

#[allow(clippy::print_stdout, reason = "a program for measurements")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let inspector = BeltInspector::new(BeltConfig::default())?;
    for path in std::env::args().skip(1) {
        let image = decode_file(Path::new(&path), &DecodeLimits::default())?;
        let mut fastest = f64::MAX;
        for _ in 0..5 {
            let start = Instant::now();
            std::hint::black_box(inspector.inspect(&image));
            fastest = fastest.min(start.elapsed().as_secs_f64() * 1000.0);
        }
        let report = inspector.inspect(&image);
        println!("{}", serde_json::json!({ "file": path, "ms": fastest, "report": report }));
    }
    Ok(())
}
