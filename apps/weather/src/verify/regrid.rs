//! Regridding of forecasts to the truth's grid: the weights of each pair of grids are built once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use strata_earth::grid::Grid;
use strata_earth::regrid::{Method, Regrid};

use super::Regridder;

/// Weights by the addresses of both grids. The grids are kept in the weights, so that no other grid gets their address.
#[derive(Debug)]
pub struct Weights {
    method: Method,
    known: Mutex<HashMap<(usize, usize), Arc<Regrid>>>,
}

impl Weights {
    /// No weights yet.
    #[must_use]
    pub fn new(method: Method) -> Self {
        Self { method, known: Mutex::default() }
    }
}

impl Regridder for Weights {
    fn regrid(&self, from: &Arc<Grid>, to: &Arc<Grid>, values: &[f32]) -> anyhow::Result<Vec<f32>> {
        let at = (Arc::as_ptr(from) as usize, Arc::as_ptr(to) as usize);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let weights = match known.get(&at) {
            Some(weights) => Arc::clone(weights),
            None => {
                let weights = Regrid::new(Arc::clone(from), Arc::clone(to), self.method)?;
                let weights = Arc::new(weights);
                known.insert(at, Arc::clone(&weights));
                weights
            }
        };
        drop(known);
        Ok(weights.apply(values)?)
    }
}
