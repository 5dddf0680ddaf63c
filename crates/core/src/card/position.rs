//! From a byte offset or a key such as `files[1].sha256` to line and column. The card is parsed a
//! second time for that, but only when something is wrong with it.

use toml::de::{DeTable, DeValue};

use super::Position;

/// Line and column of a byte offset.
pub(super) fn of_offset(text: &str, offset: usize) -> Position {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

/// Line and column of the value under `key`; of its nearest table when the key itself is absent.
pub(super) fn of_key(text: &str, key: &str) -> Position {
    let mut offset = 0;
    if let Ok(document) = DeTable::parse(text) {
        let mut here: Option<&DeValue<'_>> = None;
        for (position, step) in steps(key).enumerate() {
            let found = match (step, here) {
                (Step::Key(name), None) if position == 0 => document.get_ref().get(name),
                (Step::Key(name), Some(DeValue::Table(table))) => table.get(name),
                (Step::Index(index), Some(DeValue::Array(array))) => array.get(index),
                _ => None,
            };
            let Some(found) = found else { break };
            offset = found.span().start;
            here = Some(found.get_ref());
        }
    }
    of_offset(text, offset)
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

fn steps(key: &str) -> impl Iterator<Item = Step<'_>> {
    key.split(['.', '[', ']']).filter(|part| !part.is_empty()).map(|part| {
        // No key of the card's own is a number, so a number is an index.
        part.parse().map_or(Step::Key(part), Step::Index)
    })
}

#[cfg(test)]
mod tests {
    use super::{of_key, of_offset};

    const TEXT: &str = "name = \"ä\"\n[[files]]\npath = \"a\"\n[[files]]\nsha256 = \"b\"\n";

    #[test]
    fn keys_are_found_in_arrays_of_tables() {
        assert_eq!(of_key(TEXT, "name").to_string(), "1:8");
        assert_eq!(of_key(TEXT, "files[0].path").to_string(), "3:8");
        assert_eq!(of_key(TEXT, "files[1].sha256").to_string(), "5:10");
        assert_eq!(of_key(TEXT, "files[1].missing").line, 4, "the table, when the key is absent");
        assert_eq!(of_key(TEXT, "nothing").to_string(), "1:1");
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(of_offset("äb", 2).to_string(), "1:2");
        assert_eq!(of_offset("a\nb", 999).to_string(), "2:2");
    }
}
