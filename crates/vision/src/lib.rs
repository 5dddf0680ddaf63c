//! Vision kit: pictures in, tensors for models; tensors out, detections, tracks, events and scores.
//! Pure: no network, no clock, no model runtime.

pub mod belt;
pub mod geometry;
pub mod image;
pub mod tensor;
pub mod video;
