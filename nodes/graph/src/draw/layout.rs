//! Where boxes and wires go: layers from left to right by longest path, few crossings by
//! barycentres, and heights that keep wires straight (Sugiyama, Tagawa, Toda 1981).

/// Size of a box, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub width: f64,
    pub height: f64,
}

/// A wire between two boxes; `from_y` and `to_y` are measured from the tops of the boxes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire {
    pub from: usize,
    pub from_y: f64,
    pub to: usize,
    pub to_y: f64,
}

/// Where everything is, in pixels from the top left.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    /// Top left of every box.
    pub boxes: Vec<(f64, f64)>,
    /// Left and right of the column of every box.
    pub columns: Vec<(f64, f64)>,
    /// Points of every wire; it runs straight from the second to the third, and so on in pairs.
    pub wires: Vec<Vec<(f64, f64)>>,
    /// Extent of it all.
    pub width: f64,
    pub height: f64,
}

const COLUMN_GAP: f64 = 118.0;
const ROW_GAP: f64 = 26.0;
/// Height that a wire takes where it passes between boxes.
const PASSAGE: f64 = 12.0;
const SWEEPS: usize = 12;

/// A box, or a place where a wire passes a column.
struct Item {
    layer: usize,
    height: f64,
    y: f64,
}

/// A piece of a wire between neighbouring columns, with the heights at which it meets each item.
struct Piece {
    from: usize,
    from_y: f64,
    to: usize,
    to_y: f64,
}

pub(super) fn lay_out(sizes: &[Size], wires: &[Wire]) -> Layout {
    let layers = layers(sizes.len(), wires);
    let mut items: Vec<Item> = sizes
        .iter()
        .zip(&layers)
        .map(|(size, &layer)| Item {
            layer,
            height: size.height,
            y: 0.0,
        })
        .collect();
    let mut pieces = Vec::new();
    let mut passages = Vec::new();
    for wire in wires {
        let (mut last, mut last_y) = (wire.from, wire.from_y);
        let first = items.len();
        for layer in layers[wire.from] + 1..layers[wire.to] {
            items.push(Item {
                layer,
                height: PASSAGE,
                y: 0.0,
            });
            let next = items.len() - 1;
            pieces.push(Piece {
                from: last,
                from_y: last_y,
                to: next,
                to_y: PASSAGE / 2.0,
            });
            (last, last_y) = (next, PASSAGE / 2.0);
        }
        pieces.push(Piece {
            from: last,
            from_y: last_y,
            to: wire.to,
            to_y: wire.to_y,
        });
        passages.push(first..items.len());
    }
    let count = layers.iter().max().map_or(0, |last| last + 1);
    let mut columns: Vec<Vec<usize>> = (0..count)
        .map(|layer| {
            (0..items.len())
                .filter(|&item| items[item].layer == layer)
                .collect()
        })
        .collect();
    stack(&columns, &mut items);
    for sweep in 0..SWEEPS {
        order(&mut columns, &mut items, &pieces, sweep % 2 == 0);
    }
    for sweep in 0..SWEEPS {
        straighten(&columns, &mut items, &pieces, sweep % 2 == 0);
    }
    place(sizes, wires, &layers, &items, &passages)
}

/// Longest path from a box that nothing leads to. Wires that lead back, of which a checked graph
/// has none, do not count: the number of rounds is bounded.
fn layers(count: usize, wires: &[Wire]) -> Vec<usize> {
    let mut layers = vec![0; count];
    for _ in 0..count {
        for wire in wires.iter().filter(|wire| wire.from != wire.to) {
            layers[wire.to] =
                layers[wire.to].max((layers[wire.from] + 1).min(count.saturating_sub(1)));
        }
    }
    layers
}

/// Put the items of each column under each other, around a common middle.
fn stack(columns: &[Vec<usize>], items: &mut [Item]) {
    for column in columns {
        let total: f64 = column
            .iter()
            .map(|&item| items[item].height + ROW_GAP)
            .sum();
        let mut y = -total / 2.0;
        for &item in column {
            items[item].y = y;
            y += items[item].height + ROW_GAP;
        }
    }
}

/// Where the neighbours on one side would like an item to be.
fn wish(item: usize, items: &[Item], pieces: &[Piece], from_left: bool) -> Option<f64> {
    let wishes: Vec<f64> = pieces
        .iter()
        .filter_map(|piece| match from_left {
            true if piece.to == item => Some(items[piece.from].y + piece.from_y - piece.to_y),
            false if piece.from == item => Some(items[piece.to].y + piece.to_y - piece.from_y),
            _ => None,
        })
        .collect();
    (!wishes.is_empty()).then(|| wishes.iter().sum::<f64>() / wishes.len() as f64)
}

/// Sort every column by the wishes of its items.
fn order(columns: &mut [Vec<usize>], items: &mut [Item], pieces: &[Piece], from_left: bool) {
    for step in 0..columns.len() {
        let at = if from_left {
            step
        } else {
            columns.len() - 1 - step
        };
        let middle = |item: usize, items: &[Item]| {
            wish(item, items, pieces, from_left).unwrap_or(items[item].y) + items[item].height / 2.0
        };
        let column = &mut columns[at];
        column.sort_by(|&a, &b| middle(a, items).total_cmp(&middle(b, items)));
        stack(std::slice::from_ref(column), items);
    }
}

/// Move every item towards its wish as far as its neighbours above and below allow.
fn straighten(columns: &[Vec<usize>], items: &mut [Item], pieces: &[Piece], from_left: bool) {
    for step in 0..columns.len() {
        let column = &columns[if from_left {
            step
        } else {
            columns.len() - 1 - step
        }];
        let wishes: Vec<f64> = column
            .iter()
            .map(|&item| wish(item, items, pieces, from_left).unwrap_or(items[item].y))
            .collect();
        // Pushed down only, and pushed up only; the mean of the two keeps every gap.
        let mut down = wishes.clone();
        for i in 1..column.len() {
            down[i] = down[i].max(down[i - 1] + items[column[i - 1]].height + ROW_GAP);
        }
        let mut up = wishes;
        for i in (1..column.len()).rev() {
            up[i - 1] = up[i - 1].min(up[i] - items[column[i - 1]].height - ROW_GAP);
        }
        for (i, &item) in column.iter().enumerate() {
            items[item].y = f64::midpoint(down[i], up[i]);
        }
    }
}

fn place(
    sizes: &[Size],
    wires: &[Wire],
    layers: &[usize],
    items: &[Item],
    passages: &[std::ops::Range<usize>],
) -> Layout {
    let count = layers.iter().max().map_or(0, |last| last + 1);
    let mut columns = Vec::with_capacity(count);
    let mut x = 0.0;
    for layer in 0..count {
        let of_layer = sizes.iter().zip(layers).filter(|(_, of)| **of == layer);
        let width = of_layer.map(|(size, _)| size.width).fold(0.0, f64::max);
        columns.push((x, x + width));
        x += width + COLUMN_GAP;
    }
    let top = items
        .iter()
        .map(|item| item.y)
        .fold(f64::INFINITY, f64::min);
    let boxes: Vec<_> = (0..sizes.len())
        .map(|i| (columns[layers[i]].0, (items[i].y - top).round()))
        .collect();
    let route = |(wire, passed): (&Wire, &std::ops::Range<usize>)| {
        let mut points = vec![(
            boxes[wire.from].0 + sizes[wire.from].width,
            boxes[wire.from].1 + wire.from_y,
        )];
        for item in &items[passed.clone()] {
            let y = (item.y - top + PASSAGE / 2.0).round();
            points.extend([(columns[item.layer].0, y), (columns[item.layer].1, y)]);
        }
        points.push((boxes[wire.to].0, boxes[wire.to].1 + wire.to_y));
        points
    };
    Layout {
        wires: wires.iter().zip(passages).map(route).collect(),
        columns: layers.iter().map(|&layer| columns[layer]).collect(),
        width: (x - COLUMN_GAP).max(0.0),
        height: items
            .iter()
            .map(|item| item.y + item.height - top)
            .fold(0.0, f64::max)
            .ceil(),
        boxes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size {
        width: 100.0,
        height: 50.0,
    };

    fn wire(from: usize, to: usize) -> Wire {
        Wire {
            from,
            from_y: 25.0,
            to,
            to_y: 25.0,
        }
    }

    #[test]
    fn a_chain_is_straight_and_a_detour_goes_around_the_boxes() {
        let layout = lay_out(&[SIZE; 3], &[wire(0, 1), wire(1, 2), wire(0, 2)]);
        assert!(layout.boxes[0].0 < layout.boxes[1].0 && layout.boxes[1].0 < layout.boxes[2].0);
        let detour = &layout.wires[2];
        assert_eq!(detour.len(), 4);
        let (top, bottom) = (layout.boxes[1].1, layout.boxes[1].1 + SIZE.height);
        assert!(
            detour[1].1 < top || detour[1].1 > bottom,
            "{detour:?} passes through {top}..{bottom}"
        );
    }

    #[test]
    fn boxes_never_overlap_and_a_circle_is_drawn_too() {
        let wires = [
            wire(0, 1),
            wire(0, 2),
            wire(0, 3),
            wire(1, 4),
            wire(2, 4),
            wire(3, 4),
            wire(4, 1),
        ];
        let layout = lay_out(&[SIZE; 5], &wires);
        for a in 0..5 {
            for b in 0..a {
                let (a, b) = (layout.boxes[a], layout.boxes[b]);
                let apart = (a.0 - b.0).abs() >= SIZE.width || (a.1 - b.1).abs() >= SIZE.height;
                assert!(apart, "{a:?} and {b:?} overlap");
            }
        }
        assert_eq!(lay_out(&[], &[]).boxes.len(), 0);
    }
}
