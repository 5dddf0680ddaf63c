//! Fields of a file of named arrays: each variable on latitudes and longitudes, at each time, step, level and member that its
//! coordinates tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::field::Header;
use crate::grid::{Grid, GridKind};
use crate::level::{Level, LevelKind};
use crate::source::Limits;
use crate::time::Time;
use crate::variable::{self, At};

use super::axes::{self, Role};
use super::coordinates::{Broken, Coordinate, coordinates, self_evident};
use super::numbers::Packing;
use super::time::seconds_of;
use super::{Store, Variable, text_of};

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) headers: Vec<Header>,
    /// Where the values of each are.
    pub(crate) places: Vec<Place>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) notes: Vec<String>,
}

/// Where a field's values are: the combination of the outer dimensions of a variable.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) shape: u32,
    pub(crate) at: u64,
}

/// How the dimensions of a variable make fields.
pub(crate) struct Shape {
    pub(crate) variable: usize,
    pub(crate) packing: Packing,
    sizes: Vec<usize>,
    /// Dimensions that lie on the map, in the order of the grid (rows, columns).
    map: Vec<usize>,
    /// Dimensions whose combinations are fields.
    outer: Vec<usize>,
    /// Dimension along which the first value that is there counts.
    merged: Option<usize>,
}

impl Shape {
    /// Start and count of the blocks that make a field.
    pub(crate) fn blocks(&self, at: u64) -> Vec<(Vec<usize>, Vec<usize>)> {
        let mut start = vec![0; self.sizes.len()];
        let mut count = vec![1; self.sizes.len()];
        for (dim, index) in self.outer.iter().zip(self.indices(at)) {
            start[*dim] = index;
        }
        for dim in &self.map {
            count[*dim] = self.sizes[*dim];
        }
        let Some(merged) = self.merged else { return vec![(start, count)] };
        let each = (0..self.sizes[merged]).map(|index| {
            let mut start = start.clone();
            start[merged] = index;
            (start, count.clone())
        });
        each.collect()
    }

    fn indices(&self, at: u64) -> Vec<usize> {
        let mut at = at as usize;
        let mut indices = vec![0; self.outer.len()];
        for (index, dim) in indices.iter_mut().zip(&self.outer).rev() {
            let size = self.sizes[*dim].max(1);
            *index = at % size;
            at /= size;
        }
        indices
    }

    /// Values of a block in the grid's order.
    pub(crate) fn in_order(&self, values: Vec<f32>) -> Result<Vec<f32>, String> {
        let points = self.map.iter().map(|dim| self.sizes[*dim]).product::<usize>();
        if values.len() != points {
            return Err(format!("{} values for {points} points", values.len()));
        }
        let [row, column] = self.map[..] else { return Ok(values) };
        if row < column {
            return Ok(values);
        }
        // Stored column by column; in tiles, so that lines of both stay in the cache.
        let (rows, columns) = (self.sizes[row], self.sizes[column]);
        let mut turned = vec![0.0; values.len()];
        for first in (0..rows).step_by(32) {
            for column in 0..columns {
                for row in first..(first + 32).min(rows) {
                    turned[row * columns + column] = values[column * rows + row];
                }
            }
        }
        Ok(turned)
    }
}

/// A grid that was made, by the coordinates that made it.
type Grids = BTreeMap<(usize, usize), Arc<Grid>>;

/// Finds the fields.
pub(crate) fn find(store: &dyn Store, limits: &Limits) -> Found {
    let mut found = Found::default();
    let (coordinates, broken) = coordinates(store, limits, &mut found.notes);
    let listed_by_all = text_of(store.attributes(), "coordinates").to_owned();
    let mut grids = Grids::new();
    for (index, variable) in store.variables().iter().enumerate() {
        if let Some(why) = store.broken(index) {
            found.notes.push(format!("variable {}: {why}", variable.name));
            continue;
        }
        let helper = coordinates.iter().any(|one| one.index == index)
            || axes::role(variable).is_some()
            || variable.text
            || variable.shape.is_empty()
            || variable.attributes.contains_key("grid_mapping_name")
            || variable.shape.contains(&0)
            || is_bounds(store, &variable.name);
        if helper {
            continue;
        }
        let listed = format!("{} {listed_by_all}", variable.attribute("coordinates"));
        let (coordinates, broken) = (&coordinates[..], &broken[..]);
        let work = Work { store, limits, coordinates, broken, variable, index, listed: &listed };
        if let Err(why) = work.add(&mut grids, &mut found) {
            found.notes.push(format!("variable {}: {why}", variable.name));
        }
    }
    found
}

fn is_bounds(store: &dyn Store, name: &str) -> bool {
    let names = |variable: &Variable| {
        variable.attribute("bounds") == name || variable.attribute("climatology") == name
    };
    store.variables().iter().any(names)
}

/// A variable whose fields are found.
struct Work<'a> {
    store: &'a dyn Store,
    limits: &'a Limits,
    coordinates: &'a [Coordinate<'a>],
    broken: &'a [Broken<'a>],
    variable: &'a Variable,
    index: usize,
    /// Names of coordinates that the variable or the file lists.
    listed: &'a str,
}

impl<'a> Work<'a> {
    fn add(&self, grids: &mut Grids, found: &mut Found) -> Result<(), String> {
        if let Some((coordinate, _, why)) = self.broken.iter().find(|one| self.needs(one)) {
            return Err(format!("its coordinate {} cannot be read: {why}", coordinate.name));
        }
        self.sized()?;
        let (lat, lon, map) = self.map()?;
        let grid = match grids.get(&(lat.index, lon.index)) {
            Some(grid) => Arc::clone(grid),
            None => {
                let grid = Arc::new(self.grid(lat, lon, map.len())?);
                grids.insert((lat.index, lon.index), Arc::clone(&grid));
                grid
            }
        };
        if grid.len() > self.limits.points {
            return Err(format!("{} points are more than {}", grid.len(), self.limits.points));
        }
        let sizes = self.variable.shape.clone();
        let rest: Vec<usize> = (0..sizes.len()).filter(|dim| !map.contains(dim)).collect();
        // Along times, expver only tells of which stream each is.
        let merged = rest
            .iter()
            .copied()
            .find(|dim| sizes[*dim] > 1 && self.variable.dims[*dim] == "expver");
        let outer: Vec<usize> =
            rest.into_iter().filter(|dim| Some(*dim) != merged && sizes[*dim] > 1).collect();
        let told = [Role::Time, Role::Reference, Role::Step, Role::Level, Role::Member];
        for dim in &outer {
            let name = &self.variable.dims[*dim];
            let known = self.counts_model_levels(*dim)
                || told
                    .iter()
                    .any(|role| self.of(*role).any(|one| one.variable.dims.contains(name)));
            if !known {
                return Err(format!("what its dimension {name} is of is not told by a coordinate"));
            }
        }
        let count = outer.iter().try_fold(1_usize, |count, dim| count.checked_mul(sizes[*dim]));
        let count = count.filter(|count| found.headers.len() + count <= self.limits.fields);
        let count =
            count.ok_or_else(|| format!("the file has more than {} fields", self.limits.fields))?;
        let packing = Packing::of(self.variable);
        let shape = Shape { variable: self.index, packing, sizes, map, outer, merged };
        let of_shape =
            u32::try_from(found.shapes.len()).map_err(|_| "too many variables".to_owned())?;
        let attributes = self.attributes();
        let mut headers = Vec::new();
        for at in 0..count {
            headers.push(self.header(&shape, at as u64, &grid, &attributes)?);
        }
        found.headers.append(&mut headers);
        found.places.extend((0..count).map(|at| Place { shape: of_shape, at: at as u64 }));
        found.shapes.push(shape);
        Ok(())
    }

    /// Whether the variable and the coordinates on its dimensions have these in the same size. NetCDF tells a size once; in a Zarr
    /// store each array tells its own.
    fn sized(&self) -> Result<(), String> {
        let own = |name: &String| self.variable.dims.iter().position(|dim| dim == name);
        for one in self
            .coordinates
            .iter()
            .filter(|one| one.variable.dims.iter().all(|dim| own(dim).is_some()))
        {
            for (name, size) in one.variable.dims.iter().zip(&one.variable.shape) {
                let here = own(name).map_or(*size, |dim| self.variable.shape[dim]);
                if here != *size {
                    let coordinate = &one.variable.name;
                    return Err(format!(
                        "its dimension {name} has {here} places, its coordinate {coordinate} has {size}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether a coordinate that cannot be read would say when, at what level or of which member the variable's fields are. Another
    /// place cannot be made up for it; of latitudes and longitudes there may be others.
    fn needs(&self, (coordinate, role, _): &Broken<'_>) -> bool {
        let on = coordinate.dims.iter().all(|dim| self.variable.dims.contains(dim));
        let listed = self.listed.split_ascii_whitespace().any(|name| name == coordinate.name);
        let placed = !coordinate.dims.is_empty() || listed || *role == Role::Time;
        !matches!(role, Role::Latitude | Role::Longitude) && on && placed
    }

    /// Coordinates of a role that hold for the variable: on its dimensions, and listed by it where they are of another name.
    fn of(&self, role: Role) -> impl Iterator<Item = &'a Coordinate<'a>> {
        let (variable, listed) = (self.variable, self.listed);
        let fits = move |one: &&Coordinate<'_>| {
            let names =
                |list: &str| list.split_ascii_whitespace().any(|name| name == one.variable.name);
            let on = one.variable.dims.iter().all(|dim| variable.dims.contains(dim));
            let own = one.variable.dims == [one.variable.name.clone()];
            // A level without a dimension holds only for those that list it.
            let free = !one.variable.dims.is_empty();
            one.role == role && on && (own || free || names(listed) || self_evident(one))
        };
        self.coordinates.iter().filter(fits)
    }

    /// The latitudes, the longitudes and the dimensions that they lie on.
    fn map(&self) -> Result<(&'a Coordinate<'a>, &'a Coordinate<'a>, Vec<usize>), String> {
        let none = || "no latitude and longitude are told for its dimensions".to_owned();
        // What the variable lists goes first (WRF has three sets), then what has the most dimensions.
        let listed = |one: &Coordinate<'_>| {
            self.listed.split_ascii_whitespace().any(|name| name == one.variable.name)
        };
        let best = |role| {
            self.of(role)
                .max_by_key(|one| (listed(one), one.variable.dims.len(), usize::MAX - one.index))
        };
        let (lat, lon) =
            (best(Role::Latitude).ok_or_else(none)?, best(Role::Longitude).ok_or_else(none)?);
        let dims = |one: &Coordinate<'_>| {
            let skip = usize::from(one.variable.dims.len() == 3);
            let place = |dim: &String| self.variable.dims.iter().position(|own| own == dim);
            one.variable.dims[skip..].iter().map(place).collect::<Option<Vec<_>>>()
        };
        let (rows, columns) = (dims(lat).ok_or_else(none)?, dims(lon).ok_or_else(none)?);
        let map = match (rows.len(), columns.len()) {
            (0, 0) => vec![],
            (1, 1) if rows == columns => rows,
            (1, 1) => vec![rows[0], columns[0]],
            (2, 2) if rows == columns => rows,
            _ => return Err("its latitudes and longitudes lie on different dimensions".to_owned()),
        };
        match map.len() == 2 && map[0] == map[1] {
            true => Err("its latitudes lie on one dimension twice".to_owned()),
            false => Ok((lat, lon, map)),
        }
    }

    fn grid(
        &self,
        lat: &Coordinate<'_>,
        lon: &Coordinate<'_>,
        rank: usize,
    ) -> Result<Grid, String> {
        let (lats, lons) = (lat.values.clone(), lon.values.clone());
        let flat = lat.variable.dims.len() <= 1;
        let grid = match rank {
            2 if flat => Grid::rectilinear(lats, lons),
            2 => {
                let shape = &lat.variable.shape[lat.variable.shape.len() - 2..];
                let named = self.variable.attribute("grid_mapping");
                let mapping = self.store.variables().iter().find(|one| one.name == named);
                let projection = mapping.map_or("", |one| one.attribute("grid_mapping_name"));
                let projection = if projection.is_empty() { "curvilinear" } else { projection };
                let kind = GridKind::Projected { projection: projection.to_owned() };
                Grid::scattered(kind, (shape[0], shape[1]), lats, lons)
            }
            _ => Grid::points(lats, lons),
        };
        grid.map_err(|error| error.to_string())
    }

    /// The place in a coordinate of a combination of the outer dimensions.
    fn place(&self, shape: &Shape, indices: &[usize], one: &Coordinate<'_>) -> usize {
        one.variable.dims.iter().zip(&one.variable.shape).fold(0, |place, (dim, size)| {
            let own = self.variable.dims.iter().position(|name| name == dim);
            let outer = own.and_then(|own| shape.outer.iter().position(|dim| *dim == own));
            place * size + outer.map_or(0, |outer| indices[outer])
        })
    }

    fn header(
        &self,
        shape: &Shape,
        at: u64,
        grid: &Arc<Grid>,
        attributes: &BTreeMap<String, String>,
    ) -> Result<Header, String> {
        let indices = shape.indices(at);
        let place = |one: &Coordinate<'_>| self.place(shape, &indices, one);
        let (reference, step) = self.when(place)?;
        let (name, implied) = self.name();
        let told = self.of(Role::Level).max_by_key(|one| one.variable.dims.len());
        let told = told.and_then(|one| one.levels.get(place(one)).copied());
        let counted = || {
            let dim = shape.outer.iter().position(|dim| self.counts_model_levels(*dim))?;
            Some(Level { kind: LevelKind::Model, value: indices[dim] as f64 + 1.0 })
        };
        // cfgrib tells "surface" of 2 m temperature: the level that a name implies is the better word.
        let level = implied.or(told).or_else(counted).unwrap_or(Level::SURFACE);
        let member = self.of(Role::Member).find_map(|one| one.values.get(place(one)));
        let member =
            member.filter(|member| (0.0..=1e6).contains(*member)).map(|member| *member as u32);
        let mut attributes = attributes.clone();
        if self.of(Role::Time).chain(self.of(Role::Reference)).next().is_none() {
            attributes.insert("time".to_owned(), "none".to_owned());
        }
        Ok(Header {
            variable: variable::short_at(&name, level).map_or(name, str::to_owned),
            level,
            reference,
            step,
            // A file of one forecast says member 0 as well.
            member: member.filter(|member| *member > 0 || self.has_members()),
            unit: self.variable.attribute("units").to_owned(),
            grid: Arc::clone(grid),
            attributes,
        })
    }

    fn has_members(&self) -> bool {
        self.of(Role::Member).any(|one| !one.variable.dims.is_empty())
    }

    fn counts_model_levels(&self, dim: usize) -> bool {
        axes::MODEL_LEVELS.contains(&self.variable.dims[dim].to_ascii_lowercase().as_str())
    }

    /// When the forecast began and how long after it the field holds.
    fn when(&self, place: impl Fn(&Coordinate<'_>) -> usize) -> Result<(Time, i64), String> {
        let time_of = |one: &Coordinate<'a>| one.times.get(place(one)).copied();
        let first = |role| self.of(role).find_map(|one| Some((one, time_of(one)?)));
        let step = self.of(Role::Step).next().map(|one| {
            let value = one.values.get(place(one)).copied().unwrap_or(f64::NAN);
            let seconds = value * seconds_of(one.variable.attribute("units")).unwrap_or(f64::NAN);
            match seconds.is_finite() && seconds.abs() < 1e12 {
                true => Ok((one, seconds.round() as i64)),
                false => Err(format!("coordinate {}: {value} is no step", one.variable.name)),
            }
        });
        let step = step.transpose()?;
        Ok(match (first(Role::Reference), first(Role::Time), step) {
            (Some((_, reference)), _, Some((_, step))) => (reference, step),
            (Some((_, reference)), Some((_, time)), None) => (reference, time - reference),
            (Some((_, reference)), None, None) => (reference, 0),
            // A step along the dimension of time tells how long before it the forecast began.
            (None, Some((time, at)), Some((step, seconds)))
                if !step.variable.dims.is_empty() && step.variable.dims == time.variable.dims =>
            {
                (at + -seconds, seconds)
            }
            (None, Some((_, time)), Some((_, step))) => (time, step),
            (None, Some((_, time)), None) => (time, 0),
            (None, None, step) => (Time::default(), step.map_or(0, |(_, step)| step)),
        })
    }

    /// The variable's name, short where it is known, and the level that the name implies.
    fn name(&self) -> (String, Option<Level>) {
        let short = [
            self.variable.attribute("GRIB_shortName"),
            &self.variable.name,
            self.variable.attribute("short_name"),
        ];
        let standard = self.variable.attribute("standard_name");
        let by_standard = || {
            let means = |one: &&variable::Known| {
                one.at == At::Any && one.standard == standard && !standard.is_empty()
            };
            variable::KNOWN.iter().find(means)
        };
        match short.into_iter().find_map(variable::known).or_else(by_standard) {
            Some(known) => (known.short.to_owned(), known.at.level()),
            None => (self.variable.name.clone(), None),
        }
    }

    fn attributes(&self) -> BTreeMap<String, String> {
        let mut attributes = BTreeMap::from([("name".to_owned(), self.variable.name.clone())]);
        let globals = self.store.attributes();
        for (key, names) in [
            ("centre", ["GRIB_centre", "centre", "institution"]),
            ("planet", ["planet", "", ""]),
            // Which forecast it is, as our own files tell it.
            ("model_family", ["model_family", "", ""]),
            ("title", ["title", "", ""]),
            ("source", ["source", "", ""]),
            ("schedule", ["schedule", "", ""]),
            ("ensemble", ["ensemble", "", ""]),
        ] {
            if let Some(text) =
                names.iter().map(|name| text_of(globals, name)).find(|text| !text.is_empty())
            {
                attributes.insert(key.to_owned(), text.to_owned());
            }
        }
        attributes
    }
}
