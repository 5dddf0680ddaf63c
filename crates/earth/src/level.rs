//! Levels: where in the vertical a field lies.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Kind of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelKind {
    /// A pressure, in hPa.
    Pressure,
    /// The ground or the sea; no value.
    Surface,
    /// Mean sea level; no value.
    MeanSea,
    /// A height above ground, in m.
    HeightAboveGround,
    /// A height above mean sea level, in m.
    HeightAboveSea,
    /// A depth below ground, in m.
    DepthBelowGround,
    /// A level of a model, numbered from the top.
    Model,
    /// A potential temperature, in K.
    Theta,
    /// A potential vorticity, in 1e-9 K m² kg⁻¹ s⁻¹.
    PotentialVorticity,
    /// The whole column; no value.
    Column,
    /// Another kind, by its code in the file.
    Other(u16),
}

/// A level.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Level {
    /// Its kind, which gives the unit.
    pub kind: LevelKind,
    /// Its value; 0 for kinds that have none.
    pub value: f64,
}

impl Level {
    /// The ground or the sea.
    pub const SURFACE: Self = Self { kind: LevelKind::Surface, value: 0.0 };
    /// Mean sea level.
    pub const MEAN_SEA: Self = Self { kind: LevelKind::MeanSea, value: 0.0 };

    /// A pressure, in hPa.
    #[must_use]
    pub fn pressure(hpa: f64) -> Self {
        Self { kind: LevelKind::Pressure, value: hpa }
    }

    /// A height above ground, in m.
    #[must_use]
    pub fn height(metres: f64) -> Self {
        Self { kind: LevelKind::HeightAboveGround, value: metres }
    }

    /// Whether it is this pressure, in hPa, within a thousandth.
    #[must_use]
    pub fn is_pressure(self, hpa: f64) -> bool {
        self.kind == LevelKind::Pressure && (self.value - hpa).abs() < 1e-3
    }
}

/// `850 hPa`, `surface`, `2 m`.
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value;
        match self.kind {
            LevelKind::Pressure => write!(f, "{value} hPa"),
            LevelKind::Surface => f.write_str("surface"),
            LevelKind::MeanSea => f.write_str("mean sea level"),
            LevelKind::HeightAboveGround => write!(f, "{value} m"),
            LevelKind::HeightAboveSea => write!(f, "{value} m above sea"),
            LevelKind::DepthBelowGround => write!(f, "{value} m below ground"),
            LevelKind::Model => write!(f, "model level {value}"),
            LevelKind::Theta => write!(f, "{value} K"),
            LevelKind::PotentialVorticity => write!(f, "{value} nPVU"),
            LevelKind::Column => f.write_str("column"),
            LevelKind::Other(code) => write!(f, "level type {code}: {value}"),
        }
    }
}
