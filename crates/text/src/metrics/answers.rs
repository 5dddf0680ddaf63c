//! Exact match and F1 of answer spans as CMRC 2018 scores them (Cui et al., "A Span-Extraction Dataset for Chinese Machine
//! Reading Comprehension", 2019): both texts in lower case and without punctuation, cut into Chinese characters and
//! words of the rest; F1 over their longest common *contiguous* run; the best over all reference answers.

use std::collections::BTreeSet;

/// Exact match and F1, each 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EmF1 {
    /// Whether the answer is one of the references.
    pub em: f64,
    /// F1 with the reference that fits best.
    pub f1: f64,
}

/// What the official script takes for punctuation. Its `……` is one entry of two characters that no single character
/// equals, so that an ellipsis stays.
const PUNCTUATION: &[char] = &[
    '-', ':', '_', '*', '^', '/', '\\', '~', '`', '+', '=', '，', '。', '：', '？', '！', '“', '”',
    '；', '’', '《', '》', '·', '、', '「', '」', '（', '）', '－', '～', '『', '』',
];

fn is_punctuation(c: char) -> bool {
    PUNCTUATION.contains(&c)
}

/// Lower case, without punctuation and white space at the ends.
fn plain(text: &str) -> String {
    text.to_lowercase().trim().chars().filter(|c| !is_punctuation(*c)).collect()
}

/// Pieces that are compared: every Chinese character (U+4E00 to U+9FA5), and words of everything between them.
///
/// The official script cuts what is between with NLTK's `word_tokenize`. Here words end at white space, and ASCII
/// punctuation is a piece of its own except within numbers (`3.5`, `1,000`) and words (`o'clock`); contractions stay whole.
#[must_use]
pub fn cmrc_segments(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let (mut pieces, mut run) = (Vec::new(), String::new());
    for c in lower.trim().chars().filter(|c| !is_punctuation(*c)) {
        if ('\u{4e00}'..='\u{9fa5}').contains(&c) {
            words(&run, &mut pieces);
            run.clear();
            pieces.push(c.to_string());
        } else {
            run.push(c);
        }
    }
    words(&run, &mut pieces);
    pieces
}

fn words(run: &str, pieces: &mut Vec<String>) {
    for word in run.split_whitespace() {
        let characters: Vec<char> = word.chars().collect();
        let mut piece = String::new();
        for (at, c) in characters.iter().enumerate() {
            let joined = |near: Option<&char>| near.is_some_and(|c| c.is_alphanumeric());
            let inner = matches!(c, '.' | ',' | '\'')
                && joined(at.checked_sub(1).and_then(|before| characters.get(before)))
                && joined(characters.get(at + 1));
            if c.is_ascii_punctuation() && !inner {
                pieces.extend((!piece.is_empty()).then(|| std::mem::take(&mut piece)));
                pieces.push(c.to_string());
            } else {
                piece.push(*c);
            }
        }
        pieces.extend((!piece.is_empty()).then_some(piece));
    }
}

/// Length of the longest run that both have.
fn longest_common(a: &[String], b: &[String]) -> usize {
    let (mut before, mut longest) = (vec![0; b.len() + 1], 0);
    for piece in a {
        let mut row = vec![0; b.len() + 1];
        for (at, other) in b.iter().enumerate() {
            if piece == other {
                row[at + 1] = before[at] + 1;
                longest = longest.max(row[at + 1]);
            }
        }
        before = row;
    }
    longest
}

/// Exact match and F1 of an answer against its references. Without references both are 0.
#[must_use]
pub fn em_f1(answer: &str, references: &[&str]) -> EmF1 {
    let (own, pieces) = (plain(answer), cmrc_segments(answer));
    let mut best = EmF1::default();
    for reference in references.iter().collect::<BTreeSet<_>>() {
        if plain(reference) == own {
            best.em = 1.0;
        }
        let wanted = cmrc_segments(reference);
        let common = longest_common(&wanted, &pieces) as f64;
        if common > 0.0 {
            let (precision, recall) = (common / pieces.len() as f64, common / wanted.len() as f64);
            best.f1 = best.f1.max(2.0 * precision * recall / (precision + recall));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces() {
        let cases: [(&str, &[&str]); 6] = [
            ("范廷颂枢机", &["范", "廷", "颂", "枢", "机"]),
            ("1963年，Paul 教授", &["1963", "年", "paul", "教", "授"]),
            ("约3.5%的GDP", &["约", "3.5", "%", "的", "gdp"]),
            ("《论语》：“学”", &["论", "语", "学"]),
            ("a(b) 1,000.", &["a", "(", "b", ")", "1,000", "."]),
            ("", &[]),
        ];
        for (text, wanted) in cases {
            assert_eq!(cmrc_segments(text), wanted, "{text}");
        }
    }

    #[test]
    fn by_hand() {
        let close = |found: EmF1, em: f64, f1: f64| {
            assert!((found.em - em).abs() < 1e-12 && (found.f1 - f1).abs() < 1e-12, "{found:?}");
        };
        close(em_f1("1963年", &["1963年"]), 1.0, 1.0);
        close(em_f1("1963年。", &["1963 年", "1963年"]), 1.0, 1.0);
        // Two of three pieces, all of two: P = 2/3, R = 1.
        close(em_f1("在1963年", &["1963年"]), 0.0, 0.8);
        // The run is contiguous: 州市 of 广州市.
        close(em_f1("广x州市", &["广州市"]), 0.0, 2.0 * 0.5 * (2.0 / 3.0) / (0.5 + 2.0 / 3.0));
        // The best of the references.
        close(em_f1("北京", &["上海", "北京市"]), 0.0, 0.8);
        close(em_f1("", &["北京"]), 0.0, 0.0);
        close(em_f1("。", &["北京"]), 0.0, 0.0);
        close(em_f1("北京", &[]), 0.0, 0.0);
    }
}
