//! Maps: features at every voxel of a region, each computed on the voxel's neighbourhood.
//!
//! The values are those of PyRadiomics' voxel-based extraction. A neighbourhood is a cube of
//! `2 r + 1` voxels around a voxel (a square in planes, where `force_2d_across_axis` is set),
//! cut at the border of the image. With `masked_kernel`, only its voxels inside the region take
//! part. Intensities become grey levels once, by the region as a whole (by the box around it
//! where neighbourhoods reach beyond the region), so that levels mean the same everywhere.
//!
//! [`Parameters::maps`] prepares and says what it will do ([`MapPlan`]); [`Maps::compute`]
//! hands over slab after slab of whole slices, so that memory does not grow with features times
//! voxels; [`Maps::write`] makes a file of each map.
//!
//! Along a row neighbourhoods overlap in all but two planes. First-order features and
//! co-occurrences follow the window from voxel to voxel, adding what enters and removing what
//! leaves; every other class is computed anew on each window. Both give the terms of the same
//! formulas that regions are measured with.

mod files;
mod firstorder;
mod general;
mod glcm;
mod neighbourhoods;
mod plan;
mod source;
mod window;

pub use files::{MapError, WrittenMaps};
pub use plan::{DEFAULT_MEMORY_BOUND_BYTES, MapPlan, PlannedSlab};

use rayon::prelude::*;
use renalflow_imaging::{Image, LabelMap};

use crate::{
    ImageParameters, Parameters, error::RadiomicsError, extract::Selection, extraction::within,
    filters::Derived,
};
use plan::{Budget, columns_of, selections_of};
use source::Source;
use window::{Followers, Row, along_row};

/// Some slices of a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapSlab<'a> {
    /// Image type, class and feature, such as `original_glcm_Contrast`.
    pub column: &'a str,
    /// Index of the first slice in the grid of the map.
    pub first_slice: usize,
    /// Number of voxels along z, y and x.
    pub shape_zyx: [usize; 3],
    /// The values in C order; the initial value outside the region.
    pub values: &'a [f64],
}

/// Maps that are ready to be computed.
#[derive(Debug)]
pub struct Maps<'a> {
    source: Source<'a>,
    plan: MapPlan,
}

impl Parameters {
    /// Prepare the maps of a label: preprocess image and mask, find the region, and plan.
    ///
    /// Maps lie on the grid of the preprocessed image, cut to the region's box and the kernel
    /// radius around it, as PyRadiomics' do: all that can differ from the initial value is
    /// there, and the header says where in the patient it is.
    ///
    /// # Shapes
    /// `image` and `mask`: `[z, y, x]`, on one grid unless the parameters resample or correct.
    ///
    /// # Errors
    /// A kernel radius of 0, no class that reads intensities, whatever keeps the region from
    /// being measured, intensities that are not finite where neighbourhoods read them, and
    /// [`RadiomicsError::MapsTooLarge`] where a slice needs more memory than the bound.
    pub fn maps<'a>(
        &'a self,
        image: &'a Image,
        mask: &LabelMap,
        label: u16,
        memory_bound_bytes: u64,
    ) -> Result<Maps<'a>, RadiomicsError> {
        self.validate()?;
        plan::refuse_settings(self)?;
        let (source, warnings) = Source::new(self, image, mask, label)?;
        let plan = MapPlan::new(&source, memory_bound_bytes, warnings)?;
        Ok(Maps { source, plan })
    }
}

impl Maps<'_> {
    /// What will be computed, and the memory that it takes.
    #[must_use]
    pub fn plan(&self) -> &MapPlan {
        &self.plan
    }

    /// Compute the maps: by image, then by slab from the first slice to the last, then by
    /// column, in the order of the plan. Returns what the reader of the maps should know.
    ///
    /// An image that cannot be derived yields no slab; the warnings say why.
    ///
    /// # Errors
    /// What the sink says, an image type that fails, a derived image that is not finite or has
    /// too many grey levels for the memory bound.
    pub fn compute<E: From<RadiomicsError>>(
        &self,
        sink: &mut dyn FnMut(&MapSlab<'_>) -> Result<(), E>,
    ) -> Result<Vec<String>, E> {
        let mut warnings = self.plan.warnings.clone();
        for parameters in &self.source.parameters.images {
            let (selections, _) = selections_of(&parameters.settings)?;
            if selections.is_empty() {
                continue;
            }
            for derived in self.source.derive(parameters, &mut warnings)? {
                self.on_image(parameters, &selections, derived, sink)?;
            }
        }
        Ok(warnings)
    }

    fn on_image<E: From<RadiomicsError>>(
        &self,
        parameters: &ImageParameters,
        selections: &[Selection],
        derived: Derived,
        sink: &mut dyn FnMut(&MapSlab<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Derived { name, values } = derived;
        let around = self
            .source
            .neighbourhoods(parameters, values)
            .map_err(|error| within(&name, error))?;
        Budget::new(&self.source, parameters, selections, around.levels.len())
            .refuse_over(&self.plan, &format!("maps on {name}"))?;
        let columns = columns_of(&name, selections);
        let followers = Followers {
            settings: &parameters.settings,
            selections,
            around: &around,
        };
        for slab in &self.plan.slabs {
            let rows = self.source.rows_in(&slab.slices);
            let values = values_on(&followers, &rows, columns.len())
                .map_err(|error| within(&name, error))?;
            self.hand_over(slab, &rows, &columns, &values, sink)?;
        }
        Ok(())
    }

    /// Lay the values of a slab out as slices, one map at a time.
    ///
    /// # Shapes
    /// `values`: `[voxel][column]`, voxels in the order of `rows`.
    fn hand_over<E>(
        &self,
        slab: &PlannedSlab,
        rows: &[Row],
        columns: &[String],
        values: &[f64],
        sink: &mut dyn FnMut(&MapSlab<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let [_, ny, nx] = self.plan.grid.shape_zyx;
        let shape_zyx = [slab.slices.len(), ny, nx];
        let initial = self.source.parameters.voxel.initial_value;
        let mut slices = vec![initial; shape_zyx.iter().product()];
        for (place, column) in columns.iter().enumerate() {
            let mut of_column = values.iter().skip(place).step_by(columns.len());
            for row in rows {
                let [z, y, x] = row.start_zyx;
                let start = ((z - slab.slices.start) * ny + y) * nx + x;
                let cells = &mut slices[start..start + row.len];
                for (cell, &value) in cells.iter_mut().zip(&mut of_column) {
                    *cell = value;
                }
            }
            sink(&MapSlab {
                column,
                first_slice: slab.slices.start,
                shape_zyx,
                values: &slices,
            })?;
        }
        Ok(())
    }
}

/// The features at the voxels of some rows.
///
/// # Shapes
/// Returns `[voxel][column]`, voxels in the order of `rows`.
fn values_on(
    followers: &Followers<'_>,
    rows: &[Row],
    columns: usize,
) -> Result<Vec<f64>, RadiomicsError> {
    let voxels: usize = rows.iter().map(|row| row.len).sum();
    let mut values = vec![0.0; voxels * columns];
    let mut rest = values.as_mut_slice();
    let mut parts = Vec::with_capacity(rows.len());
    for row in rows {
        let (part, after) = std::mem::take(&mut rest).split_at_mut(row.len * columns);
        parts.push((row, part));
        rest = after;
    }
    // Each row starts with an empty window, so it does not matter who does which.
    parts.into_par_iter().try_for_each_init(
        || followers.start(),
        |state, (row, part)| along_row(state, followers.around, row, part, columns),
    )?;
    Ok(values)
}
