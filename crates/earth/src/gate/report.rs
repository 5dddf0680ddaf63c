//! What the gate repaired, and what it refuses and why.

use std::fmt;

use serde::Serialize;

use crate::time::Time;

/// A repair: certain, done, and told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "repair")]
#[non_exhaustive]
pub enum Repair {
    /// Rows went the other way.
    LatitudesFlipped {
        /// Fields it was done to.
        fields: usize,
    },
    /// Columns began elsewhere.
    LongitudesRolled {
        /// Longitude of the file's first column.
        from: f64,
        /// Fields.
        fields: usize,
    },
    /// A meridian stood twice (0 and 360).
    MeridianDropped {
        /// Fields.
        fields: usize,
    },
    /// Levels of a variable lay in another order.
    LevelsReordered {
        /// Short name.
        variable: String,
    },
    /// Levels were told in Pa where hPa are meant.
    LevelsInPascals {
        /// Fields.
        fields: usize,
    },
    /// Geopotential height became geopotential, times 9.80665.
    HeightToGeopotential {
        /// The file's name of it.
        variable: String,
        /// The file's unit.
        unit: String,
        /// Fields.
        fields: usize,
    },
    /// A unit was converted.
    Unit {
        /// Short name.
        variable: String,
        /// The file's unit; `K by name, degrees Celsius by its values` where its values alone say so.
        from: String,
        /// SI unit.
        to: String,
        /// Fields.
        fields: usize,
    },
    /// Several members were there.
    MemberChosen {
        /// The one that is taken.
        member: u32,
        /// How many there were.
        of: usize,
    },
    /// Several times were there, and one was asked for.
    TimeChosen {
        /// When.
        time: Time,
        /// How many there were.
        of: usize,
    },
    /// The grid was another and regridding was asked for.
    Regridded {
        /// The file's grid.
        from: String,
        /// Method.
        method: String,
        /// Fields.
        fields: usize,
    },
}

/// A refusal: what is wrong, where, and what would help.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "refusal")]
#[non_exhaustive]
pub enum Refusal {
    /// Variables or levels are not there.
    Missing {
        /// Each with its level.
        fields: Vec<String>,
        /// What the file has.
        has: String,
        /// Parts of the file that could not be read.
        unread: Vec<String>,
    },
    /// A field cannot be read.
    Unreadable {
        /// The reader's words.
        why: String,
    },
    /// Points are missing or not finite.
    MissingValues {
        /// Field.
        field: String,
        /// How many.
        count: usize,
        /// Of how many.
        of: usize,
        /// South, north, west, east of them, in degrees.
        within: [f64; 4],
    },
    /// Values that the atmosphere does not have.
    Range {
        /// Field.
        field: String,
        /// Least and greatest value, in SI units.
        found: [f64; 2],
        /// Bounds.
        bounds: [f64; 2],
        /// Latitude and longitude of the value farthest out.
        at: [f64; 2],
        /// What it may be instead.
        hint: String,
    },
    /// Humidity below zero by more than rounding.
    NegativeHumidity {
        /// Field.
        field: String,
        /// Least value.
        least: f64,
    },
    /// A unit that is not known for its variable.
    Unit {
        /// Field.
        field: String,
        /// The file's unit.
        unit: String,
        /// The SI unit.
        expected: String,
    },
    /// Another grid.
    Grid {
        /// The file's.
        found: String,
        /// The model's.
        expected: String,
    },
    /// Another planet.
    Planet {
        /// The file's.
        found: String,
        /// The model's.
        expected: String,
    },
    /// Fields of several times, or none of the time that was asked for.
    Times {
        /// What was asked for.
        asked: Option<Time>,
        /// What is there.
        found: Vec<Time>,
    },
    /// Several members, none of them the control, or none of the one asked for.
    Members {
        /// What was asked for.
        asked: Option<u32>,
        /// What is there.
        found: Vec<u32>,
    },
    /// Several fields of one variable, level, time and member that differ.
    Ambiguous {
        /// Field.
        field: String,
        /// How many.
        count: usize,
    },
    /// One value everywhere.
    Constant {
        /// Field.
        field: String,
        /// The value.
        value: f64,
    },
    /// Geopotential and temperature contradict each other.
    Hydrostatic {
        /// Lower pressure level, in hPa.
        below: f64,
        /// Upper pressure level.
        above: f64,
        /// Difference of the layer's mean temperature by thickness and by temperature, root mean square or mean, in K.
        apart: f64,
        /// The most that is allowed.
        limit: f64,
    },
}

/// What the gate found.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// What was repaired.
    pub repairs: Vec<Repair>,
    /// What is refused; a state comes out where it is empty.
    pub refusals: Vec<Refusal>,
}

impl Report {
    /// Whether the state may go into the model.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.refusals.is_empty()
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LatitudesFlipped { fields } => {
                write!(f, "latitudes ran from south to north: flipped ({fields} fields)")
            }
            Self::LongitudesRolled { from, fields } => {
                write!(f, "longitudes began at {from} E: rolled to 0 E ({fields} fields)")
            }
            Self::MeridianDropped { fields } => {
                write!(f, "one meridian stood twice: dropped ({fields} fields)")
            }
            Self::LevelsReordered { variable } => write!(f, "{variable}: levels reordered"),
            Self::LevelsInPascals { fields } => {
                write!(f, "levels were in Pa: read as hPa ({fields} fields)")
            }
            Self::HeightToGeopotential { variable, unit, fields } => {
                write!(
                    f,
                    "{variable} in {unit} became z in m2 s-2, times 9.80665 ({fields} fields)"
                )
            }
            Self::Unit { variable, from, to, fields } => {
                write!(f, "{variable}: {from} became {to} ({fields} fields)")
            }
            Self::MemberChosen { member, of } => write!(f, "member {member} of {of} was taken"),
            Self::TimeChosen { time, of } => write!(f, "{time} of {of} times was taken"),
            Self::Regridded { from, method, fields } => {
                write!(f, "regridded from {from} ({method}, {fields} fields)")
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { fields, has, unread } => {
                write!(f, "missing: {}; the file has {has}", fields.join(", "))?;
                match unread.is_empty() {
                    true => write!(f, "; give a file with them as well"),
                    false => write!(f, "; parts of it could not be read: {}", unread.join("; ")),
                }
            }
            Self::Unreadable { why } => f.write_str(why),
            Self::MissingValues { field, count, of, within: [south, north, west, east] } => write!(
                f,
                "{field}: {count} of {of} points are missing or not finite, from {south} to {north} N and {west} to {east} E; \
                 models need every point: fill them, or take another analysis"
            ),
            Self::Range {
                field,
                found: [least, most],
                bounds: [low, high],
                at: [lat, lon],
                hint,
            } => {
                write!(
                    f,
                    "{field}: values from {} to {} (farthest out at {lat} N {lon} E), where the atmosphere has {low} to {high}",
                    short(*least),
                    short(*most)
                )?;
                let usual = "is its unit, its level or its name wrong?";
                write!(f, ": {}", if hint.is_empty() { usual } else { hint })
            }
            Self::NegativeHumidity { field, least } => {
                write!(
                    f,
                    "{field}: humidity down to {}, which rounding does not explain",
                    short(*least)
                )
            }
            Self::Unit { field, unit, expected } => {
                write!(f, "{field}: its unit {unit:?} is not known for it; {expected} is expected")
            }
            Self::Grid { found, expected } => {
                write!(
                    f,
                    "the grid is {found}, the model's {expected}; regrid it first (convert --regrid)"
                )
            }
            Self::Planet { found, expected } => write!(
                f,
                "the state is of {found}, the model of {expected}; a model forecasts its own planet alone"
            ),
            Self::Times { asked: Some(asked), found } => {
                write!(f, "no fields of {asked}; the file has {}", several(found))
            }
            Self::Times { asked: None, found } => {
                write!(f, "fields of several times: {}; say which", several(found))
            }
            Self::Members { asked: Some(asked), found } => {
                write!(f, "no member {asked}; the file has {}", several(found))
            }
            Self::Members { asked: None, found } => {
                write!(
                    f,
                    "fields of several members, none the control: {}; say which",
                    several(found)
                )
            }
            Self::Ambiguous { field, count } => {
                write!(
                    f,
                    "{field}: {count} fields of one time that differ; which is meant is not certain"
                )
            }
            Self::Constant { field, value } => write!(f, "{field}: {value} at every point"),
            Self::Hydrostatic { below, above, apart, limit } => write!(
                f,
                "z and t between {below} and {above} hPa contradict each other: {apart:.1} K apart, at most {limit:.1} K are \
                 allowed; levels or variables are swapped, or heights stand for geopotentials"
            ),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.refusals.iter().map(|one| format!("refused: {one}"));
        let lines = lines.chain(self.repairs.iter().map(|one| format!("repaired: {one}")));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

fn short(value: f64) -> f64 {
    format!("{value:.6e}").parse().unwrap_or(value)
}

fn several(found: &[impl fmt::Display]) -> String {
    let mut texts: Vec<String> = found.iter().take(12).map(ToString::to_string).collect();
    if found.len() > texts.len() {
        texts.push(format!("and {} more", found.len() - texts.len()));
    }
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}
