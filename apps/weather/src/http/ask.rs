//! Parameters of `/v1/forecast` and `/v1/ensemble`, as Open-Meteo names them, and what they ask for.

use schemars::JsonSchema;
use serde::Deserialize;
use strata_earth::time::{DAY, HOUR, Time};
use strata_serve::{Call, Problem};

use super::variables::{Speed, Units};

/// Most variables of a list.
const MOST: usize = 500;

/// Most hours of a reply.
pub(super) const MOST_HOURS: i64 = 24 * 120;

/// Which values of which place. Lists are written with commas, or the parameter is given again.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PointAsk {
    /// Latitudes, in degrees north.
    #[serde(default)]
    latitude: Vec<String>,
    /// Longitudes, in degrees east, as many as latitudes.
    #[serde(default)]
    longitude: Vec<String>,
    /// Read over: values are the model's, at the model's height of the ground.
    #[serde(default)]
    #[allow(dead_code, reason = "clients send it")]
    elevation: Vec<String>,
    /// Variables by the hour: `temperature_2m`, `wind_speed_850hPa`, …; `/v1/models` lists those of each run.
    #[serde(default)]
    hourly: Vec<String>,
    /// Daily values: an hourly variable with `_max`, `_min` or `_mean`, or a wind direction with `_dominant`.
    #[serde(default)]
    daily: Vec<String>,
    /// Variables now, or when the run begins where it is not of today.
    #[serde(default)]
    current: Vec<String>,
    /// `GMT`, a name of IANA's (`Asia/Shanghai`), or `auto`: the nautical zone of the longitude.
    #[serde(default)]
    timezone: Vec<String>,
    /// `iso8601` (local time) or `unixtime` (seconds, UTC).
    #[serde(default)]
    timeformat: Option<String>,
    /// `celsius` or `fahrenheit`.
    #[serde(default)]
    temperature_unit: Option<String>,
    /// `kmh`, `ms`, `mph` or `kn`.
    #[serde(default)]
    wind_speed_unit: Option<String>,
    /// The old name of `wind_speed_unit`.
    #[serde(default)]
    windspeed_unit: Option<String>,
    /// `mm` or `inch`; no variable is in it.
    #[serde(default)]
    precipitation_unit: Option<String>,
    /// Days from the first on, 0 to 100; 7 where it is left out.
    #[serde(default)]
    forecast_days: Option<String>,
    /// Hours from the current one on, in the place of days.
    #[serde(default)]
    forecast_hours: Option<String>,
    /// Days before the first.
    #[serde(default)]
    past_days: Option<String>,
    /// Hours before the current one.
    #[serde(default)]
    past_hours: Option<String>,
    /// The first day, such as 2024-05-01, with `end_date`.
    #[serde(default)]
    start_date: Option<String>,
    /// The last day.
    #[serde(default)]
    end_date: Option<String>,
    /// The first hour of `hourly`, such as 2024-05-01T06:00, with `end_hour`.
    #[serde(default)]
    start_hour: Option<String>,
    /// The last hour.
    #[serde(default)]
    end_hour: Option<String>,
    /// Models; the one with the newest run where it is left out or `best_match`.
    #[serde(default)]
    models: Vec<String>,
    /// When the run begins, such as 2024-05-01T06:00; the newest where it is left out.
    #[serde(default)]
    run: Option<String>,
    /// `nearest` takes the nearest point of the grid; `land` and `sea` are read over: values are linear between the points.
    #[serde(default)]
    cell_selection: Option<String>,
    /// `json`, `csv` or `flatbuffers`.
    #[serde(default)]
    format: Option<String>,
    /// Read over: the server's own keys go into a header.
    #[serde(default)]
    #[allow(dead_code, reason = "clients send it")]
    apikey: Option<String>,
}

/// Form of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Csv,
    FlatBuffers,
}

/// Which hours and days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// From a day on, in local days since 1970: the first and the last.
    Dates(i64, i64),
    /// Days before and from the first.
    Days { past: i64, days: i64 },
}

/// What a request asks for.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) places: Vec<(f64, f64)>,
    pub(super) hourly: Vec<String>,
    pub(super) daily: Vec<String>,
    pub(super) current: Vec<String>,
    pub(super) zones: Vec<String>,
    pub(super) unix: bool,
    pub(super) units: Units,
    pub(super) range: Range,
    /// Local hours since 1970, the first and the last.
    pub(super) hours: Option<(i64, i64)>,
    /// Hours before and from the current one.
    pub(super) around: Option<(i64, i64)>,
    pub(super) models: Vec<String>,
    pub(super) run: Option<Time>,
    pub(super) nearest: bool,
    pub(super) form: Form,
}

/// The parts of a list that is written with commas, given once or often.
fn list(values: &[String]) -> Vec<String> {
    let parts = values.iter().flat_map(|value| value.split(','));
    parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn names(field: &str, values: &[String]) -> Result<Vec<String>, Problem> {
    let mut names: Vec<String> = Vec::new();
    for name in list(values) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > MOST {
        return Err(Problem::field(field, format!("more than {MOST} variables")));
    }
    Ok(names)
}

fn degrees(field: &str, values: &[String], most: f64) -> Result<Vec<f64>, Problem> {
    let one = |text: String| {
        let value = text.parse::<f64>().ok().filter(|value| value.abs() <= most);
        value.ok_or_else(|| {
            let text: String = text.chars().take(40).collect();
            Problem::field(field, format!("{field} {text:?} is not from -{most} to {most}"))
        })
    };
    list(values).into_iter().map(one).collect()
}

fn one_of<T: Copy>(
    field: &str,
    given: Option<&String>,
    known: &[(&str, T)],
) -> Result<Option<T>, Problem> {
    let Some(given) = given.map(String::as_str).filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    match known.iter().find(|(name, _)| *name == given) {
        Some((_, value)) => Ok(Some(*value)),
        None => {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let given: String = given.chars().take(40).collect();
            Err(Problem::field(field, format!("{field} {given:?} is none of {}", names.join(", "))))
        }
    }
}

fn whole(field: &str, given: Option<&String>, most: i64) -> Result<Option<i64>, Problem> {
    let Some(given) = given else { return Ok(None) };
    match given.parse::<i64>().ok().filter(|value| (0..=most).contains(value)) {
        Some(value) => Ok(Some(value)),
        None => {
            Err(Problem::field(field, format!("{field} is not a whole number from 0 to {most}")))
        }
    }
}

fn moment(field: &str, given: Option<&String>) -> Result<Option<Time>, Problem> {
    let time = given.map(|text| Time::parse(text)).transpose();
    time.map_err(|error| Problem::field(field, format!("{field}: {error}")))
}

fn both<T>(
    fields: (&str, &str),
    first: Option<T>,
    last: Option<T>,
) -> Result<Option<(T, T)>, Problem>
where
    T: PartialOrd,
{
    match (first, last) {
        (None, None) => Ok(None),
        (Some(first), Some(last)) if first <= last => Ok(Some((first, last))),
        (Some(_), Some(_)) => {
            Err(Problem::field(fields.1, format!("{} is before {}", fields.1, fields.0)))
        }
        _ => Err(Problem::field(fields.0, format!("{} and {} go together", fields.0, fields.1))),
    }
}

impl PointAsk {
    /// What is asked for.
    ///
    /// # Errors
    /// A parameter that says nothing sensible, by its name.
    pub(super) fn question(&self, call: &Call) -> Result<Question, Problem> {
        let lats = degrees("latitude", &self.latitude, 90.0)?;
        let lons = degrees("longitude", &self.longitude, 360.0)?;
        if lats.is_empty() || lats.len() != lons.len() {
            let text = format!("{} latitudes and {} longitudes", lats.len(), lons.len());
            return Err(Problem::field("latitude", text)
                .with_remedy("give latitude and longitude, as many of the one as of the other"));
        }
        call.check_rows("latitude", lats.len())?;
        let zones = list(&self.timezone);
        if zones.len() > 1 && zones.len() != lats.len() {
            let text = format!("{} time zones for {} places", zones.len(), lats.len());
            return Err(Problem::field("timezone", text));
        }
        let dates = both(
            ("start_date", "end_date"),
            moment("start_date", self.start_date.as_ref())?,
            moment("end_date", self.end_date.as_ref())?,
        )?;
        let hours = both(
            ("start_hour", "end_hour"),
            moment("start_hour", self.start_hour.as_ref())?,
            moment("end_hour", self.end_hour.as_ref())?,
        )?;
        let past = whole("past_days", self.past_days.as_ref(), 100)?.unwrap_or(0);
        let days = whole("forecast_days", self.forecast_days.as_ref(), 100)?;
        let range = match dates {
            Some((first, last)) => Range::Dates(first.0.div_euclid(DAY), last.0.div_euclid(DAY)),
            None => Range::Days { past, days: days.unwrap_or(7) },
        };
        let hours = hours.map(|(first, last)| (first.0.div_euclid(HOUR), last.0.div_euclid(HOUR)));
        let before = whole("past_hours", self.past_hours.as_ref(), MOST_HOURS)?;
        let after = whole("forecast_hours", self.forecast_hours.as_ref(), MOST_HOURS)?;
        let around = match (before, after) {
            (None, None) => None,
            (before, after) => Some((before.unwrap_or(0), after.unwrap_or(0))),
        };
        let long = match (range, hours) {
            (_, Some((first, last))) => last - first >= MOST_HOURS,
            (Range::Dates(first, last), None) => (last - first + 1) * 24 > MOST_HOURS,
            (Range::Days { past, days }, None) => (past + days) * 24 > MOST_HOURS,
        };
        if long {
            let text = format!("more than {} days", MOST_HOURS / 24);
            return Err(Problem::field("end_date", text));
        }
        one_of(
            "precipitation_unit",
            self.precipitation_unit.as_ref(),
            &[("mm", ()), ("inch", ())],
        )?;
        let selections = [("land", false), ("sea", false), ("nearest", true)];
        let speeds =
            [("kmh", Speed::Kmh), ("ms", Speed::Ms), ("mph", Speed::Mph), ("kn", Speed::Kn)];
        let forms = [("json", Form::Json), ("csv", Form::Csv), ("flatbuffers", Form::FlatBuffers)];
        let speed = self.wind_speed_unit.as_ref().or(self.windspeed_unit.as_ref());
        let scales = [("celsius", false), ("fahrenheit", true)];
        let fahrenheit = one_of("temperature_unit", self.temperature_unit.as_ref(), &scales)?;
        let clocks = [("iso8601", false), ("unixtime", true)];
        Ok(Question {
            places: lats.into_iter().zip(lons).collect(),
            hourly: names("hourly", &self.hourly)?,
            daily: names("daily", &self.daily)?,
            current: names("current", &self.current)?,
            zones,
            unix: one_of("timeformat", self.timeformat.as_ref(), &clocks)?.unwrap_or(false),
            units: Units {
                fahrenheit: fahrenheit.unwrap_or(false),
                speed: one_of("wind_speed_unit", speed, &speeds)?.unwrap_or_default(),
            },
            range,
            hours,
            around,
            models: names("models", &self.models)?,
            run: moment("run", self.run.as_ref())?,
            nearest: one_of("cell_selection", self.cell_selection.as_ref(), &selections)?
                .unwrap_or(false),
            form: one_of("format", self.format.as_ref(), &forms)?.unwrap_or(Form::Json),
        })
    }
}
