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
    asset!("/characters.js", "characters.js", SCRIPT),
    asset!("/marked.js", "marked.js", SCRIPT),
    asset!("/citation.js", "citation.js", SCRIPT),
    asset!("/origin.js", "origin.js", SCRIPT),
    asset!("/asker.js", "asker.js", SCRIPT),
    asset!("/reader.js", "reader.js", SCRIPT),
    asset!("/reveal.js", "reveal.js", SCRIPT),
    asset!("/ask.js", "ask.js", SCRIPT),
    asset!("/answer.js", "answer.js", SCRIPT),
    asset!("/feedback.js", "feedback.js", SCRIPT),
    asset!("/search.js", "search.js", SCRIPT),
    asset!("/documents.js", "documents.js", SCRIPT),
    asset!("/uploads.js", "uploads.js", SCRIPT),
    asset!("/route.js", "route.js", SCRIPT),
    asset!("/check.js", "check.js", SCRIPT),
    asset!("/diff.js", "diff.js", SCRIPT),
    asset!("/info.js", "info.js", SCRIPT),
];
