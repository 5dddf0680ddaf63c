//! Values of options and parameters that say how a map looks, read the same on the command line and over HTTP.

use strata_earth::plot::barb::Unit;

use super::Pick;

/// The first and the last level of colours, and their step.
pub type Levels = (f64, f64, Option<f64>);

/// A latitude and a longitude, as in `39.9,116.4`.
///
/// # Errors
/// A text that says nothing of the kind, with what to write.
pub fn place(text: &str) -> Result<(f64, f64), String> {
    let wrong =
        || format!("{text:?} is no place: latitude and longitude in degrees, as in 39.9,116.4");
    let (lat, lon) = text.split_once(',').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
    let (lat, lon) = (number(lat)?, number(lon)?);
    if lat.abs() <= 90.0 && lon.abs() <= 360.0 { Ok((lat, lon)) } else { Err(wrong()) }
}

/// The first and the last level of colours, and their step if wanted, as in `-40,40,5`.
///
/// # Errors
/// A text that says nothing of the kind, with what to write.
pub fn range(text: &str) -> Result<Levels, String> {
    let wrong = || format!("{text:?} is no range: write -40,40 or -40,40,5");
    let numbers =
        text.split(',').map(|part| part.trim().parse::<f64>().ok().filter(|v| v.is_finite()));
    match numbers.collect::<Option<Vec<f64>>>().as_deref() {
        Some([low, high]) if low < high => Ok((*low, *high, None)),
        Some([low, high, step]) if low < high && *step > 0.0 && (high - low) / step <= 256.0 => {
            Ok((*low, *high, Some(*step)))
        }
        _ => Err(wrong()),
    }
}

/// A wind by its height, pressure or components: `10m`, `850`, `10u,10v`.
///
/// # Errors
/// A text that says nothing of the kind, with what to write.
pub fn wind(text: &str) -> Result<Pick, String> {
    let level = match text.split_once(',') {
        None => format!("wind@{text}"),
        Some((u, v)) => {
            let [u, v] = [u.trim().parse::<Pick>()?, v.trim().parse::<Pick>()?];
            let level = match (u.name.as_str(), v.name.as_str(), u.at == v.at) {
                ("10u", "10v", true) => "wind@10m".to_owned(),
                ("100u", "100v", true) => "wind@100m".to_owned(),
                ("u", "v", true) => u.to_string().replacen('u', "wind", 1),
                _ => {
                    return Err(format!(
                        "{text:?} are no two components of one wind: write 10u,10v or u@850,v@850"
                    ));
                }
            };
            return level.parse();
        }
    };
    level.parse().map_err(|_| format!("{text:?} is no level of wind: write 10m, 850 or 10u,10v"))
}

/// What barbs count in.
///
/// # Errors
/// A text that says nothing of the kind, with what to write.
pub fn barb_unit(text: &str) -> Result<Unit, String> {
    match text {
        "kt" => Ok(Unit::Knots),
        "ms" => Ok(Unit::MetresPerSecond),
        _ => Err(format!("{text:?} is no unit of barbs: kt or ms")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn winds_and_ranges_are_read() {
        let text = |level: &str| wind(level).map(|pick| pick.to_string());
        assert_eq!(text("10m"), Ok("wind@10m".to_owned()));
        assert_eq!(text("850"), Ok("wind@850".to_owned()));
        assert_eq!(text("10u,10v"), Ok("wind@10m".to_owned()));
        assert_eq!(text("u@850,v@850"), Ok("wind@850".to_owned()));
        assert_eq!(text("u,v"), Ok("wind".to_owned()));
        assert!(text("u@850,v@500").is_err() && text("t,q").is_err() && text("x").is_err());
        assert_eq!(range("-40,40,5"), Ok((-40.0, 40.0, Some(5.0))));
        assert!(range("1,1").is_err() && range("0,1,1e-9").is_err() && range("a").is_err());
    }
}
