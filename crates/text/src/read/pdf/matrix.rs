//! Affine maps of the plane. ISO 32000-1, 8.3.3.

/// `x' = a x + c y + e`, `y' = b x + d y + f`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Matrix([f32; 6]);

impl Matrix {
    pub(super) const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    pub(super) fn from_slice(values: &[f32]) -> Option<Self> {
        values.try_into().ok().map(Self)
    }

    pub(super) fn translation(x: f32, y: f32) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// By quarter turns to the left.
    pub(super) fn turned(quarters: i64) -> Self {
        match quarters.rem_euclid(4) {
            1 => Self([0.0, 1.0, -1.0, 0.0, 0.0, 0.0]),
            2 => Self([-1.0, 0.0, 0.0, -1.0, 0.0, 0.0]),
            3 => Self([0.0, -1.0, 1.0, 0.0, 0.0, 0.0]),
            _ => Self::IDENTITY,
        }
    }

    /// First this, then `next`.
    pub(super) fn then(&self, next: &Self) -> Self {
        let ([a, b, c, d, e, f], n) = (self.0, next.0);
        Self([
            a * n[0] + b * n[2],
            a * n[1] + b * n[3],
            c * n[0] + d * n[2],
            c * n[1] + d * n[3],
            e * n[0] + f * n[2] + n[4],
            e * n[1] + f * n[3] + n[5],
        ])
    }

    pub(super) fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, b * x + d * y + f)
    }

    pub(super) fn determinant(&self) -> f32 {
        let [a, b, c, d, ..] = self.0;
        a * d - b * c
    }

    /// How much lengths along the text and across it grow.
    pub(super) fn scales(&self) -> (f32, f32) {
        let [a, b, c, d, ..] = self.0;
        (a.hypot(b), c.hypot(d))
    }

    /// Where a text of a size runs: 0 right, 1 up, 2 left, 3 down, 4 aslant.
    pub(super) fn direction(&self, size: f32) -> u8 {
        let [a, b, ..] = self.0.map(|value| value * size.signum());
        if b.abs() <= a.abs() * 0.1 {
            if a >= 0.0 { 0 } else { 2 }
        } else if a.abs() <= b.abs() * 0.1 {
            if b >= 0.0 { 1 } else { 3 }
        } else {
            4
        }
    }
}
