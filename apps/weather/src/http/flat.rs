//! Replies as Open-Meteo's FlatBuffers: a `WeatherApiResponse` a place and model, each after its size, as `openmeteo-requests`
//! and the other public clients read them. Fields by their places in the schema of `openmeteo-sdk` 1.29.

use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset, VOffsetT, WIPOffset};

use super::reply::{Answer, Table};

type Offset = WIPOffset<TableFinishedWIPOffset>;

/// The place of a table's field in its list of offsets.
const fn slot(field: VOffsetT) -> VOffsetT {
    4 + 2 * field
}

/// Fields of `WeatherApiResponse`.
mod response {
    use super::{VOffsetT, slot};
    pub(super) const LATITUDE: VOffsetT = slot(0);
    pub(super) const LONGITUDE: VOffsetT = slot(1);
    pub(super) const ELEVATION: VOffsetT = slot(2);
    pub(super) const GENERATION_MS: VOffsetT = slot(3);
    pub(super) const LOCATION_ID: VOffsetT = slot(4);
    pub(super) const UTC_OFFSET: VOffsetT = slot(6);
    pub(super) const TIMEZONE: VOffsetT = slot(7);
    pub(super) const ABBREVIATION: VOffsetT = slot(8);
    pub(super) const CURRENT: VOffsetT = slot(9);
    pub(super) const DAILY: VOffsetT = slot(10);
    pub(super) const HOURLY: VOffsetT = slot(11);
}

/// Fields of `VariablesWithTime`.
mod table {
    use super::{VOffsetT, slot};
    pub(super) const TIME: VOffsetT = slot(0);
    pub(super) const TIME_END: VOffsetT = slot(1);
    pub(super) const INTERVAL: VOffsetT = slot(2);
    pub(super) const VARIABLES: VOffsetT = slot(3);
}

/// Fields of `VariableWithValues`.
mod variable {
    use super::{VOffsetT, slot};
    pub(super) const VARIABLE: VOffsetT = slot(0);
    pub(super) const UNIT: VOffsetT = slot(1);
    pub(super) const VALUE: VOffsetT = slot(2);
    pub(super) const VALUES: VOffsetT = slot(3);
    pub(super) const ALTITUDE: VOffsetT = slot(5);
    pub(super) const AGGREGATION: VOffsetT = slot(6);
    pub(super) const PRESSURE_LEVEL: VOffsetT = slot(7);
    pub(super) const ENSEMBLE_MEMBER: VOffsetT = slot(10);
}

/// The answers, one after the other.
pub(super) fn messages(answers: &[Answer]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut builder = FlatBufferBuilder::new();
    for answer in answers {
        builder.reset();
        let root = message(&mut builder, answer);
        builder.finish_size_prefixed(root, None);
        bytes.extend_from_slice(builder.finished_data());
    }
    bytes
}

fn message(builder: &mut FlatBufferBuilder<'_>, answer: &Answer) -> Offset {
    let name = builder.create_string(&answer.zone.name);
    let short = builder.create_string(&answer.zone.abbreviation());
    let current = answer.current.as_ref().map(|table| values(builder, table, true));
    let daily = answer.daily.as_ref().map(|table| values(builder, table, false));
    let hourly = answer.hourly.as_ref().map(|table| values(builder, table, false));
    let start = builder.start_table();
    builder.push_slot::<f32>(response::LATITUDE, answer.place.0 as f32, 0.0);
    builder.push_slot::<f32>(response::LONGITUDE, answer.place.1 as f32, 0.0);
    builder.push_slot_always::<f32>(response::ELEVATION, f32::NAN);
    builder.push_slot::<f32>(response::GENERATION_MS, answer.generation_ms as f32, 0.0);
    let location = i64::try_from(answer.location).unwrap_or(i64::MAX);
    builder.push_slot::<i64>(response::LOCATION_ID, location, 0);
    let offset = i32::try_from(answer.zone.offset).unwrap_or(0);
    builder.push_slot::<i32>(response::UTC_OFFSET, offset, 0);
    builder.push_slot_always(response::TIMEZONE, name);
    builder.push_slot_always(response::ABBREVIATION, short);
    for (field, table) in
        [(response::CURRENT, current), (response::DAILY, daily), (response::HOURLY, hourly)]
    {
        if let Some(table) = table {
            builder.push_slot_always(field, table);
        }
    }
    builder.end_table(start)
}

/// A table's times and variables; of one moment, each has a value in the place of its list.
fn values(builder: &mut FlatBufferBuilder<'_>, data: &Table, now: bool) -> Offset {
    let mut variables: Vec<Offset> = Vec::with_capacity(data.columns.len());
    for column in &data.columns {
        let values = (!now).then(|| builder.create_vector(&column.values));
        let (tag, start) = (column.tag, builder.start_table());
        builder.push_slot::<u8>(variable::VARIABLE, tag.code, 0);
        builder.push_slot::<u8>(variable::UNIT, tag.unit, 0);
        match values {
            Some(values) => builder.push_slot_always(variable::VALUES, values),
            None => {
                let value = column.values.first().copied().unwrap_or(f32::NAN);
                builder.push_slot::<f32>(variable::VALUE, value, 0.0);
            }
        }
        builder.push_slot::<i16>(variable::ALTITUDE, tag.altitude, 0);
        builder.push_slot::<u8>(variable::AGGREGATION, tag.fold, 0);
        builder.push_slot::<i16>(variable::PRESSURE_LEVEL, tag.pressure, 0);
        builder.push_slot::<i16>(variable::ENSEMBLE_MEMBER, tag.member, 0);
        variables.push(builder.end_table(start));
    }
    let variables = builder.create_vector(&variables);
    let first = data.times.first().copied().unwrap_or_default();
    let last = data.times.last().copied().unwrap_or_default();
    let start = builder.start_table();
    builder.push_slot::<i64>(table::TIME, first, 0);
    builder.push_slot::<i64>(table::TIME_END, last + data.interval, 0);
    builder.push_slot::<i32>(table::INTERVAL, i32::try_from(data.interval).unwrap_or(0), 0);
    builder.push_slot_always(table::VARIABLES, variables);
    builder.end_table(start)
}
