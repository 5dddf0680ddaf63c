//! The little of YAML that a `data.yaml` has: scalars at the top, and `names` as a list or map, on one line
//! or on many.

use std::path::Path;

use super::{ConvertError, wrong};

/// What a `data.yaml` says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct DataYaml {
    /// Class names in their order.
    pub(super) names: Vec<String>,
    /// Keys with a text of one line: `path`, `train`, `val`, `test` and others.
    pub(super) keys: Vec<(String, String)>,
}

/// Most classes: a map could name a class of any number.
const MOST_CLASSES: usize = 100_000;

pub(super) fn parse(text: &str, file: &Path) -> Result<DataYaml, ConvertError> {
    let mut data = DataYaml::default();
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        at += 1;
        if line.starts_with([' ', '\t', '-', '#']) || line.trim().is_empty() {
            continue;
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = bare(value);
        if key.trim() != "names" {
            data.keys.push((key.trim().to_owned(), unquote(value)));
        } else if value.starts_with(['[', '{']) {
            let start = at;
            let mut flow = value.to_owned();
            while !closed(&flow) {
                let Some(next) = lines.get(at) else {
                    return Err(wrong(file, start, "names: the bracket is not closed"));
                };
                flow.push(' ');
                flow.push_str(bare(next));
                at += 1;
            }
            let inside = flow.trim_end().get(1..flow.trim_end().len() - 1).unwrap_or_default();
            for item in split(inside) {
                add(&mut data.names, &item, flow.starts_with('{'))
                    .map_err(|m| wrong(file, start, m))?;
            }
        } else if value.is_empty() {
            while let Some(line) = lines.get(at) {
                let content = bare(line);
                if !content.is_empty() && !line.starts_with([' ', '\t', '-']) {
                    break;
                }
                at += 1;
                if !content.is_empty() {
                    let listed = content.strip_prefix("- ").map(str::trim);
                    let item = listed.unwrap_or(content);
                    add(&mut data.names, item, listed.is_none()).map_err(|m| wrong(file, at, m))?;
                }
            }
        } else {
            return Err(wrong(file, at, "names: a list or a map of class names is needed"));
        }
    }
    Ok(data)
}

/// Adds `name`, or `number: name` of a map.
fn add(names: &mut Vec<String>, item: &str, map: bool) -> Result<(), String> {
    if !map {
        names.push(unquote(item));
        return Ok(());
    }
    let Some((number, name)) = item.split_once(':') else {
        return Err(format!("names: {item:?} is not of the form number: name"));
    };
    let number: usize = unquote(number.trim())
        .parse()
        .ok()
        .filter(|&number| number < MOST_CLASSES)
        .ok_or_else(|| format!("names: {number:?} is not the number of a class"))?;
    if names.len() <= number {
        // Numbers that are left out keep their own name.
        for missing in names.len()..=number {
            names.push(missing.to_string());
        }
    }
    names[number] = unquote(name.trim());
    Ok(())
}

/// Without the comment and the space around.
fn bare(text: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if (c == '\'' || c == '"') && !before.is_alphanumeric() => quote = Some(c),
            None if c == '#' && before.is_whitespace() => return text[..at].trim(),
            _ => {}
        }
        before = c;
    }
    text.trim()
}

fn closed(flow: &str) -> bool {
    let mut quote = None;
    let mut last = ' ';
    for c in flow.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if (c == '\'' || c == '"') && !last.is_alphanumeric() => quote = Some(c),
            _ => {}
        }
        last = c;
    }
    quote.is_none() && flow.trim_end().ends_with([']', '}'])
}

/// The parts between commas that are not quoted.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    let mut last = ' ';
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if (c == '\'' || c == '"') && !last.is_alphanumeric() => quote = Some(c),
            None if c == ',' => {
                parts.push(String::new());
                last = c;
                continue;
            }
            _ => {}
        }
        last = c;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn unquote(text: &str) -> String {
    let inside = |quote: char| text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote));
    if let Some(single) = inside('\'') {
        return single.replace("''", "'");
    }
    inside('"').map_or_else(|| text.to_owned(), |d| d.replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// A name in single quotes.
pub(super) fn quote(name: &str) -> String {
    format!("'{}'", name.replace(['\n', '\r'], " ").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        parse(text, Path::new("data.yaml")).expect("names").names
    }

    #[test]
    fn names_in_all_forms() {
        let wanted = ["Hole", "it's, so", "b#c"];
        for text in [
            "nc: 3\nnames: ['Hole', 'it''s, so', \"b#c\"] # three\nval: x",
            "names:\n  - Hole\n  - \"it's, so\"   # two\n\n  - b#c\nnc: 3",
            "names:\n- Hole\n- 'it''s, so'\n- b#c\n",
            "names:\n  0: Hole\n  1: 'it''s, so'\n  2: b#c\npath: .",
            "names: {0: Hole, 1: \"it's, so\",\n   2: b#c}\n",
            "names: [\n  Hole,\n  'it''s, so',\n  b#c,\n]\n",
        ] {
            assert_eq!(names(text), wanted, "{text}");
        }
        assert_eq!(names("names: {2: c}"), ["0", "1", "c"]);
        let quoted = format!("names:\n  0: {}\n", quote("it's: a"));
        assert_eq!(names(&quoted), ["it's: a"]);
    }

    #[test]
    fn keys_and_errors() {
        let data = parse("path: ../x # here\ntrain: 'train/images'\nnames: [a]", Path::new("d"))
            .expect("good");
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(data.keys, [pair("path", "../x"), pair("train", "train/images")]);
        for (text, line) in
            [("a: b\nnames: [a,\n b", ":2:"), ("names:\n  99999999: a", ":2:"), ("names: a", ":1:")]
        {
            let error = parse(text, Path::new("d")).expect_err("bad").to_string();
            assert!(error.contains(line), "{error}");
        }
    }
}
