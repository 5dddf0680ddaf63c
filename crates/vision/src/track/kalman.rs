//! The Kalman filter of a track: centre, aspect ratio and height with constant velocities, and the noise
//! weights of DeepSORT and ByteTrack.
//!
//! All covariances of that filter start diagonal and its motion ties each number only to its own
//! velocity, so its eight dimensions are four filters of two, which this computes: the same numbers
//! without matrices.

use crate::geometry::BBox;

/// Standard deviation of a position as a share of the height.
const POSITION: f64 = 1.0 / 20.0;
/// Standard deviation of a velocity, a frame, as a share of the height.
const VELOCITY: f64 = 1.0 / 160.0;
/// Standard deviations of the aspect ratio: its start and drift, its velocity, its measurement.
const ASPECT: (f64, f64, f64) = (1e-2, 1e-5, 1e-1);

/// A number and its velocity, with their covariance.
#[derive(Debug, Clone, Copy)]
struct Axis {
    value: f64,
    velocity: f64,
    /// Variance of the value, covariance, variance of the velocity.
    p: [f64; 3],
}

impl Axis {
    fn new(value: f64, position: f64, velocity: f64) -> Self {
        Self { value, velocity: 0.0, p: [position * position, 0.0, velocity * velocity] }
    }

    /// Moves on by a number of frames. Noise grows with time, so that two steps of one frame and one of
    /// two are close.
    fn predict(&mut self, steps: f64, position: f64, velocity: f64) {
        self.value += self.velocity * steps;
        let [value, shared, speed] = self.p;
        self.p = [
            value + 2.0 * steps * shared + steps * steps * speed + position * position * steps,
            shared + steps * speed,
            speed + velocity * velocity * steps,
        ];
    }

    fn update(&mut self, measured: f64, noise: f64) {
        let [value, shared, speed] = self.p;
        let spread = value + noise * noise;
        let (gain, speed_gain) = (value / spread, shared / spread);
        let innovation = measured - self.value;
        self.value += gain * innovation;
        self.velocity += speed_gain * innovation;
        self.p = [value - gain * value, shared - gain * shared, speed - speed_gain * shared];
    }
}

/// Where a track is and where it goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    x: Axis,
    y: Axis,
    aspect: Axis,
    height: Axis,
}

/// Centre, aspect ratio, height.
fn measured(bbox: &BBox) -> [f64; 4] {
    let (width, height) =
        (f64::from(bbox.x2) - f64::from(bbox.x1), f64::from(bbox.y2) - f64::from(bbox.y1));
    let middle = |a: f32, b: f32| f64::midpoint(f64::from(a), f64::from(b));
    [middle(bbox.x1, bbox.x2), middle(bbox.y1, bbox.y2), width / height, height]
}

impl Filter {
    pub(super) fn new(bbox: &BBox) -> Self {
        let [x, y, aspect, height] = measured(bbox);
        let (position, velocity) = (2.0 * POSITION * height, 10.0 * VELOCITY * height);
        Self {
            x: Axis::new(x, position, velocity),
            y: Axis::new(y, position, velocity),
            aspect: Axis::new(aspect, ASPECT.0, ASPECT.1),
            height: Axis::new(height, position, velocity),
        }
    }

    /// Moves on. The height of a track that is not seen stays.
    pub(super) fn predict(&mut self, steps: f64, seen: bool) {
        let height = self.height.value.abs();
        let (position, velocity) = (POSITION * height, VELOCITY * height);
        if !seen {
            self.height.velocity = 0.0;
        }
        for axis in [&mut self.x, &mut self.y, &mut self.height] {
            axis.predict(steps, position, velocity);
        }
        self.aspect.predict(steps, ASPECT.0, ASPECT.1);
    }

    pub(super) fn update(&mut self, bbox: &BBox) {
        let [x, y, aspect, height] = measured(bbox);
        let noise = POSITION * self.height.value.abs();
        self.x.update(x, noise);
        self.y.update(y, noise);
        self.aspect.update(aspect, ASPECT.2);
        self.height.update(height, noise);
    }

    pub(super) fn bbox(&self) -> BBox {
        let height = self.height.value.max(0.0);
        let width = (self.aspect.value * height).max(0.0);
        BBox::from_centre(self.x.value as f32, self.y.value as f32, width as f32, height as f32)
    }

    /// Pixels a frame.
    pub(super) fn velocity(&self) -> (f64, f64) {
        (self.x.velocity, self.y.velocity)
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;
    use crate::geometry::BBox;

    /// Against the filter of eight dimensions (numpy, the formulas of DeepSORT's `KalmanFilter`):
    /// initiate, three times predict and update, predict. Means and the variances of x.
    #[test]
    fn equals_the_filter_of_eight_dimensions() {
        let at =
            |t: f32| BBox::from_centre(100.0 + 5.0 * t, 50.0 - 2.0 * t, 40.0 + t, 80.0 + 2.0 * t);
        let mut filter = Filter::new(&at(0.0));
        for step in 1..=3_u8 {
            filter.predict(1.0, true);
            filter.update(&at(f32::from(step)));
        }
        filter.predict(1.0, true);
        let got = [
            filter.x.value,
            filter.y.value,
            filter.aspect.value,
            filter.height.value,
            filter.x.velocity,
            filter.y.velocity,
            filter.aspect.velocity,
            filter.height.velocity,
            filter.x.p[0],
            filter.x.p[1],
            filter.x.p[2],
        ];
        for (at, (got, wanted)) in got.iter().zip(REFERENCE).enumerate() {
            assert!((got - wanted).abs() < 1e-9, "number {at}: {got}, reference {wanted}");
        }
    }

    const REFERENCE: [f64; 11] = [
        117.513_018_967_667_83,
        42.994_792_412_932_87,
        0.5,
        87.005_207_587_067_13,
        3.397_357_746_755_033_3,
        -1.358_943_098_702_014_6,
        0.0,
        1.358_943_098_702_012_8,
        49.459_038_202_411_605,
        13.137_118_351_364_842,
        8.880_491_842_848_265,
    ];

    #[test]
    fn two_steps_are_close_to_one_of_two() {
        let mut one = Filter::new(&BBox::new(0.0, 0.0, 10.0, 20.0));
        one.x.velocity = 3.0;
        let mut two = one;
        one.predict(2.0, true);
        two.predict(1.0, true);
        two.predict(1.0, true);
        assert!((one.x.value - two.x.value).abs() < 1e-12);
        assert!((one.x.p[0] / two.x.p[0] - 1.0).abs() < 0.05);
    }
}
