//! Coordinates of a file of named arrays: what stands for latitude, time, level and the like, with its values.

use crate::level::Level;
use crate::source::Limits;
use crate::time::Time;

use super::axes::{self, Role};
use super::time::Clock;
use super::{Store, Variable};

/// A coordinate with its values.
pub(super) struct Coordinate<'a> {
    pub(super) variable: &'a Variable,
    pub(super) index: usize,
    pub(super) role: Role,
    pub(super) values: Vec<f64>,
    pub(super) times: Vec<Time>,
    pub(super) levels: Vec<Level>,
}

/// A coordinate that cannot be read, and why.
pub(super) type Broken<'a> = (&'a Variable, Role, String);

pub(super) fn coordinates<'a>(
    store: &'a dyn Store,
    limits: &Limits,
    notes: &mut Vec<String>,
) -> (Vec<Coordinate<'a>>, Vec<Broken<'a>>) {
    let (mut coordinates, mut broken) = (Vec::new(), Vec::new());
    for (index, variable) in store.variables().iter().enumerate() {
        let Some(role) = axes::role(variable).filter(|_| !variable.shape.contains(&0)) else {
            continue;
        };
        match coordinate(store, limits, variable, (index, role)) {
            Ok(coordinate) => coordinates.push(coordinate),
            Err(why) => {
                notes.push(format!("coordinate {}: {why}", variable.name));
                broken.push((variable, role, why));
            }
        }
    }
    (coordinates, broken)
}

fn coordinate<'a>(
    store: &dyn Store,
    limits: &Limits,
    variable: &'a Variable,
    (index, role): (usize, Role),
) -> Result<Coordinate<'a>, String> {
    let mut coordinate =
        Coordinate { variable, index, role, values: vec![], times: vec![], levels: vec![] };
    let flat = matches!(role, Role::Latitude | Role::Longitude);
    let most = if flat { limits.points } else { limits.fields };
    // Latitudes that move with time (WRF) are taken at the first.
    let mut count = variable.shape.clone();
    if flat && count.len() == 3 {
        count[0] = 1;
    }
    let size = count.iter().try_fold(1_usize, |size, side| size.checked_mul(*side));
    if size.is_none_or(|size| size > most) {
        return Err(format!("more than {most} values"));
    }
    if variable.text {
        if role == Role::Time {
            let texts = store.texts(index)?;
            let read = |text: &String| Time::parse(&text.replace('_', "T"));
            coordinate.times =
                texts.iter().map(read).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        }
        return Ok(coordinate);
    }
    let start = vec![0; count.len()];
    coordinate.values = store.read(index, &start, &count)?.wide();
    if let Some(scale) = variable.numbers("scale_factor").first() {
        let offset = variable.numbers("add_offset").first().copied().unwrap_or(0.0);
        coordinate.values.iter_mut().for_each(|value| *value = *value * scale + offset);
    }
    match role {
        Role::Time | Role::Reference => {
            let clock = Clock::parse(variable.attribute("units"), variable.attribute("calendar"))?;
            let times: Result<_, _> =
                coordinate.values.iter().map(|value| clock.at(*value)).collect();
            coordinate.times = times?;
        }
        Role::Level => coordinate.levels = axes::levels(variable, &coordinate.values),
        _ => {}
    }
    Ok(coordinate)
}

/// Coordinates without a dimension that hold for the whole file, listed or not.
pub(super) fn self_evident(one: &Coordinate<'_>) -> bool {
    let whole = matches!(one.role, Role::Time | Role::Reference | Role::Step | Role::Member);
    whole && one.variable.dims.is_empty()
}
