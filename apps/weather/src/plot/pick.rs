//! Which field of which files is meant.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};
use strata_earth::derive::formulas::speed;
use strata_earth::field::{Field, Header};
use strata_earth::level::{Level, LevelKind};
use strata_earth::source::{Limits, Source};
use strata_earth::time::{HOUR, Time};
use strata_earth::variable::{At, known};

use crate::forecast::open_input;

/// A variable at a level.
#[derive(Debug, Clone, PartialEq)]
pub struct Pick {
    /// Short name, or the file's own; `wind` for the speed of the wind.
    pub name: String,
    /// What the level is.
    pub at: Where,
}

/// The level of a [`Pick`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Where {
    /// The one its name implies, or the only one there is.
    Implied,
    /// A value of whatever kind: a pressure in hPa, a model level.
    Value(f64),
    /// A height above ground, in m.
    Height(f64),
}

/// `2t`, `t@850`, `wind@10m`.
impl FromStr for Pick {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no field: write 2t, t@850, wind@850 or wind@10m");
        let (name, at) = match text.trim().split_once('@') {
            Some((name, at)) => (name, Some(at)),
            None => (text.trim(), None),
        };
        let number =
            |text: &str| text.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(wrong);
        let at = match at {
            None => Where::Implied,
            Some(at) => match at.strip_suffix('m') {
                Some(height) => Where::Height(number(height)?),
                None => Where::Value(number(at)?),
            },
        };
        if name.is_empty() {
            return Err(wrong());
        }
        let name = known(name).map_or_else(|| name.to_owned(), |known| known.short.to_owned());
        Ok(Self { name, at })
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Where::Implied => f.write_str(&self.name),
            Where::Value(value) => write!(f, "{}@{value}", self.name),
            Where::Height(value) => write!(f, "{}@{value}m", self.name),
        }
    }
}

impl Pick {
    /// At a level, where none was named.
    #[must_use]
    pub fn or_at(mut self, level: Option<f64>) -> Self {
        if let (Where::Implied, Some(level)) = (self.at, level) {
            self.at = Where::Value(level);
        }
        self
    }

    /// The two components of this wind.
    #[must_use]
    pub fn components(&self) -> [Self; 2] {
        ["u", "v"].map(|name| match self.at {
            Where::Height(height) if height == 10.0 || height == 100.0 => {
                Self { name: format!("{height}{name}"), at: Where::Implied }
            }
            at => Self { name: name.to_owned(), at },
        })
    }

    fn fits(&self, header: &Header) -> bool {
        let level = header.level;
        let at = match self.at {
            Where::Value(value) => {
                level.is_pressure(value)
                    || level.kind != LevelKind::HeightAboveGround && level.value == value
            }
            Where::Height(height) => level == Level::height(height),
            Where::Implied => true,
        };
        // Files may have another of a variable's names.
        let known = known(&header.variable).map(|known| known.short);
        (header.variable == self.name || known == Some(self.name.as_str())) && at
    }
}

/// When, and which member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// When the forecast began.
    pub reference: Time,
    /// Seconds from then.
    pub step: i64,
}

impl Moment {
    /// When it holds.
    #[must_use]
    pub fn valid(self) -> Time {
        self.reference + self.step
    }
}

/// Files as one list of fields.
pub struct Files {
    sources: Vec<Box<dyn Source>>,
    names: String,
}

impl Files {
    /// Opens files of whatever format.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub fn open(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let names =
            paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let sources = paths
            .iter()
            .map(|path| open_input(path, &Limits::default()))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { sources, names })
    }

    /// Fields of a source, as files are.
    #[must_use]
    pub fn of(source: Box<dyn Source>) -> Self {
        let names = source.format().to_owned();
        Self { sources: vec![source], names }
    }

    fn headers(&self) -> impl Iterator<Item = (usize, usize, &Header)> {
        let count = |source: &dyn Source| source.headers().len();
        let places: Vec<(usize, usize)> = self
            .sources
            .iter()
            .enumerate()
            .flat_map(|(at, source)| (0..count(source.as_ref())).map(move |index| (at, index)))
            .collect();
        places.into_iter().map(|(at, index)| (at, index, &self.sources[at].headers()[index]))
    }

    /// Whether there is such a field.
    #[must_use]
    pub fn has(&self, pick: &Pick) -> bool {
        match pick.name.as_str() {
            "wind" => pick.components().iter().all(|part| self.has(part)),
            _ => self.headers().any(|(.., header)| pick.fits(header)),
        }
    }

    /// Moments of a field, by when they hold.
    #[must_use]
    pub fn moments(&self, pick: &Pick) -> Vec<Moment> {
        let first = if pick.name == "wind" { pick.components()[0].clone() } else { pick.clone() };
        let fitting = self.headers().filter(|(.., header)| first.fits(header));
        let found: BTreeSet<(Time, Moment)> = fitting
            .map(|(.., header)| Moment { reference: header.reference, step: header.step })
            .map(|moment| (moment.valid(), moment))
            .collect();
        found.into_iter().map(|(_, moment)| moment).collect()
    }

    /// Members of a field.
    #[must_use]
    pub fn members(&self, pick: &Pick) -> Vec<u32> {
        let first = if pick.name == "wind" { pick.components()[0].clone() } else { pick.clone() };
        let found: BTreeSet<u32> = self
            .headers()
            .filter(|(.., header)| first.fits(header))
            .filter_map(|(.., header)| header.member)
            .collect();
        found.into_iter().collect()
    }

    /// The moment that is asked for: by lead in hours, by when it holds, else the first.
    ///
    /// # Errors
    /// Where there is none, with those there are.
    pub fn moment(
        &self,
        pick: &Pick,
        step: Option<i64>,
        valid: Option<Time>,
    ) -> anyhow::Result<Moment> {
        let moments = self.moments(pick);
        if moments.is_empty() {
            bail!(self.lacks(pick));
        }
        let fits = |moment: &&Moment| {
            step.is_none_or(|hours| moment.step == hours * HOUR)
                && valid.is_none_or(|time| moment.valid() == time)
        };
        moments.iter().find(fits).copied().with_context(|| {
            let shown: Vec<String> = moments
                .iter()
                .take(12)
                .map(|moment| format!("{} (+{} h)", moment.valid(), moment.step / HOUR))
                .collect();
            let more = if moments.len() > 12 { ", …" } else { "" };
            format!(
                "{}: {pick} is there at {}{more}, not when it was asked for",
                self.names,
                shown.join(", ")
            )
        })
    }

    fn lacks(&self, pick: &Pick) -> String {
        let levels: BTreeSet<String> = self
            .headers()
            .filter(|(.., header)| header.variable == pick.name)
            .map(|(.., header)| header.level.to_string())
            .collect();
        let has: BTreeSet<&str> =
            self.headers().map(|(.., header)| header.variable.as_str()).collect();
        if levels.is_empty() {
            let has: Vec<&str> = has.into_iter().take(30).collect();
            format!("{}: there is no {}; there are {}", self.names, pick.name, has.join(", "))
        } else {
            let levels: Vec<String> = levels.into_iter().take(30).collect();
            format!("{}: there is no {pick}; {} is at {}", self.names, pick.name, levels.join(", "))
        }
    }

    /// A field at a moment; the member asked for, else the first there is.
    ///
    /// # Errors
    /// Where it is not there, is at several levels none of which was asked for, or cannot be read.
    pub fn field(&self, pick: &Pick, moment: Moment, member: Option<u32>) -> anyhow::Result<Field> {
        if pick.name == "wind" {
            let [u, v] = self.wind(pick, moment, member)?;
            let values = u
                .values
                .iter()
                .zip(&v.values)
                .map(|(u, v)| speed(f64::from(*u), f64::from(*v)) as f32)
                .collect();
            let mut header = u.header;
            header.variable =
                if header.level.kind == LevelKind::Pressure { "ws" } else { "10si" }.to_owned();
            return Ok(Field { header, values });
        }
        let mut found: Vec<(usize, usize, &Header)> = self
            .headers()
            .filter(|(.., header)| pick.fits(header))
            .filter(|(.., header)| {
                header.reference == moment.reference && header.step == moment.step
            })
            .filter(|(.., header)| member.is_none() || header.member == member)
            .collect();
        if pick.at == Where::Implied {
            // A variable whose name implies a level is meant there, where it is also at others.
            let implied = known(&pick.name).map(|known| known.at).and_then(At::level);
            if found.iter().any(|(.., header)| Some(header.level) == implied) {
                found.retain(|(.., header)| Some(header.level) == implied);
            }
            let mut levels: Vec<Level> = Vec::new();
            for (.., header) in &found {
                if !levels.contains(&header.level) {
                    levels.push(header.level);
                }
            }
            if levels.len() > 1 {
                let levels: Vec<String> = levels.iter().take(30).map(ToString::to_string).collect();
                bail!(
                    "{}: {pick} is at several levels ({}); say which with --level or {}@LEVEL",
                    self.names,
                    levels.join(", "),
                    pick.name
                );
            }
        }
        found.sort_by_key(|(.., header)| header.member);
        let Some((source, index, _)) = found.first() else {
            let members = self.members(pick);
            match (member, members.last()) {
                (Some(member), Some(last)) => bail!(
                    "{}: {pick} has no member {member}; it has {} to {last}",
                    self.names,
                    members[0]
                ),
                (Some(member), None) if self.has(pick) => {
                    bail!("{}: {pick} has no member {member}: it is no ensemble", self.names)
                }
                _ => bail!("{} at {}", self.lacks(pick), moment.valid()),
            }
        };
        Ok(self.sources[*source].field(*index)?)
    }

    /// Both components of a wind.
    ///
    /// # Errors
    /// As [`Self::field`], and where their grids differ.
    pub fn wind(
        &self,
        pick: &Pick,
        moment: Moment,
        member: Option<u32>,
    ) -> anyhow::Result<[Field; 2]> {
        let [u, v] = pick.components();
        let (u, v) = (self.field(&u, moment, member)?, self.field(&v, moment, member)?);
        if !u.header.grid.same_points(&v.header.grid) {
            bail!("{}: the two components of {pick} lie on different grids", self.names);
        }
        Ok([u, v])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_are_read_and_name_their_components() {
        let pick: Pick = "wind@10m".parse().expect("a wind");
        assert_eq!(pick.components().map(|part| part.to_string()), ["10u", "10v"]);
        let upper: Pick = "wind@850".parse().expect("a wind");
        assert_eq!(upper.components().map(|part| part.to_string()), ["u@850", "v@850"]);
        assert_eq!("t2m".parse::<Pick>().map(|pick| pick.to_string()), Ok("2t".to_owned()));
        assert_eq!(
            "z".parse::<Pick>().map(|pick| pick.or_at(Some(500.0)).to_string()),
            Ok("z@500".to_owned())
        );
        for text in ["", "@500", "t@", "t@x", "wind@m"] {
            assert!(text.parse::<Pick>().is_err(), "{text}");
        }
    }
}
