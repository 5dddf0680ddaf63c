//! Provenance: which model, which file, which runtime and which device an answer comes from. It goes
//! with every result, so that a number can be explained years later.

use serde::Serialize;

/// Where an answer comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// Name of the model.
    pub model: String,
    /// Version on the model's card.
    pub version: String,
    /// The ONNX file.
    pub file: String,
    /// SHA-256 of that file.
    pub sha256: String,
    /// Number format of its weights, as the card names it.
    pub precision: String,
    /// Version of ONNX Runtime.
    pub onnx_runtime: String,
    /// Execution provider that runs the model.
    pub provider: String,
    /// What made the model's inputs, where the caller said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub featuriser: Option<Featuriser>,
    /// Version of Strata.
    pub strata: String,
}

/// What turned a record into the model's inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Featuriser {
    /// Its name and parameters.
    pub id: String,
    /// Digest of its specification and of its answers to built-in probes.
    pub hash: String,
}

/// Version of Strata that this is.
pub const STRATA_VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_plain_json() {
        let mut provenance = Provenance {
            model: "esol".to_owned(),
            version: "1.0.0".to_owned(),
            file: "esol.onnx".to_owned(),
            sha256: "ab".repeat(32),
            precision: "fp32".to_owned(),
            onnx_runtime: "1.32.0".to_owned(),
            provider: "CPUExecutionProvider".to_owned(),
            featuriser: None,
            strata: STRATA_VERSION.to_owned(),
        };
        let json = serde_json::to_value(&provenance).unwrap();
        assert_eq!(json["model"], "esol");
        assert!(json.get("featuriser").is_none());
        provenance.featuriser = Some(Featuriser { id: "f/1".to_owned(), hash: "00".to_owned() });
        let json = serde_json::to_value(&provenance).unwrap();
        assert_eq!(json["featuriser"]["id"], "f/1");
    }
}
