//! What maps will be computed and what that takes, before anything is.

use std::{borrow::Cow, fmt, ops::Range};

use renalflow_imaging::{Geometry, with_image};

use crate::{
    Compute, Discretisation, ImageParameters, ImageType, Parameters, Settings,
    error::RadiomicsError,
    extract::{Selection, select},
    extraction::LOCAL_INTENSITY,
    roi::window_values,
};

use super::{
    glcm::{counts_bytes, steps},
    neighbourhoods::{reach, window_shape},
    source::Source,
    window::is_glcm_by_direction,
};

/// The memory that maps may take unless another bound is stated: 2 GiB.
pub const DEFAULT_MEMORY_BOUND_BYTES: u64 = 2 << 30;

/// Larger slabs gain nothing.
const SLAB_BYTES: u64 = 64 << 20;

/// Grey levels that a derived image is expected to have at most. One with more is refused once
/// it is there if that breaks the bound.
const EXPECTED_LEVELS: usize = 256;

/// What [`Maps::compute`](super::Maps::compute) will do. Printed, it is a summary in a few lines.
#[derive(Debug, Clone, PartialEq)]
pub struct MapPlan {
    /// The grid of the maps: that of the preprocessed image, cut to the region's box and the
    /// kernel radius around it.
    pub grid: Geometry,
    /// Number of voxels of the region, each of which gets a value in every map.
    pub voxel_count: usize,
    /// The shape of a neighbourhood that no border cuts, in voxels.
    pub neighbourhood_zyx: [usize; 3],
    /// The maps, in the order in which they are computed.
    pub columns: Vec<String>,
    /// Classes that were asked for and have no maps.
    pub left_out: Vec<&'static str>,
    /// The slabs in which maps are computed.
    pub slabs: Vec<PlannedSlab>,
    /// The most memory that is held at a time beyond image and mask as they were given: the
    /// preprocessed image, the derived images of one type, the neighbourhoods of each thread,
    /// and one slab. Not what a filter works with while it runs, nor open files.
    pub peak_bytes: u64,
    /// What it must not exceed.
    pub memory_bound_bytes: u64,
    /// What preprocessing has to say.
    pub warnings: Vec<String>,
}

/// Slices that are computed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSlab {
    /// Which slices of the grid.
    pub slices: Range<usize>,
    /// Number of voxels of the region in them.
    pub voxel_count: usize,
}

impl fmt::Display for MapPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |shape: [usize; 3]| shape.map(|n| n.to_string()).join(" x ");
        let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
        writeln!(
            f,
            "{} maps of {} voxels on a grid of {} (z, y, x), from neighbourhoods of {} voxels",
            self.columns.len(),
            self.voxel_count,
            times(self.grid.shape_zyx),
            times(self.neighbourhood_zyx),
        )?;
        write!(
            f,
            "{} slab(s) an image, at most {} MiB at a time (bound: {} MiB)",
            self.slabs.len(),
            mebibytes(self.peak_bytes),
            mebibytes(self.memory_bound_bytes),
        )?;
        if !self.left_out.is_empty() {
            write!(f, "\nwithout maps: {}", self.left_out.join(", "))?;
        }
        Ok(())
    }
}

/// The classes that have maps, and the names of those selected that have none: they read the
/// mask alone, or look around the region.
pub(super) fn selections_of(
    settings: &Settings,
) -> Result<(Vec<Selection>, Vec<&'static str>), RadiomicsError> {
    let (with, without): (Vec<_>, Vec<_>) =
        select(settings)?.into_iter().partition(|(class, _)| {
            matches!(class.compute, Compute::FromImage(_)) && class.name != LOCAL_INTENSITY
        });
    Ok((with, without.iter().map(|(class, _)| class.name).collect()))
}

/// The maps on an image.
pub(super) fn columns_of(image: &str, selections: &[Selection]) -> Vec<String> {
    let mut columns = Vec::new();
    for (class, wanted) in selections {
        let docs = (class.docs)();
        let name = |&feature: &usize| format!("{image}_{}_{}", class.name, docs[feature].name);
        columns.extend(wanted.iter().map(name));
    }
    columns
}

/// Refuse what cannot become a map, whatever the image.
pub(super) fn refuse_settings(parameters: &Parameters) -> Result<(), RadiomicsError> {
    let refuse = |name, value: String, rule| Err(RadiomicsError::Setting { name, value, rule });
    let voxel = &parameters.voxel;
    if voxel.kernel_radius_voxels == 0 {
        return refuse(
            "kernel_radius_voxels",
            "0".to_owned(),
            "it must be 1 or more: a voxel on its own has no distribution and no texture",
        );
    }
    if voxel.batch_voxels == Some(0) {
        return refuse(
            "batch_voxels",
            "0".to_owned(),
            "it must be 1 or more, or left out",
        );
    }
    let mut without = Vec::new();
    for image in &parameters.images {
        let (selections, left_out) = selections_of(&image.settings)?;
        if !selections.is_empty() {
            return Ok(());
        }
        without.extend(left_out);
    }
    without.dedup();
    refuse(
        "classes",
        format!("{without:?}"),
        "maps need an image and a class that reads it, such as firstorder or glcm",
    )
}

/// The memory that the maps on one image type take.
pub(super) struct Budget {
    /// Whatever the slab.
    fixed: u64,
    /// A voxel of the region in a slab.
    voxel: u64,
    /// A slice of a slab.
    slice: u64,
}

impl Budget {
    pub fn new(
        source: &Source<'_>,
        parameters: &ImageParameters,
        selections: &[Selection],
        level_count: usize,
    ) -> Self {
        let Source { region, window, .. } = source;
        let product = |shape: [usize; 3]| shape.iter().map(|&n| n as u64).product::<u64>();
        let box_voxels = product(window.shape_zyx);
        let (support, padded) = if source.parameters.voxel.masked_kernel {
            (region.voxel_count as u64, region.mask.len() as u64)
        } else {
            (box_voxels, product(window.shape_zyx.map(|n| n + 2)))
        };
        let image = match &source.image {
            Cow::Owned(image) => {
                with_image!(image, volume => size_of_val(volume.voxels()) as u64)
            }
            Cow::Borrowed(_) => 0,
        };
        // Intensities, levels and their order, then places and the mask.
        let discretisation = 16 * support + 5 * padded;
        let derived = parameters.names().len() as u64 * 8 * box_voxels;
        let mask_and_places = 5 * box_voxels;

        let window_zyx = neighbourhood_zyx(source, &parameters.settings);
        let by_direction = selections
            .iter()
            .any(|(class, _)| is_glcm_by_direction(class.name, &parameters.settings));
        let counts = if by_direction {
            let directions = steps(&parameters.settings, window_zyx).len();
            counts_bytes(directions, level_count)
        } else {
            0
        };
        // Copies of the window and its order, sums, and what classes make of it.
        let follower = counts + 192 * product(window_zyx) + 16 * level_count as u64 + (64 << 10);
        let threads = rayon::current_num_threads() as u64;

        let columns: usize = selections.iter().map(|(_, wanted)| wanted.len()).sum();
        let [_, ny, nx] = window.shape_zyx;
        let region_runs = 2 * size_of_val(region.runs.as_slice()) as u64;
        Self {
            fixed: image
                + region.mask.len() as u64
                + region_runs
                + discretisation
                + derived
                + mask_and_places
                + threads.saturating_mul(follower),
            voxel: 8 * columns as u64,
            slice: 8 * (ny * nx) as u64,
        }
    }

    fn slab(&self, slices: usize, voxels: usize) -> u64 {
        self.voxel * voxels as u64 + self.slice * slices as u64
    }

    fn peak(&self, slabs: &[PlannedSlab]) -> u64 {
        let of_slab = |slab: &PlannedSlab| self.slab(slab.slices.len(), slab.voxel_count);
        self.fixed
            .saturating_add(slabs.iter().map(of_slab).max().unwrap_or(0))
    }

    /// As few slabs as fit.
    ///
    /// # Shapes
    /// `voxels`: how many voxels of the region each slice has.
    fn slabs(&self, voxels: &[usize], bound: u64, batch: Option<usize>) -> Vec<PlannedSlab> {
        let room = bound.saturating_sub(self.fixed).min(SLAB_BYTES);
        let batch = batch.unwrap_or(usize::MAX);
        let mut slabs: Vec<PlannedSlab> = Vec::new();
        for (z, &voxels) in voxels.iter().enumerate() {
            if let Some(slab) = slabs.last_mut() {
                let voxel_count = slab.voxel_count + voxels;
                let bytes = self.slab(slab.slices.len() + 1, voxel_count);
                if bytes <= room && voxel_count <= batch {
                    slab.slices.end = z + 1;
                    slab.voxel_count = voxel_count;
                    continue;
                }
            }
            slabs.push(PlannedSlab {
                slices: z..z + 1,
                voxel_count: voxels,
            });
        }
        slabs
    }

    /// Refuse an image that turned out to need more than the bound.
    pub fn refuse_over(&self, plan: &MapPlan, what: &str) -> Result<(), RadiomicsError> {
        let peak = self.peak(&plan.slabs);
        if peak <= plan.memory_bound_bytes {
            return Ok(());
        }
        Err(RadiomicsError::MapsTooLarge {
            what: what.to_owned(),
            columns: (self.voxel / 8) as usize,
            voxel_count: plan.voxel_count,
            needed_mebibytes: peak.div_ceil(1 << 20),
            bound_mebibytes: plan.memory_bound_bytes >> 20,
            fix: "use a wider bin or fewer features at a time, cut the mask, or raise the bound",
        })
    }
}

fn neighbourhood_zyx(source: &Source<'_>, settings: &Settings) -> [usize; 3] {
    let voxel = &source.parameters.voxel;
    let support = if voxel.masked_kernel {
        source.region.bounding_box.shape_zyx
    } else {
        source.window.shape_zyx
    };
    window_shape(source.window.shape_zyx, reach(support, voxel, settings))
}

impl MapPlan {
    pub(super) fn new(
        source: &Source<'_>,
        memory_bound_bytes: u64,
        warnings: Vec<String>,
    ) -> Result<Self, RadiomicsError> {
        let mut columns = Vec::new();
        let mut left_out = Vec::new();
        let mut widest = Budget {
            fixed: 0,
            voxel: 0,
            slice: 0,
        };
        let mut neighbourhood = [1; 3];
        for parameters in &source.parameters.images {
            let settings = &parameters.settings;
            let (selections, without) = selections_of(settings)?;
            left_out.extend(without);
            if selections.is_empty() {
                continue;
            }
            for name in parameters.names() {
                columns.extend(columns_of(&name, &selections));
            }
            let level_count = match (&parameters.image_type, settings.discretisation) {
                // What would keep the maps from being computed is said before they are.
                (ImageType::Original, _) => {
                    let values = window_values(&source.image, &source.window);
                    let around = source.neighbourhoods(parameters, values)?;
                    around.levels.len()
                }
                (_, Discretisation::BinCount(count)) => count as usize,
                _ => EXPECTED_LEVELS,
            };
            let budget = Budget::new(source, parameters, &selections, level_count);
            widest.fixed = widest.fixed.max(budget.fixed);
            widest.voxel = widest.voxel.max(budget.voxel);
            widest.slice = budget.slice;
            let here = neighbourhood_zyx(source, settings);
            neighbourhood = std::array::from_fn(|axis| neighbourhood[axis].max(here[axis]));
        }
        left_out.sort_unstable();
        left_out.dedup();

        let mut voxels = vec![0; source.window.shape_zyx[0]];
        for row in source.rows_in(&(0..voxels.len())) {
            voxels[row.start_zyx[0]] += row.len;
        }
        let slabs = widest.slabs(
            &voxels,
            memory_bound_bytes,
            source.parameters.voxel.batch_voxels,
        );
        let plan = Self {
            grid: source.window.geometry(source.image.geometry())?,
            voxel_count: source.region.voxel_count,
            neighbourhood_zyx: neighbourhood,
            columns,
            left_out,
            peak_bytes: widest.peak(&slabs),
            slabs,
            memory_bound_bytes,
            warnings,
        };
        widest.refuse_over(&plan, "maps")?;
        Ok(plan)
    }
}
