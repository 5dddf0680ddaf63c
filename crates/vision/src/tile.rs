//! stub
#![allow(missing_docs)]
use crate::geometry::{BBox, Detection, Size};
#[derive(Default)] pub struct TileConfig { pub size: Size, pub overlap: f32 }
#[derive(Default)] pub struct MergeConfig { pub threshold: f32 }
pub fn tiles(_s: Size, _c: &TileConfig) -> Vec<BBox> { vec![] }
pub fn merge(d: Vec<Detection>, _c: &MergeConfig) -> Vec<Detection> { d }
