//! Measures how long maps take: `bench_plot [OUT]` draws a global field of 721 x 1440 points 1600 pixels wide, with contours and
//! barbs, in each projection, and writes the pictures to a folder where one is given. Threads: RAYON_NUM_THREADS.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use strata_earth::field::{Field, Header};
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::plot::barb::Unit;
use strata_earth::plot::map::{Filling, Frame, WindKind};
use strata_earth::plot::projection::Projection;
use strata_earth::plot::{Font, Map, png, svg};
use strata_earth::time::Time;

fn field(
    grid: &Arc<Grid>,
    name: &str,
    level: Level,
    unit: &str,
    value: impl Fn(f64, f64) -> f64,
) -> Field {
    let values = (0..grid.len())
        .map(|at| {
            let (lat, lon) = grid.at(at);
            value(lat.to_radians(), lon.to_radians()) as f32
        })
        .collect();
    let header = Header {
        variable: name.to_owned(),
        level,
        reference: Time(1_714_521_600),
        step: 86_400,
        member: None,
        unit: unit.to_owned(),
        grid: Arc::clone(grid),
        attributes: BTreeMap::new(),
    };
    Field { header, values }
}

#[allow(clippy::print_stdout, reason = "a program for people")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::env::args().nth(1).map(PathBuf::from);
    let grid = Arc::new(Grid::regular(721, 1440));
    let waves = |lat: f64, lon: f64| {
        (6.0 * lon + 3.0 * (2.0 * lat).sin()).cos() * lat.cos().powi(4) * lat.sin()
    };
    let t = field(&grid, "2t", Level::height(2.0), "K", |lat, lon| {
        255.0 + 45.0 * lat.cos().powi(2) + 14.0 * waves(lat, lon)
    });
    let msl = field(&grid, "msl", Level::MEAN_SEA, "Pa", |lat, lon| {
        101_300.0 - 900.0 * (2.0 * lat).cos() + 9000.0 * waves(lat, lon)
    });
    let u = field(&grid, "10u", Level::height(10.0), "m s-1", |lat, lon| {
        12.0 * (3.0 * lat).sin().abs() + 14.0 * waves(lat, lon)
    });
    let v =
        field(&grid, "10v", Level::height(10.0), "m s-1", |lat, lon| 60.0 * waves(lat, lon + 0.26));
    let font = Font::builtin()?;
    for (name, projection) in [
        ("equirectangular", Projection::Equirectangular { centre: 0.0, true_lat: 0.0 }),
        ("mercator", Projection::Mercator { centre: 110.0 }),
        ("polar", Projection::PolarStereographic { south: false, meridian: 105.0 }),
        ("lambert", Projection::Lambert { meridian: 105.0, cuts: (25.0, 47.0) }),
        ("orthographic", Projection::Orthographic { lat: 35.0, lon: 110.0 }),
    ] {
        let frame = Frame { projection, area: None, width: 1600, height: 1200 };
        for (what, full) in [("fill", false), ("fill, contours, barbs", true)] {
            let start = Instant::now();
            let mut map = Map::new(frame).fill(&t, Filling::default())?;
            if full {
                map = map.contours(&msl, None)?.wind(&u, &v, WindKind::Barbs(Unit::Knots))?;
            }
            let scene = map.scene(&font)?;
            let laid = start.elapsed();
            let bytes = png(&scene, &font)?;
            let whole = start.elapsed();
            let text = svg(&scene, &font)?;
            println!(
                "{name}, {what}: {} x {}, laid out {:.0} ms, as PNG {:.0} ms ({} kB), SVG {:.0} ms ({} kB)",
                scene.width,
                scene.height,
                laid.as_secs_f64() * 1e3,
                whole.as_secs_f64() * 1e3,
                bytes.len() / 1000,
                (start.elapsed() - whole).as_secs_f64() * 1e3,
                text.len() / 1000
            );
            if let Some(folder) = out.as_ref().filter(|_| full) {
                std::fs::write(folder.join(format!("{name}.png")), bytes)?;
                std::fs::write(folder.join(format!("{name}.svg")), text)?;
            }
        }
    }
    Ok(())
}
