//! An `infer` reply: JSON, or a JSON head with the tensors' bytes behind it.

use serde::Serialize;
use strata_core::batching::{Tensor, TensorReply};

use super::datatype;
use crate::operation::{Answer, Output};
use crate::problem::Problem;

/// What a reply says beside its tensors.
pub(super) struct Facts<'a> {
    pub(super) model: &'a str,
    pub(super) version: &'a str,
    pub(super) id: Option<&'a str>,
    /// The outputs asked for, and whether each is to be binary; `None`: all, as `binary` says.
    pub(super) outputs: Option<&'a [(String, bool)]>,
    pub(super) binary: bool,
    pub(super) queued_us: u64,
    pub(super) batch_rows: usize,
}

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: &'a [usize],
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinarySize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

#[derive(Serialize)]
struct BinarySize {
    binary_data_size: usize,
}

/// Where an answer comes from, as flat parameters: the protocol allows no objects there.
#[derive(Serialize)]
struct Provenance<'a> {
    model_sha256: &'a str,
    onnx_runtime: &'a str,
    provider: &'a str,
    strata: &'a str,
    queued_us: u64,
    batch_rows: usize,
}

#[derive(Serialize)]
struct Head<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    parameters: Provenance<'a>,
    outputs: Vec<Shown<'a>>,
}

/// A tensor's numbers in row-major order.
struct Data<'a>(&'a Tensor);

impl Serialize for Data<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Tensor::Float64(a) => serializer.collect_seq(a),
            Tensor::Float32(a) => serializer.collect_seq(a),
            Tensor::Float16(a) => serializer.collect_seq(a.iter().map(|v| v.to_f32())),
            Tensor::Int64(a) => serializer.collect_seq(a),
            Tensor::Int32(a) => serializer.collect_seq(a),
            Tensor::Int16(a) => serializer.collect_seq(a),
            Tensor::Int8(a) => serializer.collect_seq(a),
            Tensor::Uint64(a) => serializer.collect_seq(a),
            Tensor::Uint32(a) => serializer.collect_seq(a),
            Tensor::Uint16(a) => serializer.collect_seq(a),
            Tensor::Uint8(a) => serializer.collect_seq(a),
            Tensor::Bool(a) => serializer.collect_seq(a),
        }
    }
}

/// The reply's body.
pub(super) fn write(reply: &TensorReply, facts: &Facts<'_>) -> Answer {
    let mut shown = Vec::with_capacity(reply.outputs.len());
    let mut blobs = Vec::new();
    for (name, tensor, binary) in chosen(reply, facts)? {
        let mut one = Shown {
            name,
            datatype: datatype::name(tensor.dtype()),
            shape: tensor.shape(),
            parameters: None,
            data: None,
        };
        if binary {
            let bytes = tensor.to_le_bytes();
            one.parameters = Some(BinarySize { binary_data_size: bytes.len() });
            blobs.push(bytes);
        } else {
            one.data = Some(Data(tensor));
        }
        shown.push(one);
    }
    let provenance = &reply.provenance;
    let head = Head {
        model_name: facts.model,
        model_version: facts.version,
        id: facts.id,
        parameters: Provenance {
            model_sha256: &provenance.sha256,
            onnx_runtime: &provenance.onnx_runtime,
            provider: &provenance.provider,
            strata: &provenance.strata,
            queued_us: facts.queued_us,
            batch_rows: facts.batch_rows,
        },
        outputs: shown,
    };
    let mut body = serde_json::to_vec(&head).map_err(Problem::internal)?;
    if blobs.is_empty() {
        return Ok(Output::Json(body));
    }
    let headers = vec![("inference-header-content-length", body.len().to_string())];
    blobs.iter().for_each(|blob| body.extend_from_slice(blob));
    let content_type = "application/octet-stream".to_owned();
    Ok(Output::Bytes { content_type, bytes: body.into(), headers })
}

/// The outputs asked for, in the order asked for: clients read the bytes in this order.
fn chosen<'a>(
    reply: &'a TensorReply,
    facts: &Facts<'_>,
) -> Result<Vec<(&'a str, &'a Tensor, bool)>, Problem> {
    let Some(asked) = facts.outputs else {
        let all = reply.outputs.iter();
        return Ok(all.map(|(name, tensor)| (name.as_str(), tensor, facts.binary)).collect());
    };
    let find = |(wanted, binary): &(String, bool)| {
        let found = reply.outputs.iter().find(|(name, _)| name == wanted);
        let (name, tensor) = found.ok_or_else(|| Problem::internal("an output is missing"))?;
        Ok((name.as_str(), tensor, *binary))
    };
    asked.iter().map(find).collect()
}
