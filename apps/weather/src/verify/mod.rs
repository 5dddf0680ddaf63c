//! Verification: forecasts paired with what happened, measured by variable, level, lead time and region.
//!
//! Fields are paired by variable, level and the time at which they hold; members of one forecast are one ensemble. A pair of fields
//! is read, measured and dropped, so that memory does not grow with the number of forecasts. What finds no partner is named.

mod baseline;
mod fields;
mod measure;
mod page;
mod pairing;
mod plot;
mod regrid;
mod report;
mod scoreboard;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use strata_earth::card::EARTH;
use strata_earth::climatology::{Climatology, Key};
use strata_earth::field::Header;
use strata_earth::grid::Grid;
use strata_earth::metrics::Missing;
use strata_earth::metrics::area::Weighting;
use strata_earth::metrics::bootstrap::Bootstrap;
use strata_earth::metrics::region::Region;
use strata_earth::metrics::seeps::SeepsClimate;
use strata_earth::metrics::series::{Metric, Series};
use strata_earth::source::Source;

pub use baseline::{Against, Baseline, EvalReport, Horizon, System, USEFUL, evaluate};
pub use page::page;
pub use pairing::Unpaired;
pub use plot::{Plot, plots};
pub use regrid::Weights;
pub use report::{DifferenceRow, Histogram, Report, Row, SpectrumRow};
pub use scoreboard::{PUBLISHED, Published, Standing};
pub use table::table;

/// Brings fields from one grid to another, where grids differ and the user asked for it.
pub trait Regridder: Sync {
    /// Values on the other grid.
    ///
    /// # Errors
    /// Whatever keeps them from it.
    fn regrid(&self, from: &Arc<Grid>, to: &Arc<Grid>, values: &[f32]) -> anyhow::Result<Vec<f32>>;
}

/// What is verified, and against what.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// Forecasts, of one system.
    pub forecasts: &'a [Box<dyn Source>],
    /// Analyses or observations on a grid.
    pub truth: &'a [Box<dyn Source>],
    /// What is usual, for anomaly correlation.
    pub climatology: Option<&'a Climatology>,
    /// Climate of precipitation, for SEEPS.
    pub precipitation: Option<&'a PrecipitationClimate>,
    /// How forecasts come to the grid of the truth where grids differ.
    pub regridder: Option<&'a dyn Regridder>,
    /// Told how many times of how many are measured, by whichever thread measured one.
    pub progress: Option<&'a Counting<'a>>,
}

/// Takes how much is done, of how much.
pub type Counting<'a> = dyn Fn(usize, usize) + Sync + 'a;

impl Inputs<'_> {
    /// The planet that the fields are of.
    ///
    /// # Errors
    /// Forecasts and truth of several.
    fn planet(&self) -> anyhow::Result<String> {
        let headers = self.forecasts.iter().chain(self.truth).flat_map(|source| source.headers());
        let of = |header: &Header| {
            header.attributes.get("planet").map_or(EARTH, String::as_str).to_owned()
        };
        let planets: BTreeSet<String> = headers.map(of).collect();
        anyhow::ensure!(
            planets.len() < 2,
            "forecasts and truth are of different planets ({}), which cannot be compared",
            planets.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        );
        Ok(planets.into_iter().next().unwrap_or_else(|| EARTH.to_owned()))
    }
}

/// Climate of precipitation on its grid.
#[derive(Debug, Clone)]
pub struct PrecipitationClimate {
    /// Points.
    pub grid: Arc<Grid>,
    /// How often it is dry, and what is heavy.
    pub climate: SeepsClimate,
}

/// The climate of all fields of total precipitation (`tp`) of some files.
///
/// # Errors
/// Where there is none, they lie on several grids or cannot be read.
pub fn precipitation_climate(sources: &[Box<dyn Source>]) -> anyhow::Result<PrecipitationClimate> {
    let (mut grid, mut unit): (Option<Arc<Grid>>, String) = (None, String::new());
    let mut fields = Vec::new();
    for source in sources {
        for (at, header) in source.headers().iter().enumerate() {
            if Key::of(header).variable != "tp" {
                continue;
            }
            let known = grid.get_or_insert_with(|| Arc::clone(&header.grid));
            unit.clone_from(&header.unit);
            anyhow::ensure!(
                known.same_points(&header.grid),
                "past precipitation lies on {known} and on {}",
                header.grid
            );
            fields.push(source.values(at)?);
        }
    }
    let grid = grid.context("the files of past precipitation have no field tp")?;
    let fields: Vec<&[f32]> = fields.iter().map(Vec::as_slice).collect();
    let climate = SeepsClimate::of(&fields, &measure::precipitation_rules(&unit))?;
    Ok(PrecipitationClimate { grid, climate })
}

/// An event for Brier scores: the variable is above the threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Short name.
    pub variable: String,
    /// Threshold, in the unit of the fields.
    pub above: f32,
}

/// How it is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// Regions.
    pub regions: Vec<Region>,
    /// Area weights.
    pub weighting: Weighting,
    /// Missing points.
    pub missing: Missing,
    /// Metrics that are reported; none for all that can be measured.
    pub metrics: Option<Vec<Metric>>,
    /// Intervals.
    pub bootstrap: Bootstrap,
    /// Events, one a variable at most.
    pub events: Vec<Event>,
    /// Whether spectra are measured.
    pub spectra: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            regions: vec![Region::global()],
            weighting: Weighting::default(),
            missing: Missing::default(),
            metrics: None,
            bootstrap: Bootstrap::default(),
            events: Vec::new(),
            spectra: false,
        }
    }
}

/// What numbers are of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Variable and level; `wind` for wind vectors.
    pub key: Key,
    /// Lead time in seconds.
    pub lead: i64,
    /// Place of the region in [`Options::regions`].
    pub region: usize,
}

/// Numbers of a group.
#[derive(Debug, Clone)]
pub struct Measured {
    /// By the time at which the forecast began.
    pub series: Series,
    /// Unit of the variable.
    pub unit: String,
    /// Rank histogram, where there are members.
    pub ranks: Option<Vec<f64>>,
    /// Mean share of the region that was compared.
    pub coverage: f64,
}

/// Mean spectra between 30 and 60 degrees of latitude: wavelength in m, energy of the forecast (of its first member) and the truth.
pub type SpectrumPair = Vec<[f64; 3]>;

/// What came out.
#[derive(Debug, Clone, Default)]
pub struct Verification {
    /// By variable and level, lead time, region.
    pub groups: BTreeMap<Group, Measured>,
    /// By variable and level, lead time.
    pub spectra: BTreeMap<(Key, i64), SpectrumPair>,
    /// Fields that were not compared, and why.
    pub unpaired: Vec<Unpaired>,
    /// Pairs that were compared.
    pub pairs: usize,
}

/// Verifies forecasts.
///
/// # Errors
/// Where nothing at all could be compared, with the reasons.
pub fn verify(inputs: &Inputs<'_>, options: &Options) -> anyhow::Result<Verification> {
    inputs.planet()?;
    let pairing = pairing::Pairing::new(inputs)?;
    let verification = measure::measure(inputs, options, &pairing, &fields::Supply::Files)?;
    anyhow::ensure!(
        verification.pairs > 0,
        "no forecast field has a partner in the truth; {}",
        verification
            .unpaired
            .iter()
            .take(5)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    );
    Ok(verification)
}

#[cfg(test)]
mod tests;
