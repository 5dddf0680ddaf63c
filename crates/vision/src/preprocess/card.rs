//! Reading a card's `[preprocess]` table.

use thiserror::Error;
use toml::{Table, Value};

use super::{Channels, Dtype, Fit, Interpolation, Layout, Preprocess};
use crate::geometry::Size;

/// Largest side of a model's input: beyond it a card is a mistake, and memory is at stake.
const MAX_SIDE: i64 = 8192;

/// What is wrong with a table of a card.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("[{table}] of the model's card: {key} {problem}")]
pub struct CardTableError {
    /// Name of the table.
    pub table: &'static str,
    /// The key.
    pub key: String,
    /// What is wrong with it and what is allowed.
    pub problem: String,
}

fn wrong(key: &str, problem: impl Into<String>) -> CardTableError {
    CardTableError { table: "preprocess", key: key.to_owned(), problem: problem.into() }
}

const KEYS: [&str; 14] = [
    "kit",
    "width",
    "height",
    "fit",
    "short_side",
    "rounding",
    "pad",
    "channels",
    "layout",
    "dtype",
    "scale",
    "mean",
    "std",
    "interpolation",
];

/// Reads and checks the table.
pub(super) fn read(table: &Table) -> Result<Preprocess, CardTableError> {
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(wrong(key, format!("is not known; the keys are {}", KEYS.join(", "))));
    }
    if word(table, "kit", "vision/1")? != "vision/1" {
        return Err(wrong("kit", "must be \"vision/1\": the card was written for another version"));
    }
    let side = |key| integer(table, key, None, 1, MAX_SIDE);
    let size = Size::new(side("width")?, side("height")?);
    let fit = match word(table, "fit", "letterbox-top-left")? {
        "letterbox-top-left" => Fit::LetterboxTopLeft { nearest: nearest(table)? },
        "letterbox-center" => Fit::LetterboxCentre,
        "stretch" => Fit::Stretch,
        "center-crop" => {
            let longest = size.width.max(size.height);
            let least = i64::from(longest);
            let short_side = integer(table, "short_side", Some(least), least, MAX_SIDE)?;
            Fit::CentreCrop { short_side }
        }
        _ => {
            let allowed = "must be letterbox-top-left, letterbox-center, stretch or center-crop";
            return Err(wrong("fit", allowed));
        }
    };
    if table.contains_key("short_side") && !matches!(fit, Fit::CentreCrop { .. }) {
        return Err(wrong("short_side", "belongs to fit = \"center-crop\": leave it out"));
    }
    if table.contains_key("rounding") && !matches!(fit, Fit::LetterboxTopLeft { .. }) {
        return Err(wrong("rounding", "belongs to fit = \"letterbox-top-left\": leave it out"));
    }
    let channels = match word(table, "channels", "rgb")? {
        "rgb" => Channels::Rgb,
        "bgr" => Channels::Bgr,
        _ => return Err(wrong("channels", "must be rgb or bgr")),
    };
    let layout = match word(table, "layout", "nchw")? {
        "nchw" => Layout::Nchw,
        "nhwc" => Layout::Nhwc,
        _ => return Err(wrong("layout", "must be nchw or nhwc")),
    };
    let dtype = match word(table, "dtype", "float32")? {
        "float32" => Dtype::Float32,
        "uint8" => Dtype::Uint8,
        _ => return Err(wrong("dtype", "must be float32 or uint8")),
    };
    let interpolation = match word(table, "interpolation", "bilinear")? {
        "bilinear" => Interpolation::Bilinear,
        "area" => Interpolation::Area,
        _ => return Err(wrong("interpolation", "must be bilinear or area")),
    };
    let scale = match table.get("scale") {
        None => 1.0,
        Some(value) => number(value).ok_or_else(|| wrong("scale", "must be a finite number"))?,
    };
    let mean = triple(table, "mean", [0.0; 3])?;
    let std = triple(table, "std", [1.0; 3])?;
    if scale == 0.0 {
        return Err(wrong("scale", "must not be 0: every input would be the same"));
    }
    if std.iter().any(|&s| s <= 0.0) {
        return Err(wrong("std", "must be three numbers above 0"));
    }
    if dtype == Dtype::Uint8 && (scale != 1.0 || mean != [0.0; 3] || std != [1.0; 3]) {
        let problem = "\"uint8\" takes values as they are: leave out scale, mean and std";
        return Err(wrong("dtype", problem));
    }
    let pad = integer(table, "pad", Some(114), 0, 255)? as u8;
    // Where no padding can be, its value must not make two cards differ.
    let pad =
        if matches!(fit, Fit::LetterboxTopLeft { .. } | Fit::LetterboxCentre) { pad } else { 0 };
    Ok(Preprocess { size, fit, pad, channels, layout, dtype, interpolation, scale, mean, std })
}

/// How the sides of the scaled picture become whole: cut, as YOLOX's `int()`, which makes 479 of 480 where the ratio does not come
/// out even in binary; or to the nearest.
fn nearest(table: &Table) -> Result<bool, CardTableError> {
    match word(table, "rounding", "down")? {
        "down" => Ok(false),
        "nearest" => Ok(true),
        _ => Err(wrong("rounding", "must be down or nearest")),
    }
}

/// The card's word for a type.
pub(super) fn dtype_word(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Float32 => "float32",
        Dtype::Uint8 => "uint8",
    }
}

fn word<'a>(table: &'a Table, key: &str, default: &'a str) -> Result<&'a str, CardTableError> {
    match table.get(key) {
        None => Ok(default),
        Some(Value::String(word)) => Ok(word),
        Some(_) => Err(wrong(key, "must be a word in quotes")),
    }
}

fn integer(
    table: &Table,
    key: &str,
    default: Option<i64>,
    least: i64,
    most: i64,
) -> Result<u32, CardTableError> {
    let problem = || wrong(key, format!("must be a whole number from {least} to {most}"));
    let value = match (table.get(key), default) {
        (Some(value), _) => value.as_integer().ok_or_else(problem)?,
        (None, Some(default)) => default,
        (None, None) => return Err(wrong(key, "is missing: the model's input has a size")),
    };
    if !(least..=most).contains(&value) {
        return Err(problem());
    }
    u32::try_from(value).map_err(|_| problem())
}

/// A finite number, written whole or not.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_float().or_else(|| value.as_integer().map(|i| i as f64))?;
    number.is_finite().then_some(number)
}

fn triple(table: &Table, key: &str, default: [f64; 3]) -> Result<[f64; 3], CardTableError> {
    let Some(value) = table.get(key) else { return Ok(default) };
    let numbers: Option<Vec<f64>> =
        value.as_array().and_then(|array| array.iter().map(number).collect());
    numbers
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| wrong(key, "must be three finite numbers, in the order of channels"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Preprocess, CardTableError> {
        read(&text.parse().expect("valid TOML"))
    }

    #[test]
    fn a_card_says_what_it_means() {
        let card = "width = 416\nheight = 416\nchannels = \"bgr\"";
        let short = table(card).expect("defaults fill the rest");
        let spelt = table(&format!(
            "{card}\nkit = \"vision/1\"\nfit = \"letterbox-top-left\"\npad = 114\nscale = 1\nmean = [0, 0, 0.0]\n\
             std = [1.0, 1, 1]\nlayout = \"nchw\"\ndtype = \"float32\"\ninterpolation = \"bilinear\""
        ));
        assert_eq!(spelt.as_ref(), Ok(&short));
        let hash = short.hash();
        assert_eq!((hash.len(), spelt.expect("read").hash()), (64, hash.clone()));
        for other in
            ["pad = 0", "fit = \"stretch\"", "scale = 2.0", "layout = \"nhwc\"", "std = [1, 2, 1]"]
        {
            assert_ne!(table(&format!("{card}\n{other}")).expect(other).hash(), hash, "{other}");
        }
        // Padding does not matter where there is none.
        let stretched =
            |pad| table(&format!("{card}\nfit = \"stretch\"\npad = {pad}")).expect("read").hash();
        assert_eq!(stretched(0), stretched(255));
    }

    #[test]
    fn mistakes_name_their_key() {
        let good = "width = 32\nheight = 16\n";
        for (text, key) in [
            ("height = 3", "width"),
            ("width = 0\nheight = 3", "width"),
            ("width = \"3\"\nheight = 3", "width"),
            ("width = 32\nheight = 99999", "height"),
            (&format!("{good}kit = \"vision/2\""), "kit"),
            (&format!("{good}colour = 1"), "colour"),
            (&format!("{good}fit = \"squash\""), "fit"),
            (&format!("{good}short_side = 40"), "short_side"),
            (&format!("{good}fit = \"center-crop\"\nshort_side = 8"), "short_side"),
            (&format!("{good}pad = 256"), "pad"),
            (&format!("{good}mean = [1, 2]"), "mean"),
            (&format!("{good}std = [1, 0, 1]"), "std"),
            (&format!("{good}scale = nan"), "scale"),
            (&format!("{good}dtype = \"uint8\"\nscale = 0.5"), "dtype"),
        ] {
            let error = table(text).expect_err(text);
            assert_eq!(error.key, key, "{text}");
            assert!(error.to_string().contains("[preprocess]"), "{error}");
        }
    }
}
