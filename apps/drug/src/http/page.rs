//! The page: files inside the program.

use strata_serve::Asset;

macro_rules! asset {
    ($path:literal, $file:literal, $kind:literal) => {
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
    asset!("/page.js", "page.js", "text/javascript; charset=utf-8"),
    asset!("/words.js", "words.js", "text/javascript; charset=utf-8"),
    asset!("/drawings.js", "drawings.js", "text/javascript; charset=utf-8"),
    asset!("/csv.js", "csv.js", "text/javascript; charset=utf-8"),
    asset!("/columns.js", "columns.js", "text/javascript; charset=utf-8"),
    asset!("/table.js", "table.js", "text/javascript; charset=utf-8"),
    asset!("/radar.js", "radar.js", "text/javascript; charset=utf-8"),
    asset!("/detail.js", "detail.js", "text/javascript; charset=utf-8"),
    asset!("/jobs.js", "jobs.js", "text/javascript; charset=utf-8"),
    asset!("/view-words.js", "view-words.js", "text/javascript; charset=utf-8"),
    asset!("/views.js", "views.js", "text/javascript; charset=utf-8"),
    asset!("/goals.js", "goals.js", "text/javascript; charset=utf-8"),
    asset!("/optimise.js", "optimise.js", "text/javascript; charset=utf-8"),
    asset!("/analogues.js", "analogues.js", "text/javascript; charset=utf-8"),
    asset!("/pareto.js", "pareto.js", "text/javascript; charset=utf-8"),
    asset!("/admet.js", "admet.js", "text/javascript; charset=utf-8"),
    asset!("/targets.js", "targets.js", "text/javascript; charset=utf-8"),
    asset!("/plot.js", "plot.js", "text/javascript; charset=utf-8"),
    asset!("/adapt.js", "adapt.js", "text/javascript; charset=utf-8"),
    asset!("/adapted.js", "adapted.js", "text/javascript; charset=utf-8"),
    asset!("/zip.js", "zip.js", "text/javascript; charset=utf-8"),
    asset!("/icon.svg", "icon.svg", "image/svg+xml"),
];
