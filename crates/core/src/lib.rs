//! Model cards, verification, runtime and streaming.
