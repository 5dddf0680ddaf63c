//! `/v1/forecast` and `/v1/ensemble`: values of a run at places, as Open-Meteo's clients ask for them.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use strata_earth::card::EARTH;
use strata_earth::time::{DAY, HOUR, Time};
use strata_serve::keys::Scope;
use strata_serve::{Bytes, Call, Kind, Operation, Problem, Reply};

use super::ask::{Form, MOST_HOURS, PointAsk, Question, Range};
use super::flat;
use super::reply::{Answer, Body, Clock, Column, Facts, Table, Tag, csv};
use super::series::{Daily, Fold, Here, LONGEST_GAP, Plan};
use super::variables::Variable;
use super::zone::Zone;
use crate::store::{Run, Snapshot, Store};

const CSV: &str = "text/csv";
const FLAT: &str = "application/octet-stream";

/// Most values of a reply.
const MOST_VALUES: usize = 20_000_000;

/// Seconds that the moment of `current` is rounded to.
const QUARTER: i64 = 900;

pub(super) fn operations(store: &Arc<Store>) -> Vec<Operation> {
    const ONE: &str = "Values at places, as Open-Meteo's API gives them";
    const ALL: &str = "Values of all members at places, as Open-Meteo's API gives them";
    const KINDS: &[&str] = &[CSV, FLAT];
    let answers = |ensemble: bool| {
        let store = Arc::clone(store);
        move |call: &Call, ask: PointAsk| answer(&store.snapshot(), call, &ask, ensemble)
    };
    let form = "As the GET, for more places than an address holds: the parameters are a form, or a JSON object.";
    vec![
        Operation::get("forecast", "/v1/forecast")
            .about(
                "Forecasts",
                ONE,
                "Linear between the points of the grid (winds by their components) and between the steps of the run, where those \
                 are at most 12 h apart. The first day is today where the run goes on over it, else the day that the run begins. \
                 A daily value needs all 24 hours of the day. A variable that the model does not have is refused.",
            )
            .scope(Scope::Read)
            .replies::<PointAsk, Body, _>(KINDS, answers(false))
            .reasons(),
        Operation::post("forecast_of_form", "/v1/forecast")
            .about("Forecasts", ONE, form)
            .scope(Scope::Read)
            .replies_to_form::<PointAsk, Body, _>(KINDS, answers(false))
            .reasons(),
        Operation::get("ensemble", "/v1/ensemble")
            .about(
                "Forecasts",
                ALL,
                "As /v1/forecast; the first member has the variable's name, the others `_member01` and so on behind it.",
            )
            .scope(Scope::Read)
            .replies::<PointAsk, Body, _>(KINDS, answers(true))
            .reasons(),
        Operation::post("ensemble_of_form", "/v1/ensemble")
            .about("Forecasts", ALL, form)
            .scope(Scope::Read)
            .replies_to_form::<PointAsk, Body, _>(KINDS, answers(true))
            .reasons(),
    ]
}

fn answer(
    snapshot: &Snapshot,
    call: &Call,
    ask: &PointAsk,
    ensemble: bool,
) -> Result<Reply<Body>, Problem> {
    let question = ask.question(call)?;
    let form = match question.form {
        Form::Json if call.prefers(&["application/json", CSV]) == CSV => Form::Csv,
        form => form,
    };
    let runs = runs(snapshot, &question)?;
    let asks: Vec<Asks<'_>> =
        runs.iter().map(|run| Asks::new(run, &question, ensemble)).collect::<Result<_, _>>()?;
    let columns: usize = asks.iter().map(Asks::columns).sum();
    let values = question.places.len().saturating_mul(columns);
    if values.saturating_mul(question.length()) > MOST_VALUES {
        let text = format!("the reply would have more than {MOST_VALUES} values");
        return Err(Problem::new(Kind::TooLarge, "too-many-values", text)
            .with_remedy("ask for fewer places, variables or days at a time"));
    }
    let mut answers = Vec::new();
    for location in 0..question.places.len() {
        let models: Vec<Answer> =
            asks.iter().map(|asks| asks.answer(location)).collect::<Result<_, _>>()?;
        match form {
            // A message a model; in JSON and CSV, models are columns.
            Form::FlatBuffers => answers.extend(models),
            Form::Json | Form::Csv => answers.extend(merged(models)),
        }
    }
    Ok(match form {
        Form::Csv => Reply::Bytes { content_type: CSV, bytes: csv(&answers).into() },
        Form::FlatBuffers => {
            Reply::Bytes { content_type: FLAT, bytes: Bytes::from(flat::messages(&answers)) }
        }
        Form::Json => {
            let mut replies: Vec<_> = answers.into_iter().map(Into::into).collect();
            match (replies.len(), replies.pop()) {
                (1, Some(one)) => Reply::Json(Body::One(Box::new(one))),
                (_, Some(last)) => {
                    replies.push(last);
                    Reply::Json(Body::Several(replies))
                }
                (_, None) => Reply::Json(Body::Several(replies)),
            }
        }
    })
}

/// The runs that are asked for.
fn runs(snapshot: &Snapshot, question: &Question) -> Result<Vec<Arc<Run>>, Problem> {
    let mut models: Vec<&str> = question.models.iter().map(String::as_str).collect();
    if models.is_empty() {
        models.push("best_match");
    }
    models.into_iter().map(|model| run(snapshot, model, question.run)).collect()
}

/// The run of a model, or of the best.
///
/// # Errors
/// There is none; the problem says what there is.
pub(super) fn run(
    snapshot: &Snapshot,
    model: &str,
    reference: Option<Time>,
) -> Result<Arc<Run>, Problem> {
    let Some(best) = snapshot.best() else {
        return Err(Problem::new(Kind::Unavailable, "no-forecast", "there is no forecast yet")
            .with_remedy(
                "put files into the folder weather.data, or run a job of /v1/jobs/forecast",
            ));
    };
    let name = if model == "best_match" || model.is_empty() { best } else { model };
    let Some(runs) = snapshot.models.get(name) else {
        let known = snapshot.models.keys().cloned().collect::<Vec<_>>().join(", ");
        let name: String = name.chars().take(60).collect();
        return Err(Problem::field(
            "models",
            format!("there is no model {name:?}; there are {known}"),
        ));
    };
    snapshot.run(name, reference).cloned().ok_or_else(|| {
        let known: Vec<String> = runs.iter().map(|run| run.reference.to_string()).collect();
        let text = format!("{name} has no run of that time; it has {}", known.join(", "));
        Problem::field("run", text)
    })
}

impl Question {
    /// Times of the longest table.
    fn length(&self) -> usize {
        let hours = match (self.hours, self.around, self.range) {
            (Some((first, last)), ..) => last - first + 1,
            (_, Some((before, after)), _) => before + after,
            (.., Range::Dates(first, last)) => (last - first + 1) * 24,
            (.., Range::Days { past, days }) => (past + days) * 24,
        };
        usize::try_from(hours.clamp(1, MOST_HOURS)).unwrap_or(1)
    }
}

/// What is asked of a run.
struct Asks<'a> {
    run: &'a Run,
    question: &'a Question,
    hourly: Vec<Variable>,
    current: Vec<Variable>,
    daily: Vec<Daily>,
    members: usize,
    /// The moment that days and hours count from.
    now: Time,
    /// Whether it is today's.
    is_today: bool,
    several_models: bool,
}

fn find<T>(
    run: &Run,
    field: &str,
    names: &[String],
    find: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Problem> {
    let one = |name: &String| {
        find(name).ok_or_else(|| {
            let short: String = name.chars().take(80).collect();
            let all = Variable::all(run);
            let folds = if field == "daily" { " (daily with _max, _min or _mean behind it)" } else { "" };
            let text = format!(
                "{short} is no variable of {}, and what the model does not have is not made up; it has{folds} {}",
                run.model,
                all.join(", ")
            );
            Problem::field(field, text)
        })
    };
    names.iter().map(one).collect()
}

impl<'a> Asks<'a> {
    fn new(run: &'a Run, question: &'a Question, ensemble: bool) -> Result<Self, Problem> {
        let variable = |name: &str| Variable::find(run, name);
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let clock = Time(i64::try_from(clock.as_secs()).unwrap_or(0));
        let is_today = run.planet == EARTH && run.reference <= clock && clock <= run.end();
        Ok(Self {
            run,
            question,
            hourly: find(run, "hourly", &question.hourly, variable)?,
            current: find(run, "current", &question.current, variable)?,
            daily: find(run, "daily", &question.daily, |name| Daily::find(run, name))?,
            members: if ensemble { run.members.len() } else { 1 },
            now: if is_today { clock } else { run.reference },
            is_today,
            several_models: question.models.len() > 1,
        })
    }

    fn columns(&self) -> usize {
        (self.hourly.len() + self.current.len() + self.daily.len()) * self.members
    }

    /// The zone of a place. Another planet's days are not the Earth's: it has no zones.
    fn zone(&self, location: usize) -> Result<Zone, Problem> {
        let zones = &self.question.zones;
        let name = zones.get(location).or(zones.first()).map_or("", String::as_str);
        let zone = Zone::find(name, self.question.places[location].1, self.now)?;
        Ok(if self.run.planet == EARTH { zone } else { Zone::gmt() })
    }

    fn answer(&self, location: usize) -> Result<Answer, Problem> {
        let started = Instant::now();
        let (lat, lon) = self.question.places[location];
        let spot = self.run.spot(lat, lon).ok_or_else(|| {
            let text =
                format!("{lat} N, {lon} E lies outside of {} of {}", self.run.grid, self.run.model);
            Problem::field("latitude", text)
        })?;
        let spot = if self.question.nearest { spot.nearest() } else { spot };
        let zone = self.zone(location)?;
        let here = Here { run: self.run, spot: &spot, members: self.members };
        let tables = Tables { asks: self, here, offset: zone.offset };
        let (current, hourly, daily) = (tables.current()?, tables.hourly()?, tables.daily()?);
        Ok(Answer {
            place: (lat, lon),
            location,
            zone,
            facts: self.facts(),
            generation_ms: started.elapsed().as_secs_f64() * 1000.0,
            current,
            hourly,
            daily,
        })
    }

    fn facts(&self) -> Facts {
        let run = self.run;
        let mut note = String::new();
        if run.planet != EARTH {
            note += &format!(
                "A model of the planet {}, not Earth weather: places and dates are the model's own and stand for none on Earth; \
                 times are in GMT. ",
                run.planet
            );
        }
        let gaps: Vec<i64> = run.steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
        match gaps.iter().max() {
            Some(gap) if *gap > LONGEST_GAP => {
                note += &format!(
                    "The run has steps of {} h; between them nothing is filled in. ",
                    gap / HOUR
                );
            }
            Some(gap) if *gap > HOUR => {
                note += &format!("Values between steps of {} h are linear. ", gap / HOUR);
            }
            _ => {}
        }
        note += "Values are the model's, at its own height of the ground.";
        Facts {
            model: run.model.clone(),
            run: run.reference.to_string(),
            planet: run.planet.clone(),
            note,
        }
    }
}

/// The tables of a place.
struct Tables<'a> {
    asks: &'a Asks<'a>,
    here: Here<'a>,
    offset: i64,
}

impl Tables<'_> {
    fn table(&self, times: Vec<i64>, interval: i64, columns: Vec<Column>) -> Table {
        let clock = Clock { unix: self.asks.question.unix, offset: self.offset };
        Table { times, interval, columns, clock }
    }

    fn columns(&self, variables: &[Variable], plan: &Plan) -> Result<Vec<Column>, Problem> {
        let units = self.asks.question.units;
        let mut columns = Vec::new();
        for variable in variables {
            let members = self.here.values(variable, plan, units)?;
            columns.extend(self.named(&variable.name, variable, None, members));
        }
        Ok(columns)
    }

    fn named(
        &self,
        name: &str,
        variable: &Variable,
        fold: Option<Fold>,
        members: Vec<Vec<f32>>,
    ) -> Vec<Column> {
        let (unit, code) = self.asks.question.units.of(variable.kind);
        let model = match self.asks.several_models {
            true => format!("_{}", self.asks.run.model),
            false => String::new(),
        };
        let one = |(member, values): (usize, Vec<f32>)| {
            let behind = if member > 0 { format!("_member{member:02}") } else { String::new() };
            let tag = Tag {
                code: variable.code,
                unit: code,
                altitude: variable.altitude,
                pressure: variable.pressure,
                fold: fold.map_or(0, Fold::code),
                member: i16::try_from(member).unwrap_or(i16::MAX),
            };
            Column { name: format!("{name}{behind}{model}"), unit, tag, values }
        };
        members.into_iter().enumerate().map(one).collect()
    }

    /// The local day that days count from.
    fn today(&self) -> i64 {
        (self.asks.now.0 + self.offset).div_euclid(DAY)
    }

    /// The first and the last local day.
    fn dates(&self) -> Option<(i64, i64)> {
        let (first, last) = match self.asks.question.range {
            Range::Dates(first, last) => (first, last),
            Range::Days { past, days } => (self.today() - past, self.today() + days - 1),
        };
        (first <= last).then_some((first, last))
    }

    fn current(&self) -> Result<Option<Table>, Problem> {
        if self.asks.current.is_empty() {
            return Ok(None);
        }
        let run = self.asks.run;
        let time = match self.asks.is_today {
            true => self.asks.now.0.div_euclid(QUARTER) * QUARTER,
            false => run.reference.0 + run.steps.first().copied().unwrap_or(0),
        };
        let columns = self.columns(&self.asks.current, &Plan::new(run, &[time]))?;
        Ok(Some(self.table(vec![time], QUARTER, columns)))
    }

    fn hourly(&self) -> Result<Option<Table>, Problem> {
        if self.asks.hourly.is_empty() {
            return Ok(None);
        }
        let question = self.asks.question;
        // Hours of local time; zones that are not whole hours from UTC have theirs between.
        let hour = (self.asks.now.0 + self.offset).div_euclid(HOUR);
        let range = match (question.hours, question.around, self.dates()) {
            (Some((first, last)), ..) => first..last + 1,
            (_, Some((before, after)), _) => hour - before..hour + after,
            (.., Some((first, last))) => first * 24..(last + 1) * 24,
            (.., None) => 0..0,
        };
        let times: Vec<i64> = range.map(|hour| hour * HOUR - self.offset).collect();
        let columns = self.columns(&self.asks.hourly, &Plan::new(self.asks.run, &times))?;
        Ok(Some(self.table(times, HOUR, columns)))
    }

    fn daily(&self) -> Result<Option<Table>, Problem> {
        if self.asks.daily.is_empty() {
            return Ok(None);
        }
        let days: Vec<i64> = self.dates().map_or_else(Vec::new, |(a, b)| (a..=b).collect());
        let begin = |day: &i64| day * DAY - self.offset;
        let hours: Vec<i64> = days
            .iter()
            .flat_map(|day| (0..24).map(move |hour| (day, hour)))
            .map(|(day, hour)| begin(day) + hour * HOUR)
            .collect();
        let plan = Plan::new(self.asks.run, &hours);
        let mut columns = Vec::new();
        for daily in &self.asks.daily {
            let members = self.here.days(daily, &plan, self.asks.question.units)?;
            columns.extend(self.named(&daily.name, &daily.variable, Some(daily.fold), members));
        }
        Ok(Some(self.table(days.iter().map(begin).collect(), DAY, columns)))
    }
}

/// The answers of several models for a place as one: the columns side by side, as Open-Meteo does it.
fn merged(models: Vec<Answer>) -> Option<Answer> {
    let mut models = models.into_iter();
    let mut first = models.next()?;
    for other in models {
        let pairs = [
            (&mut first.current, other.current),
            (&mut first.hourly, other.hourly),
            (&mut first.daily, other.daily),
        ];
        for (to, from) in pairs {
            if let (Some(to), Some(from)) = (to, from) {
                to.append(from);
            }
        }
        first.facts.model = format!("{},{}", first.facts.model, other.facts.model);
        first.facts.run = format!("{},{}", first.facts.run, other.facts.run);
        if first.facts.planet != other.facts.planet {
            first.facts.planet = format!("{},{}", first.facts.planet, other.facts.planet);
            first.facts.note = format!("{} {}", first.facts.note, other.facts.note);
        }
        first.generation_ms += other.generation_ms;
    }
    Some(first)
}

impl Table {
    /// Adds the columns of another table, at this one's times.
    fn append(&mut self, other: Self) {
        let place = |time: &i64| other.times.binary_search(time).ok();
        let places: Vec<Option<usize>> = self.times.iter().map(place).collect();
        self.columns.extend(other.columns.into_iter().map(|column| {
            let at = |place: &Option<usize>| place.map_or(f32::NAN, |at| column.values[at]);
            Column { values: places.iter().map(at).collect(), ..column }
        }));
    }
}
