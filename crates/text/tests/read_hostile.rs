//! Files built or broken to do harm: whatever the bytes, reading ends with documents or a reason, within its limits.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use strata_text::document::Extract;
use strata_text::read::{Format, ReadError, ReadLimits, detect, read};

const NAMES: [&str; 14] = [
    "a.pdf", "a.docx", "a.xlsx", "a.pptx", "a.html", "a.eml", "a.md", "a.json", "a.jsonl", "a.csv",
    "a.txt", "a.png", "a.gz", "a",
];

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// Small enough that a test which runs into one is quick.
fn limits() -> ReadLimits {
    ReadLimits {
        entry_bytes: 8 << 20,
        unpacked_bytes: 16 << 20,
        text_bytes: 16 << 20,
        operations: 2_000_000,
        stream_bytes: 64 << 20,
        record_bytes: 1 << 20,
        ..ReadLimits::default()
    }
}

/// Blocks and pages lie in the text, in order, without overlapping; blocks are lines.
fn check(document: &Extract) {
    let text = &document.text;
    let mut end = 0;
    for block in &document.blocks {
        let inside = block.span.of(text).unwrap_or_else(|| panic!("{block:?} is outside"));
        assert!(
            block.span.start >= end && !inside.is_empty() && !inside.contains('\n'),
            "{block:?}"
        );
        end = block.span.end;
    }
    let mut end = 0;
    let mut number = 0;
    for page in &document.pages {
        assert!(
            page.span.of(text).is_some() && page.span.start >= end && page.number > number,
            "{page:?}"
        );
        (end, number) = (page.span.end, page.number);
    }
    assert!(!text.contains('\0') && !text.contains('\r'));
}

fn survive(name: &str, bytes: &[u8]) {
    match read(name, bytes, &limits(), None) {
        Ok(outcome) => outcome.documents.iter().for_each(check),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn problem(name: &str, bytes: &[u8]) -> String {
    match read(name, bytes, &limits(), None) {
        Ok(outcome) => {
            outcome.problems.first().map_or_else(String::new, |problem| problem.code.clone())
        }
        Err(error) => error.code().to_owned(),
    }
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn nothing_in_it() {
    for name in NAMES {
        assert!(matches!(read(name, b"", &limits(), None), Err(ReadError::Empty { .. })), "{name}");
    }
    assert_eq!(problem("a.txt", b" \n\n "), "no-text");
    assert_eq!(problem("a.html", b"<html><script>x</script>"), "no-text");
}

#[test]
fn formats_that_are_not_read_say_what_to_do() {
    let error =
        read("通知.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1........", &limits(), None).unwrap_err();
    assert_eq!(error.code(), "unsupported");
    assert!(
        error.to_string().contains(".docx") && error.to_string().contains("通知.doc"),
        "{error}"
    );
    assert_eq!(problem("a.ofd", &zip(&[("OFD.xml", b"<a/>")])), "unsupported");
    assert_eq!(problem("a.zip", &zip(&[("a.txt", b"x")])), "unsupported");
}

#[test]
fn archives_that_unpack_to_too_much() {
    let huge = vec![b' '; 9 << 20];
    let document = [b"<w:document><w:body>".as_slice(), &huge].concat();
    assert_eq!(problem("a.docx", &zip(&[("word/document.xml", &document)])), "bomb");
    let bomb = zip(&[("xl/workbook.xml", b"<workbook/>"), ("xl/a.xml", &huge)]);
    assert_eq!(problem("a.xlsx", &bomb), "bomb");
    // Many entries, each within its bound.
    let entries: Vec<(String, Vec<u8>)> =
        (0..5).map(|n| (format!("xl/{n}"), vec![0; 7 << 20])).collect();
    let mut all: Vec<(&str, &[u8])> = vec![("xl/workbook.xml", b"<workbook/>")];
    all.extend(entries.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    assert_eq!(problem("a.xlsx", &zip(&all)), "bomb");
    // More entries than an office file has.
    let many = b"PK\x01\x02".repeat(30_000);
    assert_eq!(
        problem("a.docx", &[b"PK\x03\x04word/document.xml".as_slice(), &many].concat()),
        "bomb"
    );
}

#[test]
fn an_archive_in_an_archive_is_not_entered() {
    let inner = zip(&[("word/document.xml", b"<w:document/>")]);
    let outer = zip(&[("a.docx", &inner), ("word/document.xml", &inner)]);
    assert_eq!(problem("a.docx", &outer), "damaged");
}

/// A header that says a small size for an entry that unpacks to much more.
#[test]
fn an_archive_that_lies_about_its_sizes() {
    let document = [b"<w:document><w:body>".as_slice(), &vec![b' '; 9 << 20]].concat();
    let mut bytes = zip(&[("word/document.xml", &document)]);
    let size = u32::try_from(document.len()).unwrap().to_le_bytes();
    let places: Vec<usize> = (0..bytes.len() - 4).filter(|&at| bytes[at..at + 4] == size).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + 4].copy_from_slice(&100u32.to_le_bytes());
    }
    let code = problem("a.docx", &bytes);
    assert!(code == "bomb" || code == "damaged", "{code}");
}

#[test]
fn xml_that_is_deep_or_has_entities() {
    let deep = "<w:p>".repeat(200_000);
    assert_eq!(problem("a.docx", &zip(&[("word/document.xml", deep.as_bytes())])), "bomb");
    let entities = "<!DOCTYPE d [<!ENTITY a \"AAAA\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY x SYSTEM \"file:///etc/passwd\">]>\
        <w:document><w:body><w:p><w:r><w:t>甲&b;&x;乙</w:t></w:r></w:p></w:body></w:document>";
    let outcome =
        read("a.docx", &zip(&[("word/document.xml", entities.as_bytes())]), &limits(), None)
            .unwrap();
    assert_eq!(outcome.documents[0].text, "甲乙");
    // Attributes that a parser would compare with each other.
    let mut wide = "<w:document ".to_owned();
    (0..200_000).for_each(|n| wide.push_str(&format!("a{n}=\"\" ")));
    wide.push_str("><w:p><w:r><w:t>丙</w:t></w:r></w:p></w:document>");
    survive("a.docx", &zip(&[("word/document.xml", wide.as_bytes())]));
}

#[test]
fn gzip_bombs_are_streams_within_limits() {
    let mut bytes = vec![b'x'; 80 << 20];
    bytes[0] = b'{';
    for _ in 0..6 {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&bytes).unwrap();
        bytes = gzip.finish().unwrap();
        survive("a.jsonl.gz", &bytes);
    }
    assert_eq!(problem("a.gz", &bytes), "bomb");
    let cut = &fixture("mail.eml")[..2000];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(cut).unwrap();
    let whole = gzip.finish().unwrap();
    survive("a.gz", &whole[..whole.len() - 12]);
}

/// A PDF of these objects, numbered from 1; the first is the catalog.
fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let (mut out, mut places) = (b"%PDF-1.5\n".to_vec(), Vec::new());
    for (at, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n", at + 1).bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    places.iter().for_each(|place| out.extend(format!("{place:010} 00000 n \n").bytes()));
    let end =
        format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1);
    out.extend(end.bytes());
    out
}

fn stream(dictionary: &str, content: &[u8]) -> Vec<u8> {
    let mut out = format!("<<{dictionary}/Length {}>>stream\n", content.len()).into_bytes();
    out.extend(content);
    out.extend(b"\nendstream");
    out
}

fn page(content: Vec<u8>, resources: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<<{resources}>>>>").into_bytes(),
        content,
    ];
    objects.extend_from_slice(more);
    pdf(&objects)
}

#[test]
fn pdf_that_goes_in_circles() {
    // Pages that contain themselves, and a parent that is its own.
    let circle = pdf(&[
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R 3 0 R 2 0 R]/Count 3>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/Contents 3 0 R>>".to_vec(),
    ]);
    survive("a.pdf", &circle);
    // Forms that show each other, twice each.
    let form = |to: &str| {
        stream(
            &format!("/Type/XObject/Subtype/Form/Resources<</XObject<</A {to}/B {to}>>>>"),
            &b"/A Do /B Do ".repeat(50),
        )
    };
    let forms = page(stream("", b"/A Do"), "/XObject<</A 5 0 R>>", &[form("6 0 R"), form("5 0 R")]);
    survive("a.pdf", &forms);
    survive("a.pdf", &pdf(&[b"<</Type/Catalog/Pages 1 0 R/Kids[1 0 R]>>".to_vec()]));
    survive("a.pdf", &pdf(&[b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), b"2 0 R".to_vec()]));
}

#[test]
fn pdf_whose_streams_unpack_to_too_much() {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(&vec![b' '; 100 << 20]).unwrap();
    let packed = zlib.finish().unwrap();
    survive("a.pdf", &page(stream("/Filter/FlateDecode", &packed), "", &[]));
    // A character map that claims to cover four billion codes, and one that is a bomb.
    let map = b"1 begincodespacerange <00000000> <FFFFFFFF> endcodespacerange 1 beginbfrange <00000000> <FFFFFFFF> <4E00> endbfrange";
    let text = "BT /F1 12 Tf 72 700 Td <00010002> Tj ET";
    for map in [stream("", map), stream("/Filter/FlateDecode", &packed)] {
        let font = b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[6 0 R]/ToUnicode 7 0 R>>".to_vec();
        let inner =
            b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/DW 1000/W[0 4294967295 500]>>".to_vec();
        let bytes = page(stream("", text.as_bytes()), "/Font<</F1 5 0 R>>", &[font, inner, map]);
        survive("a.pdf", &bytes);
    }
    // A stream of a million operators, and one string of megabytes.
    survive("a.pdf", &page(stream("", &b"q ".repeat(1 << 20)), "", &[]));
    let font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec();
    let long = format!("BT /F1 12 Tf ({}) Tj ET", "x".repeat(3 << 20));
    survive("a.pdf", &page(stream("", long.as_bytes()), "/Font<</F1 5 0 R>>", &[font]));
}

#[test]
fn pdf_numbers_that_are_none() {
    let font =
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/FirstChar 4000000000/Widths[1e38 -5 (x)]>>"
            .to_vec();
    let content = b"BT /F1 1e38 Tf 1e38 0 0 -1e38 9e37 9e37 Tm (abc) Tj 99999999999999999999 Tz [(a) 1e38 (b)] TJ ET 1e38 0 0 1e38 0 0 cm 0 0 1e38 1e38 re S";
    survive("a.pdf", &page(stream("", content), "/Font<</F1 5 0 R>>", &[font]));
}

#[test]
fn nested_mails_end() {
    let mut mail = b"Subject: x\r\n\r\ninnermost".to_vec();
    for _ in 0..60 {
        let head = b"Subject: y\r\nFrom: a@b\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n";
        mail = [head.as_slice(), &mail, b"\r\n--b--\r\n"].concat();
    }
    survive("a.eml", &mail);
    let parts = "--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nx\r\n".repeat(3_000);
    let many = format!(
        "Subject: y\r\nFrom: a@b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n"
    );
    let outcome = read("a.eml", many.as_bytes(), &limits(), None).unwrap();
    assert!(
        outcome.documents.len() <= 1_001 && outcome.problems.iter().any(|p| p.code == "too-many")
    );
}

#[test]
fn markdown_and_html_that_nest() {
    survive("a.md", "> ".repeat(20_000).as_bytes());
    survive("a.md", &b"[".repeat(50_000));
    survive("a.md", "- a\n ".repeat(2_000).as_bytes());
    survive(
        "a.md",
        format!("|{}\n|{}\n{}", "a|".repeat(2_000), "-|".repeat(2_000), "|x\n".repeat(500))
            .as_bytes(),
    );
    survive("a.html", "<table><tr><td colspan=1000 rowspan=65534>x".repeat(300).as_bytes());
}

#[test]
fn every_cut_of_every_file_is_survived() {
    for name in [
        "measures.docx",
        "guide.xlsx",
        "slides.pptx",
        "columns.pdf",
        "gbk.pdf",
        "mail.eml",
        "scanned.pdf",
    ] {
        let bytes = fixture(name);
        for part in 1..24 {
            survive(name, &bytes[..bytes.len() * part / 24]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_under_any_name(bytes in proptest::collection::vec(any::<u8>(), 0..600), name in 0..NAMES.len()) {
        survive(NAMES[name], &bytes);
    }

    #[test]
    fn any_bytes_behind_any_magic(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0..9usize) {
        let magic: [&[u8]; 9] = [
            b"%PDF-1.7\n", b"PK\x03\x04word/document.xml", b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"<html>", b"{\"text\":", b"[{\"text\":",
            b"Subject: x\nFrom: y\nDate: z\n\n", b"---\nlabels:", b"\xff\xfe",
        ];
        survive("a.bin", &[magic[at], &bytes].concat());
    }

    #[test]
    fn damaged_files(seed in any::<u64>(), file in 0..8usize) {
        const FILES: [&str; 8] =
            ["measures.docx", "guide.xlsx", "slides.pptx", "columns.pdf", "gbk.pdf", "turned.pdf", "mail.eml", "scanned.pdf"];
        let mut bytes = fixture(FILES[file]);
        let mut state = seed | 1;
        for _ in 0..20 {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = (state % bytes.len() as u64) as usize;
            bytes[at] = (state >> 32) as u8;
        }
        survive(FILES[file], &bytes);
    }

    #[test]
    fn text_of_any_kind_keeps_its_places(text in "(第[一二三]条　|[一-龥，。]|\\PC|\n|\t|<[a-z/]{1,5}>|#|\\||- ){0,80}", name in 4..11usize) {
        survive(NAMES[name], text.as_bytes());
    }

    #[test]
    fn plain_text_comes_back_from_every_encoding(text in "[一-龥]{4,20}\n[一-龥a-z0-9，。 ]{1,40}[一-龥]") {
        let utf16: Vec<u8> = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in [text.clone().into_bytes(), utf16] {
            let outcome = read("a.txt", &bytes, &limits(), None).unwrap();
            prop_assert_eq!(outcome.documents[0].text.as_str(), text.trim_end());
        }
    }

    #[test]
    fn detection_never_fails(bytes in proptest::collection::vec(any::<u8>(), 0..9000), name in 0..NAMES.len()) {
        let _: Format = detect(NAMES[name], &bytes);
    }
}

#[test]
fn fonts_that_do_not_tell_are_noted() {
    let font =
        b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[6 0 R]>>"
            .to_vec();
    let inner = b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/DW 1000>>".to_vec();
    let content = b"BT /F1 12 Tf 72 700 Td <000100020003> Tj ET";
    let bytes = page(stream("", content), "/Font<</F1 5 0 R>>", &[font, inner]);
    let outcome = read("a.pdf", &bytes, &limits(), None).unwrap();
    let note = &outcome.documents[0].notes[0];
    assert_eq!((note.page, note.code.as_str()), (Some(1), "bad-font"));
    assert!(outcome.documents[0].text.is_empty());
}

#[test]
fn a_stream_that_was_cut_keeps_what_came_before() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    (0..2_000).for_each(|n| writeln!(gzip, "{{\"id\":{n},\"text\":\"第{n}条 正文。\"}}").unwrap());
    let bytes = gzip.finish().unwrap();
    let outcome = read("a.jsonl.gz", &bytes[..bytes.len() / 2], &limits(), None)
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(outcome.documents.len() > 900, "{}", outcome.documents.len());
    assert!(matches!(
        outcome.problems.last().map(|p| p.code.as_str()),
        Some("truncated" | "bad-json")
    ));
}
