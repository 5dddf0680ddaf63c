//! Levels: codes of GRIB 1 (table 3) and GRIB 2 (table 4.5) to kinds and values, and back.

use crate::level::{Level, LevelKind};

/// A level, and the lower end of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub(super) level: Level,
    pub(super) bottom: Option<f64>,
}

fn single(kind: LevelKind, value: f64) -> Found {
    Found { level: Level { kind, value }, bottom: None }
}

fn layer(kind: LevelKind, top: f64, bottom: f64) -> Found {
    Found { level: Level { kind, value: top }, bottom: Some(bottom) }
}

/// Code that marks a kind of GRIB 1 which has none of its own in table 4.5: kinds by code are GRIB 2's, these are above them.
const GRIB1: u16 = 1000;

/// A level of GRIB 1: its type, and the two octets of its value.
pub(super) fn of_grib1(code: u8, one: u8, two: u8) -> Found {
    let both = f64::from(u16::from(one) << 8 | u16::from(two));
    let (top, bottom) = (f64::from(one), f64::from(two));
    let other = |value: f64| single(LevelKind::Other(GRIB1 + u16::from(code)), value);
    match code {
        1 => single(LevelKind::Surface, 0.0),
        102 => single(LevelKind::MeanSea, 0.0),
        200 => single(LevelKind::Column, 0.0),
        2..=9 | 201 | 202 => other(0.0),
        100 => single(LevelKind::Pressure, both),
        210 => single(LevelKind::Pressure, both / 100.0),
        // Tops and bottoms of layers: in kPa, hm, hundredths, cm or numbers of levels.
        101 => layer(LevelKind::Pressure, top * 10.0, bottom * 10.0),
        103 => single(LevelKind::HeightAboveSea, both),
        104 => layer(LevelKind::HeightAboveSea, top * 100.0, bottom * 100.0),
        105 => single(LevelKind::HeightAboveGround, both),
        106 => layer(LevelKind::HeightAboveGround, top * 100.0, bottom * 100.0),
        125 => single(LevelKind::HeightAboveGround, both / 100.0),
        109 => single(LevelKind::Model, both),
        110 => layer(LevelKind::Model, top, bottom),
        111 => single(LevelKind::DepthBelowGround, both / 100.0),
        112 => layer(LevelKind::DepthBelowGround, top / 100.0, bottom / 100.0),
        113 => single(LevelKind::Theta, both),
        114 => layer(LevelKind::Theta, 475.0 - top, 475.0 - bottom),
        117 => single(LevelKind::PotentialVorticity, both),
        107 => other(both / 1e4),
        104..=128 | 141 => layer(LevelKind::Other(GRIB1 + u16::from(code)), top, bottom),
        _ => other(both),
    }
}

/// A fixed surface of GRIB 2: its type and its value, none where missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Surface {
    pub(super) code: u8,
    pub(super) scale: Option<i64>,
    pub(super) scaled: Option<i64>,
}

impl Surface {
    /// No surface.
    pub(super) const NONE: Self = Self { code: 255, scale: None, scaled: None };

    fn value(self) -> Option<f64> {
        let scale = self.scale.unwrap_or(0);
        let power = i32::try_from(scale).unwrap_or(0);
        self.scaled.map(|scaled| {
            // A division is exact to the last digit where a product with 10⁻ⁿ is not.
            if power >= 0 {
                scaled as f64 / 10_f64.powi(power)
            } else {
                scaled as f64 * 10_f64.powi(-power)
            }
        })
    }
}

/// A level of GRIB 2 from its first and second surface.
pub(super) fn of_grib2(first: Surface, second: Surface) -> Found {
    let value = first.value().unwrap_or(0.0);
    let bottom = if second.code == first.code { second.value() } else { None };
    let with = |kind: LevelKind, factor: f64| Found {
        level: Level { kind, value: value * factor },
        bottom: bottom.map(|bottom| bottom * factor),
    };
    match (first.code, second.code) {
        (1, 8) | (10, 255) => single(LevelKind::Column, 0.0),
        (1, _) => single(LevelKind::Surface, 0.0),
        (101, _) => single(LevelKind::MeanSea, 0.0),
        (100, _) => Found {
            level: Level { kind: LevelKind::Pressure, value: value / 100.0 },
            bottom: bottom.map(|bottom| bottom / 100.0),
        },
        (102, _) => with(LevelKind::HeightAboveSea, 1.0),
        (103, _) => with(LevelKind::HeightAboveGround, 1.0),
        (105, _) => with(LevelKind::Model, 1.0),
        (106, _) => with(LevelKind::DepthBelowGround, 1.0),
        (107, _) => with(LevelKind::Theta, 1.0),
        (109, _) => with(LevelKind::PotentialVorticity, 1e9),
        (code, _) => with(LevelKind::Other(u16::from(code)), 1.0),
    }
}

/// The surfaces of GRIB 2 that a level is written with; none for kinds that GRIB 2 has no code for.
pub(super) fn surfaces(level: Level) -> Option<(Surface, Surface)> {
    let bare = |code: u8| Surface { code, scale: None, scaled: None };
    let with = |code: u8, value: f64| {
        // The fewest decimals that hold the value.
        let scale = (0..=9).find(|scale| {
            let scaled = value * 10_f64.powi(*scale);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1.0)
        })?;
        let scaled = (value * 10_f64.powi(scale)).round();
        let fits = scaled.abs() < f64::from(i32::MAX);
        fits.then_some(Surface { code, scale: Some(scale.into()), scaled: Some(scaled as i64) })
    };
    let first = match level.kind {
        LevelKind::Pressure => with(100, level.value * 100.0)?,
        LevelKind::Surface => bare(1),
        LevelKind::MeanSea => bare(101),
        LevelKind::Column => return Some((bare(1), bare(8))),
        LevelKind::HeightAboveSea => with(102, level.value)?,
        LevelKind::HeightAboveGround => with(103, level.value)?,
        LevelKind::DepthBelowGround => with(106, level.value)?,
        LevelKind::Model => with(105, level.value)?,
        LevelKind::Theta => with(107, level.value)?,
        LevelKind::PotentialVorticity => {
            let scaled = level.value.round();
            let fits = scaled.abs() < f64::from(i32::MAX);
            fits.then_some(Surface { code: 109, scale: Some(9), scaled: Some(scaled as i64) })?
        }
        LevelKind::Other(code) => with(u8::try_from(code).ok()?, level.value)?,
    };
    Some((first, Surface::NONE))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn levels_come_back_as_they_were_written() {
        let kinds = [
            Level::pressure(850.0),
            Level::pressure(0.05),
            Level::SURFACE,
            Level::MEAN_SEA,
            Level::height(2.0),
            Level { kind: LevelKind::Column, value: 0.0 },
            Level { kind: LevelKind::Model, value: 137.0 },
            Level { kind: LevelKind::DepthBelowGround, value: 0.07 },
            Level { kind: LevelKind::PotentialVorticity, value: 2000.0 },
            Level { kind: LevelKind::Theta, value: 330.0 },
            Level { kind: LevelKind::Other(160), value: 5.0 },
        ];
        for level in kinds {
            let (first, second) = surfaces(level).unwrap();
            let back = of_grib2(first, second).level;
            assert_eq!(back.kind, level.kind);
            assert!((back.value - level.value).abs() < 1e-9, "{level:?} {back:?}");
        }
        assert!(surfaces(Level { kind: LevelKind::Other(1121), value: 0.0 }).is_none());
    }

    #[test]
    fn layers_of_grib1_have_two_ends() {
        let soil = of_grib1(112, 7, 28);
        assert_eq!((soil.level.value, soil.bottom), (0.07, Some(0.28)));
        assert_eq!(of_grib1(100, 3, 82).level, Level::pressure(850.0));
        assert_eq!(of_grib1(210, 0, 50).level, Level::pressure(0.5));
    }
}
