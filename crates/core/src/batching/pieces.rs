//! Requests of more rows than a batch holds: cut along the batch axis, and their answers put together.

use std::sync::Arc;

use super::limits::{Ask, Limits};
use super::tensor::Tensor;
use super::tensors::{TensorModel, TensorReply, TensorRequest};

impl TensorModel {
    /// The request in pieces that fit a batch each, with what each asks for; one piece where it fits
    /// as it is, or cannot be cut. No answer depends on how it was cut.
    #[must_use]
    pub fn pieces(
        &self,
        request: TensorRequest,
        ask: Ask,
        limits: &Limits,
    ) -> Vec<(Ask, TensorRequest)> {
        let by_cost = limits.max_cost.min(limits.queue_cost) / ask.length.max(1);
        let most = limits.max_rows.min(usize::try_from(by_cost).unwrap_or(usize::MAX)).max(1);
        if !self.is_batchable() || ask.group.is_none() || ask.rows <= most {
            return vec![(ask, request)];
        }
        let piece = |start: usize| {
            let end = ask.rows.min(start + most);
            let cut = |(name, tensor): &(String, Tensor)| (name.clone(), tensor.rows(start, end));
            let inputs = request.inputs.iter().map(cut).collect();
            let piece = TensorRequest { inputs, outputs: request.outputs.clone() };
            (Ask { rows: end - start, ..ask }, piece)
        };
        (0..ask.rows).step_by(most).map(piece).collect()
    }
}

impl TensorReply {
    /// The answers of a request's pieces as one. `None` where they do not fit each other, or there
    /// are none.
    #[must_use]
    pub fn joined(pieces: Vec<Self>) -> Option<Self> {
        if pieces.len() == 1 {
            return pieces.into_iter().next();
        }
        let first = pieces.first()?;
        let provenance = Arc::clone(&first.provenance);
        let stack = |(at, (name, _)): (usize, &(String, Tensor))| {
            let parts: Option<Vec<&Tensor>> = pieces
                .iter()
                .map(|piece| piece.outputs.get(at).map(|(_, tensor)| tensor))
                .collect();
            Some((name.clone(), Tensor::stack(&parts?, None)?))
        };
        let outputs = first.outputs.iter().enumerate().map(stack).collect::<Option<Vec<_>>>()?;
        Some(Self { outputs, provenance })
    }
}
