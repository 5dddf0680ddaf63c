//! `convert`: fields of files into another format, grid, area, or selection, with what can be derived from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use strata_earth::derive::{Quantity, derive};
use strata_earth::field::{Field, Header};
use strata_earth::grid::Grid;
use strata_earth::level::{Level, LevelKind};
use strata_earth::regrid::crop::{Area, Crop};
use strata_earth::regrid::{Method, Regrid};
use strata_earth::sink::{Plan, Planned};
use strata_earth::source::Source;
use strata_earth::time::{HOUR, Time};
use strata_earth::variable;

use crate::forecast::open_output;

/// What becomes of the fields.
#[derive(Debug, Clone, Default)]
pub struct Conversion {
    /// Short names of variables; all where empty.
    pub variables: Vec<String>,
    /// Pressures in hPa; all where empty. Fields without a pressure are not touched by it.
    pub levels: Vec<f64>,
    /// Hours from the start; all where empty.
    pub steps: Vec<u32>,
    /// Start of the forecast, where the files hold several.
    pub reference: Option<Time>,
    /// Quantities that are derived, each at the levels where what it needs is there.
    pub derive: Vec<Quantity>,
    /// Another grid.
    pub grid: Option<(Arc<Grid>, Method)>,
    /// An area.
    pub area: Option<Area>,
    /// Metadata of the file.
    pub attributes: BTreeMap<String, String>,
}

/// What was written.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Converted {
    /// Fields.
    pub fields: usize,
    /// Of these, derived ones.
    pub derived: usize,
    /// Points.
    pub grid: String,
    /// What was found on the way.
    pub notes: Vec<String>,
}

/// A grid by its name: degrees (`1.5`), rows and columns (`181x360`), Gaussian ones (`gaussian:32x64`).
///
/// # Errors
/// Names the text and the forms.
pub fn grid(text: &str) -> anyhow::Result<Grid> {
    let sides = |text: &str| -> Option<(usize, usize)> {
        let (rows, columns) = text.split_once('x')?;
        let (rows, columns) = (rows.trim().parse().ok()?, columns.trim().parse().ok()?);
        ((2..=20_000).contains(&rows) && (2..=40_000).contains(&columns)).then_some((rows, columns))
    };
    let degrees = |text: &str| -> Option<(usize, usize)> {
        let step: f64 = text.parse().ok().filter(|step| (0.01..=30.0).contains(step))?;
        let rows = 180.0 / step;
        let whole = (rows - rows.round()).abs() < 1e-6;
        whole.then(|| (rows.round() as usize + 1, (360.0 / step).round() as usize))
    };
    let read = match text.split_once(':') {
        Some(("gaussian", rest)) => {
            sides(rest).map(|(rows, columns)| Grid::gaussian(rows, columns))
        }
        Some(("regular", rest)) => sides(rest).map(|(rows, columns)| Grid::regular(rows, columns)),
        Some(_) => None,
        None => sides(text).or_else(|| degrees(text)).map(|(r, c)| Grid::regular(r, c)),
    };
    read.with_context(|| {
        format!("{text:?} is no grid: degrees (1.5), ROWSxCOLUMNS (181x360) or gaussian:32x64")
    })
}

/// A field that will be written: one of the source, or one that is derived from several of it.
struct Item {
    header: Header,
    from: Vec<usize>,
    quantity: Option<Quantity>,
}

/// Converts.
///
/// # Errors
/// A field that cannot be read or written, or a selection that leaves none.
pub fn convert(source: &dyn Source, what: &Conversion, path: &str) -> anyhow::Result<Converted> {
    crate::forecast::check_output(path)?;
    let (reference, chosen, mut notes) = chosen(source, what)?;
    let mut items: Vec<Item> = chosen
        .iter()
        .filter(|(_, header)| wanted(what, header))
        .map(|(index, header)| Item { header: header.clone(), from: vec![*index], quantity: None })
        .collect();
    let stored = items.len();
    items.extend(derived(&chosen, what)?);
    let first = items.first().context(nothing(source))?;
    let (from, to) = grids(&first.header.grid, what)?;
    let odd = items.iter().find(|item| !item.header.grid.same_points(&from));
    if let Some(odd) = odd {
        let (a, b) = (&first.header, &odd.header);
        bail!(
            "{} lies on {} and {} on {}: choose one of them with --fields",
            a.variable,
            a.grid,
            b.variable,
            b.grid
        );
    }
    let attributes = attributes(source, what);
    let plan = plan(&items, reference, Arc::clone(to.last().unwrap_or(&from)), attributes)?;
    let change = Change::new(&from, what)?;
    let mut sink =
        open_output(path, &plan, false).with_context(|| format!("cannot write {path}"))?;
    for item in &items {
        let fields: Vec<Field> =
            item.from.iter().map(|index| source.field(*index)).collect::<Result<_, _>>()?;
        let values = match item.quantity {
            Some(quantity) => derive(&fields, quantity, item.header.level)?.values,
            None => fields.into_iter().next().map(|field| field.values).unwrap_or_default(),
        };
        let header = Header { grid: Arc::clone(&plan.grid), ..item.header.clone() };
        sink.write(&header, &change.apply(values)?)?;
    }
    sink.finish()?;
    notes.extend(source.notes().iter().cloned());
    let grid = plan.grid.to_string();
    Ok(Converted { fields: items.len(), derived: items.len() - stored, grid, notes })
}

fn nothing(source: &dyn Source) -> String {
    let mut names: Vec<String> = source
        .headers()
        .iter()
        .map(|header| format!("{} at {}", header.variable, header.level))
        .collect();
    names.sort();
    names.dedup();
    names.truncate(20);
    format!("no field is left of the selection; the files hold {}", names.join(", "))
}

type Chosen = (Time, Vec<(usize, Header)>, Vec<String>);

/// Fields of one forecast; analyses at several times are steps from the first.
fn chosen(source: &dyn Source, what: &Conversion) -> anyhow::Result<Chosen> {
    let headers = source.headers();
    let mut references: Vec<Time> = headers.iter().map(|header| header.reference).collect();
    references.sort_unstable();
    references.dedup();
    let Some(first) = references.first().copied() else { bail!("the files hold no field") };
    let analyses = headers.iter().all(|header| header.step == 0);
    let series = references.len() > 1 && analyses && what.reference.is_none();
    let reference = match (what.reference, references.len()) {
        (Some(time), _) if references.contains(&time) => time,
        (Some(time), _) => bail!("nothing begins at {time}; there are {}", list(&references)),
        (None, 1) => first,
        (None, _) if analyses => first,
        (None, _) => bail!(
            "the files hold forecasts from {}: choose one with --date and --time",
            list(&references)
        ),
    };
    let kept = headers.iter().enumerate().filter_map(|(index, header)| {
        let mut header = header.clone();
        if series {
            header.step = header.reference - reference;
            header.reference = reference;
        }
        (header.reference == reference).then_some((index, header))
    });
    let mut notes = Vec::new();
    if series {
        notes.push(format!(
            "analyses from {} are written as steps from {reference}",
            list(&references)
        ));
    }
    Ok((reference, kept.collect(), notes))
}

fn list(times: &[Time]) -> String {
    let shown: Vec<String> = times.iter().take(6).map(ToString::to_string).collect();
    let more =
        if times.len() > 6 { format!(" and {} more", times.len() - 6) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn wanted(what: &Conversion, header: &Header) -> bool {
    let named = |name: &String| {
        let known = variable::known(name).map(|known| known.short);
        header.variable == *name || known == Some(header.variable.as_str())
    };
    (what.variables.is_empty() || what.variables.iter().any(named)) && placed(what, header)
}

fn placed(what: &Conversion, header: &Header) -> bool {
    let level = header.level.kind != LevelKind::Pressure
        || what.levels.is_empty()
        || what.levels.iter().any(|hpa| header.level.is_pressure(*hpa));
    let step = what.steps.is_empty()
        || what.steps.iter().any(|hours| header.step == i64::from(*hours) * HOUR);
    level && step
}

/// What can be derived, at each level, step and member; a quantity that can be derived nowhere is refused with what it needs.
fn derived(chosen: &[(usize, Header)], what: &Conversion) -> anyhow::Result<Vec<Item>> {
    let mut items = Vec::new();
    for quantity in &what.derive {
        let before = items.len();
        let mut missing = None;
        let mut seen: Vec<(Level, i64, Option<u32>)> = Vec::new();
        for (_, header) in chosen.iter().filter(|(_, header)| placed(what, header)) {
            let place = (header.level, header.step, header.member);
            if seen.contains(&place) {
                continue;
            }
            seen.push(place);
            let needs = match quantity.needs(header.level) {
                Ok(needs) => needs,
                Err(error) => {
                    missing = Some(error.to_string());
                    continue;
                }
            };
            let find = |name: &str, level: Level| {
                chosen.iter().find(|(_, other)| {
                    other.variable == name
                        && other.level == level
                        && (other.step, other.member) == (header.step, header.member)
                })
            };
            let found: Vec<_> = needs
                .iter()
                .map(|need| need.any.iter().find_map(|name| find(name, need.level)))
                .collect();
            if let Some(at) = found.iter().position(Option::is_none) {
                let need = &needs[at];
                missing.get_or_insert(format!(
                    "{} needs {} at {}, which the files do not have",
                    quantity.name(),
                    need.any.join(" or "),
                    need.level
                ));
                continue;
            }
            let header = Header {
                variable: quantity.variable(header.level).to_owned(),
                unit: quantity.unit().to_owned(),
                ..header.clone()
            };
            let from = found.into_iter().flatten().map(|(index, _)| *index).collect();
            items.push(Item { header, from, quantity: Some(*quantity) });
        }
        if items.len() == before {
            bail!(
                "{}",
                missing.unwrap_or_else(|| format!("{} cannot be derived", quantity.name()))
            );
        }
    }
    Ok(items)
}

/// The grid of the source, and those it goes through.
fn grids(from: &Arc<Grid>, what: &Conversion) -> anyhow::Result<(Arc<Grid>, Vec<Arc<Grid>>)> {
    let mut to = Vec::new();
    if let Some((grid, _)) = &what.grid {
        to.push(Arc::clone(grid));
    }
    if let Some(area) = &what.area {
        let crop = Crop::new(to.last().unwrap_or(from), area)?;
        to.push(Arc::clone(&crop.grid));
    }
    Ok((Arc::clone(from), to))
}

/// From the source's grid to what is written.
struct Change {
    regrid: Option<Regrid>,
    crop: Option<Crop>,
}

impl Change {
    fn new(from: &Arc<Grid>, what: &Conversion) -> anyhow::Result<Self> {
        let regrid = match &what.grid {
            Some((to, method)) => Some(Regrid::new(Arc::clone(from), Arc::clone(to), *method)?),
            None => None,
        };
        let before = regrid.as_ref().map_or(from, Regrid::grid);
        let crop = what.area.as_ref().map(|area| Crop::new(before, area)).transpose()?;
        Ok(Self { regrid, crop })
    }

    fn apply(&self, mut values: Vec<f32>) -> anyhow::Result<Vec<f32>> {
        if let Some(regrid) = &self.regrid {
            values = regrid.apply(&values)?;
        }
        if let Some(crop) = &self.crop {
            values = crop.apply(&values)?;
        }
        Ok(values)
    }
}

/// The planet goes with the fields; so does what the user adds.
fn attributes(source: &dyn Source, what: &Conversion) -> BTreeMap<String, String> {
    let first = source.headers().first();
    let planet = first.and_then(|header| header.attributes.get("planet"));
    let mut attributes: BTreeMap<String, String> =
        planet.map(|planet| ("planet".to_owned(), planet.clone())).into_iter().collect();
    attributes.extend(what.attributes.clone());
    attributes
}

fn plan(
    items: &[Item],
    reference: Time,
    grid: Arc<Grid>,
    attributes: BTreeMap<String, String>,
) -> anyhow::Result<Plan> {
    let mut steps: Vec<i64> = items.iter().map(|item| item.header.step).collect();
    steps.sort_unstable();
    steps.dedup();
    let mut members: Vec<Option<u32>> = items.iter().map(|item| item.header.member).collect();
    members.sort_unstable();
    members.dedup();
    let members = match members.as_slice() {
        [None] => None,
        [.., Some(last)] if members.iter().all(Option::is_some) => Some(last + 1),
        _ => bail!("some fields are of a member and some of none: choose with --fields"),
    };
    let mut variables: Vec<Planned> = Vec::new();
    for Item { header, .. } in items {
        match variables.iter_mut().find(|planned| planned.variable == header.variable) {
            Some(planned) if !planned.levels.contains(&header.level) => {
                planned.levels.push(header.level);
            }
            Some(_) => {}
            None => variables.push(Planned {
                variable: header.variable.clone(),
                unit: header.unit.clone(),
                levels: vec![header.level],
            }),
        }
    }
    for planned in &mut variables {
        planned.levels.sort_by(|a, b| b.value.total_cmp(&a.value));
    }
    Ok(Plan { grid, reference, steps, members, variables, attributes })
}
