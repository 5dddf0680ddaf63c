//! How long a field of 0.25 degrees takes: regridding, vorticity, lows.
//!
//! ```sh
//! cargo run --release -p strata-earth --no-default-features --example bench_fields
//! ```

use std::sync::Arc;
use std::time::Instant;

use strata_earth::calculus::Calculus;
use strata_earth::grid::{EARTH_RADIUS, Grid};
use strata_earth::regrid::{Method, Regrid};
use strata_earth::track::minima::Neighbourhood;

/// The least of twenty runs, in ms.
fn least<T>(what: &str, run: impl Fn() -> T) {
    let times = (0..20).map(|_| {
        let start = Instant::now();
        std::hint::black_box(run());
        start.elapsed().as_secs_f64() * 1e3
    });
    let least = times.fold(f64::INFINITY, f64::min);
    eprintln!("{what}: {least:.2} ms");
}

fn main() {
    let fine = Arc::new(Grid::regular(721, 1440));
    let coarse = Arc::new(Grid::regular(121, 240));
    let of = |at: usize| {
        let (lat, lon) = fine.at(at);
        (lat.to_radians().sin() + (5.0 * lon.to_radians()).sin() * lat.to_radians().cos()) as f32
    };
    let values: Vec<f32> = (0..fine.len()).map(of).collect();
    for method in [Method::Nearest, Method::Bilinear, Method::Conservative] {
        for (from, to) in [(&fine, &coarse), (&fine, &fine)] {
            let Ok(regrid) = Regrid::new(Arc::clone(from), Arc::clone(to), method) else {
                continue;
            };
            least(&format!("{method:?} to {to}"), || regrid.apply(&values));
        }
    }
    if let Ok(sphere) = Calculus::new(Arc::clone(&fine), EARTH_RADIUS) {
        least("vorticity", || sphere.vorticity(&values, &values));
    }
    least("lows", || Neighbourhood::new(&fine).minima(&values));
}
