//! How a forecast lies in a file of named arrays: the dimensions, coordinates and attributes that our NetCDF and Zarr share.
//!
//! Dimensions are `time`, `number` (of an ensemble), `prediction_timedelta`, `level` (of variables on several pressures), then
//! those of the grid: `latitude` and `longitude`, or `y` and `x` with both on them, or `values`.

use crate::field::Header;
use crate::grid::GridKind;
use crate::level::{Level, LevelKind};
use crate::sink::Plan;
use crate::time::HOUR;
use crate::variable::{self, At};

/// Values of a coordinate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    Whole(Vec<i64>),
    Real(Vec<f64>),
}

/// A coordinate, or a variable that is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    pub(crate) name: String,
    /// Its dimensions, by their place.
    pub(crate) dims: Vec<usize>,
    pub(crate) attributes: Vec<(String, String)>,
}

/// The file of a forecast.
#[derive(Debug, Clone)]
pub(crate) struct Forecast {
    /// Names and sizes.
    pub(crate) dims: Vec<(String, usize)>,
    pub(crate) coordinates: Vec<(Named, Values)>,
    pub(crate) variables: Vec<Named>,
    /// Attributes of the file.
    pub(crate) attributes: Vec<(String, String)>,
    plan: Plan,
    levels: Vec<Level>,
}

const TIME: usize = 0;

impl Forecast {
    /// Lays a plan out.
    ///
    /// # Errors
    /// What of it cannot be laid out.
    pub(crate) fn new(plan: &Plan) -> Result<Self, String> {
        if plan.steps.is_empty() || plan.variables.is_empty() || plan.members == Some(0) {
            return Err("the plan has no step, no variable or no member".to_owned());
        }
        if plan.steps.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err("the plan's steps do not ascend".to_owned());
        }
        let mut forecast = Self {
            dims: vec![],
            coordinates: vec![],
            variables: vec![],
            attributes: attributes(plan),
            levels: levels(plan)?,
            plan: plan.clone(),
        };
        let mut outer = vec![forecast.time()];
        if let Some(members) = plan.members {
            let about = [("standard_name", "realization"), ("units", "1"), ("long_name", "member")];
            let values = Values::Whole((0..i64::from(members)).collect());
            outer.push(forecast.axis("number", members as usize, &about, values));
        }
        outer.push(forecast.steps());
        let level = (!forecast.levels.is_empty()).then(|| forecast.level());
        let map = forecast.map();
        for index in 0..plan.variables.len() {
            forecast.variable(index, &outer, level, &map)?;
        }
        Ok(forecast)
    }

    fn axis(&mut self, name: &str, size: usize, about: &[(&str, &str)], values: Values) -> usize {
        let dim = self.dims.len();
        self.dims.push((name.to_owned(), size));
        self.coordinates.push((named(name, &[dim], about), values));
        dim
    }

    fn time(&mut self) -> usize {
        let about = [
            ("standard_name", "forecast_reference_time"),
            ("long_name", "beginning of the forecast"),
            ("units", "seconds since 1970-01-01 00:00:00"),
            ("calendar", "proleptic_gregorian"),
            ("axis", "T"),
        ];
        let values = Values::Whole(vec![self.plan.reference.0]);
        self.axis("time", 1, &about, values)
    }

    fn steps(&mut self) -> usize {
        let whole = self.plan.steps.iter().all(|step| step % HOUR == 0);
        let (unit, seconds) = if whole { ("hours", HOUR) } else { ("seconds", 1) };
        let about = [
            ("standard_name", "forecast_period"),
            ("long_name", "time since the beginning of the forecast"),
            ("units", unit),
        ];
        let values = Values::Whole(self.plan.steps.iter().map(|step| step / seconds).collect());
        self.axis("prediction_timedelta", self.plan.steps.len(), &about, values)
    }

    fn level(&mut self) -> usize {
        let about = [
            ("standard_name", "air_pressure"),
            ("long_name", "pressure"),
            ("units", "hPa"),
            ("positive", "down"),
            ("axis", "Z"),
        ];
        let values = Values::Real(self.levels.iter().map(|level| level.value).collect());
        self.axis("level", self.levels.len(), &about, values)
    }

    /// Dimensions of the grid.
    fn map(&mut self) -> Vec<usize> {
        let grid = std::sync::Arc::clone(&self.plan.grid);
        let mut north = vec![("standard_name", "latitude"), ("units", "degrees_north")];
        let mut east = vec![("standard_name", "longitude"), ("units", "degrees_east")];
        let (lats, lons) = (Values::Real(grid.lats.clone()), Values::Real(grid.lons.clone()));
        if grid.is_rectilinear() {
            north.push(("axis", "Y"));
            east.push(("axis", "X"));
            let row = self.axis("latitude", grid.shape.0, &north, lats);
            return vec![row, self.axis("longitude", grid.shape.1, &east, lons)];
        }
        let first = self.dims.len();
        let dims = match grid.kind {
            GridKind::Points => {
                self.dims.push(("values".to_owned(), grid.len()));
                vec![first]
            }
            _ => {
                self.dims.push(("y".to_owned(), grid.shape.0));
                self.dims.push(("x".to_owned(), grid.shape.1));
                vec![first, first + 1]
            }
        };
        self.coordinates.push((named("latitude", &dims, &north), lats));
        self.coordinates.push((named("longitude", &dims, &east), lons));
        dims
    }

    fn variable(
        &mut self,
        index: usize,
        outer: &[usize],
        level: Option<usize>,
        map: &[usize],
    ) -> Result<(), String> {
        let planned = &self.plan.variables[index];
        let known = variable::known(&planned.variable);
        let name = known.map_or(planned.variable.as_str(), |known| known.netcdf);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || !name.chars().all(plain) || name.len() > 100 {
            return Err(format!("{name:?} is no name of a variable in a file"));
        }
        let taken = self.coordinates.iter().map(|(one, _)| one).chain(&self.variables);
        if taken
            .map(|one| &one.name)
            .chain(self.dims.iter().map(|(dim, _)| dim))
            .any(|one| one == name)
        {
            return Err(format!("the plan has {name} twice, or as the name of a coordinate"));
        }
        let mut dims = outer.to_vec();
        dims.extend(level.filter(|_| is_tall(&planned.levels)));
        dims.extend(map);
        let mut about = vec![("units".to_owned(), planned.unit.clone())];
        let mut add = |key: &str, text: &str| {
            if !text.is_empty() {
                about.push((key.to_owned(), text.to_owned()));
            }
        };
        if let Some(known) = known {
            add("standard_name", known.standard);
            add("long_name", known.long);
        }
        add("short_name", &planned.variable);
        // A level that the name does not imply is told in words.
        if let [one] = planned.levels[..]
            && !is_tall(&planned.levels)
            && known.is_none_or(|known| known.at == At::Any)
        {
            add("level", &one.to_string());
        }
        if !self.plan.grid.is_rectilinear() {
            add("coordinates", "latitude longitude");
        }
        self.variables.push(Named { name: name.to_owned(), dims, attributes: about });
        Ok(())
    }

    /// Number of fields that a variable has place for.
    pub(crate) fn fields(&self, variable: usize) -> usize {
        let map = if matches!(self.plan.grid.kind, GridKind::Points) { 1 } else { 2 };
        let dims = &self.variables[variable].dims;
        dims[..dims.len() - map].iter().map(|dim| self.dims[*dim].1).product()
    }

    /// Number of dimensions of the grid.
    pub(crate) fn map_rank(&self) -> usize {
        if matches!(self.plan.grid.kind, GridKind::Points) { 1 } else { 2 }
    }

    /// Number of points of a field.
    pub(crate) fn points(&self) -> usize {
        self.plan.grid.len()
    }

    /// Sizes of a variable's dimensions.
    pub(crate) fn shape(&self, variable: usize) -> Vec<usize> {
        self.variables[variable].dims.iter().map(|dim| self.dims[*dim].1).collect()
    }

    /// Places of a field along the dimensions before the grid's, and its variable.
    ///
    /// # Errors
    /// The plan has no such field.
    pub(crate) fn locate(&self, header: &Header) -> Result<(usize, Vec<usize>), String> {
        let plan = &self.plan;
        let none = |what: String| {
            Err(format!("{} at {}: the plan has no {what}", header.variable, header.level))
        };
        if header.reference != plan.reference {
            return none(format!("forecast of {}", header.reference));
        }
        if header.grid.shape != plan.grid.shape {
            return none(format!("grid of {}", header.grid));
        }
        let Ok(step) = plan.steps.binary_search(&header.step) else {
            return none(format!("step of {} s", header.step));
        };
        let mut of_name =
            (0..plan.variables.len()).filter(|at| plan.variables[*at].variable == header.variable);
        let Some(variable) = of_name.next() else { return none("such variable".to_owned()) };
        let near = |level: &Level| {
            level.kind == header.level.kind && (level.value - header.level.value).abs() < 1e-3
        };
        if !plan.variables[variable].levels.iter().any(near) {
            return none("such level".to_owned());
        }
        let mut place = vec![0];
        match (plan.members, header.member) {
            (Some(members), Some(member)) if member < members => place.push(member as usize),
            (None, None) => {}
            (_, member) => return none(format!("member {member:?}")),
        }
        place.push(step);
        if is_tall(&plan.variables[variable].levels) {
            let Some(level) = self.levels.iter().position(near) else {
                return none("such level".to_owned());
            };
            place.push(level);
        }
        debug_assert_eq!(self.dims[TIME].0, "time");
        Ok((variable, place))
    }

    /// The same, counted row by row.
    pub(crate) fn place(&self, header: &Header) -> Result<(usize, usize), String> {
        let (variable, place) = self.locate(header)?;
        let dims = &self.variables[variable].dims;
        let at = place.iter().zip(dims).fold(0, |at, (place, dim)| at * self.dims[*dim].1 + place);
        Ok((variable, at))
    }
}

fn named(name: &str, dims: &[usize], about: &[(&str, &str)]) -> Named {
    let attributes =
        about.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    Named { name: name.to_owned(), dims: dims.to_vec(), attributes }
}

/// Whether a variable has the dimension of levels: it is on pressures.
fn is_tall(levels: &[Level]) -> bool {
    levels.iter().all(|level| level.kind == LevelKind::Pressure)
}

/// All pressures, from the ground up.
fn levels(plan: &Plan) -> Result<Vec<Level>, String> {
    let mut all: Vec<Level> = Vec::new();
    for planned in &plan.variables {
        if planned.levels.is_empty() || (planned.levels.len() > 1 && !is_tall(&planned.levels)) {
            return Err(format!(
                "{} has no level, or several that are not pressures; one or several pressures are written",
                planned.variable
            ));
        }
        for level in planned.levels.iter().filter(|level| level.kind == LevelKind::Pressure) {
            if !all.iter().any(|one| (one.value - level.value).abs() < 1e-3) {
                all.push(*level);
            }
        }
    }
    all.sort_by(|a, b| b.value.total_cmp(&a.value));
    Ok(all)
}

fn attributes(plan: &Plan) -> Vec<(String, String)> {
    let conventions = ("Conventions".to_owned(), "CF-1.8".to_owned());
    let own = plan.attributes.iter().filter(|(key, _)| key.as_str() != "Conventions");
    let mut all: Vec<_> =
        std::iter::once(conventions).chain(own.map(|(k, v)| (k.clone(), v.clone()))).collect();
    if let GridKind::Projected { projection } = &plan.grid.kind {
        all.push(("projection".to_owned(), projection.clone()));
    }
    all
}
