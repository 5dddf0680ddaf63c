//! Which execution provider really got the model's nodes, as ONNX Runtime itself recorded it while
//! it partitioned the graph. Providers fall back to the processor node by node without a word; this
//! is how Strata knows.

use std::ffi::{CStr, c_char};
use std::ptr;

use ort::AsPointer;
use ort::session::Session;
use serde::Serialize;

/// Session setting that makes ONNX Runtime keep the record.
pub(super) const RECORD: &str = "session.record_ep_graph_assignment_info";

/// Nodes of the model that a provider runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assignment {
    /// ONNX Runtime's name of the provider.
    pub provider: String,
    /// Number of nodes it was given, counted before fusion.
    pub nodes: usize,
}

/// The providers that run the session's nodes, the one with most nodes first. Empty where the
/// session kept no record.
#[allow(unsafe_code, reason = "ort does not wrap this part of ONNX Runtime's interface")]
pub(super) fn of(session: &Session) -> Vec<Assignment> {
    let api = ort::api();
    let failed = |status| {
        // SAFETY: takes over the status that the function just returned; frees it.
        unsafe { ort::Error::result_from_status(status) }.is_err()
    };
    let (mut subgraphs, mut count) = (ptr::null(), 0);
    // SAFETY: the session is alive, both pointers are to locals. The array and what it points to
    // belong to the session and live as long as it does, which is longer than this function.
    let subgraphs: &[*const ort::sys::OrtEpAssignedSubgraph] = unsafe {
        let get = api.Session_GetEpGraphAssignmentInfo;
        if failed(get(session.ptr(), &raw mut subgraphs, &raw mut count)) || subgraphs.is_null() {
            return Vec::new();
        }
        std::slice::from_raw_parts(subgraphs, count)
    };
    let mut found: Vec<Assignment> = Vec::new();
    for &subgraph in subgraphs {
        let mut name: *const c_char = ptr::null();
        let (mut nodes, mut count) = (ptr::null(), 0);
        // SAFETY: `subgraph` came from the session's own array; the name is a zero-terminated string
        // that the session owns.
        let provider = unsafe {
            if failed((api.EpAssignedSubgraph_GetEpName)(subgraph, &raw mut name))
                || failed((api.EpAssignedSubgraph_GetNodes)(
                    subgraph,
                    &raw mut nodes,
                    &raw mut count,
                ))
                || name.is_null()
            {
                continue;
            }
            CStr::from_ptr(name).to_string_lossy().into_owned()
        };
        match found.iter_mut().find(|assignment| assignment.provider == provider) {
            Some(assignment) => assignment.nodes += count,
            None => found.push(Assignment { provider, nodes: count }),
        }
    }
    found.sort_by_key(|assignment| std::cmp::Reverse(assignment.nodes));
    found
}
