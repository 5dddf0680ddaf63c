//! Search for the nearest of many points on the sphere: a k-d tree over their unit vectors.

/// A place as a unit vector: x to 0 E, y to 90 E, z to the north pole.
#[must_use]
pub fn unit(lat: f64, lon: f64) -> [f64; 3] {
    let ((sin_lat, cos_lat), (sin_lon, cos_lon)) =
        (lat.to_radians().sin_cos(), lon.to_radians().sin_cos());
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

/// Points to search.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Each half's median in the middle.
    points: Vec<([f64; 3], u32)>,
}

impl Tree {
    /// Builds the tree; points are known by their place in the lists.
    #[must_use]
    pub fn new(lats: &[f64], lons: &[f64]) -> Self {
        let mut points: Vec<_> =
            lats.iter().zip(lons).zip(0..).map(|((lat, lon), at)| (unit(*lat, *lon), at)).collect();
        split(&mut points, 0);
        Self { points }
    }

    /// The nearest point and its chord (distance through the unit sphere); the first of the list where several are as near.
    #[must_use]
    pub fn nearest(&self, lat: f64, lon: f64) -> Option<(usize, f64)> {
        let mut best = None;
        find(&self.points, 0, unit(lat, lon), &mut best);
        best.map(|(square, at): (f64, u32)| (at as usize, square.sqrt()))
    }
}

fn split(points: &mut [([f64; 3], u32)], axis: usize) {
    if points.len() < 2 {
        return;
    }
    let middle = points.len() / 2;
    points.select_nth_unstable_by(middle, |a, b| a.0[axis].total_cmp(&b.0[axis]));
    let (low, high) = points.split_at_mut(middle);
    split(low, (axis + 1) % 3);
    split(&mut high[1..], (axis + 1) % 3);
}

fn find(points: &[([f64; 3], u32)], axis: usize, to: [f64; 3], best: &mut Option<(f64, u32)>) {
    if points.is_empty() {
        return;
    }
    let middle = points.len() / 2;
    let (point, at) = points[middle];
    let square: f64 = (0..3).map(|k| (point[k] - to[k]) * (point[k] - to[k])).sum();
    if best.is_none_or(|(least, first)| square < least || (square == least && at < first)) {
        *best = Some((square, at));
    }
    let apart = to[axis] - point[axis];
    let (near, far) = if apart < 0.0 {
        (&points[..middle], &points[middle + 1..])
    } else {
        (&points[middle + 1..], &points[..middle])
    };
    find(near, (axis + 1) % 3, to, best);
    if best.is_none_or(|(least, _)| apart * apart <= least) {
        find(far, (axis + 1) % 3, to, best);
    }
}
