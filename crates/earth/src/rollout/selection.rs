//! What of a state goes into the files: variables, levels, an area.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use super::RolloutError;
use crate::card::Contract;
use crate::grid::Grid;
use crate::level::Level;
use crate::regrid::crop::{Area, Crop};
use crate::sink::Planned;
use crate::state::Place;
use crate::variable::known;

/// What goes into the files; empty lists mean all.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Selection {
    /// Short names of variables.
    pub variables: Vec<String>,
    /// Pressures, in hPa; fields without a pressure are not touched by it.
    pub levels: Vec<f64>,
    /// The area.
    #[serde(serialize_with = "as_text")]
    pub area: Option<Area>,
}

/// A selection of a contract's fields.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The fields.
    pub places: Vec<Place>,
    /// The points that are written.
    pub grid: Arc<Grid>,
    crop: Option<Crop>,
}

impl Selection {
    /// Applies it.
    ///
    /// # Errors
    /// [`RolloutError::Selection`] names what the model does not have.
    pub fn of(&self, contract: &Contract) -> Result<Selected, RolloutError> {
        let wrong = |why: String| RolloutError::Selection { why };
        let all: Vec<Place> = contract.fields().collect();
        let short = |name: &String| {
            known(name).map_or_else(|| name.clone(), |known| known.short.to_owned())
        };
        let wanted: Vec<String> = self.variables.iter().map(short).collect();
        if let Some(missing) =
            wanted.iter().find(|name| !all.iter().any(|place| place.variable == **name))
        {
            let mut has: Vec<&str> = all.iter().map(|place| place.variable.as_str()).collect();
            has.dedup();
            return Err(wrong(format!(
                "the model has no variable {missing}: it has {}, and nothing else can be written",
                has.join(", ")
            )));
        }
        let levels = &self.levels;
        let has_level = |hpa: f64| {
            all.iter().any(|place| place.level.is_some_and(|level| level.is_pressure(hpa)))
        };
        if let Some(missing) = levels.iter().find(|hpa| !has_level(**hpa)) {
            let mut has: Vec<String> = Vec::new();
            for level in all.iter().filter_map(|place| place.level) {
                if !has.contains(&level.value.to_string()) {
                    has.push(level.value.to_string());
                }
            }
            return Err(wrong(format!(
                "the model has no level {missing} hPa: it has {}",
                has.join(", ")
            )));
        }
        let takes = |place: &Place| {
            let variable = wanted.is_empty() || wanted.contains(&place.variable);
            let level = place.level.is_none_or(|level| {
                levels.is_empty() || levels.iter().any(|hpa| level.is_pressure(*hpa))
            });
            variable && level
        };
        let places = all.into_iter().filter(takes).collect();
        let grid = contract.grid();
        let crop = self.area.map(|area| Crop::new(&grid, &area)).transpose();
        let crop = crop.map_err(|error| wrong(error.to_string()))?;
        let grid = crop.as_ref().map_or(grid, |crop| Arc::clone(&crop.grid));
        Ok(Selected { places, grid, crop })
    }
}

fn as_text<S: serde::Serializer>(area: &Option<Area>, serializer: S) -> Result<S::Ok, S::Error> {
    area.map(|area| area.to_string()).serialize(serializer)
}

impl Selected {
    /// A field's values in the area; the field itself where there is none.
    #[must_use]
    pub fn crop<'a>(&self, values: &'a [f32]) -> Cow<'a, [f32]> {
        match &self.crop {
            // It was made for this grid.
            Some(crop) => Cow::Owned(crop.apply(values).unwrap_or_default()),
            None => Cow::Borrowed(values),
        }
    }

    /// The variables with their levels and units, in the order of the fields.
    #[must_use]
    pub fn planned(&self) -> Vec<Planned> {
        let mut variables: Vec<Planned> = Vec::new();
        for place in &self.places {
            let level = place.at();
            match variables.iter_mut().find(|planned| planned.variable == place.variable) {
                Some(planned) => planned.levels.push(level),
                None => variables.push(Planned {
                    variable: place.variable.clone(),
                    unit: unit(&place.variable).to_owned(),
                    levels: vec![level],
                }),
            }
        }
        for planned in &mut variables {
            // From the ground up.
            if planned.levels.iter().all(|level| level.kind == crate::level::LevelKind::Pressure) {
                planned.levels.sort_by(|a: &Level, b| b.value.total_cmp(&a.value));
            }
        }
        variables
    }
}

/// The SI unit of a variable.
pub(super) fn unit(variable: &str) -> &'static str {
    known(variable).map_or("1", |known| known.unit)
}
