//! Connected components of a mask.

use thiserror::Error;

use crate::{
    geometry::Geometry,
    volume::{LabelMap, Volume},
};

/// Which neighbours a voxel is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Connectivity {
    /// Six: those that share a face.
    Faces,
    /// Eighteen: those that share a face or an edge.
    Edges,
    /// Twenty-six: those that share a face, an edge or a corner.
    Corners,
}

/// Why components cannot be told apart.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ComponentsError {
    /// More voxels than component numbers.
    #[error("a mask of {0} voxels is too large to number its components: crop it first")]
    TooLarge(usize),
}

/// The components of a mask, numbered from 1 in the order of their first voxels.
#[derive(Debug, Clone, PartialEq)]
pub struct Components {
    /// The component of each voxel; 0 is background.
    pub volume: Volume<u32>,
    /// Voxels of each component; the first entry is component 1.
    pub voxels: Vec<usize>,
}

/// The voxels of some labels as a mask.
///
/// # Shapes
/// As the label map.
#[must_use]
pub fn label_mask(labels: &LabelMap, wanted: &[u16]) -> Volume<bool> {
    labels.volume.map(|label| wanted.contains(label))
}

/// Find the connected components of a mask (two passes, union-find).
///
/// # Shapes
/// As the mask.
///
/// # Errors
/// A mask of 2³² voxels or more.
pub fn connected_components(
    mask: &Volume<bool>,
    connectivity: Connectivity,
) -> Result<Components, ComponentsError> {
    let geometry = mask.geometry();
    if u32::try_from(geometry.len()).is_err() {
        return Err(ComponentsError::TooLarge(geometry.len()));
    }
    let before = earlier_neighbours(connectivity);
    let [depth, rows, columns] = geometry.shape_zyx;
    let mut numbers = vec![0u32; geometry.len()];
    // parent[i] <= i: the root of a set is its smallest number. Entry 0 is background.
    let mut parent = vec![0u32];
    let mut at = 0;
    for z in 0..depth as isize {
        for y in 0..rows as isize {
            for x in 0..columns as isize {
                if mask.voxels()[at] {
                    let mut number = 0;
                    for &[dz, dy, dx] in &before {
                        let (nz, ny, nx) = (z + dz, y + dy, x + dx);
                        if nz < 0
                            || ny < 0
                            || nx < 0
                            || ny >= rows as isize
                            || nx >= columns as isize
                        {
                            continue;
                        }
                        let neighbour = (nz as usize * rows + ny as usize) * columns + nx as usize;
                        let other = numbers[neighbour];
                        if other == 0 || other == number {
                            continue;
                        }
                        number = if number == 0 {
                            other
                        } else {
                            unite(&mut parent, number, other)
                        };
                    }
                    if number == 0 {
                        number = parent.len() as u32;
                        parent.push(number);
                    }
                    numbers[at] = number;
                }
                at += 1;
            }
        }
    }

    // Roots are met in order, since each set's root is its smallest number.
    let mut last = 0;
    let mut renumbered = vec![0u32; parent.len()];
    for number in 1..parent.len() {
        let root = find(&mut parent, number as u32) as usize;
        if root == number {
            last += 1;
            renumbered[number] = last;
        } else {
            renumbered[number] = renumbered[root];
        }
    }
    let mut voxels = vec![0; last as usize];
    for number in &mut numbers {
        *number = renumbered[*number as usize];
        if *number > 0 {
            voxels[*number as usize - 1] += 1;
        }
    }
    Ok(Components {
        volume: Volume::new(geometry.clone(), numbers).expect("one number a voxel"),
        voxels,
    })
}

/// The cavities of a mask: components of the background, connected by faces, that do not reach
/// the volume's border (what SciPy's `binary_fill_holes` fills).
///
/// # Shapes
/// As the mask.
///
/// # Errors
/// A mask of 2³² voxels or more.
pub fn holes(mask: &Volume<bool>) -> Result<Components, ComponentsError> {
    let mut background = connected_components(&mask.map(|&inside| !inside), Connectivity::Faces)?;
    let [depth, rows, columns] = mask.geometry().shape_zyx;
    let mut open = vec![false; background.len() + 1];
    for (line, numbers) in background.volume.voxels().chunks_exact(columns).enumerate() {
        let (z, y) = (line / rows, line % rows);
        let at_border = z == 0 || z + 1 == depth || y == 0 || y + 1 == rows;
        for (x, &number) in numbers.iter().enumerate() {
            if at_border || x == 0 || x + 1 == columns {
                open[number as usize] = true;
            }
        }
    }
    let mut renumbered = vec![0u32; open.len()];
    let mut voxels = Vec::new();
    for number in 1..open.len() {
        if !open[number] {
            voxels.push(background.voxels[number - 1]);
            renumbered[number] = voxels.len() as u32;
        }
    }
    background.volume = background.volume.map(|&number| renumbered[number as usize]);
    background.voxels = voxels;
    Ok(background)
}

impl Components {
    /// Number of components.
    #[must_use]
    pub fn len(&self) -> usize {
        self.voxels.len()
    }

    /// Whether the mask was empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.voxels.is_empty()
    }

    /// Volume of each component in mL.
    #[must_use]
    pub fn volumes_ml(&self) -> Vec<f64> {
        let voxel_ml = voxel_ml(self.volume.geometry());
        self.voxels.iter().map(|&n| n as f64 * voxel_ml).collect()
    }

    /// The largest component, the first of equals; empty where the mask was.
    ///
    /// Kidneys come in twos: this is for tumours or bodies, not for kidneys.
    #[must_use]
    pub fn keep_largest(&self) -> Volume<bool> {
        let largest = (1..=self.len()).max_by_key(|&i| (self.voxels[i - 1], usize::MAX - i));
        self.keep(|component| Some(component) == largest)
    }

    /// The components of at least `smallest_ml`.
    #[must_use]
    pub fn remove_smaller_than_ml(&self, smallest_ml: f64) -> Volume<bool> {
        let volumes = self.volumes_ml();
        self.keep(|component| volumes[component - 1] >= smallest_ml)
    }

    fn keep(&self, kept: impl Fn(usize) -> bool) -> Volume<bool> {
        let kept: Vec<bool> = (0..=self.len()).map(|i| i > 0 && kept(i)).collect();
        self.volume.map(|&component| kept[component as usize])
    }
}

/// Volume of a voxel in mL.
pub(crate) fn voxel_ml(geometry: &Geometry) -> f64 {
    geometry.voxel_volume_mm3() / 1000.0
}

/// Neighbours that come before a voxel in C order.
fn earlier_neighbours(connectivity: Connectivity) -> Vec<[isize; 3]> {
    let farthest = match connectivity {
        Connectivity::Faces => 1,
        Connectivity::Edges => 2,
        Connectivity::Corners => 3,
    };
    let mut offsets = Vec::new();
    for dz in -1..=1isize {
        for dy in -1..=1isize {
            for dx in -1..=1isize {
                let steps = dz.abs() + dy.abs() + dx.abs();
                if [dz, dy, dx] < [0, 0, 0] && steps <= farthest {
                    offsets.push([dz, dy, dx]);
                }
            }
        }
    }
    offsets
}

fn find(parent: &mut [u32], mut number: u32) -> u32 {
    while parent[number as usize] != number {
        let above = parent[parent[number as usize] as usize];
        parent[number as usize] = above;
        number = above;
    }
    number
}

fn unite(parent: &mut [u32], a: u32, b: u32) -> u32 {
    let (a, b) = (find(parent, a), find(parent, b));
    let (root, other) = (a.min(b), a.max(b));
    parent[other as usize] = root;
    root
}
