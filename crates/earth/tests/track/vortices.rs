//! Forecasts of vortices on given paths: pressure, winds and heights of balanced Gaussian lows.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_earth::field::{Field, Header};
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::memory_source::MemorySource;
use strata_earth::time::Time;
use strata_earth::track::{Place, Track};

/// A vortex.
#[derive(Debug, Clone)]
pub(crate) struct Vortex {
    /// Its place every six hours; none where it is not there.
    pub(crate) path: Vec<Option<Place>>,
    /// Pascals below the surroundings.
    pub(crate) depth: f64,
    /// Kilometres to where it has fallen to 1/e.
    pub(crate) width: f64,
    /// Strongest wind, in m/s.
    pub(crate) wind: f64,
    /// Gpm that the thickness is higher in the middle.
    pub(crate) warmth: f64,
}

impl Vortex {
    pub(crate) fn on(path: Vec<Option<Place>>) -> Self {
        Self { path, depth: 4000.0, width: 250.0, wind: 35.0, warmth: 150.0 }
    }

    /// Along a great circle.
    pub(crate) fn straight(from: Place, bearing: f64, km: f64, count: usize) -> Self {
        Self::on((0..count).map(|step| Some(from.step(bearing, km * step as f64))).collect())
    }

    /// Between two places, at equal steps.
    pub(crate) fn between(from: Place, to: Place, count: usize) -> Self {
        let share = |step: usize| step as f64 / (count - 1) as f64;
        Self::on((0..count).map(|step| Some(from.between(to, share(step)))).collect())
    }
}

pub(crate) fn time(step: usize) -> Time {
    Time::from_date(2023, 8, 1).unwrap().plus_hours(6 * step as i64)
}

fn header(variable: &str, level: Level, step: usize, grid: &Arc<Grid>) -> Header {
    Header {
        variable: variable.to_owned(),
        level,
        reference: time(0),
        step: 6 * 3600 * step as i64,
        member: None,
        unit: strata_earth::variable::known(variable).unwrap().unit.to_owned(),
        grid: Arc::clone(grid),
        attributes: BTreeMap::new(),
    }
}

/// The forecast of all vortices together.
pub(crate) fn forecast(grid: &Grid, vortices: &[Vortex]) -> MemorySource {
    let grid = Arc::new(grid.clone());
    let steps = vortices.iter().map(|vortex| vortex.path.len()).max().unwrap();
    let mut source = MemorySource::default();
    for step in 0..steps {
        let len = grid.len();
        let mut fields = vec![vec![0.0_f32; len]; 7];
        for at in 0..len {
            let (lat, lon) = grid.at(at);
            let here = Place::new(lat, lon);
            // Pressure falls to the poles a little, so that the surroundings are not flat.
            let mut sums = [101_000.0 - 300.0 * lat.to_radians().sin().powi(2), 0.0, 0.0, 0.0];
            for vortex in vortices {
                let Some(Some(centre)) = vortex.path.get(step) else { continue };
                let far = here.distance(*centre) / vortex.width;
                if far > 6.0 {
                    continue;
                }
                let bell = (-far * far).exp();
                sums[0] -= vortex.depth * bell;
                sums[3] += vortex.warmth * bell;
                // x exp(-x²) has its greatest value 0.4289 at 1/√2; with the centre to the left in the north.
                let speed = vortex.wind * far * bell / 0.4289;
                let side = if centre.lat < 0.0 { -90.0 } else { 90.0 };
                let way = (here.bearing(*centre) + side).to_radians();
                sums[1] += speed * way.sin();
                sums[2] += speed * way.cos();
            }
            let [pressure, u, v, warm] = sums;
            let values = [
                pressure,
                u,
                v,
                0.8 * u,
                0.8 * v,
                14_000.0,
                9.806_65 * (11_000.0 + warm + 200.0 * lat.to_radians().cos()),
            ];
            for (field, value) in fields.iter_mut().zip(values) {
                field[at] = value as f32;
            }
        }
        let (p850, ten) = (Level::pressure(850.0), Level::height(10.0));
        let names = [
            ("msl", Level::MEAN_SEA),
            ("u", p850),
            ("v", p850),
            ("10u", ten),
            ("10v", ten),
            ("z", p850),
            ("z", Level::pressure(200.0)),
        ];
        for ((name, level), values) in names.into_iter().zip(fields) {
            source.push(Field { header: header(name, level, step, &grid), values });
        }
    }
    source
}

/// The greatest distance of a track from a vortex, in km; every fix must have one.
pub(crate) fn farthest(track: &Track, vortex: &Vortex) -> f64 {
    let far = track.fixes.iter().map(|fix| {
        let step = usize::try_from((fix.time - time(0)) / 21_600).unwrap();
        fix.place().distance(vortex.path[step].unwrap())
    });
    far.fold(0.0, f64::max)
}
