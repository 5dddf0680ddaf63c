//! Rust source with comments and literals blanked out, so that rules look at code only.

/// `text` with every comment, string and character literal replaced by spaces, line breaks kept.
pub(super) fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at).unwrap_or(at).min(bytes.len());
        if end == at {
            out.push(bytes[at]);
            at += 1;
        } else {
            out.extend(bytes[at..end].iter().map(|b| if *b == b'\n' { b'\n' } else { b' ' }));
            at = end;
        }
    }
    // Literals begin and end with ASCII, so what is left is whole characters.
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the comment or literal that begins at `at` ends; `None` when none begins there.
fn literal_end(bytes: &[u8], at: usize) -> Option<usize> {
    let next = bytes.get(at + 1);
    match bytes[at] {
        b'/' if next == Some(&b'/') => Some(find(bytes, at, b'\n')),
        b'/' if next == Some(&b'*') => Some(block_comment_end(bytes, at)),
        b'"' => Some(quoted_end(bytes, at + 1, b'"')),
        b'r' if !follows_word(bytes, at) || bytes[at - 1] == b'b' => raw_end(bytes, at + 1),
        b'\'' => char_end(bytes, at),
        _ => None,
    }
}

fn follows_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || matches!(bytes[at - 1], b'_' | 0x80..))
}

fn find(bytes: &[u8], from: usize, wanted: u8) -> usize {
    bytes[from..].iter().position(|b| *b == wanted).map_or(bytes.len(), |i| from + i)
}

fn block_comment_end(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i + 1 < bytes.len() {
        match (bytes[i], bytes[i + 1]) {
            (b'/', b'*') => (depth, i) = (depth + 1, i + 2),
            (b'*', b'/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    bytes.len()
}

fn quoted_end(bytes: &[u8], mut i: usize, quote: u8) -> usize {
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 2,
            b if b == quote => return i + 1,
            _ => i += 1,
        }
    }
    bytes.len()
}

/// `r"…"` and `r#"…"#`, `i` after the `r`; `None` for a plain word such as `r` or `r#type`.
fn raw_end(bytes: &[u8], i: usize) -> Option<usize> {
    let hashes = bytes[i..].iter().take_while(|b| **b == b'#').count();
    if bytes.get(i + hashes) != Some(&b'"') {
        return None;
    }
    let mut end = i + hashes + 1;
    while end < bytes.len() {
        let closes = bytes[end] == b'"'
            && bytes[end + 1..].iter().take(hashes).filter(|b| **b == b'#').count() == hashes;
        if closes {
            return Some(end + 1 + hashes);
        }
        end += 1;
    }
    Some(bytes.len())
}

/// A character literal; `None` for a lifetime.
fn char_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at + 1)? {
        b'\\' => Some(quoted_end(bytes, at + 1, b'\'')),
        // One character of up to four bytes, then the quote.
        0x80.. => (at + 3..at + 6).find(|&i| bytes.get(i) == Some(&b'\'')).map(|i| i + 1),
        _ => (bytes.get(at + 2) == Some(&b'\'')).then_some(at + 3),
    }
}

/// Lines (from 1) of `code` that hold `path` (such as `std::net`) as a path of its own, not as the tail of another word.
pub(super) fn lines_with(code: &str, path: &str) -> Vec<usize> {
    let holds = |line: &str| {
        line.match_indices(path).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + path.len()..].chars().next();
            let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            // `a::ort::b` is a module of ours; `::ort::b` and `use ort::b` are the crate.
            let inner = line[..at].ends_with("::")
                && word(line[..at].trim_end_matches(':').chars().next_back());
            let joined = word(after) && word(path.chars().next_back());
            !word(before) && !inner && !joined
        })
    };
    code.lines().enumerate().filter(|(_, l)| holds(l)).map(|(i, _)| i + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let text = "a // x\nb /* y /* z */ \n */ c \"s\\\"t\" r#\"u\"v\"# 'w' '\\'' 'l d\nr\"q\" br\"p\" xr 'é' '→' ä";
        let code = code_of(text);
        assert_eq!(code.lines().count(), text.lines().count());
        let words: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(words, ["a", "b", "c", "'l", "d", "b", "xr", "ä"]);
    }

    #[test]
    fn unterminated_literals_end_with_the_file() {
        for text in ["\"abc", "/* abc", "r#\"abc", "'\\", "\"\\", "r#", "'"] {
            assert!(code_of(text).len() <= text.len());
        }
    }

    #[test]
    fn paths_are_found_as_whole_words() {
        let code = "use ort::Session;\nreport::x();\nmy::ort::y();\n::ort::z();\nstd::network::q();\nuse std::net;";
        assert_eq!(lines_with(code, "ort::"), [1, 4]);
        assert_eq!(lines_with(code, "std::net"), [6]);
    }
}
