//! The triangles of marching cubes with the surface half-way along each crossed edge.
//!
//! A cube joins 2x2x2 neighbouring voxel centres. Its corners, as offsets `[z, y, x]`:
//!
//! | corner | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
//! |---|---|---|---|---|---|---|---|---|
//! | offset | 000 | 001 | 011 | 010 | 100 | 101 | 111 | 110 |
//!
//! Bit `c` of a cube's pattern says that corner `c` is inside. Edges 0 to 3 go round the face
//! z = 0 from corner 0, edges 4 to 7 round the face z = 1, edges 8 to 11 join the faces.
//!
//! The triangulation is the well-known one of Lorensen & Cline (*SIGGRAPH* 1987;21:163) as
//! tabulated by Bloyd and published by Bourke in 1994. As PyRadiomics does, the lower half is
//! used for both halves: a pattern with corner 7 inside takes the triangles of its complement,
//! seen from the other side. At ambiguous faces this differs from the full table.

/// Offsets of the corners of a cube.
pub(super) const CORNERS_ZYX: [[usize; 3]; 8] = [
    [0, 0, 0],
    [0, 0, 1],
    [0, 1, 1],
    [0, 1, 0],
    [1, 0, 0],
    [1, 0, 1],
    [1, 1, 1],
    [1, 1, 0],
];

/// Middle of each edge, in half voxels from corner 0.
const EDGE_MIDDLES_ZYX: [[u8; 3]; 12] = [
    [0, 0, 1],
    [0, 1, 2],
    [0, 2, 1],
    [0, 1, 0],
    [2, 0, 1],
    [2, 1, 2],
    [2, 2, 1],
    [2, 1, 0],
    [1, 0, 0],
    [1, 0, 2],
    [1, 2, 2],
    [1, 2, 0],
];

/// The triangles of each pattern below 128: three edges each, in hexadecimal.
#[rustfmt::skip]
const TRIANGLES: [&str; 128] = [
    "", "083", "019", "183 198",
    "12a", "083 12a", "029 2a9", "283 2a8 8a9",
    "23b", "08b 0b2", "019 23b", "19b 1b2 8b9",
    "13a 3ba", "08a 0a1 8ba", "039 3b9 9ba", "8a9 8ba",
    "478", "043 347", "019 478", "147 173 194",
    "12a 478", "043 12a 347", "029 2a9 478", "273 297 2a9 479",
    "23b 478", "042 24b 47b", "019 23b 478", "192 29b 47b 4b9",
    "13a 3ba 478", "041 14b 1ba 47b", "039 3b9 478 9ba", "47b 4b9 9ba",
    "495", "083 495", "015 054", "153 358 485",
    "12a 495", "083 12a 495", "024 254 2a5", "253 2a5 348 354",
    "23b 495", "08b 0b2 495", "015 054 23b", "152 258 28b 485",
    "13a 3ba 495", "08a 0a1 495 8ba", "03b 054 0b5 5ba", "485 58a 8ba",
    "579 789", "093 357 395", "017 078 157", "157 173",
    "12a 579 789", "093 12a 357 395", "028 258 2a5 578", "253 2a5 357",
    "23b 579 789", "092 27b 297 579", "018 157 178 23b", "157 17b 1b2",
    "13a 3ba 579 789", "057 07b 095 0a1 0ba", "03b 057 078 0a5 0ba", "57b 5ba",
    "5a6", "083 5a6", "019 5a6", "183 198 5a6",
    "126 165", "083 126 165", "026 069 596", "258 265 283 598",
    "23b 5a6", "08b 0b2 5a6", "019 23b 5a6", "19b 1b2 5a6 8b9",
    "135 365 3b6", "051 08b 0b5 5b6", "036 059 065 3b6", "596 69b 8b9",
    "478 5a6", "043 347 5a6", "019 478 5a6", "147 173 194 5a6",
    "126 165 478", "043 126 165 347", "026 069 478 596", "269 293 397 479 596",
    "23b 478 5a6", "042 24b 47b 5a6", "019 23b 478 5a6", "192 29b 47b 4b9 5a6",
    "135 365 3b6 478", "04b 0b1 1b5 47b 5b6", "036 059 065 3b6 478", "479 596 69b 7b9",
    "49a 4a6", "083 49a 4a6", "01a 064 0a6", "168 183 1a6 486",
    "124 149 264", "083 124 149 264", "024 264", "248 264 283",
    "23b 49a 4a6", "08b 0b2 49a 4a6", "01a 064 0a6 23b", "148 164 18b 1a6 1b2",
    "139 369 3b6 496", "081 149 164 18b 1b6", "036 064 3b6", "486 68b",
    "67a 78a 89a", "073 09a 0a7 67a", "018 178 1a7 67a", "173 1a7 67a",
    "126 168 189 678", "093 129 269 397 679", "026 067 078", "267 273",
    "23b 67a 78a 89a", "072 097 27b 67a 79a", "018 178 1a7 23b 67a", "167 17b 1a6 1b2",
    "136 169 3b6 678 689", "091 67b", "03b 067 078 0b6", "67b",
];

/// Which pattern's triangles a cube takes, and whether they are seen from the other side.
pub(super) fn fold(pattern: usize) -> (usize, bool) {
    if pattern & 0x80 == 0 {
        (pattern, false)
    } else {
        (pattern ^ 0xff, true)
    }
}

/// The triangles of a pattern below 128: their vertices in voxels from corner 0, `[z, y, x]`.
pub(super) fn triangles(pattern: usize) -> impl Iterator<Item = [[f64; 3]; 3]> {
    TRIANGLES[pattern].split_ascii_whitespace().map(|edges| {
        let mut triangle = [[0.0; 3]; 3];
        for (vertex, digit) in triangle.iter_mut().zip(edges.chars()) {
            let edge = digit.to_digit(12).map_or(0, |edge| edge as usize);
            *vertex = EDGE_MIDDLES_ZYX[edge].map(|half| 0.5 * f64::from(half));
        }
        triangle
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The corners that an edge joins: those whose offsets average to its middle.
    fn ends(edge: usize) -> Vec<usize> {
        let middle = EDGE_MIDDLES_ZYX[edge].map(usize::from);
        (0..8)
            .filter(|&corner| {
                (0..3).all(|axis| middle[axis].abs_diff(2 * CORNERS_ZYX[corner][axis]) <= 1)
            })
            .collect()
    }

    #[test]
    fn every_entry_is_made_of_crossed_edges_and_uses_all_of_them() {
        for (pattern, entry) in TRIANGLES.iter().enumerate() {
            let mut used = [false; 12];
            for triangle in entry.split_ascii_whitespace() {
                assert_eq!(triangle.len(), 3, "pattern {pattern}");
                for digit in triangle.chars() {
                    used[digit.to_digit(12).unwrap() as usize] = true;
                }
            }
            for (edge, used) in used.iter().enumerate() {
                let inside: Vec<_> = ends(edge).iter().map(|c| pattern >> c & 1).collect();
                assert_eq!(inside.len(), 2, "edge {edge} has two ends");
                assert_eq!(
                    *used,
                    inside[0] != inside[1],
                    "pattern {pattern}, edge {edge}"
                );
            }
        }
    }
}
