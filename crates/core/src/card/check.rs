//! Rules of a model card that serde cannot express. Each check returns the key it is about, so that
//! the error can name the line.

use std::collections::HashSet;

use super::schema::{
    Batching, Dim, Endpoint, EndpointTask, Figure, ModelCard, ModelFile, Port, Role, Training,
    Variant,
};

/// A key such as `files[1].sha256` and what is wrong with it.
type Fault = (String, String);
type Checked = Result<(), Fault>;

fn fault<T>(key: impl Into<String>, message: impl Into<String>) -> Result<T, Fault> {
    Err((key.into(), message.into()))
}

/// Checks everything about a card that its own text decides.
pub(super) fn check(card: &ModelCard) -> Checked {
    identity(card)?;
    unique("files", card.files.iter().map(|f| f.path.as_str()), "path")?;
    card.files.iter().enumerate().try_for_each(|(i, f)| file(i, f))?;
    ports("inputs", &card.inputs)?;
    ports("outputs", &card.outputs)?;
    unique("endpoints", card.endpoints.iter().map(|e| e.name.as_str()), "name")?;
    card.endpoints.iter().enumerate().try_for_each(|(i, e)| endpoint(card, i, e))?;
    card.batching.as_ref().map_or(Ok(()), |b| batching(card, b))?;
    variants(card)?;
    card.training.as_ref().map_or(Ok(()), training)?;
    card.figures.iter().enumerate().try_for_each(|(i, f)| figure(i, f))?;
    golden(card)
}

fn identity(card: &ModelCard) -> Checked {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if card.name.is_empty() || card.name.len() > 64 || !card.name.chars().all(plain) {
        return fault("name", "use 1 to 64 of a-z, 0-9, - and _");
    }
    if card.task.is_empty() || !card.task.chars().all(plain) {
        return fault("task", "use lower-case words joined by hyphens, as in \"regression\"");
    }
    for (key, value) in [
        ("title", &card.title),
        ("description", &card.description),
        ("version", &card.version),
        ("licence", &card.licence),
        ("source.url", &card.source.url),
    ] {
        not_empty(key, value)?;
    }
    let bad = card.operator_domains.iter().position(|domain| domain.trim().is_empty());
    bad.map_or(Ok(()), |i| fault(format!("operator_domains[{i}]"), "is empty"))
}

fn not_empty(key: impl Into<String>, value: &str) -> Checked {
    if value.trim().is_empty() { fault(key, "is empty") } else { Ok(()) }
}

fn unique<'a>(list: &str, names: impl Iterator<Item = &'a str>, key: &str) -> Checked {
    let mut seen = HashSet::new();
    for (i, name) in names.enumerate() {
        if !seen.insert(name) {
            return fault(format!("{list}[{i}].{key}"), format!("{name:?} is there twice"));
        }
    }
    Ok(())
}

/// Whether `name` is a plain file name that means the same on every system: no separators, no drive,
/// no wildcard or control character, and none of the names that lead elsewhere.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    let forbidden = |c: char| {
        c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
    };
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    // Windows gives these names to devices, with any extension.
    let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (stem.len() == 4
            && (stem.starts_with("COM") || stem.starts_with("LPT"))
            && stem.ends_with(|c: char| c.is_ascii_digit()));
    !name.is_empty()
        && name.len() <= 255
        && !name.contains(forbidden)
        && !name.starts_with(' ')
        && !name.ends_with(['.', ' '])
        && !device
}

fn file(i: usize, file: &ModelFile) -> Checked {
    let key = |field: &str| format!("files[{i}].{field}");
    if !is_plain_name(&file.path) {
        return fault(
            key("path"),
            format!("{:?} is not a plain file name inside the model's folder", file.path),
        );
    }
    let hex = |c: char| c.is_ascii_digit() || matches!(c, 'a'..='f');
    if file.sha256.len() != 64 || !file.sha256.chars().all(hex) {
        return fault(key("sha256"), "a SHA-256 is 64 lower-case hexadecimal digits");
    }
    if file.bytes == 0 {
        return fault(key("bytes"), "no file of a model is empty");
    }
    match &file.url {
        Some(url) if !(url.starts_with("https://") || url.starts_with("http://")) => {
            fault(key("url"), "an address to fetch from begins with https:// or http://")
        }
        _ => Ok(()),
    }
}

fn ports(list: &str, ports: &[Port]) -> Checked {
    if ports.is_empty() {
        return fault(list, "a model has at least one");
    }
    unique(list, ports.iter().map(|p| p.name.as_str()), "name")?;
    for (i, port) in ports.iter().enumerate() {
        not_empty(format!("{list}[{i}].name"), &port.name)?;
        not_empty(format!("{list}[{i}].meaning"), &port.meaning)?;
        let empty = |dim: &Dim| matches!(dim, Dim::Symbol(s) if s.trim().is_empty());
        if let Some(d) = port.shape.iter().position(empty) {
            return fault(format!("{list}[{i}].shape[{d}]"), "a symbol has a name");
        }
    }
    Ok(())
}

fn endpoint(card: &ModelCard, i: usize, endpoint: &Endpoint) -> Checked {
    let key = |field: &str| format!("endpoints[{i}].{field}");
    not_empty(key("name"), &endpoint.name)?;
    not_empty(key("title"), &endpoint.title)?;
    let Some(output) = card.outputs.iter().find(|port| port.name == endpoint.output) else {
        return fault(key("output"), format!("there is no output named {:?}", endpoint.output));
    };
    if endpoint.columns.is_empty() {
        return fault(key("columns"), "an endpoint has at least one column");
    }
    let width = match output.shape.last() {
        Some(Dim::Fixed(n)) => Some(*n),
        Some(Dim::Symbol(_)) => None,
        None => Some(1),
    };
    let mut seen = HashSet::new();
    for (c, &column) in endpoint.columns.iter().enumerate() {
        if let Some(width) = width.filter(|width| column >= *width) {
            return fault(
                format!("endpoints[{i}].columns[{c}]"),
                format!("column {column} of an output with {width} columns (the first is 0)"),
            );
        }
        if !seen.insert(column) {
            return fault(
                format!("endpoints[{i}].columns[{c}]"),
                format!("column {column} is there twice"),
            );
        }
    }
    match (endpoint.task, endpoint.threshold, &endpoint.conformal) {
        (EndpointTask::Regression, Some(_), _) => {
            fault(key("threshold"), "only a classification has a threshold")
        }
        (EndpointTask::Classification, _, Some(_)) => {
            fault(key("conformal"), "only a regression has intervals")
        }
        (_, Some(t), _) if !(0.0..=1.0).contains(&t) => {
            fault(key("threshold"), format!("{t} is no probability"))
        }
        (_, _, Some(c)) if !(c.q90.is_finite() && c.q90 >= 0.0) => {
            fault(key("conformal.q90"), "must be a finite number, 0 or more")
        }
        (_, _, Some(c)) if !(c.floor.is_finite() && c.floor >= 0.0) => {
            fault(key("conformal.floor"), "must be a finite number, 0 or more")
        }
        _ => Ok(()),
    }
}

fn batching(card: &ModelCard, batching: &Batching) -> Checked {
    let Batching { unit, pad, pad_axis, max_rows, max_cost, .. } = batching;
    unit.as_ref().map_or(Ok(()), |unit| not_empty("batching.unit", unit))?;
    if *max_rows == Some(0) {
        return fault("batching.max_rows", "must be 1 or more");
    }
    if *max_cost == Some(0) {
        return fault("batching.max_cost", "must be 1 or more");
    }
    if *pad_axis == 0 {
        return fault("batching.pad_axis", "axis 0 is the batch; use 1 or more");
    }
    let mut symbol = None;
    for (name, value) in pad {
        let key = format!("batching.pad.{name}");
        let Some(input) = card.inputs.iter().find(|port| port.name == *name) else {
            return fault(key, format!("there is no input named {name:?}"));
        };
        let Some(Dim::Symbol(own)) = input.shape.get(*pad_axis) else {
            return fault(
                key,
                format!("axis {pad_axis} of {name:?} has no symbol: it cannot vary"),
            );
        };
        if *symbol.get_or_insert(own) != own {
            return fault(
                key,
                format!("{own:?} is another length than {:?}", symbol.unwrap_or(own)),
            );
        }
        if !value.is_finite() {
            return fault(key, "must be a finite number");
        }
    }
    let Some(symbol) = symbol else { return Ok(()) };
    for port in &card.inputs {
        let varies = |(axis, dim): (usize, &Dim)| {
            let given = axis == *pad_axis && pad.contains_key(&port.name);
            !given && matches!(dim, Dim::Symbol(own) if own == symbol)
        };
        if port.shape.iter().enumerate().any(varies) {
            let what =
                format!("input {:?} has the length {symbol:?} too and is not padded", port.name);
            return fault("batching.pad", what);
        }
    }
    Ok(())
}

fn variants(card: &ModelCard) -> Checked {
    if card.variants.is_empty() {
        return fault("variants", "a model has at least one");
    }
    unique("variants", card.variants.iter().map(|v| v.name.as_str()), "name")?;
    card.variants.iter().enumerate().try_for_each(|(i, v)| variant(card, i, v))
}

fn variant(card: &ModelCard, i: usize, variant: &Variant) -> Checked {
    not_empty(format!("variants[{i}].name"), &variant.name)?;
    let key = format!("variants[{i}].file");
    role_is(card, &key, &variant.file, Role::Model)?;
    if let Some(d) = variant.devices.iter().position(|device| device.trim().is_empty()) {
        return fault(format!("variants[{i}].devices[{d}]"), "is empty");
    }
    Ok(())
}

fn role_is(card: &ModelCard, key: &str, name: &str, role: Role) -> Checked {
    match card.files.iter().find(|file| file.path == name) {
        None => fault(key, format!("no [[files]] entry has the path {name:?}")),
        Some(file) if file.role != role => {
            fault(key, format!("{name:?} has the role {}, not {role}", file.role))
        }
        Some(_) => Ok(()),
    }
}

fn training(training: &Training) -> Checked {
    not_empty("training.data", &training.data)?;
    not_empty("training.licence", &training.licence)
}

fn figure(i: usize, figure: &Figure) -> Checked {
    not_empty(format!("figures[{i}].dataset"), &figure.dataset)?;
    not_empty(format!("figures[{i}].split"), &figure.split)?;
    not_empty(format!("figures[{i}].metric"), &figure.metric)?;
    if figure.value.is_finite() {
        return Ok(());
    }
    fault(format!("figures[{i}].value"), "must be a finite number")
}

fn golden(card: &ModelCard) -> Checked {
    let Some(golden) = &card.golden else { return Ok(()) };
    role_is(card, "golden.file", &golden.file, Role::Golden)?;
    if golden.tolerance.is_finite() && golden.tolerance >= 0.0 {
        return Ok(());
    }
    fault("golden.tolerance", "must be a finite number, 0 or more")
}
