//! Replies of `/v1/forecast` and `/v1/ensemble` as JSON and CSV, as Open-Meteo writes them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use strata_earth::time::{DAY, HOUR, Time};

use super::zone::Zone;

/// A variable's values, of one member.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// As clients find it: the variable's name, with the member and the model where there are several.
    pub(super) name: String,
    pub(super) unit: &'static str,
    pub(super) tag: Tag,
    /// NaN where missing.
    pub(super) values: Vec<f32>,
}

/// How FlatBuffers tell a variable.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tag {
    pub(super) code: u8,
    pub(super) unit: u8,
    pub(super) altitude: i16,
    pub(super) pressure: i16,
    pub(super) fold: u8,
    pub(super) member: i16,
}

/// Times with the values of variables at them.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Seconds since 1970, UTC.
    pub(super) times: Vec<i64>,
    /// Seconds between them.
    pub(super) interval: i64,
    pub(super) columns: Vec<Column>,
    /// How times are written.
    pub(super) clock: Clock,
}

/// How times are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) unix: bool,
    /// Seconds ahead of UTC.
    pub(super) offset: i64,
}

impl Clock {
    /// `2024-05-01T06:00` of the place; the day alone where the interval is one.
    fn text(self, time: i64, interval: i64) -> String {
        let civil = Time(time + self.offset).civil();
        let day = format!("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
        match interval {
            DAY => day,
            _ => format!("{day}T{:02}:{:02}", civil.hour, civil.minute),
        }
    }

    fn unit(self) -> &'static str {
        if self.unix { "unixtime" } else { "iso8601" }
    }
}

/// A place's answer of one model.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) place: (f64, f64),
    pub(super) location: usize,
    pub(super) zone: Zone,
    pub(super) facts: Facts,
    pub(super) generation_ms: f64,
    pub(super) current: Option<Table>,
    pub(super) hourly: Option<Table>,
    pub(super) daily: Option<Table>,
}

/// What Open-Meteo's replies do not have: whose forecast it is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// Model, or family of models.
    pub(super) model: String,
    /// When its run begins.
    pub(super) run: String,
    /// Whose atmosphere it is.
    pub(super) planet: String,
    /// What is to be known of the values.
    pub(super) note: String,
}

/// A place's values.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlaceReply {
    /// Latitude that values are for, in degrees.
    latitude: f64,
    /// Longitude.
    longitude: f64,
    /// Which of the places, from the second on.
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<usize>,
    /// How long it took, in ms.
    generationtime_ms: f64,
    /// Seconds that local times are ahead of UTC.
    utc_offset_seconds: i64,
    /// Time zone.
    timezone: String,
    /// In short.
    timezone_abbreviation: String,
    /// Null: values are at the model's own height of the ground.
    elevation: Option<f64>,
    #[serde(flatten)]
    facts: Facts,
    /// Units of the values now.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_units: Option<UnitsOf>,
    /// Values now, or when the run begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<Now>,
    /// Units of the hourly values.
    #[serde(skip_serializing_if = "Option::is_none")]
    hourly_units: Option<UnitsOf>,
    /// Hourly values: `time`, and a list for each variable; null where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    hourly: Option<Lists>,
    /// Units of the daily values.
    #[serde(skip_serializing_if = "Option::is_none")]
    daily_units: Option<UnitsOf>,
    /// Daily values.
    #[serde(skip_serializing_if = "Option::is_none")]
    daily: Option<Lists>,
}

impl From<Answer> for PlaceReply {
    fn from(answer: Answer) -> Self {
        let units = |table: &Option<Table>| table.clone().map(UnitsOf);
        let (lat, lon) = answer.place;
        Self {
            latitude: lat,
            longitude: lon,
            location_id: (answer.location > 0).then_some(answer.location),
            generationtime_ms: answer.generation_ms,
            utc_offset_seconds: answer.zone.offset,
            timezone_abbreviation: answer.zone.abbreviation(),
            timezone: answer.zone.name,
            elevation: None,
            facts: answer.facts,
            current_units: units(&answer.current),
            current: answer.current.map(Now),
            hourly_units: units(&answer.hourly),
            hourly: answer.hourly.map(Lists),
            daily_units: units(&answer.daily),
            daily: answer.daily.map(Lists),
        }
    }
}

/// One place, or a list of several.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Body {
    /// The place that was asked for.
    One(Box<PlaceReply>),
    /// Places in the order of the request.
    Several(Vec<PlaceReply>),
}

#[derive(Debug)]
struct UnitsOf(Table);

#[derive(Debug)]
struct Now(Table);

#[derive(Debug)]
struct Lists(Table);

macro_rules! described {
    ($type:ident, $name:literal, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

described!(UnitsOf, "SeriesUnits", {
    "type": "object",
    "description": "The unit of each variable, and of time.",
    "additionalProperties": {"type": "string"},
});
described!(Now, "CurrentValues", {
    "type": "object",
    "description": "`time`, `interval` (seconds), and the value of each variable.",
    "additionalProperties": {"type": ["number", "string", "null"]},
});
described!(Lists, "SeriesValues", {
    "type": "object",
    "description": "`time`, and the values of each variable; of members, `variable_member01`.",
    "additionalProperties": {"type": "array", "items": {"type": ["number", "string", "null"]}},
});

impl Serialize for UnitsOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", self.0.clock.unit())?;
        if self.0.is_now() {
            map.serialize_entry("interval", "seconds")?;
        }
        for column in &self.0.columns {
            map.serialize_entry(&column.name, column.unit)?;
        }
        map.end()
    }
}

impl Serialize for Now {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let time = self.0.times.first().copied().unwrap_or_default();
        match self.0.clock.unix {
            true => map.serialize_entry("time", &time)?,
            false => map.serialize_entry("time", &self.0.clock.text(time, self.0.interval))?,
        }
        map.serialize_entry("interval", &self.0.interval)?;
        for column in &self.0.columns {
            let value = column.values.first().copied().filter(|value| value.is_finite());
            map.serialize_entry(&column.name, &value)?;
        }
        map.end()
    }
}

impl Serialize for Lists {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Table { times, interval, columns, clock } = &self.0;
        let mut map = serializer.serialize_map(None)?;
        match clock.unix {
            true => map.serialize_entry("time", times)?,
            false => {
                let texts: Vec<String> =
                    times.iter().map(|time| clock.text(*time, *interval)).collect();
                map.serialize_entry("time", &texts)?;
            }
        }
        for column in columns {
            // JSON has no NaN: serde writes null in its place.
            map.serialize_entry(&column.name, &column.values)?;
        }
        map.end()
    }
}

impl Table {
    /// Whether it is of one moment.
    fn is_now(&self) -> bool {
        self.interval < HOUR
    }

    fn csv(&self, location: Option<usize>, head: bool, text: &mut String) {
        if head {
            let id = location.map_or("", |_| "location_id,");
            text.push_str(&format!("{id}time"));
            for column in &self.columns {
                text.push_str(&format!(",{} ({})", column.name, column.unit));
            }
            text.push('\n');
        }
        for (at, time) in self.times.iter().enumerate() {
            if let Some(location) = location {
                text.push_str(&format!("{location},"));
            }
            match self.clock.unix {
                true => text.push_str(&time.to_string()),
                false => text.push_str(&self.clock.text(*time, self.interval)),
            }
            for column in &self.columns {
                match column.values.get(at) {
                    Some(value) if value.is_finite() => text.push_str(&format!(",{value}")),
                    _ => text.push_str(",NaN"),
                }
            }
            text.push('\n');
        }
    }
}

/// A head for each place, then a table of each kind.
pub(super) fn csv(answers: &[Answer]) -> String {
    let several = answers.len() > 1;
    let id = if several { "location_id," } else { "" };
    let mut text = format!(
        "{id}latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation,model,run,planet\n"
    );
    for answer in answers {
        if several {
            text.push_str(&format!("{},", answer.location));
        }
        let ((lat, lon), zone, facts) = (answer.place, &answer.zone, &answer.facts);
        let (offset, name, short) = (zone.offset, &zone.name, zone.abbreviation());
        let (model, run, planet) = (&facts.model, &facts.run, &facts.planet);
        text.push_str(&format!("{lat},{lon},NaN,{offset},{name},{short},{model},{run},{planet}\n"));
    }
    type Pick = fn(&Answer) -> Option<&Table>;
    let picks: [Pick; 3] = [
        |answer| answer.current.as_ref(),
        |answer| answer.hourly.as_ref(),
        |answer| answer.daily.as_ref(),
    ];
    for pick in picks {
        let mut head = true;
        for answer in answers {
            let Some(table) = pick(answer) else { continue };
            if head {
                text.push('\n');
            }
            table.csv(several.then_some(answer.location), head, &mut text);
            head = false;
        }
    }
    text
}
