//! Published errors to stand beside one's own. They hold for ERA5 or analyses at the resolution that is named: figures of other
//! truths, grids or years are not the same thing, and the report says so.

use serde::Serialize;
use strata_earth::metrics::series::Metric;

use super::Row;

/// A published figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Published {
    /// The forecast system.
    pub system: &'static str,
    /// Short name.
    pub variable: &'static str,
    /// Level.
    pub level: &'static str,
    /// Lead time.
    pub lead_hours: f64,
    /// Global RMSE, latitude weighted, in the unit of the variable.
    pub rmse: f64,
    /// Where it was published, and against what.
    pub source: &'static str,
}

const PANGU: &str = "Bi et al., 2023, doi:10.1038/s41586-023-06185-3; ERA5 of 2018, 0.25 degrees";
const BENCH: &str =
    "Rasp et al., 2020, doi:10.1029/2020MS002203; ERA5 of 2017 and 2018, 5.625 degrees";
const RESNET: &str =
    "Rasp and Thuerey, 2021, doi:10.1029/2020MS002405; ERA5 of 2017 and 2018, 5.625 degrees";

macro_rules! published {
    ($($system:literal $source:ident $variable:literal $level:literal $three:literal $five:literal;)*) => {
        &[$(
            Published { system: $system, variable: $variable, level: $level, lead_hours: 72.0, rmse: $three, source: $source },
            Published { system: $system, variable: $variable, level: $level, lead_hours: 120.0, rmse: $five, source: $source },
        )*]
    };
}

/// Published figures at three and at five days. Geopotential in m² s⁻², temperature in K, wind in m/s.
#[rustfmt::skip]
pub const PUBLISHED: &[Published] = published! {
    "IFS" PANGU "z" "500 hPa" 152.8 333.7;
    "IFS" PANGU "t" "850 hPa" 1.37 2.06;
    "IFS" PANGU "2t" "2 m" 1.34 1.75;
    "IFS" PANGU "10u" "10 m" 1.94 2.90;
    "Pangu-Weather" PANGU "z" "500 hPa" 134.5 296.7;
    "Pangu-Weather" PANGU "t" "850 hPa" 1.14 1.79;
    "Pangu-Weather" PANGU "2t" "2 m" 1.05 1.53;
    "Pangu-Weather" PANGU "10u" "10 m" 1.61 2.53;
    "Pangu-Weather lite" PANGU "z" "500 hPa" 163.1 338.2;
    "Pangu-Weather lite" PANGU "t" "850 hPa" 1.29 1.96;
    "Pangu-Weather lite" PANGU "2t" "2 m" 1.16 1.64;
    "Pangu-Weather lite" PANGU "10u" "10 m" 1.80 2.74;
    "IFS T63" BENCH "z" "500 hPa" 268.0 463.0;
    "ResNet" RESNET "z" "500 hPa" 268.0 499.0;
};

/// One's own figure beside a published one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The published figure.
    #[serde(flatten)]
    pub published: Published,
    /// One's own RMSE.
    pub ours: f64,
    /// One's own over the published.
    pub ratio: f64,
    /// Whether the published figure lies above one's own interval: true is better, false worse, none not told apart.
    pub better: Option<bool>,
}

/// Own figures of the globe beside the published.
pub(super) fn standings(rows: &[Row]) -> Vec<Standing> {
    let own = |published: &Published| {
        rows.iter().find(|row| {
            row.metric == Metric::Rmse
                && row.region == "global"
                && row.variable == published.variable
                && row.level == published.level
                && row.lead_hours == published.lead_hours
        })
    };
    PUBLISHED
        .iter()
        .filter_map(|published| {
            let row = own(published)?;
            let ours = row.value?;
            let better = match (row.low, row.high) {
                (_, Some(high)) if high < published.rmse => Some(true),
                (Some(low), _) if low > published.rmse => Some(false),
                _ => None,
            };
            Some(Standing { published: *published, ours, ratio: ours / published.rmse, better })
        })
        .collect()
}
