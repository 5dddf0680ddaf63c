//! The file of keys: read, and changed so that whoever reads it sees the old or the new one whole.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use strata_core::batching::Priority;
use toml::Spanned;

use super::{Caller, Held, KeysError, Scope, Scopes, TOKEN_PREFIX, caller_id, digest, replace};
use crate::random::hex;
use crate::rate::Rate;
use crate::settings::quoted;

/// What a new file begins with.
const HEAD: &str = "\
# Keys of a Strata server. Each holds the SHA-256 of a token; the token itself is shown once, when
# the key is made. Scopes: read, infer, jobs, admin, metrics. Optional: per_second and burst, a
# limit on calls; priority, one of high, normal, low; labels, what the key may see beside what all may.
";

/// Labels of a key, and characters of a label.
const MOST_LABELS: usize = 256;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    #[serde(default)]
    key: Vec<RawEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    name: Spanned<String>,
    sha256: Spanned<String>,
    scopes: Vec<Scope>,
    per_second: Option<Spanned<f64>>,
    burst: Option<Spanned<u32>>,
    #[serde(default)]
    priority: RawPriority,
    #[serde(default)]
    labels: Vec<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawPriority {
    High,
    #[default]
    Normal,
    Low,
}

/// A key of the file, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    digest: [u8; 32],
    caller: Caller,
}

impl Entry {
    pub(super) fn held(self) -> Held {
        Held { digest: self.digest, caller: self.caller }
    }
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its name: 1 to 64 letters, digits, `.`, `_`, `-` or `@`.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// How often it may be used; `None` as often as it likes.
    pub rate: Option<Rate>,
    /// Whether its requests go before or after those of others.
    pub priority: Priority,
    /// What it may see beside what everybody may.
    pub labels: Vec<String>,
}

/// Makes a key, adds it to the file (which is made if it is not there, for its owner's eyes only),
/// and returns its token, which is kept nowhere.
///
/// # Errors
/// [`KeysError::Refused`] for a name that is taken or not plain, no scopes, or a rate of none; and
/// what can be wrong with the file.
pub fn create(path: &Path, key: &NewKey) -> Result<String, KeysError> {
    let refuse = |reason: &str| {
        Err(KeysError::Refused { name: key.name.clone(), reason: reason.to_owned() })
    };
    if let Err(reason) = check_name(&key.name) {
        return refuse(reason);
    }
    if key.scopes.is_empty() {
        return refuse("it needs a scope, or it opens nothing");
    }
    if let Some(rate) = key.rate
        && let Err(reason) = check_rate(rate)
    {
        return refuse(reason);
    }
    if let Some(reason) = key.labels.iter().find_map(|label| check_label(label).err()) {
        return refuse(reason);
    }
    if key.labels.len() > MOST_LABELS {
        return refuse("it has more than 256 labels");
    }
    let change = replace::Change::begin(path).map_err(io_error("write", path))?;
    let (text, mut entries) = match fs::read_to_string(path) {
        Ok(text) => {
            let entries = parse(path, &text)?;
            (text, entries)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (HEAD.to_owned(), Vec::new()),
        Err(error) => return Err(io_error("read", path)(error)),
    };
    if entries.iter().any(|entry| entry.caller.name == key.name) {
        return refuse("there is one of this name; remove it first, or take another name");
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(KeysError::Random)?;
    let token = format!("{TOKEN_PREFIX}{}", hex(&random));
    let entry = Entry {
        digest: digest(&token),
        caller: Caller {
            id: caller_id(&key.name),
            name: key.name.clone(),
            scopes: Scopes::of(&key.scopes),
            rate: key.rate,
            priority: key.priority,
            labels: key.labels.clone(),
        },
    };
    let added = format!("{}\n\n{}", text.trim_end(), rendered(&entry));
    entries.push(entry);
    commit(change, path, (added, &entries))?;
    Ok(token)
}

/// The keys of a file, in its order, without what they are compared with.
///
/// # Errors
/// [`KeysError::Io`] and [`KeysError::Content`].
pub fn list(path: &Path) -> Result<Vec<Caller>, KeysError> {
    Ok(read(path)?.into_iter().map(|entry| entry.caller).collect())
}

/// Removes the key of this name.
///
/// # Errors
/// [`KeysError::Absent`], and what can be wrong with the file.
pub fn remove(path: &Path, name: &str) -> Result<(), KeysError> {
    let change = replace::Change::begin(path).map_err(io_error("write", path))?;
    let text = fs::read_to_string(path).map_err(io_error("read", path))?;
    let mut entries = parse(path, &text)?;
    let Some(at) = entries.iter().position(|entry| entry.caller.name == name) else {
        return Err(KeysError::Absent { name: name.to_owned(), path: path.to_owned() });
    };
    entries.remove(at);
    let left = match block(&text, at) {
        Some(Range { start, end }) => format!("{}{}", &text[..start], &text[end..]),
        None => String::new(),
    };
    commit(change, path, (left, &entries))
}

/// Reads and checks a file of keys.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, KeysError> {
    let text = fs::read_to_string(path).map_err(io_error("read", path))?;
    parse(path, &text)
}

/// Writes `edited` if it says exactly `entries`, else a file made from them: hands that wrote the
/// file in an unexpected way then lose their comments, but never a key.
fn commit(
    change: replace::Change,
    path: &Path,
    (edited, entries): (String, &[Entry]),
) -> Result<(), KeysError> {
    let faithful = parse(path, &edited).is_ok_and(|read| read == entries);
    let text = if faithful {
        edited
    } else {
        entries.iter().fold(HEAD.to_owned(), |text, entry| text + "\n" + &rendered(entry))
    };
    change.commit(text.as_bytes()).map_err(io_error("write", path))
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeysError {
    let path = path.to_owned();
    move |source| KeysError::Io { what, path, source }
}

fn parse(path: &Path, text: &str) -> Result<Vec<Entry>, KeysError> {
    let fault = |at: usize, message: String| {
        let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        KeysError::Content { path: PathBuf::from(path), line, message }
    };
    let file: KeysFile = toml::from_str(text).map_err(|error| {
        fault(error.span().map_or(0, |span| span.start), error.message().to_owned())
    })?;
    let mut names = HashSet::new();
    let mut entries = Vec::with_capacity(file.key.len());
    for raw in file.key {
        let (at, name) = (raw.name.span().start, raw.name.into_inner());
        check_name(&name).map_err(|reason| fault(at, format!("key {name:?}: {reason}")))?;
        if !names.insert(name.clone()) {
            return Err(fault(at, format!("there are two keys {name:?}")));
        }
        let digest = unhex(raw.sha256.as_ref()).ok_or_else(|| {
            let message = format!("key {name:?}: sha256 is 64 hexadecimal digits");
            fault(raw.sha256.span().start, message)
        })?;
        let rate = match (raw.per_second, raw.burst) {
            (None, None) => None,
            (None, Some(burst)) => {
                let message = format!("key {name:?}: burst needs per_second");
                return Err(fault(burst.span().start, message));
            }
            (Some(per_second), burst) => {
                let at = per_second.span().start;
                let per_second = per_second.into_inner();
                // Without a burst, a second's worth.
                let burst = burst.map_or(per_second.ceil().max(1.0) as u32, Spanned::into_inner);
                let rate = Rate { per_second, burst };
                check_rate(rate).map_err(|reason| fault(at, format!("key {name:?}: {reason}")))?;
                Some(rate)
            }
        };
        let priority = match raw.priority {
            RawPriority::High => Priority::High,
            RawPriority::Normal => Priority::Normal,
            RawPriority::Low => Priority::Low,
        };
        let mut labels = Vec::with_capacity(raw.labels.len());
        for label in raw.labels.into_iter().take(MOST_LABELS) {
            check_label(label.as_ref())
                .map_err(|reason| fault(label.span().start, format!("key {name:?}: {reason}")))?;
            labels.push(label.into_inner());
        }
        let (id, scopes) = (caller_id(&name), Scopes::of(&raw.scopes));
        let caller = Caller { id, name, scopes, rate, priority, labels };
        entries.push(Entry { digest, caller });
    }
    Ok(entries)
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    if (1..=64).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err("a name is 1 to 64 letters, digits, dots, underscores, hyphens or @")
}

fn check_rate(rate: Rate) -> Result<(), &'static str> {
    if rate.per_second.is_finite() && rate.per_second > 0.0 && rate.burst > 0 {
        return Ok(());
    }
    Err("per_second and burst must be above 0; leave both out for no limit")
}

fn check_label(label: &str) -> Result<(), &'static str> {
    let plain = label.chars().all(|c| !c.is_control() && c != ',');
    if (1..=128).contains(&label.len()) && plain && label.trim() == label {
        return Ok(());
    }
    Err("a label is 1 to 128 bytes without commas, control characters and space at its ends")
}

/// A key as it stands in the file.
fn rendered(entry: &Entry) -> String {
    let Caller { name, scopes, rate, priority, labels, .. } = &entry.caller;
    let scopes: Vec<String> = scopes.iter().map(|scope| quoted(scope.as_str())).collect();
    let mut text = format!(
        "[[key]]\nname = {}\nsha256 = \"{}\"\nscopes = [{}]\n",
        quoted(name),
        hex(&entry.digest),
        scopes.join(", ")
    );
    if let Some(rate) = rate {
        text += &format!("per_second = {:?}\nburst = {}\n", rate.per_second, rate.burst);
    }
    match priority {
        Priority::High => text += "priority = \"high\"\n",
        Priority::Normal => {}
        Priority::Low => text += "priority = \"low\"\n",
    }
    if !labels.is_empty() {
        let labels: Vec<String> = labels.iter().map(|label| quoted(label)).collect();
        text += &format!("labels = [{}]\n", labels.join(", "));
    }
    text
}

/// Where the key number `at` stands: from its `[[key]]` to the last of its lines that says
/// something, so that a comment above the next key stays with that.
fn block(text: &str, at: usize) -> Option<Range<usize>> {
    let (mut blocks, mut start): (usize, Option<usize>) = (0, None);
    let mut end = 0;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let (content, line_start) = (line.trim(), offset);
        offset += line.len();
        if content.starts_with("[[") {
            if start.is_some() {
                break;
            }
            start = (blocks == at).then_some(line_start);
            blocks += 1;
        }
        if start.is_some() && !content.is_empty() && !content.starts_with('#') {
            end = offset;
        }
    }
    start.map(|start| {
        // One blank line fewer, so that removed keys leave no growing gap.
        let gap = text[end..].find(|c| c != '\n').map_or(0, |blank| blank.min(1));
        start..end + gap
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
