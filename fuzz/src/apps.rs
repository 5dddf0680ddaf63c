//! Targets of the server and of the applications: the Open Inference Protocol, scenarios, cameras, tables.

use std::path::Path;

use bytes::Bytes;
use strata_core::batching::Tensor;
use strata_core::card::{Dim, Dtype};
use strata_core::runtime::{Signature, TensorPort};
use strata_core::scenario::{Format, Loaded};
use strata_drug::input::{self, InputSpec};
use strata_mining::sources::RtspAddress;
use strata_mining::watch::WatchConfig;
use strata_serve::oip_inputs;

use crate::guard::file;

/// An `infer` request, JSON or with bytes behind its head: a line with the header's value, then the body. What JSON says is the
/// same tensor when it is sent as bytes.
pub fn oip(data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(line) = std::str::from_utf8(&data[..end]) else { return };
    let length = Some(line).filter(|line| !line.is_empty());
    let signature = signature();
    let body = Bytes::copy_from_slice(&data[end + 1..]);
    let Ok(inputs) = oip_inputs(length, body, &signature) else { return };
    let (head, blobs) = binary(&inputs, &signature);
    let body = Bytes::from([head.as_bytes(), &blobs].concat());
    let again = oip_inputs(Some(&head.len().to_string()), body, &signature);
    let again = again.unwrap_or_else(|problem| panic!("{problem:?}: sent as {head}"));
    assert_eq!(again.len(), inputs.len());
    for ((name, tensor), (other, sent)) in inputs.iter().zip(&again) {
        assert_eq!((name, tensor.shape()), (other, sent.shape()));
        assert_eq!(tensor.to_le_bytes(), sent.to_le_bytes(), "{name}");
    }
}

/// A model with an input of every type that is offered, named after it.
fn signature() -> Signature {
    use Dtype::{
        Bool, Float16, Float32, Float64, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64,
    };
    let types = [
        ("FP64", Float64),
        ("FP32", Float32),
        ("FP16", Float16),
        ("INT64", Int64),
        ("INT32", Int32),
        ("INT16", Int16),
        ("INT8", Int8),
        ("UINT64", Uint64),
        ("UINT32", Uint32),
        ("UINT16", Uint16),
        ("UINT8", Uint8),
        ("BOOL", Bool),
    ];
    let shape = vec![Dim::Symbol("N".to_owned())];
    let port = |(name, dtype): (&str, Dtype)| TensorPort {
        name: name.to_owned(),
        dtype,
        shape: shape.clone(),
    };
    let inputs: Vec<TensorPort> = types.into_iter().map(port).collect();
    Signature { model: "every-type".to_owned(), outputs: inputs.clone(), inputs }
}

/// The same request with its tensors as bytes.
fn binary(inputs: &[(String, Tensor)], signature: &Signature) -> (String, Vec<u8>) {
    let mut blobs = Vec::new();
    let inputs =
        inputs.iter().filter(|(name, _)| signature.inputs.iter().any(|port| port.name == *name));
    let parts = inputs.map(|(name, tensor)| {
        let bytes = tensor.to_le_bytes();
        blobs.extend_from_slice(&bytes);
        let (shape, size) = (tensor.shape(), bytes.len());
        format!(
            r#"{{"name":"{name}","datatype":"{name}","shape":{shape:?},"parameters":{{"binary_data_size":{size}}}}}"#
        )
    });
    let parts = parts.collect::<Vec<_>>().join(",");
    (format!(r#"{{"inputs":[{parts}]}}"#), blobs)
}

/// A scenario file, as each application reads it.
pub fn scenario(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    named::<strata_drug::scenario::Scenario>(text);
    named::<strata_gov::scenario::Scenario>(text);
    named::<strata_mining::scenario::Scenario>(text);
    named::<strata_weather::scenario::Scenario>(text);
}

/// A scenario that is accepted has a name, and a mistake names a line of its file.
fn named<S: Format>(text: &str) {
    use strata_core::scenario::ScenarioError;
    match Loaded::<S>::parse(text, "scenario.toml") {
        Ok(loaded) => {
            assert!(!loaded.scenario.name().is_empty());
        }
        Err(ScenarioError::Invalid { line, column, message, .. }) => {
            assert!(line <= text.lines().count() + 1 && column > 0, "{line}:{column}: {message}");
        }
        Err(_) => {}
    }
}

/// Cameras, rules and outputs of a watch; the first line by itself is an address of a camera too. What is
/// shown of an address is one without name and password.
pub fn cameras(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let path = Path::new("watch.toml");
    if let Ok(config) = WatchConfig::parse(path, text) {
        let _ = config.checked(path);
    }
    let Ok(address) = RtspAddress::parse(text.lines().next().unwrap_or_default()) else { return };
    let shown = address.to_string();
    let again = RtspAddress::parse(&shown);
    let again = again.unwrap_or_else(|error| panic!("{error}: shown as {shown:?}"));
    assert!(again.credentials().is_none(), "{shown:?} shows a name or a password");
}

/// Tables of molecules: SMILES, CSV, TSV, SD files, Parquet, also compressed. Every row has the columns of the head.
pub fn table(data: &[u8]) {
    let file = file(data, "table");
    let spec = InputSpec { path: file.path().to_path_buf(), ..InputSpec::default() };
    let Ok(mut reader) = input::open(&spec) else { return };
    for row in 0..500 {
        let Ok(Some(record)) = reader.next_record() else { return };
        let layout = reader.layout();
        let _ = record.id(layout, row);
        if record.error.is_none() && row < 20 {
            let _ = record.molecule(layout);
        }
    }
}
