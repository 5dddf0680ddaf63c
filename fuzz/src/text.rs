//! Targets of `strata-text`: documents, addresses in laws, tokenizers.

use strata_text::address::{leading_address, leading_annex, parse_address};
use strata_text::embed::Encoder;
use strata_text::read::{ReadLimits, read};

/// Bounds that an input of a fuzzer can reach.
fn limits() -> ReadLimits {
    ReadLimits {
        file_bytes: 4 << 20,
        stream_bytes: 4 << 20,
        record_bytes: 1 << 20,
        document_bytes: 1 << 20,
        text_bytes: 8 << 20,
        pages: 100,
        entries: 200,
        entry_bytes: 8 << 20,
        unpacked_bytes: 32 << 20,
        cells: 100_000,
        operations: 100_000,
        documents: 50,
        ..ReadLimits::default()
    }
}

/// PDF, whatever the bytes begin with.
pub fn pdf(data: &[u8]) {
    document("file.pdf", data);
}

/// Word, Excel and PowerPoint files, told by their content.
pub fn office(data: &[u8]) {
    document("file", data);
}

/// Plain formats; the first byte says which name the file has.
pub fn plain(data: &[u8]) {
    const NAMES: [&str; 8] = [
        "file.txt",
        "file.html",
        "file.md",
        "file.csv",
        "file.json",
        "file.jsonl",
        "file.eml",
        "file",
    ];
    let Some((first, rest)) = data.split_first() else { return };
    document(NAMES[usize::from(*first) % NAMES.len()], rest);
}

/// A document's places are bytes of its text, at characters.
fn document(name: &str, data: &[u8]) {
    let limits = limits();
    let Ok(outcome) = read(name, data, &limits, None) else { return };
    for document in &outcome.documents {
        assert!(document.text.len() <= limits.text_bytes, "{} bytes", document.text.len());
        for block in &document.blocks {
            let span = &block.span;
            assert!(document.text.get(span.start..span.end).is_some(), "{span:?}");
        }
    }
}

/// Addresses in laws. What a text begins with ends at a character; an address as it is shown is one, and shown the same.
pub fn address(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some((address, used)) = leading_address(text) {
        assert!(text.is_char_boundary(used) && used > 0);
        assert!(!address.is_empty());
    }
    let (_, rest) = leading_annex(text);
    assert!(text.ends_with(rest));
    if let Some(address) = parse_address(text) {
        let written = address.to_string();
        let again = parse_address(&written).map(|again| again.to_string());
        assert_eq!(again, Some(written));
    }
}

/// Tokenizers: a vocabulary of ours or a published `tokenizer.json`, and texts through it.
pub fn tokenizer(data: &[u8]) {
    const TEXTS: [&str; 3] =
        ["", "第一百二十条 申请人应当提交材料。", "e\u{301} A\u{0}b\r\n🙂 \u{3000}"];
    const MOST: usize = 16;
    for encoder in [Encoder::han_bigram(data, MOST), Encoder::hugging_face(data, MOST)] {
        let Ok(encoder) = encoder else { continue };
        for text in TEXTS {
            if let Ok(encoded) = encoder.text(text) {
                assert!(encoded.ids.len() <= MOST, "{} tokens", encoded.ids.len());
            }
            let _ = encoder.pair(text, TEXTS[1]);
        }
    }
}
