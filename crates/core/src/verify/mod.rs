//! Verification before load: the files a model consists of are read once, compared with the card by
//! size and SHA-256, and walked. What comes out is what the runtime loads: bytes in memory, never a
//! path.

mod calls;
mod file;
mod limits;
mod signature;
mod tensor;
mod types;
mod walk;
mod wire;

use std::collections::BTreeMap;

use thiserror::Error;

pub use file::{FileError, FileKind, VerifiedFile, sha256_hex, sha256_of};
pub use limits::Limits;
pub use signature::{
    Dimension, Side, Signature, SignatureError, SignatureKind, ValueInfo, ValueKind, compare,
};
pub use tensor::ExternalTensor;
pub use walk::{Walked, walk};
pub use wire::{WalkError, WalkKind};

use crate::card::{CardError, ModelCard, ModelFile, Role, Variant};
use crate::paths::SearchPath;

/// A model that must not be loaded, and why.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A file is absent, or the card doesn't know it.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A file must not or cannot be used.
    #[error("model {model}: {source}")]
    File {
        /// The model.
        model: String,
        /// What is wrong with which file.
        source: Box<FileError>,
    },
    /// The ONNX file is damaged, hostile or beyond the caps.
    #[error("model {model}: {file}: {source}")]
    Walk {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// What is wrong in it.
        source: Box<WalkError>,
    },
    /// The ONNX file isn't what the card describes.
    #[error("model {model}: {file}: {source}")]
    Signature {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// What differs.
        source: Box<SignatureError>,
    },
    /// The ONNX file refers to a file that the card doesn't list as external data.
    #[error(
        "model {model}: tensor {tensor:?} keeps its data in {file:?}, which the card does not list \
         under [[files]] with role \"external-data\""
    )]
    Undeclared {
        /// The model.
        model: String,
        /// The tensor.
        tensor: String,
        /// The file it refers to.
        file: String,
    },
    /// A tensor's data lie beyond the end of its external file.
    #[error(
        "model {model}: tensor {tensor:?} takes {length} bytes from byte {offset} of {file}, which \
         has {bytes}"
    )]
    Span {
        /// The model.
        model: String,
        /// The tensor.
        tensor: String,
        /// The external file.
        file: String,
        /// First byte claimed.
        offset: u64,
        /// Bytes claimed.
        length: u64,
        /// Size of the file.
        bytes: u64,
    },
}

/// A model that may be loaded: bytes in memory, which have the card's digests.
#[derive(Debug, Clone)]
pub struct VerifiedModel {
    /// Name of the model.
    pub name: String,
    /// Version of the model.
    pub version: String,
    /// The ONNX file.
    pub file: VerifiedFile,
    /// External files by name: all that the ONNX file refers to.
    pub external: BTreeMap<String, VerifiedFile>,
    /// The tensors whose data are in those files; each lies within its file.
    pub tensors: Vec<ExternalTensor>,
    /// What the ONNX file says about itself; it agrees with the card.
    pub signature: Signature,
}

impl VerifiedModel {
    /// The data of an external tensor of this model.
    #[must_use]
    pub fn tensor_data(&self, tensor: &ExternalTensor) -> Option<&[u8]> {
        let offset = usize::try_from(tensor.offset).ok()?;
        let end = offset.checked_add(usize::try_from(tensor.length).ok()?)?;
        self.external.get(&tensor.file)?.get(offset..end)
    }
}

/// Reads and verifies the file of one variant, and the external files it refers to.
///
/// # Errors
/// [`VerifyError`]: nothing of the model must be loaded then.
pub fn verify(
    card: &ModelCard,
    variant: &Variant,
    search: &SearchPath,
    limits: &Limits,
) -> Result<VerifiedModel, VerifyError> {
    let described = card.file(&variant.file)?;
    let file = read(card, described, search, limits.model_bytes)?;
    let (model, name) = (&card.name, &file.name);
    let walked = walk(&file, limits, &card.operator_domains).map_err(|source| {
        VerifyError::Walk { model: model.clone(), file: name.clone(), source: Box::new(source) }
    })?;
    compare(&walked.signature, card).map_err(|source| VerifyError::Signature {
        model: model.clone(),
        file: name.clone(),
        source: Box::new(source),
    })?;
    let external = read_external(card, &walked.external, search, limits)?;
    Ok(VerifiedModel {
        name: card.name.clone(),
        version: card.version.clone(),
        file,
        external,
        tensors: walked.external,
        signature: walked.signature,
    })
}

/// Reads one file of a model (labels, golden example …) and verifies its size and digest.
///
/// # Errors
/// [`VerifyError::Card`] or [`VerifyError::File`].
pub fn read_file(
    card: &ModelCard,
    name: &str,
    search: &SearchPath,
    limits: &Limits,
) -> Result<VerifiedFile, VerifyError> {
    read(card, card.file(name)?, search, limits.external_bytes)
}

/// Verifies one file of a model by size and digest without holding it in memory: for files that are read piece by piece.
///
/// # Errors
/// As [`read_file`].
pub fn check_file(card: &ModelCard, name: &str, search: &SearchPath) -> Result<(), VerifyError> {
    let file = card.file(name)?;
    let path = card.locate(file, search)?;
    file::check(&path, file)
        .map_err(|source| VerifyError::File { model: card.name.clone(), source: Box::new(source) })
}

/// Verifies everything a card lists: each variant as [`verify`] does, each other file by size and
/// digest. One result a file, in the card's order.
pub fn verify_all<'a>(
    card: &'a ModelCard,
    search: &'a SearchPath,
    limits: &'a Limits,
) -> impl Iterator<Item = (&'a ModelFile, Result<(), VerifyError>)> {
    card.files.iter().map(move |file| {
        let variant = card.variants.iter().find(|variant| variant.file == file.path);
        let result = match variant {
            Some(variant) => verify(card, variant, search, limits).map(drop),
            None => read(card, file, search, limits.external_bytes).map(drop),
        };
        (file, result)
    })
}

fn read(
    card: &ModelCard,
    file: &ModelFile,
    search: &SearchPath,
    limit: u64,
) -> Result<VerifiedFile, VerifyError> {
    let path = card.locate(file, search)?;
    file::read(&path, file, limit)
        .map_err(|source| VerifyError::File { model: card.name.clone(), source: Box::new(source) })
}

fn read_external(
    card: &ModelCard,
    tensors: &[ExternalTensor],
    search: &SearchPath,
    limits: &Limits,
) -> Result<BTreeMap<String, VerifiedFile>, VerifyError> {
    let mut files: BTreeMap<String, VerifiedFile> = BTreeMap::new();
    let mut left = limits.external_bytes;
    for tensor in tensors {
        let (model, name, file) = (&card.name, &tensor.name, &tensor.file);
        let listed = |f: &&ModelFile| f.path == *file && f.role == Role::ExternalData;
        let Some(described) = card.files.iter().find(listed) else {
            let (model, tensor, file) = (model.clone(), name.clone(), file.clone());
            return Err(VerifyError::Undeclared { model, tensor, file });
        };
        if tensor.offset.checked_add(tensor.length).is_none_or(|end| end > described.bytes) {
            return Err(VerifyError::Span {
                model: model.clone(),
                tensor: name.clone(),
                file: file.clone(),
                offset: tensor.offset,
                length: tensor.length,
                bytes: described.bytes,
            });
        }
        if !files.contains_key(file) {
            let read = read(card, described, search, left)?;
            left = left.saturating_sub(described.bytes);
            files.insert(file.clone(), read);
        }
    }
    Ok(files)
}
