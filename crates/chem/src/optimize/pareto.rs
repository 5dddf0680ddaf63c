//! Which candidates no other is better than in everything.

/// Whether `a` is at least as good everywhere and better somewhere.
fn dominates(a: &[f64], b: &[f64]) -> bool {
    let mut better = false;
    for (a, b) in a.iter().zip(b) {
        if a < b {
            return false;
        }
        better |= a > b;
    }
    better
}

/// The number of the front of every point, from 1: a point's front is one behind the last front with a point
/// that dominates it (Deb's non-dominated sort). Larger numbers are better on every axis.
#[must_use]
pub fn fronts(points: &[Vec<f64>]) -> Vec<u32> {
    // Dominators have a larger sum, so that one pass over falling sums sees them first.
    let sum = |point: &Vec<f64>| point.iter().sum::<f64>();
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| sum(&points[b]).total_cmp(&sum(&points[a])).then(a.cmp(&b)));
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut number = vec![0; points.len()];
    for at in order {
        // Fronts are nested: who is dominated in one is dominated in all before it.
        let clear = members.partition_point(|front| {
            front.iter().rev().any(|&other| dominates(&points[other], &points[at]))
        });
        if clear == members.len() {
            members.push(Vec::new());
        }
        members[clear].push(at);
        number[at] = clear as u32 + 1;
    }
    number
}

/// The first front, kept up as points come in.
#[derive(Debug, Default)]
pub(super) struct Front {
    members: Vec<(u32, Vec<f64>)>,
}

impl Front {
    /// Adds a point unless it is dominated; those it dominates go, equal ones stay.
    pub(super) fn add(&mut self, id: u32, point: &[f64]) {
        if self.members.iter().any(|member| dominates(&member.1, point)) {
            return;
        }
        self.members.retain(|member| !dominates(point, &member.1));
        self.members.push((id, point.to_vec()));
    }

    /// Numbers of its members, in the order in which they came.
    pub(super) fn ids(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.members.iter().map(|member| member.0)
    }

    pub(super) fn get(&self, at: usize) -> Option<u32> {
        self.members.get(at).map(|member| member.0)
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Random;

    /// The definition, front by front.
    fn peeled(points: &[Vec<f64>]) -> Vec<u32> {
        let mut number = vec![0; points.len()];
        for front in 1.. {
            let left: Vec<usize> = (0..points.len()).filter(|&p| number[p] == 0).collect();
            if left.is_empty() {
                return number;
            }
            let free = |&p: &usize| !left.iter().any(|&q| dominates(&points[q], &points[p]));
            let now: Vec<usize> = left.iter().copied().filter(free).collect();
            now.iter().for_each(|&p| number[p] = front);
        }
        number
    }

    #[test]
    fn fronts_are_those_of_the_definition() {
        let mut random = Random::new(3);
        for axes in 1..5 {
            let points: Vec<Vec<f64>> =
                (0..200).map(|_| (0..axes).map(|_| random.below(12) as f64).collect()).collect();
            let sorted = fronts(&points);
            assert_eq!(sorted, peeled(&points));
            let mut front = Front::default();
            points.iter().zip(0..).for_each(|(point, id)| front.add(id, point));
            assert!(front.ids().all(|id| sorted[id as usize] == 1));
            let first = sorted.iter().filter(|number| **number == 1).count();
            assert_eq!(front.len(), first);
        }
    }
}
