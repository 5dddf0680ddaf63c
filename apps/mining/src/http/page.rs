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
    asset!("/classes.js", "classes.js", SCRIPT),
    asset!("/live.js", "live.js", SCRIPT),
    asset!("/frames.js", "frames.js", SCRIPT),
    asset!("/shapes.js", "shapes.js", SCRIPT),
    asset!("/look.js", "look.js", SCRIPT),
    asset!("/stage.js", "stage.js", SCRIPT),
    asset!("/found.js", "found.js", SCRIPT),
    asset!("/anomaly.js", "anomaly.js", SCRIPT),
    asset!("/belt.js", "belt.js", SCRIPT),
    asset!("/origin.js", "origin.js", SCRIPT),
    asset!("/events.js", "events.js", SCRIPT),
    asset!("/stream.js", "stream.js", SCRIPT),
    asset!("/zones.js", "zones.js", SCRIPT),
    asset!("/info.js", "info.js", SCRIPT),
];
