//! Cutting a weather model into parts with cards of their own, for machines whose memory holds a part and not the whole.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use strata_core::card::{Dim, ModelCard, Role};
use strata_core::paths::SearchPath;
use strata_core::runtime::TensorPort;
use strata_core::runtime::split::{Cuts, Part, PartFile, SplitError, Whole, split};
use strata_core::verify::{self, Limits, VerifyError};

use crate::card::{Axis, Contract, GridSpecKind, PART_KIT};
use crate::rollout::{RolloutError, contract};

/// Why a model is not cut.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CutError {
    /// It is no weather model.
    #[error(transparent)]
    Model(#[from] RolloutError),
    /// Its file is not what the card says.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The graph cannot be cut.
    #[error("model {model}: {source}")]
    Split {
        /// The model.
        model: String,
        /// Why.
        source: Box<SplitError>,
    },
    /// It would be cut into itself.
    #[error("{} is the model's own folder: give another for the parts", path.display())]
    Same {
        /// The folder.
        path: PathBuf,
    },
    /// A card cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The card.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A part as it was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// Name: that of the model for the first.
    pub name: String,
    /// What it is made of.
    pub part: Part,
}

/// Name of a part, from 0.
#[must_use]
pub fn part_name(model: &str, part: usize) -> String {
    if part == 0 { model.to_owned() } else { format!("{model}-part{}", part + 1) }
}

/// Cuts a model and writes the parts below a folder, which is then a folder of models (`--models-dir`) that has the model under its
/// own name. The card of the first part carries the contract and names the others.
///
/// # Errors
/// [`CutError`]
pub fn cut(
    card: &ModelCard,
    search: &SearchPath,
    cuts: &Cuts,
    out: &Path,
) -> Result<Vec<Written>, CutError> {
    let contract = contract(card)?;
    let wrong = |why: &str| RolloutError::Card { model: card.name.clone(), why: why.to_owned() };
    if !contract.parts.is_empty() {
        return Err(wrong("it is cut already: cut the whole model anew").into());
    }
    let variant = card.variants.first().ok_or_else(|| wrong("it has no variant"))?;
    let first = out.join(&card.name);
    if let (Ok(a), Ok(b)) = (first.canonicalize(), card.dir.canonicalize())
        && a == b
    {
        return Err(CutError::Same { path: first });
    }
    let limits = Limits::default();
    let file = verify::read_file(card, &variant.file, search, &limits)?;
    // External data are checked as they lie and then copied from: they may be far larger than memory.
    for file in card.files.iter().filter(|file| file.role == Role::ExternalData) {
        verify::check_file(card, &file.path, search)?;
    }
    let external = |name: &str| -> std::io::Result<std::fs::File> {
        let known =
            card.files.iter().find(|file| file.path == name && file.role == Role::ExternalData);
        let known = known
            .ok_or_else(|| std::io::Error::other("the card does not list it as external data"))?;
        std::fs::File::open(card.locate(known, search).map_err(std::io::Error::other)?)
    };
    let whole = Whole {
        bytes: &file,
        external: &external,
        domains: &card.operator_domains,
        limits: &limits,
    };
    let folder = |part: usize| out.join(part_name(&card.name, part));
    let parts = split(&whole, cuts, &folder)
        .map_err(|source| CutError::Split { model: card.name.clone(), source: Box::new(source) })?;
    let names: Vec<String> = (0..parts.len()).map(|part| part_name(&card.name, part)).collect();
    for (index, part) in parts.iter().enumerate() {
        let text = card_text(card, &contract, &names, index, part);
        let path = folder(index).join(strata_core::card::CARD_FILE);
        std::fs::write(&path, text).map_err(|source| CutError::Io { path, source })?;
    }
    Ok(names.into_iter().zip(parts).map(|(name, part)| Written { name, part }).collect())
}

/// Text in TOML: JSON's escapes are TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list<T>(items: impl IntoIterator<Item = T>, text: impl FnMut(T) -> String) -> String {
    format!("[{}]", items.into_iter().map(text).collect::<Vec<_>>().join(", "))
}

/// The card of a part.
fn card_text(
    whole: &ModelCard,
    contract: &Contract,
    names: &[String],
    index: usize,
    part: &Part,
) -> String {
    let mut text = String::new();
    let (number, count) = (index + 1, names.len());
    let task = if index == 0 { "forecast" } else { "part-of-forecast" };
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key} = {}", quoted(value));
    };
    line("name", &names[index]);
    line("layer", "foundation");
    line("kind", "prediction");
    line("task", task);
    line("title", &format!("{} (part {number} of {count})", whole.title));
    line("description", &whole.description);
    line("version", &whole.version);
    line("licence", &whole.licence);
    if !whole.operator_domains.is_empty() {
        let _ = writeln!(
            text,
            "operator_domains = {}",
            list(&whole.operator_domains, |domain| quoted(domain))
        );
    }
    let _ = writeln!(text, "\n[source]\nurl = {}", quoted(&whole.source.url));
    let of =
        whole.files.iter().find(|file| file.role == Role::Model).map_or("", |file| &file.sha256);
    let _ =
        writeln!(text, "revision = {}", quoted(&format!("cut from the file with SHA-256 {of}")));
    file(&mut text, &part.model, "model");
    if let Some(data) = &part.data {
        file(&mut text, data, "external-data");
    }
    ports(&mut text, "inputs", &part.inputs);
    ports(&mut text, "outputs", &part.outputs);
    if index == 0 {
        preprocess(&mut text, contract, &names[1..]);
    } else {
        let _ = writeln!(text, "\n[preprocess]\nkit = {}", quoted(PART_KIT));
    }
    let precision = whole.variants.first().map_or_else(
        || "fp32".to_owned(),
        |variant| format!("{:?}", variant.precision).to_ascii_lowercase(),
    );
    let _ = write!(
        text,
        "\n[postprocess]\nhead = \"forecast\"\n\n[[variants]]\nname = \"part\"\nfile = {}\nprecision = \"{precision}\"\nlatency = \"balanced\"\n",
        quoted(&part.model.name)
    );
    text
}

fn file(text: &mut String, file: &PartFile, role: &str) {
    let PartFile { name, bytes, sha256 } = file;
    let _ = write!(
        text,
        "\n[[files]]\npath = {}\nbytes = {bytes}\nsha256 = \"{sha256}\"\nrole = \"{role}\"\n",
        quoted(name)
    );
}

fn ports(text: &mut String, table: &str, ports: &[TensorPort]) {
    for port in ports {
        let dim = |dim: &Dim| match dim {
            Dim::Fixed(length) => length.to_string(),
            Dim::Symbol(symbol) => quoted(symbol),
        };
        let _ = write!(
            text,
            "\n[[{table}]]\nname = {}\ndtype = \"{}\"\nshape = {}\nmeaning = \"of the state, or between parts\"\n",
            quoted(&port.name),
            port.dtype,
            list(&port.shape, dim)
        );
    }
}

fn preprocess(text: &mut String, contract: &Contract, parts: &[String]) {
    let kind = match contract.grid.kind {
        GridSpecKind::Regular => "regular",
        GridSpecKind::Gaussian => "gaussian",
    };
    let _ = write!(
        text,
        "\n[preprocess]\nkit = {}\nfamily = {}\nplanet = {}\nstep_hours = {}\nparts = {}\n\n[preprocess.grid]\nkind = \"{kind}\"\nlatitudes = {}\nlongitudes = {}\n",
        quoted(&contract.kit),
        quoted(&contract.family),
        quoted(&contract.planet),
        contract.step_hours,
        list(parts, |name| quoted(name)),
        contract.grid.latitudes,
        contract.grid.longitudes
    );
    for port in &contract.ports {
        let axis = |axis: &Axis| {
            quoted(match axis {
                Axis::Batch => "batch",
                Axis::Variable => "variable",
                Axis::Level => "level",
                Axis::Latitude => "latitude",
                Axis::Longitude => "longitude",
            })
        };
        let _ = write!(
            text,
            "\n[[preprocess.ports]]\ninput = {}\noutput = {}\naxes = {}\nvariables = {}\n",
            quoted(&port.input),
            quoted(&port.output),
            list(&port.axes, axis),
            list(&port.variables, |name| quoted(name))
        );
        if !port.levels.is_empty() {
            let _ = writeln!(text, "levels = {}", list(&port.levels, |level| format!("{level:?}")));
        }
    }
}
