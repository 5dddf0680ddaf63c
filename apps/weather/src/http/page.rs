//! The page: files inside the program.

use strata_serve::Asset;

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! asset {
    ($path:literal, $file:literal, $kind:expr) => {
        Asset {
            path: $path,
            content_type: $kind,
            bytes: include_bytes!(concat!("../../page/", $file)),
        }
    };
}

/// The page's files.
pub(super) const ASSETS: &[Asset] = &[
    asset!("/", "index.html", "text/html; charset=utf-8"),
    asset!("/page.css", "page.css", "text/css; charset=utf-8"),
    asset!("/icon.svg", "icon.svg", "image/svg+xml"),
    asset!("/page.js", "page.js", SCRIPT),
    asset!("/words.js", "words.js", SCRIPT),
    asset!("/en.js", "en.js", SCRIPT),
    asset!("/zh.js", "zh.js", SCRIPT),
    asset!("/names.js", "names.js", SCRIPT),
    asset!("/weather.js", "weather.js", SCRIPT),
    asset!("/map.js", "map.js", SCRIPT),
    asset!("/fields.js", "fields.js", SCRIPT),
    asset!("/colours.js", "colours.js", SCRIPT),
    asset!("/coast.js", "coast.js", SCRIPT),
    asset!("/lines.js", "lines.js", SCRIPT),
    asset!("/barbs.js", "barbs.js", SCRIPT),
    asset!("/point.js", "point.js", SCRIPT),
    asset!("/chart.js", "chart.js", SCRIPT),
    asset!("/run.js", "run.js", SCRIPT),
    asset!("/info.js", "info.js", SCRIPT),
    asset!(
        "/coastlines.bin",
        "../../../datasets/weather/coastlines/coastlines.bin",
        "application/octet-stream"
    ),
];
