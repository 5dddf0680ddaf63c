//! From a detector's output tensors to detections: the head is named by the model's card.
//!
//! | card's `head` | outputs |
//! | --- | --- |
//! | `yolox` | one, `(N, A, 5 + nc)`: cxcywh in grid cells, objectness, class scores; `decoded = true`: cxcywh in pixels |
//! | `yolo` | one, `(N, 4 + nc, A)`: cxcywh in pixels, class scores; `layout = "channels-last"`: `(N, A, 4 + nc)` |
//! | `end2end` | one, `(N, Q, 6)`: x1, y1, x2, y2 in pixels, score, class; without NMS |
//! | `rt-detr` | `logits` `(N, Q, nc)` and `pred_boxes` `(N, Q, 4)`, cxcywh as a share of the input; without NMS |
//!
//! One detection an anchor: the best class (the lowest of several equal ones), not one for each class
//! above the threshold. A detection is kept when its score is at least the threshold.

mod options;
mod scan;
mod transformer;
mod yolo;
mod yolox;

pub use options::{DecodeOptions, HeadError};

use crate::geometry::{Detection, Size};
use crate::nms::{self, NmsOptions};
use crate::tensor::TensorView;

/// Order of the last two dimensions of a `yolo` output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YoloLayout {
    /// `(N, 4 + nc, A)`, the exporters' usual.
    ChannelsFirst,
    /// `(N, A, 4 + nc)`.
    ChannelsLast,
}

/// Which decoder a model needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadKind {
    /// YOLOX: boxes relative to the cells of the grids, unless `decoded`.
    Yolox {
        /// Pixels a cell, of each grid in the order of the anchors.
        strides: Vec<u32>,
        /// Whether the model adds the grid itself.
        decoded: bool,
    },
    /// Anchor-free YOLO with raw scores.
    Yolo(YoloLayout),
    /// Boxes after NMS, or of a head trained to need none.
    EndToEnd,
    /// RT-DETR: logits and normalised boxes of queries.
    RtDetr,
}

/// What one picture, or a batch, gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decoded {
    /// Detections of each picture, by falling score.
    pub items: Vec<Vec<Detection>>,
    /// Anchors left out because their numbers were not finite or their box had its corners the wrong
    /// way round. More than none means that the model's arithmetic overflowed.
    pub unusable: usize,
}

/// A detection head: decoder, class names and default thresholds.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    kind: HeadKind,
    classes: Vec<String>,
    classes_zh: Vec<String>,
    options: DecodeOptions,
    output: Option<String>,
}

/// What a decoder hands on for one picture.
#[derive(Default)]
struct Candidates {
    found: Vec<Detection>,
    unusable: usize,
}

impl Candidates {
    /// Takes a candidate whose score has passed the threshold, if its numbers can be used.
    fn push(&mut self, detection: Detection) {
        let b = detection.bbox;
        // A sum is finite only when all of its terms are.
        let finite = (b.x1 + b.y1 + b.x2 + b.y2 + detection.score).is_finite();
        if finite && b.x1 <= b.x2 && b.y1 <= b.y2 {
            let score = detection.score.min(1.0);
            self.found.push(Detection { score, ..detection });
        } else {
            self.unusable += 1;
        }
    }
}

impl Head {
    /// A head from a card's `[postprocess]` table: `head`, `classes`, and where they differ from the
    /// defaults `classes_zh`, `strides`, `decoded`, `layout`, `output`, `confidence` (.25), `iou` (.45)
    /// and `max_detections` (300).
    ///
    /// # Errors
    /// A key that is missing, of the wrong type or out of range; a head that finds no boxes.
    pub fn from_table(table: &toml::Table) -> Result<Self, HeadError> {
        options::head_from_table(table)
    }

    /// The decoder.
    #[must_use]
    pub fn kind(&self) -> &HeadKind {
        &self.kind
    }

    /// Class names in English, in the model's order.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Class names in Chinese, in the model's order; empty when the card has none.
    #[must_use]
    pub fn classes_zh(&self) -> &[String] {
        &self.classes_zh
    }

    /// The card's thresholds.
    #[must_use]
    pub fn options(&self) -> &DecodeOptions {
        &self.options
    }

    /// The place of a class by its English or Chinese name, without regard to ASCII case.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<u32> {
        let place = |names: &[String]| names.iter().position(|n| n.eq_ignore_ascii_case(name));
        place(&self.classes).or_else(|| place(&self.classes_zh)).and_then(|at| at.try_into().ok())
    }

    /// Detections of each picture of a batch, in pixels of the model's input (`input`), by falling
    /// score.
    ///
    /// # Errors
    /// An output that is missing or whose shape is not the head's.
    pub fn decode(
        &self,
        outputs: &[(&str, TensorView<'_>)],
        input: Size,
        options: &DecodeOptions,
    ) -> Result<Vec<Vec<Detection>>, HeadError> {
        Ok(self.decode_counted(outputs, input, options)?.items)
    }

    /// [`Self::decode`], with the number of anchors that could not be used.
    ///
    /// # Errors
    /// An output that is missing or whose shape is not the head's.
    pub fn decode_counted(
        &self,
        outputs: &[(&str, TensorView<'_>)],
        input: Size,
        options: &DecodeOptions,
    ) -> Result<Decoded, HeadError> {
        let nc = self.classes.len();
        if let HeadKind::RtDetr = self.kind {
            let logits = named(outputs, "logits")?;
            let boxes = named(outputs, "pred_boxes")?;
            let [batch, queries, _] = shaped("logits", logits, [None, None, Some(nc)])?;
            shaped("pred_boxes", boxes, [Some(batch), Some(queries), Some(4)])?;
            return Ok(self.each(batch, options, |item| {
                let (logits, boxes) = (logits.item(item)?, boxes.item(item)?);
                Some(transformer::rt_detr(logits, boxes, input, options))
            }));
        }
        let (name, tensor) = self.main_output(outputs)?;
        match &self.kind {
            HeadKind::Yolox { strides, decoded } => {
                let [batch, anchors, _] = shaped(name, tensor, [None, None, Some(5 + nc)])?;
                let grid = yolox::Grid { strides, decoded: *decoded, input };
                let expected = grid.anchors();
                if expected.is_some_and(|n| n != anchors as u64) {
                    return Err(HeadError::Anchors {
                        name: name.to_owned(),
                        anchors,
                        expected: expected.unwrap_or(0),
                        input,
                    });
                }
                Ok(self
                    .each(batch, options, |i| Some(yolox::decode(tensor.item(i)?, &grid, options))))
            }
            HeadKind::Yolo(YoloLayout::ChannelsFirst) => {
                let [batch, _, _] = shaped(name, tensor, [None, Some(4 + nc), None])?;
                Ok(self
                    .each(batch, options, |i| Some(yolo::channels_first(tensor.item(i)?, options))))
            }
            HeadKind::Yolo(YoloLayout::ChannelsLast) => {
                let [batch, _, _] = shaped(name, tensor, [None, None, Some(4 + nc)])?;
                Ok(self
                    .each(batch, options, |i| Some(yolo::channels_last(tensor.item(i)?, options))))
            }
            HeadKind::EndToEnd | HeadKind::RtDetr => {
                let [batch, _, _] = shaped(name, tensor, [None, None, Some(6)])?;
                Ok(self.each(batch, options, |i| {
                    Some(transformer::end2end(tensor.item(i)?, nc, options))
                }))
            }
        }
    }

    /// Decodes each item and finishes it: class filter, NMS where the head needs it, order, limit.
    fn each(
        &self,
        batch: usize,
        options: &DecodeOptions,
        decode: impl Fn(usize) -> Option<Candidates>,
    ) -> Decoded {
        let suppress = matches!(self.kind, HeadKind::Yolox { .. } | HeadKind::Yolo(_));
        let mut all = Decoded::default();
        for item in 0..batch {
            let Candidates { mut found, unusable } = decode(item).unwrap_or_default();
            all.unusable += unusable;
            if let Some(wanted) = &options.classes {
                found.retain(|detection| wanted.contains(&detection.class));
            }
            if suppress {
                let rules = NmsOptions {
                    iou: options.iou,
                    class_agnostic: options.class_agnostic,
                    max_detections: options.max_detections,
                    ..NmsOptions::default()
                };
                nms::suppress(&mut found, &rules);
            } else {
                nms::sort_by_score(&mut found);
                found.truncate(options.max_detections);
            }
            all.items.push(found);
        }
        all
    }

    /// The output a head with only one reads: the one the card names, the only one, or the first with
    /// three dimensions.
    fn main_output<'o, 't>(
        &self,
        outputs: &'o [(&'o str, TensorView<'t>)],
    ) -> Result<(&'o str, TensorView<'t>), HeadError> {
        if let Some(name) = &self.output {
            return Ok((name_of(outputs, name)?, named(outputs, name)?));
        }
        let of_three = || outputs.iter().find(|(_, tensor)| tensor.shape().len() == 3);
        let found = if let [only] = outputs { Some(only) } else { of_three() };
        found.copied().ok_or_else(|| missing(outputs, "with three dimensions"))
    }
}

fn missing(outputs: &[(&str, TensorView<'_>)], wanted: &str) -> HeadError {
    let have =
        outputs.iter().map(|(name, tensor)| format!("{name} {:?}", tensor.shape())).collect();
    HeadError::MissingOutput { wanted: wanted.to_owned(), have }
}

fn named<'t>(
    outputs: &[(&str, TensorView<'t>)],
    wanted: &str,
) -> Result<TensorView<'t>, HeadError> {
    let found = outputs.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, tensor)| *tensor).ok_or_else(|| missing(outputs, wanted))
}

fn name_of<'o>(
    outputs: &'o [(&'o str, TensorView<'_>)],
    wanted: &str,
) -> Result<&'o str, HeadError> {
    let found = outputs.iter().find(|(name, _)| *name == wanted);
    found.map(|(name, _)| *name).ok_or_else(|| missing(outputs, wanted))
}

/// The three dimensions of a tensor, where those given are as given.
fn shaped(
    name: &str,
    tensor: TensorView<'_>,
    wanted: [Option<usize>; 3],
) -> Result<[usize; 3], HeadError> {
    let fits = |got: &[usize; 3]| {
        got.iter().zip(wanted).all(|(&got, wanted)| wanted.is_none_or(|wanted| wanted == got))
    };
    match <[usize; 3]>::try_from(tensor.shape()) {
        Ok(shape) if fits(&shape) => Ok(shape),
        _ => {
            let number = |d: &Option<usize>| d.map_or_else(|| "any".to_owned(), |d| d.to_string());
            let wanted = wanted.iter().map(number).collect::<Vec<_>>().join(", ");
            Err(HeadError::Shape { name: name.to_owned(), got: tensor.shape().to_vec(), wanted })
        }
    }
}

#[cfg(test)]
mod tests;
