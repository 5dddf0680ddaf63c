//! Fields of a pair on one grid: read from files, taken from the truth or the climatology, brought into order or regridded.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use strata_earth::align;
use strata_earth::climatology::{Climatology, Key};
use strata_earth::field::Header;
use strata_earth::grid::Grid;
use strata_earth::metrics::area::Area;
use strata_earth::metrics::spectrum::{Spectra, WEATHERBENCH_RADIUS};
use strata_earth::time::Time;

use super::pairing::{Members, Moment, Pairing, Place};
use super::{Inputs, Options};

/// Where a forecast's values come from.
pub(super) enum Supply<'a> {
    /// The forecast files.
    Files,
    /// The truth of the time at which the forecast begins.
    Persistence,
    /// What is usual at the time of which the forecast is.
    Usual(&'a Climatology),
}

/// Fields of one variable on the truth's grid.
pub(super) struct Fields {
    pub(super) members: Vec<Vec<f32>>,
    pub(super) truth: Vec<f32>,
    pub(super) grid: Arc<Grid>,
    pub(super) unit: String,
}

/// What is known of a grid of the truth.
pub(super) struct Known {
    pub(super) areas: Vec<Option<Area>>,
    pub(super) spectra: Option<Spectra>,
}

/// Places of one grid's points in another; none where grids have not the same points.
type Order = Option<Arc<Vec<usize>>>;

/// What tasks share.
pub(super) struct Bench<'a> {
    pub(super) inputs: &'a Inputs<'a>,
    pub(super) options: &'a Options,
    pub(super) pairing: &'a Pairing,
    pub(super) supply: &'a Supply<'a>,
    grids: Mutex<Vec<(Arc<Grid>, Arc<Known>)>>,
    /// By the addresses of both grids, which live as long as their headers.
    orders: Mutex<HashMap<(usize, usize), Order>>,
}

impl<'a> Bench<'a> {
    /// Nothing is known yet.
    pub(super) fn new(
        inputs: &'a Inputs<'a>,
        options: &'a Options,
        pairing: &'a Pairing,
        supply: &'a Supply<'a>,
    ) -> Self {
        Self { inputs, options, pairing, supply, grids: Mutex::default(), orders: Mutex::default() }
    }

    /// Reads a forecast and its truth, and brings them to the truth's grid.
    pub(super) fn read(
        &self,
        key: &Key,
        moment: Moment,
        members: &Members,
        truth: Place,
    ) -> anyhow::Result<Fields> {
        let header = truth.header(self.inputs.truth);
        let mut members =
            match self.supply {
                Supply::Files => members
                    .iter()
                    .map(|place| {
                        let values = place.values(self.inputs.forecasts)?;
                        self.onto(place.header(self.inputs.forecasts), header, values)
                    })
                    .collect::<anyhow::Result<Vec<_>>>()?,
                Supply::Persistence => {
                    let first = self.pairing.truth(key, moment.0);
                    let first =
                        first.context("the truth has no field of the time at which it begins")?;
                    let values = first.values(self.inputs.truth)?;
                    vec![self.onto(first.header(self.inputs.truth), header, values)?]
                }
                Supply::Usual(climatology) => {
                    let usual = self.usual(climatology, key, (header.valid(), &header.grid))?;
                    vec![usual.context(
                        "the climatology has no such variable, level or hour of the day",
                    )?]
                }
            };
        anyhow::ensure!(!members.is_empty(), "there is no forecast");
        members.shrink_to_fit();
        Ok(Fields {
            members,
            truth: truth.values(self.inputs.truth)?,
            grid: Arc::clone(&header.grid),
            unit: header.unit.clone(),
        })
    }

    /// What is usual at a time, on a grid.
    pub(super) fn usual(
        &self,
        climatology: &Climatology,
        key: &Key,
        (valid, grid): (Time, &Arc<Grid>),
    ) -> anyhow::Result<Option<Vec<f32>>> {
        let usual = climatology.at(valid, key)?;
        usual.map(|usual| self.between(climatology.grid(), grid, usual)).transpose()
    }

    fn onto(&self, from: &Header, to: &Header, values: Vec<f32>) -> anyhow::Result<Vec<f32>> {
        self.between(&from.grid, &to.grid, Cow::Owned(values))
    }

    /// Values on another grid: as they are, in another order, or regridded where that was asked for.
    fn between(
        &self,
        from: &Arc<Grid>,
        to: &Arc<Grid>,
        values: Cow<'_, [f32]>,
    ) -> anyhow::Result<Vec<f32>> {
        if Arc::ptr_eq(from, to) || from.same_points(to) {
            return Ok(values.into_owned());
        }
        let at = (Arc::as_ptr(from) as usize, Arc::as_ptr(to) as usize);
        let known = self.orders.lock().unwrap_or_else(PoisonError::into_inner).get(&at).cloned();
        let order = known.unwrap_or_else(|| {
            let order = align::order(from, to).map(Arc::new);
            let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
            orders.insert(at, order.clone());
            order
        });
        match (order, self.inputs.regridder) {
            (Some(order), _) => Ok(align::reordered(&values, &order)),
            (None, Some(regridder)) => regridder.regrid(from, to, &values),
            (None, None) => anyhow::bail!(
                "its grid is {from}, the truth's {to}: nothing is regridded unless asked for"
            ),
        }
    }

    /// Areas and transforms of a grid, made once. A region without a point of the grid has none.
    pub(super) fn known(&self, grid: &Arc<Grid>) -> anyhow::Result<Arc<Known>> {
        let mut grids = self.grids.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |other: &Arc<Grid>| Arc::ptr_eq(other, grid) || other.same_points(grid);
        if let Some((_, known)) = grids.iter().find(|(other, _)| same(other)) {
            return Ok(Arc::clone(known));
        }
        let areas = self.options.regions.iter().map(|region| {
            match Area::new(grid, region, self.options.weighting) {
                Err(strata_earth::metrics::MetricError::Empty { .. }) => Ok(None),
                area => area.map(Some),
            }
        });
        let areas: Vec<_> = areas.collect::<Result<_, _>>()?;
        let spectra = self.options.spectra.then(|| Spectra::new(grid, WEATHERBENCH_RADIUS).ok());
        let known = Arc::new(Known { areas, spectra: spectra.flatten() });
        grids.push((Arc::clone(grid), Arc::clone(&known)));
        Ok(known)
    }
}
