//! The table of boxes that `coarse` writes and `segment` reads.

use renalflow_imaging::{Geometry, boxes::BoundingBox};
use renalflow_sdk::{Problem, Table, table::Row};
use serde_json::json;

/// First voxel and size of a box along each axis of the image, as stored.
pub const VOXEL_COLUMNS: [&str; 6] = [
    "start_z", "start_y", "start_x", "size_z", "size_y", "size_x",
];

/// Centres of a box's first and last voxel in the patient (LPS).
pub const WORLD_COLUMNS: [&str; 6] = [
    "first_x_mm",
    "first_y_mm",
    "first_z_mm",
    "last_x_mm",
    "last_y_mm",
    "last_z_mm",
];

/// Boxes whose corners lie farther than this from where the image has them are of another grid.
const SAME_VOXELS: f64 = 0.01;

/// A box in voxels and in the patient, as the cells of a row.
#[must_use]
pub fn cells(region: &BoundingBox, image: &Geometry) -> Row {
    let voxels = region.start_zyx.into_iter().chain(region.shape_zyx);
    let voxels = VOXEL_COLUMNS.into_iter().zip(voxels);
    let world = WORLD_COLUMNS.into_iter().zip(corners(region, image));
    voxels
        .map(|(column, value)| (column.to_owned(), json!(value)))
        .chain(world.map(|(column, value)| (column.to_owned(), json!(value))))
        .collect()
}

fn corners(region: &BoundingBox, image: &Geometry) -> [f64; 6] {
    let first = image.world_from_voxel(region.start_zyx.map(|n| n as f64));
    let end = region.end_zyx();
    let last = image.world_from_voxel(end.map(|n| n as f64 - 1.0));
    std::array::from_fn(|i| if i < 3 { first[i] } else { last[i - 3] })
}

/// The boxes of a table, on an image.
///
/// # Errors
/// No row, columns that are missing or hold no whole numbers, boxes that are not on the image,
/// or that were found on another grid.
pub fn read(table: &Table, image: &Geometry) -> Result<Vec<BoundingBox>, Problem> {
    let fix = "a box is a row with the columns start_z, start_y, start_x, size_z, size_y, size_x in \
               whole voxels of the image that is connected, as `coarse` writes";
    if table.is_empty() {
        return Err(Problem::new("the table of boxes has no row").fix(fix));
    }
    let column = |name: &str| table.f64s(name);
    let mut boxes = vec![[0usize; 6]; table.len()];
    for (c, name) in VOXEL_COLUMNS.into_iter().enumerate() {
        let numbers = column(name).ok_or_else(|| {
            Problem::new(format!("the boxes have no numeric column `{name}`")).fix(fix)
        })?;
        for (row, (number, values)) in numbers.into_iter().zip(&mut boxes).enumerate() {
            if !(number >= 0.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX)) {
                return Err(Problem::new(format!("`{name}` of box {row} is {number}")).fix(fix));
            }
            values[c] = number as usize;
        }
    }
    let world: Option<Vec<Vec<f64>>> = WORLD_COLUMNS.into_iter().map(column).collect();
    let mut regions = Vec::with_capacity(boxes.len());
    for (row, [z, y, x, depth, height, width]) in boxes.into_iter().enumerate() {
        let region = BoundingBox {
            start_zyx: [z, y, x],
            shape_zyx: [depth, height, width],
        };
        region
            .check_inside(image)
            .map_err(|error| Problem::from(error).fix(fix))?;
        if let Some(world) = &world {
            let found = |from: usize| {
                let place =
                    [0, 1, 2].map(|i| world[from + i].get(row).copied().unwrap_or(f64::NAN));
                image.voxel_from_world(place)
            };
            let end = region.end_zyx().map(|n| n as f64 - 1.0);
            let start = region.start_zyx.map(|n| n as f64);
            let off = [(found(0), start), (found(3), end)]
                .into_iter()
                .flat_map(|(there, here)| (0..3).map(move |axis| (there[axis] - here[axis]).abs()))
                .fold(0.0, |worst: f64, off| {
                    if off.is_nan() {
                        f64::INFINITY
                    } else {
                        worst.max(off)
                    }
                });
            if off > SAME_VOXELS {
                return Err(Problem::new(format!(
                    "box {row} was found on another grid: its corners lie {off:.2} voxels from \
                     where this image has them"
                ))
                .fix("connect the same image to the node that found the boxes and to this one"));
            }
        }
        regions.push(region);
    }
    Ok(regions)
}
