//! What a file is, by its first bytes; its name only decides between formats that are all text.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::encoding::{Charset, decode};

/// How many bytes of a file's start [`detect`] looks at.
pub const HEAD: usize = 8 << 10;

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// PDF.
    Pdf,
    /// Word, since 2007.
    Docx,
    /// Excel, since 2007.
    Xlsx,
    /// PowerPoint, since 2007.
    Pptx,
    /// A ZIP archive whose contents have to tell.
    Zip,
    /// HTML.
    Html,
    /// A mail (RFC 5322), MHTML included.
    Eml,
    /// Markdown.
    Markdown,
    /// A JSON array of records, or one record.
    Json,
    /// A JSON record a line.
    JsonLines,
    /// Comma or tab separated values.
    Csv,
    /// Plain text.
    Text,
    /// A picture: JPEG, PNG, BMP, TIFF, WebP, GIF.
    Image,
    /// Something compressed by gzip.
    Gzip,
    /// The Office formats of before 2007, and WPS's.
    LegacyOffice,
    /// OFD (GB/T 33190).
    Ofd,
    /// Rich Text Format.
    Rtf,
    /// Nothing that is known.
    Unknown,
}

impl Format {
    /// What to do with a format that is not read; `None` for one that is.
    pub(super) fn remedy(self) -> Option<&'static str> {
        match self {
            Self::LegacyOffice => Some("save it as .docx, .xlsx or .pptx"),
            Self::Ofd => Some("export it as PDF in its reader"),
            Self::Rtf => Some("save it as .docx"),
            Self::Zip => Some("unpack it and read the files in it"),
            Self::Unknown => Some(
                "it is neither text nor a known format; read it in its program and save it as PDF, .docx or text",
            ),
            _ => None,
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pdf => "PDF",
            Self::Docx => "DOCX",
            Self::Xlsx => "XLSX",
            Self::Pptx => "PPTX",
            Self::Zip => "a ZIP archive",
            Self::Html => "HTML",
            Self::Eml => "mail",
            Self::Markdown => "Markdown",
            Self::Json => "JSON",
            Self::JsonLines => "JSON lines",
            Self::Csv => "CSV",
            Self::Text => "text",
            Self::Image => "picture",
            Self::Gzip => "gzip",
            Self::LegacyOffice => "an Office file of before 2007",
            Self::Ofd => "OFD",
            Self::Rtf => "RTF",
            Self::Unknown => "of no known format",
        })
    }
}

/// What a file is, from its name and its first bytes (up to [`HEAD`]).
#[must_use]
pub fn detect(name: &str, head: &[u8]) -> Format {
    let head = &head[..head.len().min(HEAD)];
    let starts = |magic: &[u8]| head.starts_with(magic);
    let contains = |what: &[u8]| head.windows(what.len()).any(|w| w == what);
    if head[..head.len().min(1024)].windows(5).any(|w| w == b"%PDF-") {
        Format::Pdf
    } else if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        zip_kind(|part| contains(part.as_bytes()))
            .or_else(|| zip_by_name(name))
            .unwrap_or(Format::Zip)
    } else if starts(b"\x1f\x8b") {
        Format::Gzip
    } else if starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        Format::LegacyOffice
    } else if starts(b"{\\rtf") {
        Format::Rtf
    } else if picture(head) {
        Format::Image
    } else {
        text_kind(name, head)
    }
}

/// What an archive is, by whether it has a part.
pub(super) fn zip_kind(mut has: impl FnMut(&str) -> bool) -> Option<Format> {
    [
        ("word/document.xml", Format::Docx),
        ("xl/workbook.xml", Format::Xlsx),
        ("ppt/presentation.xml", Format::Pptx),
        ("OFD.xml", Format::Ofd),
    ]
    .into_iter()
    .find_map(|(part, format)| has(part).then_some(format))
}

fn zip_by_name(name: &str) -> Option<Format> {
    match extension(name).as_str() {
        "docx" | "docm" | "dotx" => Some(Format::Docx),
        "xlsx" | "xlsm" | "xltx" => Some(Format::Xlsx),
        "pptx" | "pptm" | "ppsx" => Some(Format::Pptx),
        "ofd" => Some(Format::Ofd),
        _ => None,
    }
}

fn picture(head: &[u8]) -> bool {
    let starts = |magic: &[u8]| head.starts_with(magic);
    starts(b"\xff\xd8\xff")
        || starts(b"\x89PNG\r\n\x1a\n")
        || starts(b"GIF87a")
        || starts(b"GIF89a")
        || starts(b"II*\0")
        || starts(b"MM\0*")
        || (starts(b"RIFF") && head.get(8..12) == Some(b"WEBP"))
        || (starts(b"BM") && head.get(6..10) == Some(&[0; 4]) && head.len() > 26)
}

/// The end of a file's name, in lower case.
pub(super) fn extension(name: &str) -> String {
    name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default()
}

fn text_kind(name: &str, head: &[u8]) -> Format {
    if !is_text(head) {
        return Format::Unknown;
    }
    let text = sample(head);
    let begins = text.trim_start();
    let extension = extension(name);
    if let Some(format) = json_kind(&extension, begins) {
        return format;
    }
    if looks_like_html(begins) {
        return Format::Html;
    }
    if extension == "eml" || extension == "mht" || looks_like_mail(&text) {
        return Format::Eml;
    }
    match extension.as_str() {
        "md" | "markdown" => Format::Markdown,
        "csv" | "tsv" => Format::Csv,
        "htm" | "html" | "xhtml" | "shtml" => Format::Html,
        _ => Format::Text,
    }
}

fn sample(head: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(head) {
        Ok(text) => Cow::Borrowed(text.trim_start_matches('\u{feff}')),
        Err(_) => Cow::Owned(decode(head, None).0),
    }
}

/// Few bytes are such as no text has.
fn is_text(head: &[u8]) -> bool {
    if !Charset::detect(head).has_byte_lines() {
        return true;
    }
    let control = head.iter().filter(|&&b| b < 9 || (14..32).contains(&b) && b != 27).count();
    let unknown = sample(head).chars().filter(|&c| c == '\u{fffd}').count();
    // One control byte may be dirt, one character may be cut at the end.
    control * 100 <= head.len() + 100 && unknown * 20 <= head.len() + 40
}

fn json_kind(extension: &str, begins: &str) -> Option<Format> {
    match extension {
        "jsonl" | "ndjson" if begins.starts_with('{') => return Some(Format::JsonLines),
        _ => {}
    }
    let inner = begins.get(1..).unwrap_or_default().trim_start();
    if begins.starts_with('[') {
        return (extension == "json" || inner.starts_with('{')).then_some(Format::Json);
    }
    if !begins.starts_with('{') || !(inner.starts_with('"') || inner.starts_with('}')) {
        return None;
    }
    // A record a line, whatever the name: the first line ends a record, or runs on past what is seen.
    let (first, rest) = begins.split_once('\n').unwrap_or((begins, ""));
    let whole = first.trim_end().ends_with('}');
    let more = rest.trim_start();
    if whole && more.starts_with('{') || (extension != "json" && !whole && rest.is_empty()) {
        return Some(Format::JsonLines);
    }
    Some(Format::Json)
}

fn looks_like_html(begins: &str) -> bool {
    if !begins.starts_with('<') {
        return false;
    }
    let start: String = begins.chars().take(2048).flat_map(char::to_lowercase).collect();
    [
        "<!doctype html",
        "<html",
        "<head",
        "<body",
        "<meta ",
        "<title",
        "<table",
        "<div",
        "<p>",
        "<p ",
        "<h1",
    ]
    .iter()
    .any(|tag| start.contains(tag))
}

/// The first line is a header of mail, and at least two of the usual ones are among the headers.
fn looks_like_mail(text: &str) -> bool {
    const USUAL: [&str; 10] = [
        "from:",
        "to:",
        "subject:",
        "date:",
        "message-id:",
        "mime-version:",
        "received:",
        "return-path:",
        "delivered-to:",
        "content-type:",
    ];
    let known = |line: &str| {
        let name = line.split_inclusive(':').next().unwrap_or_default().to_ascii_lowercase();
        USUAL.contains(&name.as_str()) || (name.starts_with("x-") && name.ends_with(':'))
    };
    let headers = || text.lines().take_while(|line| !line.trim().is_empty());
    headers().next().is_some_and(known) && headers().filter(|line| known(line)).count() >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_before_the_name() {
        for (name, head, format) in [
            ("a.docx", &b"%PDF-1.7"[..], Format::Pdf),
            ("a.pdf", "关于开展检查的通知\n".as_bytes(), Format::Text),
            ("a.txt", b"PK\x03\x04....[Content_Types].xml....word/document.xml", Format::Docx),
            ("a.xlsx", b"PK\x03\x04........", Format::Xlsx),
            ("a.zip", b"PK\x03\x04........", Format::Zip),
            ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format::LegacyOffice),
            ("a.txt", "<!DOCTYPE html><html><body>通知".as_bytes(), Format::Html),
            ("a.txt", b"{\"id\":1,\"text\":\"x\"}\n{\"id\":2}", Format::JsonLines),
            ("a.json", b"{\"id\":1,\"text\":\"x\"}", Format::Json),
            ("a.json", b"[\n {\"id\":1}]", Format::Json),
            ("a.txt", "[2021] 5号".as_bytes(), Format::Text),
            ("a.jsonl.gz", b"\x1f\x8b\x08", Format::Gzip),
            ("a.bin", b"From: a@b\r\nTo: c@d\r\nSubject: x\r\n\r\nhi", Format::Eml),
            ("a.md", "# 标题".as_bytes(), Format::Markdown),
            ("a.csv", "标题,正文".as_bytes(), Format::Csv),
            ("a.txt", b"\x00\x01\x02\x03\x04\x05\x06\x07\x08", Format::Unknown),
            ("a.png", b"\x89PNG\r\n\x1a\n", Format::Image),
            ("", b"", Format::Text),
        ] {
            assert_eq!(detect(name, head), format, "{name} {head:?}");
        }
    }
}
