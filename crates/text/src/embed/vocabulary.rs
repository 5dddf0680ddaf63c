//! A vocabulary of [`crate::tokenize`]'s tokens: one token a line, the line's number (from 0) is the token's.
//! Line 0 is padding and line 1 stands for a text in which no token has a line.
//!
//! Models of this kind weigh a bag of tokens: each counts once, their order does not matter, and those without a line are
//! left out.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::tokenize;

/// What a text without a known token is.
const UNKNOWN: u32 = 1;

/// Tokens by [`tokenize::key`].
#[derive(Debug)]
pub(crate) struct Vocabulary {
    numbers: FxHashMap<u64, u32>,
}

impl Vocabulary {
    /// Reads the file.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|e| format!("is not UTF-8: {e}"))?;
        let mut numbers = FxHashMap::default();
        for (line, token) in text.lines().enumerate() {
            let number = u32::try_from(line).map_err(|_| "has too many lines".to_owned())?;
            if number > UNKNOWN && numbers.insert(tokenize::key(token), number).is_some() {
                return Err(format!("line {}: {token:?} is there twice", line + 1));
            }
        }
        if numbers.is_empty() {
            return Err("has no token; line 1 is padding, line 2 unknown texts".to_owned());
        }
        Ok(Self { numbers })
    }

    /// Numbers of a text's tokens in the order they first come, at most `most` of them.
    pub(crate) fn encode(&self, text: &str, most: usize) -> Vec<u32> {
        // A Chinese character is three bytes, and gives a token of its own and a pair with the one before.
        let room = (text.len() / 3 * 2).min(most).max(1);
        let mut ids = Vec::with_capacity(room);
        let mut seen = FxHashSet::with_capacity_and_hasher(room, rustc_hash::FxBuildHasher);
        tokenize::keys(text, |key| {
            if let Some(&id) = self.numbers.get(&key)
                && ids.len() < most
                && seen.insert(id)
            {
                ids.push(id);
            }
        });
        if ids.is_empty() {
            ids.push(UNKNOWN);
        }
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_get_their_lines() {
        let vocabulary = Vocabulary::parse("[PAD]\n[UNK]\n劳\n动\n劳动\nwto\n".as_bytes()).unwrap();
        assert_eq!(vocabulary.encode("劳动法，劳动 ＷＴＯ", 100), [2, 3, 4, 5]);
        assert_eq!(vocabulary.encode("劳动法", 2), [2, 3]);
        assert_eq!(vocabulary.encode("——[PAD]", 9), [1]);
    }

    #[test]
    fn odd_files_are_refused() {
        let error = |bytes: &[u8]| Vocabulary::parse(bytes).unwrap_err();
        assert!(error(b"\xff").contains("UTF-8"));
        assert!(error(b"[PAD]\n[UNK]\n").contains("no token"));
        assert!(error("p\nu\n法\n法\n".as_bytes()).contains("line 4"));
    }
}
