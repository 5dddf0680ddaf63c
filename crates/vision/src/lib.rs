//! Vision kit: pictures in, tensors for models; tensors out, detections, tracks, events and scores.
//! Pure: no network, no clock, no model runtime.

pub mod bank;
pub mod belt;
pub mod calibrate;
pub mod convert;
pub mod draw;
pub mod encode;
pub mod geometry;
pub mod heads;
pub mod image;
pub mod metrics;
pub mod nms;
pub mod preprocess;
pub mod tensor;
pub mod tile;
pub mod track;
pub mod video;
pub mod zones;
