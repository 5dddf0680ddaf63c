//! A model's output as the kit sees it: numbers and a shape, borrowed from whoever ran the model.

/// A dense tensor of 32-bit floats in row-major order.
#[derive(Debug, Clone, Copy)]
pub struct TensorView<'a> {
    shape: &'a [usize],
    data: &'a [f32],
}

impl<'a> TensorView<'a> {
    /// A view; `None` when the shape does not have as many elements as there are numbers.
    #[must_use]
    pub fn new(shape: &'a [usize], data: &'a [f32]) -> Option<Self> {
        let count = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n))?;
        (count == data.len()).then_some(Self { shape, data })
    }

    /// Length of each dimension.
    #[must_use]
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// The numbers.
    #[must_use]
    pub fn data(&self) -> &'a [f32] {
        self.data
    }

    /// One item of a batch: the view without its first dimension. `None` past the end.
    #[must_use]
    pub fn item(&self, index: usize) -> Option<Self> {
        let (&count, rest) = self.shape.split_first()?;
        if index >= count {
            return None;
        }
        let each = self.data.len() / count;
        Some(Self { shape: rest, data: &self.data[index * each..(index + 1) * each] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_a_batch() {
        let data: Vec<f32> = (0..12_u8).map(f32::from).collect();
        let view = TensorView::new(&[2, 3, 2], &data).expect("12 numbers");
        let second = view.item(1).expect("two items");
        assert_eq!((second.shape(), second.data()[0]), (&[3, 2][..], 6.0));
        assert!(view.item(2).is_none());
        assert!(TensorView::new(&[5], &data).is_none());
        assert!(TensorView::new(&[usize::MAX, 2], &data).is_none());
    }
}
