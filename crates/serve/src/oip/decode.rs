//! An `infer` request: JSON, or a JSON head with the tensors' bytes behind it.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::HeaderMap;
use bytes::Bytes;
use ndarray::{ArrayD, IxDyn};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use strata_core::batching::{Priority, Tensor};
use strata_core::card::Dtype;
use strata_core::runtime::{Signature, f16};

use super::datatype;
use super::numbers::{self, Number};
use crate::input;
use crate::operation::Request;
use crate::problem::{Kind, Problem};

/// Axes of a tensor at most.
const MAX_RANK: usize = 16;

/// A request that can be run.
#[derive(Debug)]
pub(super) struct Infer {
    pub(super) id: Option<String>,
    pub(super) inputs: Vec<(String, Tensor)>,
    /// The outputs asked for, and whether each is to be binary; `None` asks for all.
    pub(super) outputs: Option<Vec<(String, bool)>>,
    /// Whether outputs that say nothing are to be binary.
    pub(super) binary: bool,
    pub(super) priority: Priority,
    pub(super) timeout: Option<Duration>,
}

type Parameters = BTreeMap<String, Value>;

#[derive(Deserialize)]
struct Head<'a> {
    id: Option<String>,
    #[serde(default)]
    parameters: Parameters,
    #[serde(borrow)]
    inputs: Vec<HeadInput<'a>>,
    outputs: Option<Vec<HeadOutput>>,
}

#[derive(Deserialize)]
struct HeadInput<'a> {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    #[serde(default)]
    parameters: Parameters,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct HeadOutput {
    name: String,
    #[serde(default)]
    parameters: Parameters,
}

fn bad(detail: impl std::fmt::Display) -> Problem {
    Problem::new(Kind::BadRequest, "bad-tensor", detail)
}

/// Reads a request for a model of this signature.
pub(super) fn read(request: &Request, signature: &Signature) -> Result<Infer, Problem> {
    let (head, mut blobs) = split(request)?;
    let head: Head<'_> = input::from_json(head)?;
    if head.inputs.is_empty() {
        return Err(bad("there are no inputs"));
    }
    let mut inputs: Vec<(String, Tensor)> = Vec::with_capacity(head.inputs.len());
    for one in &head.inputs {
        if inputs.iter().any(|(name, _)| *name == one.name) {
            return Err(bad(format!("input {:?} is given twice", one.name)));
        }
        let tensor = tensor(one, signature, &mut blobs).map_err(|e| bad(in_input(one, &e)))?;
        inputs.push((one.name.clone(), tensor));
    }
    if !blobs.is_empty() {
        return Err(bad(format!("{} bytes are left behind the last input", blobs.len())));
    }
    let binary = truth(&head.parameters, "binary_data_output").map_err(bad)?.unwrap_or(false);
    let outputs = head.outputs.filter(|outputs| !outputs.is_empty());
    let outputs = outputs.map(|outputs| wanted(outputs, signature, binary)).transpose()?;
    Ok(Infer {
        id: head.id,
        inputs,
        outputs,
        binary,
        priority: priority(&head.parameters)?,
        timeout: timeout(&head.parameters)?,
    })
}

/// Reads the inputs of an `infer` request's body as the server does, for a model of this signature; `head_length` is the
/// header `Inference-Header-Content-Length`, where there is one.
///
/// # Errors
/// What the server would answer.
pub fn inputs(
    head_length: Option<&str>,
    body: Bytes,
    signature: &Signature,
) -> Result<Vec<(String, Tensor)>, Problem> {
    let request = Request {
        path: Vec::new(),
        query: String::new(),
        content_type: String::new(),
        body,
        headers: HeaderMap::new(),
        inference_header_length: head_length.map(str::to_owned),
    };
    read(&request, signature).map(|request| request.inputs)
}

fn in_input(input: &HeadInput<'_>, error: &str) -> String {
    let name: String = input.name.chars().take(100).collect();
    format!("input {name:?}: {error}")
}

/// Head and bytes of the body.
fn split(request: &Request) -> Result<(&[u8], &[u8]), Problem> {
    let body = &request.body[..];
    let Some(length) = &request.inference_header_length else { return Ok((body, &[])) };
    let wrong = |why: &str| {
        let text = format!("Inference-Header-Content-Length {length:?} {why}");
        Problem::new(Kind::BadRequest, "bad-head", text)
    };
    let digits = length.trim();
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let length: usize =
        digits.parse().ok().filter(|_| plain).ok_or_else(|| wrong("is no number of bytes"))?;
    body.split_at_checked(length).ok_or_else(|| wrong("is more than the body holds"))
}

fn tensor(
    input: &HeadInput<'_>,
    signature: &Signature,
    blobs: &mut &[u8],
) -> Result<Tensor, String> {
    let known = signature.inputs.iter().find(|port| port.name == input.name);
    let Some(port) = known else {
        let names: Vec<&str> = signature.inputs.iter().map(|port| port.name.as_str()).collect();
        return Err(format!("the model has no such input; it has {}", names.join(", ")));
    };
    let dtype = datatype::parse(&input.datatype)
        .ok_or_else(|| format!("the datatype {:?} is none of the protocol's", input.datatype))?;
    if dtype != port.dtype {
        let takes = datatype::name(port.dtype);
        return Err(format!("it is {}, the model takes {takes}", input.datatype));
    }
    let shape = shape(&input.shape)?;
    if input.parameters.keys().any(|key| key.starts_with("shared_memory")) {
        return Err("shared memory is not offered; send the data".to_owned());
    }
    let size = input.parameters.get("binary_data_size");
    match (size, input.data) {
        (Some(_), Some(_)) => Err("it has both data and binary_data_size".to_owned()),
        (None, None) => Err("it has neither data nor binary_data_size".to_owned()),
        (None, Some(data)) => json_tensor(dtype, &shape, data),
        (Some(size), None) => {
            let size = size.as_u64().and_then(|size| usize::try_from(size).ok());
            let size = size.ok_or("binary_data_size is no number of bytes")?;
            let (bytes, rest) = blobs.split_at_checked(size).ok_or_else(|| {
                format!("binary_data_size is {size}, the body holds {} more", blobs.len())
            })?;
            *blobs = rest;
            Tensor::from_le_bytes(dtype, &shape, bytes).map_err(|error| error.to_string())
        }
    }
}

fn shape(given: &[i64]) -> Result<Vec<usize>, String> {
    if given.len() > MAX_RANK {
        return Err(format!("it has {} axes and {MAX_RANK} is the limit", given.len()));
    }
    let shape: Option<Vec<usize>> = given.iter().map(|&n| usize::try_from(n).ok()).collect();
    let shape = shape.ok_or_else(|| format!("the shape {given:?} has a negative length"))?;
    if shape.contains(&0) {
        return Err(format!("the shape {given:?} holds nothing"));
    }
    let total = shape.iter().try_fold(1_usize, |total, &n| total.checked_mul(n));
    match total.filter(|total| *total <= isize::MAX as usize / 16) {
        Some(_) => Ok(shape),
        None => Err(format!("the shape {given:?} holds more than memory could")),
    }
}

fn json_tensor(dtype: Dtype, shape: &[usize], data: &RawValue) -> Result<Tensor, String> {
    fn array<T: Number>(data: &RawValue, shape: &[usize]) -> Result<ArrayD<T>, String> {
        let values = numbers::read(data, shape)?;
        ArrayD::from_shape_vec(IxDyn(shape), values).map_err(|error| error.to_string())
    }
    Ok(match dtype {
        Dtype::Float64 => Tensor::Float64(array(data, shape)?),
        Dtype::Float32 => Tensor::Float32(array(data, shape)?),
        Dtype::Float16 => Tensor::Float16(array::<f16>(data, shape)?),
        Dtype::Int64 => Tensor::Int64(array(data, shape)?),
        Dtype::Int32 => Tensor::Int32(array(data, shape)?),
        Dtype::Int16 => Tensor::Int16(array(data, shape)?),
        Dtype::Int8 => Tensor::Int8(array(data, shape)?),
        Dtype::Uint64 => Tensor::Uint64(array(data, shape)?),
        Dtype::Uint32 => Tensor::Uint32(array(data, shape)?),
        Dtype::Uint16 => Tensor::Uint16(array(data, shape)?),
        Dtype::Uint8 => Tensor::Uint8(array(data, shape)?),
        Dtype::Bool => Tensor::Bool(array(data, shape)?),
        Dtype::Bfloat16 | Dtype::String => {
            return Err(format!("{} is not offered", datatype::name(dtype)));
        }
    })
}

fn wanted(
    outputs: Vec<HeadOutput>,
    signature: &Signature,
    binary: bool,
) -> Result<Vec<(String, bool)>, Problem> {
    let mut all: Vec<(String, bool)> = Vec::with_capacity(outputs.len());
    for HeadOutput { name, parameters } in outputs {
        if !signature.outputs.iter().any(|port| port.name == name) {
            let names: Vec<&str> = signature.outputs.iter().map(|p| p.name.as_str()).collect();
            let name: String = name.chars().take(100).collect();
            let text = format!("the model has no output {name:?}; it has {}", names.join(", "));
            return Err(bad(text));
        }
        if all.iter().any(|(known, _)| *known == name) {
            return Err(bad(format!("output {name:?} is asked for twice")));
        }
        let refused =
            |key: &&String| key.starts_with("shared_memory") || key.as_str() == "classification";
        if let Some(key) = parameters.keys().find(refused) {
            return Err(bad(format!("output {name:?}: {key} is not offered")));
        }
        let own = truth(&parameters, "binary_data").map_err(bad)?;
        all.push((name, own.unwrap_or(binary)));
    }
    Ok(all)
}

fn truth(parameters: &Parameters, key: &str) -> Result<Option<bool>, String> {
    match parameters.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(other) => Err(format!("{key} is {other}, which is neither true nor false")),
    }
}

/// As in Triton's protocol: 0 is the usual, 1 the most urgent.
fn priority(parameters: &Parameters) -> Result<Priority, Problem> {
    match parameters.get("priority") {
        None => Ok(Priority::Normal),
        Some(value) => match value.as_u64() {
            Some(0) => Ok(Priority::Normal),
            Some(1) => Ok(Priority::High),
            Some(_) => Ok(Priority::Low),
            None => Err(bad(format!("priority is {value}, which is no whole number"))),
        },
    }
}

/// What a request's own wish makes of its key's place: a key that goes after others cannot push
/// forward, one that goes before them does unless it asks for less.
pub(super) fn precedence(key: Priority, asked: Priority) -> Priority {
    match (key, asked) {
        (Priority::Low, _) => Priority::Low,
        (key, Priority::Normal) => key,
        (_, asked) => asked,
    }
}

/// As in Triton's protocol: microseconds.
fn timeout(parameters: &Parameters) -> Result<Option<Duration>, Problem> {
    match parameters.get("timeout") {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(0) => Ok(None),
            Some(us) => Ok(Some(Duration::from_micros(us))),
            None => Err(bad(format!("timeout is {value}, which is no number of microseconds"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_s_priority_holds_where_the_request_says_nothing() {
        use Priority::{High, Low, Normal};
        for (key, asked, expected) in [
            (Normal, Normal, Normal),
            (Normal, High, High),
            (Normal, Low, Low),
            (High, Normal, High),
            (High, Low, Low),
            (Low, Normal, Low),
            (Low, High, Low),
        ] {
            assert_eq!(precedence(key, asked), expected, "{key:?} {asked:?}");
        }
    }
}
