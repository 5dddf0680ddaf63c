//! Random names, and bytes as digits.

use std::sync::atomic::{AtomicU64, Ordering};

/// 128 random bits as hexadecimal digits.
pub(crate) fn id() -> String {
    static FALLBACK: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0_u8; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // Names a request in the logs; that it cannot be guessed is of no importance.
        let count = FALLBACK.fetch_add(1, Ordering::Relaxed);
        bytes[8..].copy_from_slice(&count.to_be_bytes());
    }
    hex(&bytes)
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
