//! Caps on what a model file may claim. They bound the time and memory that verification and loading
//! take; each default is far above what any real model needs and can be raised by the caller.

/// Caps on what a model may claim.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of an ONNX file. Protobuf itself allows 2 GiB.
    pub model_bytes: u64,
    /// Bytes of all external files of one model together.
    pub external_bytes: u64,
    /// Levels of subgraphs below the main graph, local functions inlined. Loading time of nested
    /// `If`s doubles with each level.
    pub graph_depth: usize,
    /// Levels of nested types (sequence of sequence of …).
    pub type_depth: usize,
    /// Nodes, subgraphs counted and local functions inlined.
    pub nodes: u64,
    /// Tensors held or referred to.
    pub tensors: u64,
    /// Inputs, outputs, local functions, operator sets and metadata entries, each counted by itself.
    pub entries: usize,
    /// Dimensions of one tensor.
    pub rank: usize,
    /// Elements of one dense tensor.
    pub elements: u64,
    /// Elements of one sparse tensor once it is made dense: a few bytes can claim any size.
    pub sparse_elements: u64,
    /// Bytes of all metadata entries of the model together.
    pub metadata_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            model_bytes: (2 << 30) - 1,
            external_bytes: 16 << 30,
            graph_depth: 8,
            type_depth: 8,
            nodes: 500_000,
            tensors: 500_000,
            entries: 65_536,
            rank: 32,
            elements: 1 << 36,
            sparse_elements: 1 << 28,
            metadata_bytes: 16 << 20,
        }
    }
}
