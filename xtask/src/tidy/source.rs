//! Rust source with comments and literals blanked out, so that rules look at code only.

/// `text` with every comment, string and character literal replaced by spaces, line breaks kept.
pub(super) fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at).unwrap_or(at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `None` when none begins there.
fn literal_end(chars: &[char], at: usize) -> Option<usize> {
    let next = chars.get(at + 1);
    match chars[at] {
        '/' if next == Some(&'/') => Some(find(chars, at, '\n')),
        '/' if next == Some(&'*') => Some(block_comment_end(chars, at)),
        '"' => Some(quoted_end(chars, at + 1, '"')),
        'r' if !follows_word(chars, at) || chars[at - 1] == 'b' => raw_end(chars, at + 1),
        '\'' => char_end(chars, at),
        _ => None,
    }
}

fn follows_word(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_')
}

fn find(chars: &[char], from: usize, wanted: char) -> usize {
    (from..chars.len()).find(|&i| chars[i] == wanted).unwrap_or(chars.len())
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn quoted_end(chars: &[char], mut i: usize, quote: char) -> usize {
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            c if c == quote => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// `r"…"` and `r#"…"#`, `i` after the `r`; `None` for a plain word such as `r` or `r#type`.
fn raw_end(chars: &[char], i: usize) -> Option<usize> {
    let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
    if chars.get(i + hashes) != Some(&'"') {
        return None;
    }
    let mut end = i + hashes + 1;
    while end < chars.len() {
        let closes = chars[end] == '"'
            && chars[end + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        if closes {
            return Some(end + 1 + hashes);
        }
        end += 1;
    }
    Some(chars.len())
}

/// A character literal; `None` for a lifetime.
fn char_end(chars: &[char], at: usize) -> Option<usize> {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => Some(quoted_end(chars, at + 1, '\'')),
        (Some(_), Some('\'')) => Some(at + 3),
        _ => None,
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
        let text = "a // x\nb /* y /* z */ \n */ c \"s\\\"t\" r#\"u\"v\"# 'w' '\\'' 'l d\nr\"q\" br\"p\" xr";
        let code = code_of(text);
        assert_eq!(code.lines().count(), text.lines().count());
        let words: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(words, ["a", "b", "c", "'l", "d", "b", "xr"]);
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
