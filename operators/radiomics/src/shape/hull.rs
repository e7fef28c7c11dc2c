//! Convex hulls in the plane of points that are given line by line.

/// First and last point on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// Where the first is; after the last where there is none.
    pub first: i32,
    /// Where the last is.
    pub last: i32,
    /// For the first and the last, a bit for each hull that has it as a vertex.
    on_hull: [u8; 2],
}

impl Line {
    /// No point.
    pub const EMPTY: Self = Self {
        first: i32::MAX,
        last: i32::MIN,
        on_hull: [0; 2],
    };

    pub fn between([first, last]: [i32; 2]) -> Self {
        Self {
            first,
            last,
            on_hull: [0; 2],
        }
    }

    /// The points, one or two, and which hulls they are on.
    pub fn ends(&self) -> impl Iterator<Item = (i32, u8)> {
        let [first, last] = self.on_hull;
        let count = match self.last.checked_sub(self.first) {
            Some(0) => 1,
            Some(1..) => 2,
            _ => 0,
        };
        [(self.first, first), (self.last, last)]
            .into_iter()
            .take(count)
    }
}

/// Convex hull of the points on parallel lines by monotone chains (Andrew, *Inf Process Lett*
/// 1979;9:216), vertices only: points within an edge are dropped. A chain on either side needs
/// but the points on that side.
///
/// # Shapes
/// The lines at `start`, `start + step`, ..., `count` of them, lie next to one another.
/// `points` becomes the vertices as `[line, place on the line]`; `bit` is set in those lines.
pub(super) fn hull(
    lines: &mut [Line],
    [start, step, count]: [usize; 3],
    bit: u8,
    points: &mut Vec<[i32; 2]>,
) {
    points.clear();
    for side in 0..2 {
        let chain_start = points.len();
        for i in 0..count {
            let line = &lines[start + i * step];
            if line.first > line.last {
                continue;
            }
            // The far side mirrored, so that both chains turn the same way.
            let point = [i as i32, if side == 0 { line.first } else { -line.last }];
            while let [.., a, b] = &points[chain_start..]
                && turn(a, b, &point) <= 0
            {
                points.pop();
            }
            points.push(point);
        }
        for [i, place] in &mut points[chain_start..] {
            let line = &mut lines[start + *i as usize * step];
            line.on_hull[side] |= bit;
            if side == 1 {
                *place = -*place;
            }
            if line.first == line.last {
                line.on_hull = [line.on_hull[0] | line.on_hull[1]; 2];
            }
        }
    }
}

/// Positive where `a`, `b`, `c` turn counterclockwise.
fn turn(a: &[i32; 2], b: &[i32; 2], c: &[i32; 2]) -> i64 {
    i64::from(b[0] - a[0]) * i64::from(c[1] - a[1])
        - i64::from(b[1] - a[1]) * i64::from(c[0] - a[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_vertices_and_points_within_edges_are_not() {
        let mut lines = vec![Line::EMPTY; 12];
        // A square with its sides' middles, every third line.
        for i in 0..3 {
            lines[1 + 3 * i] = Line::between([0, 4]);
        }
        let mut points = Vec::new();
        hull(&mut lines, [1, 3, 4], 2, &mut points);
        points.sort_unstable();
        assert_eq!(points, [[0, 0], [0, 4], [2, 0], [2, 4]]);
        assert_eq!(lines[1].on_hull, [2, 2]);
        assert_eq!(lines[4].on_hull, [0, 0]);
        assert_eq!(lines[7].ends().collect::<Vec<_>>(), [(0, 2), (4, 2)]);
        assert_eq!(lines[10].ends().count(), 0);
    }

    #[test]
    fn one_point_is_a_vertex() {
        let mut lines = [Line::EMPTY, Line::between([3, 3])];
        let mut points = Vec::new();
        hull(&mut lines, [0, 1, 2], 1, &mut points);
        assert_eq!(points, [[1, 3], [1, 3]]);
        assert_eq!(lines[1].ends().collect::<Vec<_>>(), [(3, 1)]);
    }
}
