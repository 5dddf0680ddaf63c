//! The tokeniser `han-bigram/1`: characters of Chinese and words of letters and digits, and pairs of neighbours.
//!
//! A text is normalised (Unicode NFKC, then lower case) and cut into units: a character of a script written without
//! spaces is a unit of its own, a run of letters and digits of the others is one unit, all else separates. Tokens are
//! the units, and every two units with nothing between them joined together. `training/strata_training/text/tokens.py`
//! makes the same tokens: the index, the retriever's vocabulary and its training agree on them.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// What this tokeniser is called in cards.
pub const NAME: &str = "han-bigram/1";

/// Characters of a word; what is longer is cut into words of this many.
pub const LONGEST: usize = 32;

/// What a character is to the tokeniser.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A unit of its own.
    Single,
    /// Part of a word.
    Word,
    /// Separates.
    Other,
}

fn class(c: char) -> Class {
    match c {
        // Han first: nearly every character is one.
        '\u{4e00}'..='\u{9fff}' => Class::Single,
        '0'..='9' | 'a'..='z' => Class::Word,
        '\0'..='\u{de}' => Class::Other,
        // 〇, kana, extension A, Hangul, compatibility ideographs that NFKC leaves, extensions B to H.
        '\u{3007}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}' => Class::Single,
        // Latin, Greek and Cyrillic letters.
        '\u{df}'..='\u{f6}'
        | '\u{f8}'..='\u{24f}'
        | '\u{370}'..='\u{373}'
        | '\u{376}'
        | '\u{377}'
        | '\u{37b}'..='\u{37d}'
        | '\u{386}'
        | '\u{388}'..='\u{3ff}'
        | '\u{400}'..='\u{481}'
        | '\u{48a}'..='\u{52f}' => Class::Word,
        _ => Class::Other,
    }
}

/// NFKC, then lower case.
#[must_use]
pub fn normalise(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_normal) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match simple(c) {
            Some(c) => plain.push(c),
            None => return Cow::Owned(text.nfkc().collect::<String>().to_lowercase()),
        }
    }
    Cow::Owned(plain)
}

/// Whether normalising a text of such characters changes nothing.
fn is_normal(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3001}'..='\u{3029}' | '\u{2018}'..='\u{201d}')
        || (c.is_ascii() && !c.is_ascii_uppercase())
}

/// The normal form of a character that has one of its own whatever stands beside it; `None` where Unicode's tables are
/// needed. It covers all of nearly every Chinese text.
fn simple(c: char) -> Option<char> {
    match c {
        _ if is_normal(c) => Some(c),
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        '\u{3000}' => Some(' '),
        // Full-width forms of ASCII.
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(c as u32 - 0xfee0).map(|c| c.to_ascii_lowercase())
        }
        _ => None,
    }
}

/// Calls `each` with every token of a text that is already normalised, in order: units, each followed by the pair it
/// ends. Every token is a piece of the text.
pub fn each_token<'a>(normalised: &'a str, mut each: impl FnMut(&'a str)) {
    // The unit before, when it ends where the next begins.
    let mut before: Option<usize> = None;
    let mut chars = normalised.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let mut end = start + c.len_utf8();
        match class(c) {
            Class::Other => {
                before = None;
                continue;
            }
            Class::Single => {}
            Class::Word => {
                for _ in 1..LONGEST {
                    let Some((at, c)) = chars.next_if(|(_, c)| class(*c) == Class::Word) else {
                        break;
                    };
                    end = at + c.len_utf8();
                }
            }
        }
        each(&normalised[start..end]);
        if let Some(first) = before {
            each(&normalised[first..end]);
        }
        before = Some(start);
    }
}

/// The tokens of a text, as [`each_token`] gives them.
#[must_use]
pub fn tokens(text: &str) -> Vec<String> {
    let normalised = normalise(text);
    let mut made = Vec::new();
    each_token(&normalised, |token| made.push(token.to_owned()));
    made
}

/// A token as a number. Tokens of one or two characters, which nearly all are, have a number of their own; longer ones
/// share the rest of 63 bits by a hash, so that two different words meet about once in 10¹⁸ pairs.
#[must_use]
pub fn key(token: &str) -> u64 {
    let mut chars = token.chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some(a), None, _) => u64::from(a as u32),
        (Some(a), Some(b), None) => u64::from(a as u32) << 21 | u64::from(b as u32),
        _ => hash(token.as_bytes()) | 1 << 63,
    }
}

/// FNV-1a with the finaliser of MurmurHash3. It is written into files and must never change.
fn hash(bytes: &[u8]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    state = (state ^ state >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    state = (state ^ state >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    state ^ state >> 33
}

/// The numbers of a text's tokens, and how many units the text has.
pub(crate) fn keys(text: &str, mut each: impl FnMut(u64)) {
    each_token(&normalise(text), |token| each(key(token)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("法", &["法"]),
            ("劳动法", &["劳", "动", "劳动", "法", "动法"]),
            ("劳动，法", &["劳", "动", "劳动", "法"]),
            ("ＷＴＯ规则", &["wto", "规", "wto规", "则", "规则"]),
            ("A股", &["a", "股", "a股"]),
            ("国发〔2020〕1号", &["国", "发", "国发", "2020", "1", "号", "1号"]),
            ("3.5%", &["3", "5"]),
            ("二〇二一", &["二", "〇", "二〇", "二", "〇二", "一", "二一"]),
            ("①条", &["1", "条", "1条"]),
            ("ﬁn Straße", &["fin", "straße"]),
            ("か が", &["か", "が"]),
            ("\u{304b}\u{3099}", &["が"]),
            ("…《》——", &[]),
            ("20\u{3000}万元", &["20", "万", "元", "万元"]),
        ];
        for (text, wanted) in cases {
            assert_eq!(tokens(text), *wanted, "{text}");
        }
        let long = "x".repeat(70);
        let lengths: Vec<usize> = tokens(&long).iter().map(String::len).collect();
        assert_eq!(lengths, [32, 32, 64, 6, 38]);
    }

    #[test]
    fn keys_of_short_tokens_are_their_own() {
        assert_eq!(key("法"), 0x6cd5);
        assert_eq!(key("劳动"), 0x52b3 << 21 | 0x52a8);
        assert_ne!(key("ab"), key("ba"));
        // Written into index files.
        assert_eq!(key("abc"), key("abc"));
        assert!(key("abc") >> 63 == 1 && key("wto规") >> 63 == 1);
    }

    /// The strings that come with the retriever, as its training cut them.
    #[test]
    fn the_tokens_of_training() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared-models");
        let Ok(text) = std::fs::read_to_string(format!("{root}/gov-retriever/tokens.json")) else {
            strata_testkit::skip("shared-models/gov-retriever is not there");
            return;
        };
        let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(golden["tokenizer"], NAME);
        let cases = golden["cases"].as_array().unwrap();
        for case in cases {
            let text = case["text"].as_str().unwrap();
            assert_eq!(serde_json::json!(tokens(text)), case["tokens"], "{text:?}");
        }
        assert!(cases.len() > 20);
    }

    proptest! {
        #[test]
        fn the_short_way_is_the_long_way(text in "[a-cA-C甲乙丙ＡＢ１２（），。、\u{3000}①ﬁé\u{301}㎡…《》 0-9]{0,24}") {
            let long: String = text.nfkc().collect::<String>().to_lowercase();
            prop_assert_eq!(normalise(&text).into_owned(), long);
        }

        #[test]
        fn tokens_are_pieces_of_any_text(text in any::<String>()) {
            let normalised = normalise(&text);
            let mut last = 0;
            each_token(&normalised, |token| {
                let at = token.as_ptr() as usize - normalised.as_ptr() as usize;
                assert!(!token.is_empty() && at + token.len() >= last);
                last = at + token.len();
            });
        }
    }
}
