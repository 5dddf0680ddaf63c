//! Model cards for the tests' tiny models: writes the model file, its external files and a
//! `card.toml` with the right sizes and digests.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::onnx::{Dim, Model, Value};

/// What [`write_card`] writes beyond the model itself.
#[derive(Debug, Clone, Default)]
pub struct CardSpec {
    /// Model name: also the folder's name.
    pub name: String,
    /// Contents of `golden.json`, if the card has a golden example.
    pub golden: Option<String>,
    /// More files: name, role, contents.
    pub files: Vec<(String, String, Vec<u8>)>,
    /// Bytes of the model file, where they aren't those the model encodes to: the card's size and
    /// digest are theirs.
    pub model_bytes: Option<Vec<u8>>,
    /// TOML keys put before the card's tables, one a line.
    pub keys: String,
    /// TOML tables put at the end of the card (`[[endpoints]]`, `[preprocess]` …).
    pub extra: String,
}

impl CardSpec {
    /// A card of this name and nothing more.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Adds a golden example.
    #[must_use]
    pub fn golden(mut self, json: &str) -> Self {
        self.golden = Some(json.to_owned());
        self
    }

    /// Adds TOML tables at the end of the card.
    #[must_use]
    pub fn extra(mut self, toml: &str) -> Self {
        self.extra.push_str(toml);
        self
    }
}

/// Lower-case hexadecimal SHA-256 of `bytes`.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes `<models_dir>/<name>/` with `<name>.onnx`, external files, golden example and a card that
/// describes them. Returns that folder.
///
/// # Errors
/// When a file cannot be written.
pub fn write_card(models_dir: &Path, spec: &CardSpec, model: &Model) -> io::Result<PathBuf> {
    let dir = models_dir.join(&spec.name);
    std::fs::create_dir_all(&dir)?;
    let onnx = format!("{}.onnx", spec.name);
    let bytes = spec.model_bytes.clone().unwrap_or_else(|| model.encode());
    let mut files = vec![(onnx, "model".to_owned(), bytes)];
    let external =
        |(name, data): &(String, Vec<u8>)| (name.clone(), "external-data".to_owned(), data.clone());
    files.extend(model.files.iter().map(external));
    if let Some(golden) = &spec.golden {
        files.push(("golden.json".to_owned(), "golden".to_owned(), golden.clone().into_bytes()));
    }
    files.extend(spec.files.iter().cloned());
    for (name, _, data) in &files {
        std::fs::write(dir.join(name), data)?;
    }
    std::fs::write(dir.join("card.toml"), card_text(spec, model, &files))?;
    Ok(dir)
}

fn card_text(spec: &CardSpec, model: &Model, files: &[(String, String, Vec<u8>)]) -> String {
    let (name, keys) = (&spec.name, &spec.keys);
    let mut text = format!(
        "name = \"{name}\"\nlayer = \"foundation\"\nkind = \"prediction\"\ntask = \"regression\"\n\
         title = \"Test model {name}\"\ndescription = \"Written by a test.\"\nversion = \"1.0.0\"\n\
         licence = \"Apache-2.0\"\n{keys}\n[source]\nurl = \"written by the test itself\"\n"
    );
    for (path, role, data) in files {
        let (bytes, sha256) = (data.len(), sha256_hex(data));
        let _ = write!(
            text,
            "\n[[files]]\npath = {path:?}\nbytes = {bytes}\nsha256 = \"{sha256}\"\nrole = \"{role}\"\n"
        );
    }
    model.graph.inputs.iter().for_each(|v| text.push_str(&port("inputs", v)));
    model.graph.outputs.iter().for_each(|v| text.push_str(&port("outputs", v)));
    let _ = write!(
        text,
        "\n[[variants]]\nname = \"fp32\"\nfile = \"{name}.onnx\"\nprecision = \"fp32\"\n\
         latency = \"balanced\"\n"
    );
    if spec.golden.is_some() {
        text.push_str("\n[golden]\nfile = \"golden.json\"\ntolerance = 1e-4\n");
    }
    text.push('\n');
    text.push_str(&spec.extra);
    text
}

fn port(table: &str, value: &Value) -> String {
    let dim = |d: &Dim| match d {
        Dim::Fixed(n) => n.to_string(),
        Dim::Symbol(s) => format!("{s:?}"),
    };
    let shape: Vec<String> = value.shape.iter().map(dim).collect();
    format!(
        "\n[[{table}]]\nname = {:?}\ndtype = \"{}\"\nshape = [{}]\nmeaning = \"test value\"\nunit = \"1\"\n",
        value.name,
        value.dtype.card_name(),
        shape.join(", ")
    )
}
