//! Character maps: from the codes of a font to Unicode (`ToUnicode`), and how long its codes are (codespace ranges).
//! ISO 32000-1, 9.7.5 and 9.10.3; Adobe Technical Note 5014.

use std::collections::HashMap;

/// Most entries of one map; a real one has a few ten thousand.
const ENTRIES: usize = 300_000;

/// A map. Ranges stay ranges, whatever they claim to cover.
#[derive(Debug, Default)]
pub(super) struct CMap {
    /// Bytes of a code, and the lowest and highest code.
    spaces: Vec<(usize, u32, u32)>,
    chars: HashMap<u32, String>,
    /// First and last code, and the text of the first.
    ranges: Vec<(u32, u32, String)>,
}

enum Token<'a> {
    Hex(Vec<u8>),
    Open,
    Close,
    Word(&'a [u8]),
}

impl CMap {
    /// Reads a map; what makes no sense in it is passed over.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut map = Self::default();
        let mut tokens = Tokens { bytes, at: 0 };
        while let Some(token) = tokens.next() {
            match token {
                Token::Word(b"begincodespacerange") => map.spaces(&mut tokens),
                Token::Word(b"beginbfchar") => map.chars(&mut tokens),
                Token::Word(b"beginbfrange") => map.ranges(&mut tokens),
                _ => {}
            }
        }
        map.ranges.sort_by_key(|(first, ..)| *first);
        map
    }

    /// Whether it says nothing of Unicode.
    pub(super) fn is_empty(&self) -> bool {
        self.chars.is_empty() && self.ranges.is_empty()
    }

    fn room(&self) -> bool {
        self.chars.len() + self.ranges.len() < ENTRIES
    }

    fn spaces(&mut self, tokens: &mut Tokens<'_>) {
        while let (Some(Token::Hex(low)), Some(Token::Hex(high))) = (tokens.next(), tokens.next()) {
            if (1..=4).contains(&low.len()) && low.len() == high.len() && self.spaces.len() < 100 {
                self.spaces.push((low.len(), code(&low), code(&high)));
            }
        }
    }

    fn chars(&mut self, tokens: &mut Tokens<'_>) {
        while let (Some(Token::Hex(from)), Some(to)) = (tokens.next(), tokens.next()) {
            if let Token::Hex(to) = to
                && self.room()
            {
                self.chars.insert(code(&from), utf16(&to));
            }
        }
    }

    fn ranges(&mut self, tokens: &mut Tokens<'_>) {
        while let (Some(Token::Hex(first)), Some(Token::Hex(last))) = (tokens.next(), tokens.next())
        {
            let (first, last) = (code(&first), code(&last));
            match tokens.next() {
                Some(Token::Hex(to)) if first <= last && self.room() => {
                    self.ranges.push((first, last, utf16(&to)));
                }
                Some(Token::Open) => {
                    let mut at = first;
                    while let Some(Token::Hex(to)) = tokens.next() {
                        if at <= last && self.room() {
                            self.chars.insert(at, utf16(&to));
                        }
                        at = at.saturating_add(1);
                    }
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    /// The text of a code.
    pub(super) fn get(&self, code: u32) -> Option<String> {
        if let Some(text) = self.chars.get(&code) {
            return Some(text.clone());
        }
        let at = self.ranges.partition_point(|(first, ..)| *first <= code).checked_sub(1)?;
        let (first, last, text) = self.ranges.get(at)?;
        if code > *last {
            return None;
        }
        // Within a range the last character counts up.
        let mut text = text.clone();
        let end = text.pop()?;
        text.push(char::from_u32((end as u32).checked_add(code - first)?)?);
        Some(text)
    }

    /// The first code of a string, and its bytes.
    pub(super) fn next_code(&self, bytes: &[u8]) -> Option<(u32, usize)> {
        for length in 1..=bytes.len().min(4) {
            let code = code(&bytes[..length]);
            let within = |&(bytes, low, high): &(usize, u32, u32)| {
                bytes == length
                    && (0..length).all(|at| {
                        let byte = |value: u32| (value >> (8 * at)) as u8;
                        byte(low) <= byte(code) && byte(code) <= byte(high)
                    })
            };
            if self.spaces.iter().any(within) {
                return Some((code, length));
            }
        }
        // Codes outside of every range are as long as the first range's, as in Identity-H.
        let length = self.spaces.first().map_or(2, |space| space.0).min(bytes.len());
        (length > 0).then(|| (code(&bytes[..length]), length))
    }
}

fn code(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |code, &byte| code << 8 | u32::from(byte))
}

fn utf16(bytes: &[u8]) -> String {
    if let [byte] = bytes {
        return char::from(*byte).to_string();
    }
    let units = bytes.chunks_exact(2).take(64).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect()
}

struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            match byte {
                b'%' => {
                    let rest = &self.bytes[self.at..];
                    self.at +=
                        rest.iter().position(|&b| b == b'\n' || b == b'\r').unwrap_or(rest.len());
                }
                b'<' if self.bytes.get(self.at + 1) == Some(&b'<') => self.at += 2,
                b'<' => return Some(self.hex()),
                b'[' => {
                    self.at += 1;
                    return Some(Token::Open);
                }
                b']' => {
                    self.at += 1;
                    return Some(Token::Close);
                }
                b'>' | b'(' | b')' | b'{' | b'}' => self.at += 1,
                byte if byte.is_ascii_whitespace() || byte == 0 => self.at += 1,
                _ => {
                    let rest = &self.bytes[self.at..];
                    let end = |b: &u8| b.is_ascii_whitespace() || b"<>[]()%\0".contains(b);
                    let length = rest.iter().position(end).unwrap_or(rest.len()).max(1);
                    self.at += length;
                    return Some(Token::Word(&rest[..length]));
                }
            }
        }
    }

    fn hex(&mut self) -> Token<'a> {
        let rest = &self.bytes[self.at + 1..];
        let end = rest.iter().position(|&b| b == b'>').unwrap_or(rest.len());
        let digits: Vec<u8> = rest[..end]
            .iter()
            .filter_map(|&b| char::from(b).to_digit(16))
            .map(|d| d as u8)
            .take(512)
            .collect();
        self.at += end + 2;
        Token::Hex(
            digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_all_forms() {
        let map = CMap::parse(
            b"1 begincodespacerange <0000> <FFFF> endcodespacerange 2 beginbfchar <0001> <7B2C> <0002> <D840DC0B> endbfchar\n\
            2 beginbfrange <0010> <0012> <4E00> <0020> <0021> [<6761> <00660069>] endbfrange",
        );
        let get = |code| map.get(code).unwrap_or_default();
        assert_eq!(
            [get(1), get(2), get(0x11), get(0x20), get(0x21)],
            ["第", "𠀋", "丁", "条", "fi"]
        );
        assert_eq!((map.get(0x13), map.get(0)), (None, None));
        assert_eq!(map.next_code(&[0, 16, 9]), Some((16, 2)));
    }

    #[test]
    fn ranges_that_cover_everything_cost_nothing() {
        let map =
            CMap::parse(b"beginbfrange <00000000> <FFFFFFFF> <0041> endbfrange beginbfrange <00");
        assert_eq!(map.get(1).as_deref(), Some("B"));
        assert_eq!(map.get(u32::MAX), None);
    }
}
