//! Bytes to text: UTF-8, GB18030, UTF-16 and Big5 told apart by what is valid, line by line where a file mixes them.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use encoding_rs::{BIG5, Decoder, Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use super::build::clean;
use super::problem::note;
use crate::document::Note;

/// How much of a file's start its encoding is judged by.
pub(super) const SAMPLE: usize = 1 << 20;

/// The encoding a file is in, or mostly in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charset {
    encoding: &'static Encoding,
    /// Bytes of its byte order mark.
    mark: usize,
}

impl Charset {
    /// The charset of a name, as HTML and mail write it.
    pub(super) fn named(label: &str) -> Option<Self> {
        let encoding = Encoding::for_label(label.trim().as_bytes())?;
        // GB2312 and GBK are written where GB18030 is meant; the library already says GBK for both.
        let encoding = if encoding == encoding_rs::GBK { GB18030 } else { encoding };
        Some(Self { encoding, mark: 0 })
    }

    /// Judges by a file's first bytes, at best [`SAMPLE`] of them.
    pub(super) fn detect(sample: &[u8]) -> Self {
        let sample = &sample[..sample.len().min(SAMPLE)];
        if let Some((encoding, mark)) = Encoding::for_bom(sample) {
            return Self { encoding, mark };
        }
        let encoding = unmarked_utf16(sample).unwrap_or_else(|| by_lines(sample));
        Self { encoding, mark: 0 }
    }

    /// Whether a line end is the byte `\n`.
    pub(super) fn has_byte_lines(self) -> bool {
        self.encoding != UTF_16LE && self.encoding != UTF_16BE
    }

    /// The name of the encoding.
    pub(super) fn name(self) -> &'static str {
        self.encoding.name()
    }

    /// Bytes of its byte order mark.
    pub(super) fn mark(self) -> usize {
        self.mark
    }
}

/// UTF-16 without a mark: nearly all code units are letters, digits, Han characters or their punctuation.
fn unmarked_utf16(sample: &[u8]) -> Option<&'static Encoding> {
    let has_nul = sample.contains(&0);
    if sample.len() < 4 || (!has_nul && std::str::from_utf8(cut(sample)).is_ok()) {
        return None;
    }
    let plausible = |encoding: &'static Encoding| {
        let units = sample.chunks_exact(2).take(1 << 15);
        let (mut good, mut low, mut all) = (0usize, 0usize, 0usize);
        for unit in units {
            let unit = [unit[0], unit[1]];
            let unit = if encoding == UTF_16LE {
                u16::from_le_bytes(unit)
            } else {
                u16::from_be_bytes(unit)
            };
            all += 1;
            good += usize::from(
                matches!(unit, 9 | 10 | 13 | 0x20..=0x7e | 0x2010..=0x2026 | 0x3000..=0x3029
                | 0x4e00..=0x9fff | 0xff01..=0xff5e),
            );
            low += usize::from(unit < 0x80 || (0x3000..0x3030).contains(&unit) || unit >= 0xff00);
        }
        // GBK pairs read as units are spread over everything; a text has some marks or spaces.
        (good * 100 >= all * 97 && (low > 0 || has_nul)).then_some(good)
    };
    let (little, big) = (plausible(UTF_16LE), plausible(UTF_16BE));
    match (little, big) {
        (Some(a), Some(b)) => Some(if a >= b { UTF_16LE } else { UTF_16BE }),
        (Some(_), None) => Some(UTF_16LE),
        (None, Some(_)) => Some(UTF_16BE),
        (None, None) => None,
    }
}

/// Without a character cut at the end.
fn cut(sample: &[u8]) -> &[u8] {
    match std::str::from_utf8(sample) {
        Err(error) if error.error_len().is_none() => &sample[..error.valid_up_to()],
        _ => sample,
    }
}

/// The encoding of most lines.
fn by_lines(sample: &[u8]) -> &'static Encoding {
    let sample = cut(sample);
    if std::str::from_utf8(sample).is_ok() {
        return UTF_8;
    }
    let (mut utf8, mut other) = (0usize, Vec::new());
    for line in sample.split(|&b| b == b'\n').filter(|line| !line.is_ascii()) {
        if surely_utf8(line) { utf8 += line.len() } else { other.extend_from_slice(line) }
    }
    // A line of bytes that makes six characters of UTF-8 is hardly ever GB18030 by chance.
    if utf8 > other.len() / 8 {
        return UTF_8;
    }
    if utf8_share(&other) >= 75 {
        UTF_8
    } else if score(BIG5, &other) > score(GB18030, &other) {
        BIG5
    } else {
        GB18030
    }
}

/// Valid UTF-8 with six characters beyond ASCII or more.
fn surely_utf8(line: &[u8]) -> bool {
    std::str::from_utf8(line)
        .is_ok_and(|text| text.chars().filter(|c| !c.is_ascii()).nth(5).is_some())
}

/// How much like Chinese text the bytes are in a charset of two-byte characters: pairs of its common characters and
/// punctuation count for it, all others against it.
fn score(encoding: &'static Encoding, bytes: &[u8]) -> i64 {
    let (mut score, mut at) = (0, 0);
    let bytes = &bytes[..bytes.len().min(1 << 16)];
    while let Some(&lead) = bytes.get(at) {
        let trail = bytes.get(at + 1).copied().unwrap_or(0);
        at += if lead < 0x80 { 1 } else { 2 };
        score += match (lead, trail) {
            (0..0x80, _) => 0,
            // Level 1 of GB 2312 and its punctuation; the common characters of Big5 and its punctuation.
            (0xb0..=0xd7 | 0xa1 | 0xa3, 0xa1..=0xfe) if encoding == GB18030 => 1,
            (0xa4..=0xc6 | 0xa1, 0x40..=0x7e | 0xa1..=0xfe) if encoding == BIG5 => 1,
            _ => -1,
        };
    }
    score
}

/// The share of bytes beyond ASCII that are whole characters of UTF-8, in percent.
fn utf8_share(bytes: &[u8]) -> usize {
    let all = bytes.iter().filter(|byte| !byte.is_ascii()).count().max(1);
    let bad: usize = bytes.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
    all.saturating_sub(bad) * 100 / all
}

/// What happened while lines were decoded.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Lines in another encoding than the file's.
    mixed: usize,
    /// Lines with bytes that no encoding explains.
    bad: usize,
}

impl Tally {
    /// Says it.
    pub(super) fn notes(&self, charset: Charset) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.mixed > 0 {
            let message = format!(
                "{} lines are not in {} as the rest is and were read as what they are; save the file as UTF-8",
                self.mixed,
                charset.name()
            );
            notes.push(note(None, "mixed-encoding", message));
        }
        if self.bad > 0 {
            let message = format!(
                "{} lines hold bytes that are no text; they stand as \u{fffd}: look for a damaged copy",
                self.bad
            );
            notes.push(note(None, "bad-bytes", message));
        }
        notes
    }
}

/// One line to text. `line` has no byte order mark and is not UTF-16.
pub(super) fn decode_line<'a>(line: &'a [u8], charset: Charset, tally: &mut Tally) -> Cow<'a, str> {
    let unicode = std::str::from_utf8(line);
    if line.is_ascii() || charset.encoding == UTF_8 {
        if let Ok(text) = unicode {
            return Cow::Borrowed(text);
        }
        let (text, bad) = GB18030.decode_without_bom_handling(line);
        let lossy = String::from_utf8_lossy(line);
        let lost = lossy.chars().filter(|&c| c == '\u{fffd}').count();
        let kept = lossy.chars().filter(|&c| !c.is_ascii()).count() - lost;
        if charset.encoding == UTF_8 && (kept >= 3 * lost || bad) {
            tally.bad += 1;
            return lossy;
        }
        tally.mixed += 1;
        return text;
    }
    let (text, bad) = charset.encoding.decode_without_bom_handling(line);
    if surely_utf8(line) || (bad && unicode.is_ok()) {
        tally.mixed += 1;
        return String::from_utf8_lossy(line);
    }
    tally.bad += usize::from(bad);
    text
}

/// The whole of a file's bytes as clean text, and what is to be said of it. `named` is what the file says of itself.
pub(super) fn decode(bytes: &[u8], named: Option<Charset>) -> (String, Vec<Note>) {
    let found = Charset::detect(bytes);
    // What a file says of itself is often wrong; valid UTF-8 and byte order marks are not.
    let charset = match named {
        Some(named) if found.mark == 0 && found.has_byte_lines() && found.encoding != UTF_8 => {
            named
        }
        _ => found,
    };
    let bytes = bytes.get(charset.mark..).unwrap_or_default();
    if !charset.has_byte_lines() {
        let (text, bad) = charset.encoding.decode_without_bom_handling(bytes);
        let tally = Tally { mixed: 0, bad: usize::from(bad) };
        return (clean(&text).into_owned(), tally.notes(charset));
    }
    let (mut text, mut tally) = (String::with_capacity(bytes.len()), Tally::default());
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        text.push_str(&decode_line(line, charset, &mut tally));
    }
    let notes = tally.notes(charset);
    match clean(&text) {
        Cow::Borrowed(_) => (text, notes),
        Cow::Owned(text) => (text, notes),
    }
}

/// A stream in any encoding as UTF-8, with bounded memory.
pub(super) struct Utf8Reader<R> {
    inner: R,
    decoder: Option<Decoder>,
    skip: usize,
    out: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: BufRead> Utf8Reader<R> {
    pub(super) fn new(inner: R, charset: Charset) -> Self {
        let decoder = (charset.encoding != UTF_8)
            .then(|| charset.encoding.new_decoder_without_bom_handling());
        Self { inner, decoder, skip: charset.mark, out: Vec::new(), at: 0, ended: false }
    }

    fn skip_mark(&mut self) -> io::Result<()> {
        while self.skip > 0 {
            let have = self.inner.fill_buf()?.len();
            let step = have.min(self.skip);
            self.inner.consume(step);
            self.skip = if have == 0 { 0 } else { self.skip - step };
        }
        Ok(())
    }
}

impl<R: BufRead> BufRead for Utf8Reader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.skip_mark()?;
        let Some(decoder) = &mut self.decoder else { return self.inner.fill_buf() };
        while self.at == self.out.len() && !self.ended {
            let input = self.inner.fill_buf()?;
            let input = &input[..input.len().min(1 << 16)];
            self.ended = input.is_empty();
            let room = decoder.max_utf8_buffer_length(input.len()).unwrap_or(1 << 18);
            self.out.resize(room, 0);
            let (_, read, written, _) = decoder.decode_to_utf8(input, &mut self.out, self.ended);
            self.out.truncate(written);
            self.at = 0;
            self.inner.consume(read);
        }
        Ok(&self.out[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        if self.decoder.is_some() {
            self.at = (self.at + amount).min(self.out.len());
        } else {
            self.inner.consume(amount);
        }
    }
}

impl<R: BufRead> Read for Utf8Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let have = self.fill_buf()?;
        let count = have.len().min(buffer.len());
        buffer[..count].copy_from_slice(&have[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "中华人民共和国劳动合同法\n第一条　为了完善劳动合同制度，制定本法。\n第二条 ABC 2021。\n";

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() })
            .collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let gb = GB18030.encode(TEXT).0.into_owned();
        let traditional =
            "第一條　為了規範勞動合同，保護當事人的權利，制定本條例。\n這個國家的法律應當公佈。";
        let files = [
            (TEXT.as_bytes().to_vec(), TEXT),
            ([b"\xef\xbb\xbf", TEXT.as_bytes()].concat(), TEXT),
            (gb, TEXT),
            (utf16(TEXT, true), TEXT),
            (utf16(TEXT, false), TEXT),
            ([b"\xff\xfe".to_vec(), utf16(TEXT, true)].concat(), TEXT),
            ([b"\xfe\xff".to_vec(), utf16(TEXT, false)].concat(), TEXT),
            (BIG5.encode(traditional).0.into_owned(), traditional),
            (utf16("plain", true), "plain"),
            (GB18030.encode("㐀𠀀镕，龢。应当").0.into_owned(), "㐀𠀀镕，龢。应当"),
        ];
        for (bytes, wanted) in files {
            let (text, notes) = decode(&bytes, None);
            assert_eq!((text.as_str(), notes.len()), (wanted, 0), "{:?}", Charset::detect(&bytes));
            let charset = Charset::detect(&bytes);
            let mut streamed = String::new();
            let mut small = io::BufReader::with_capacity(3, bytes.as_slice());
            Utf8Reader::new(&mut small, charset).read_to_string(&mut streamed).unwrap();
            assert_eq!(streamed, wanted);
        }
    }

    #[test]
    fn mixed_files_are_read_line_by_line() {
        let gb = GB18030.encode("第三条　本法自公布之日起施行。\n").0.into_owned();
        let mixed = [TEXT.as_bytes(), &gb, TEXT.as_bytes()].concat();
        let (text, notes) = decode(&mixed, None);
        assert_eq!(text, format!("{TEXT}第三条　本法自公布之日起施行。\n{TEXT}"));
        assert_eq!(notes[0].code, "mixed-encoding");
        // The other way round.
        let long = GB18030.encode(&TEXT.repeat(20)).0.into_owned();
        let mixed =
            [long.as_slice(), "第三条　本法自公布之日起施行。\n".as_bytes(), &long].concat();
        let (text, notes) = decode(&mixed, None);
        assert!(text.contains("\n第三条　本法自公布之日起施行。\n中华"), "{notes:?}");
        assert_eq!(notes[0].code, "mixed-encoding");
    }

    #[test]
    fn a_damaged_byte_costs_its_character_only() {
        let mut bytes = TEXT.as_bytes().to_vec();
        bytes[4] = 0xff;
        let (text, notes) = decode(&bytes, None);
        assert!(
            text.ends_with("第二条 ABC 2021。\n") && text.contains("人民共和国劳动合同法"),
            "{text}"
        );
        assert_eq!(notes[0].code, "bad-bytes");
        let (text, notes) = decode(&TEXT.as_bytes()[..10], None);
        assert_eq!((text.starts_with("中华人"), notes.len()), (true, 1));
    }
}
