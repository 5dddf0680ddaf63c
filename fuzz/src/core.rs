//! Targets of `strata-core`: the walk over an ONNX file, and model cards.

use std::path::Path;

use strata_core::card::{Latency, Machine, ModelCard, is_plain_name};
use strata_core::verify::{Limits, walk};

/// The walk over an ONNX file. What it lets pass keeps its external data under plain names and within its caps.
pub fn onnx(data: &[u8]) {
    let limits = Limits::default();
    let Ok(walked) = walk(data, &limits, &[]) else { return };
    for tensor in &walked.external {
        assert!(is_plain_name(&tensor.file), "external data in {:?}", tensor.file);
        assert!(tensor.offset.checked_add(tensor.length).is_some(), "{tensor:?}");
        assert!(tensor.dims.len() <= limits.rank, "{tensor:?}");
    }
    let signature = &walked.signature;
    assert!(signature.nodes <= limits.nodes && signature.graph_depth <= limits.graph_depth);
    // A node takes two bytes of the file at least: nothing is counted that is not there.
    assert!(signature.nodes <= data.len() as u64, "{} nodes", signature.nodes);
}

/// A model card. Its files have plain names, and each latency class chooses one of its variants or says why not.
pub fn card(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(card) = ModelCard::parse(text, Path::new("model")) else { return };
    for file in &card.files {
        assert!(is_plain_name(&file.path), "{:?}", file.path);
    }
    let machine = Machine::new("cpu");
    for latency in [Latency::Fast, Latency::Balanced, Latency::Best] {
        if let Ok(selection) = card.select(latency, &machine) {
            assert!(card.file(&selection.variant.file).is_ok(), "{:?}", selection.variant.file);
        }
    }
}
