//! The protocol's names of element types.

use strata_core::card::Dtype;

/// The protocol's name.
pub(super) fn name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Float64 => "FP64",
        Dtype::Float32 => "FP32",
        Dtype::Float16 => "FP16",
        Dtype::Bfloat16 => "BF16",
        Dtype::Int64 => "INT64",
        Dtype::Int32 => "INT32",
        Dtype::Int16 => "INT16",
        Dtype::Int8 => "INT8",
        Dtype::Uint64 => "UINT64",
        Dtype::Uint32 => "UINT32",
        Dtype::Uint16 => "UINT16",
        Dtype::Uint8 => "UINT8",
        Dtype::Bool => "BOOL",
        Dtype::String => "BYTES",
    }
}

/// The type of a name, where the protocol has it.
pub(super) fn parse(text: &str) -> Option<Dtype> {
    const ALL: [Dtype; 14] = [
        Dtype::Float64,
        Dtype::Float32,
        Dtype::Float16,
        Dtype::Bfloat16,
        Dtype::Int64,
        Dtype::Int32,
        Dtype::Int16,
        Dtype::Int8,
        Dtype::Uint64,
        Dtype::Uint32,
        Dtype::Uint16,
        Dtype::Uint8,
        Dtype::Bool,
        Dtype::String,
    ];
    ALL.into_iter().find(|dtype| name(*dtype) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for text in ["FP32", "INT64", "UINT8", "BOOL", "BYTES", "BF16"] {
            assert_eq!(name(parse(text).unwrap()), text);
        }
        assert_eq!(parse("fp32"), None);
    }
}
