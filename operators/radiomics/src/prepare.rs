//! From an image and a mask as they were read to an image and a region that features are
//! computed on: normalise, resample or crop, check, resegment.

use std::{borrow::Cow, sync::Arc};

use renalflow_imaging::{
    Geometry, Image, LabelMap, Volume,
    boxes::BoundingBox,
    crop::crop_image,
    resample::{
        GridRule, Interpolation, Output, Precision, Resampling, pyradiomics_grid_around,
        resample_image,
    },
    with_image,
};

use crate::{
    ImageType, Interpolator, Mask, Normalisation, Parameters, Region, ResamplingParameters,
    Resegmentation, Standard, ThresholdMode,
    error::RadiomicsError,
    roi::{self, refuse_other_grid},
    statistics::sum_of,
};

/// How far beyond a voxel a cubic spline is still felt, in voxels: its pole, 0.268, to this
/// power is below double precision.
const SPLINE_SUPPORT_VOXELS: usize = 34;

/// How far local intensity looks, in mm: the radius of its sphere, rounded up.
pub(crate) const LOCAL_INTENSITY_MM: f64 = 6.5;

/// Image and regions on one grid.
pub(crate) struct Prepared<'a> {
    /// The image that filters read.
    pub image: Cow<'a, Image>,
    /// The region that intensities and texture are measured in.
    pub region: Arc<Region>,
    /// The region before resegmentation.
    pub morphological: Arc<Region>,
    /// The region that shape is measured on.
    pub shape: Arc<Region>,
    /// Whether the mask had to be brought onto the image's grid.
    pub mask_was_corrected: bool,
    /// What the reader of the results should know.
    pub warnings: Vec<String>,
}

/// The whole image, centred and scaled, as ITK's `NormalizeImageFilter`: the deviation is that
/// of a sample (divided by `n - 1`).
///
/// # Errors
/// NaN or infinity anywhere in the image, or an image of one intensity.
pub(crate) fn normalise(image: &Image, how: &Normalisation) -> Result<Image, RadiomicsError> {
    let volume = image.to_f64();
    let (geometry, voxels) = volume.into_parts();
    let mut voxels = voxels.into_vec();
    let count = voxels.iter().filter(|v| !v.is_finite()).count();
    if count > 0 {
        return Err(RadiomicsError::NormaliseNonFinite { count });
    }
    let n = voxels.len() as f64;
    let mean = sum_of(&voxels, |x| x) / n;
    let deviation = (sum_of(&voxels, |x| (x - mean).powi(2)) / (n - 1.0)).sqrt();
    // The image is finite, and so is its deviation.
    if deviation <= 0.0 || !deviation.is_finite() {
        return Err(RadiomicsError::NormaliseFlat { intensity: mean });
    }
    let bound = how.outliers_deviations.unwrap_or(f64::INFINITY);
    for x in &mut voxels {
        *x = ((*x - mean) / deviation).clamp(-bound, bound) * how.scale;
    }
    Ok(Image::F64(Volume::new(geometry, voxels)?))
}

/// Bring image and mask onto the grid that features are computed on, and find the region.
///
/// # Errors
/// Grids that do not match and may not be corrected, no such label, a region that is too small
/// or leaves the image, resampling that cannot be done, resegmentation that leaves nothing.
pub(crate) fn prepare<'a>(
    parameters: &Parameters,
    image: &'a Image,
    mask: &Mask,
    label: u16,
) -> Result<Prepared<'a>, RadiomicsError> {
    let how = &parameters.preprocessing;
    let tolerance_voxels = how
        .geometry_tolerance_voxels
        .unwrap_or(renalflow_imaging::geometry::GRID_TOLERANCE_VOXELS);
    let mut warnings = Vec::new();
    let mut mask_was_corrected = false;

    let region_box = mask.bounding_box(label)?;
    let grids = || refuse_other_grid(image.geometry(), &mask.geometry, tolerance_voxels);
    let (image, mask) = match &how.resampling {
        Some(resampling) => {
            refuse_outside(image.geometry(), &mask.geometry, &region_box)?;
            let (image, labels) = match parameters.standard() {
                Standard::PyRadiomics => resample_as_pyradiomics(
                    image,
                    mask,
                    &region_box,
                    resampling,
                    how.pad_distance_voxels,
                )?,
                Standard::Ibsi => {
                    grids()?;
                    resample_as_ibsi(parameters, image, mask, &region_box, resampling, label)?
                }
            };
            (Cow::Owned(image), Cow::Owned(Mask::of(&labels)?))
        }
        None => {
            let mask = match grids() {
                Ok(()) => Cow::Borrowed(mask),
                Err(_) if how.correct_mask => {
                    refuse_outside(image.geometry(), &mask.geometry, &region_box)?;
                    mask_was_corrected = true;
                    warnings.push(
                        "the mask lay on another grid and was resampled onto the image's \
                         (correctMask)"
                            .to_owned(),
                    );
                    let corrected = mask.resampled(image.geometry())?;
                    Cow::Owned(Mask::of(&corrected)?)
                }
                Err(error) => return Err(error),
            };
            if how.pre_crop {
                let window = around(&mask, label, how.pad_distance_voxels)?;
                let image = crop_image(image, &window)?;
                (Cow::Owned(image), Cow::Owned(mask.within(&window)?))
            } else {
                (Cow::Borrowed(image), mask)
            }
        }
    };

    let longest = longest_distance(parameters);
    let settings = crate::Settings {
        distances_voxels: vec![longest],
        ..parameters.settings.clone()
    };
    let morphological = Arc::new(mask.region(label, &settings)?);
    drop(mask);
    let mut region = Arc::clone(&morphological);
    if let Some(thresholds) = &how.resegmentation {
        region = Arc::new(resegment(&image, &region, thresholds, label)?);
    }
    if let Some(deviations) = how.outlier_deviations {
        let outliers = Resegmentation {
            thresholds: vec![-deviations, deviations],
            mode: ThresholdMode::Sigma,
        };
        region = Arc::new(resegment(&image, &region, &outliers, label)?);
    }
    if !Arc::ptr_eq(&region, &morphological) {
        region.refuse_too_small(label, &parameters.settings)?;
    }
    let shape = shape_region(parameters, &morphological, &region, &mut warnings);
    Ok(Prepared {
        image,
        region,
        morphological,
        shape,
        mask_was_corrected,
        warnings,
    })
}

/// The longest distance between neighbours that any image's settings ask for.
fn longest_distance(parameters: &Parameters) -> usize {
    let all = parameters.images.iter().map(|image| &image.settings);
    all.chain([&parameters.settings])
        .flat_map(|settings| settings.distances_voxels.iter().copied())
        .max()
        .unwrap_or(1)
}

/// Shape is measured on the mask before resegmentation, unless the parameters say otherwise.
/// PyRadiomics cuts that mask to the box of the resegmented one first.
fn shape_region(
    parameters: &Parameters,
    morphological: &Arc<Region>,
    region: &Arc<Region>,
    warnings: &mut Vec<String>,
) -> Arc<Region> {
    if parameters.preprocessing.resegment_shape {
        return Arc::clone(region);
    }
    if parameters.standard() == Standard::Ibsi || morphological.bounding_box == region.bounding_box
    {
        return Arc::clone(morphological);
    }
    let BoundingBox {
        start_zyx,
        shape_zyx,
    } = region.bounding_box;
    let cut = morphological.retain(|_, index| {
        (0..3)
            .all(|axis| (start_zyx[axis]..start_zyx[axis] + shape_zyx[axis]).contains(&index[axis]))
    });
    match cut {
        Some(cut) => {
            if cut.voxel_count < morphological.voxel_count {
                warnings.push(format!(
                    "shape is measured on {} of the mask's {} voxels: as PyRadiomics does, the \
                     mask is cut to the box of the resegmented region (resegmentShape: true \
                     measures the resegmented region itself)",
                    cut.voxel_count, morphological.voxel_count
                ));
            }
            Arc::new(cut)
        }
        None => Arc::clone(region),
    }
}

/// Leave out the voxels whose intensities are beyond the thresholds.
fn resegment(
    image: &Image,
    region: &Region,
    how: &Resegmentation,
    label: u16,
) -> Result<Region, RadiomicsError> {
    let intensities = roi::intensities(image, region);
    let count = intensities.len() as f64;
    let mut thresholds = how.thresholds.clone();
    thresholds.sort_by(f64::total_cmp);
    let (offset, scale) = match how.mode {
        ThresholdMode::Absolute => (0.0, 1.0),
        ThresholdMode::Relative => {
            let maximum = intensities
                .iter()
                .copied()
                .fold(f64::NEG_INFINITY, f64::max);
            (0.0, maximum)
        }
        ThresholdMode::Sigma => {
            let mean = sum_of(&intensities, |x| x) / count;
            let variance = sum_of(&intensities, |x| (x - mean).powi(2)) / count;
            (mean, variance.sqrt())
        }
    };
    let at = |i: usize| {
        thresholds
            .get(i)
            .map(|threshold| offset + scale * threshold)
    };
    let lower = at(0).unwrap_or(f64::NEG_INFINITY);
    let upper = at(1).unwrap_or(f64::INFINITY);
    region
        .retain(|voxel, _| (lower..=upper).contains(&intensities[voxel]))
        .filter(|kept| kept.voxel_count > 1)
        .ok_or(RadiomicsError::ResegmentedAway {
            label,
            voxel_count: region.voxel_count,
            lower,
            upper,
        })
}

/// Refuse a region whose box leaves the image (PyRadiomics' `_checkROI`, to 1e-3 voxel).
fn refuse_outside(
    image: &Geometry,
    mask: &Geometry,
    region: &BoundingBox,
) -> Result<(), RadiomicsError> {
    let (lower, upper) = reach_in(mask, region, image);
    let outside = (0..3).any(|axis| {
        lower[axis] < -0.5 - 1e-3 || upper[axis] > image.shape_zyx[axis] as f64 - 0.5 + 1e-3
    });
    if outside {
        return Err(RadiomicsError::RegionOutsideImage {
            lower_zyx: lower,
            upper_zyx: upper,
            image_zyx: image.shape_zyx,
        });
    }
    Ok(())
}

/// From where to where a box of one grid, outer corners included, reaches in continuous
/// indices of another.
fn reach_in(from: &Geometry, region: &BoundingBox, to: &Geometry) -> ([f64; 3], [f64; 3]) {
    let mut lower = [f64::INFINITY; 3];
    let mut upper = [f64::NEG_INFINITY; 3];
    for corner in 0..8usize {
        let index: [f64; 3] = std::array::from_fn(|axis| {
            let start = region.start_zyx[axis] as f64 - 0.5;
            start + (corner >> axis & 1) as f64 * region.shape_zyx[axis] as f64
        });
        let at = to.voxel_from_world(from.world_from_voxel(index));
        for axis in 0..3 {
            lower[axis] = lower[axis].min(at[axis]);
            upper[axis] = upper[axis].max(at[axis]);
        }
    }
    (lower, upper)
}

/// A box grown by a margin and cut to the grid.
pub(crate) fn grown(
    region: &BoundingBox,
    margin_zyx: [usize; 3],
    shape_zyx: [usize; 3],
) -> BoundingBox {
    let start_zyx: [usize; 3] =
        std::array::from_fn(|axis| region.start_zyx[axis].saturating_sub(margin_zyx[axis]));
    BoundingBox {
        start_zyx,
        shape_zyx: std::array::from_fn(|axis| {
            let end = region.start_zyx[axis] + region.shape_zyx[axis] + margin_zyx[axis];
            end.min(shape_zyx[axis]) - start_zyx[axis]
        }),
    }
}

/// A label and a pad distance around it.
fn around(mask: &Mask, label: u16, pad_voxels: usize) -> Result<BoundingBox, RadiomicsError> {
    let inner = mask.bounding_box(label)?;
    Ok(grown(&inner, [pad_voxels; 3], mask.geometry.shape_zyx))
}

fn resample_as_pyradiomics(
    image: &Image,
    mask: &Mask,
    region: &BoundingBox,
    how: &ResamplingParameters,
    pad_voxels: usize,
) -> Result<(Image, LabelMap), RadiomicsError> {
    let from_mm = mask.geometry.spacing_zyx_mm;
    let spacing_zyx_mm: [f64; 3] = std::array::from_fn(|axis| {
        if how.spacing_zyx_mm[axis] == 0.0 || region.shape_zyx[axis] == 1 {
            from_mm[axis]
        } else {
            how.spacing_zyx_mm[axis]
        }
    });
    let image_mm = image.geometry().spacing_zyx_mm;
    let unchanged = (0..3).all(|axis| {
        (image_mm[axis] - spacing_zyx_mm[axis]).abs() <= 1e-8 + 1e-5 * spacing_zyx_mm[axis]
    });
    if unchanged {
        // Only the grid of the part around the region is needed.
        let (lower, upper) = reach_in(&mask.geometry, region, image.geometry());
        let shape_zyx = image.geometry().shape_zyx;
        let start_zyx: [usize; 3] =
            std::array::from_fn(|axis| lower[axis].round().max(0.0) as usize);
        let inner = BoundingBox {
            start_zyx,
            shape_zyx: std::array::from_fn(|axis| {
                let end = (upper[axis].round().max(0.0) as usize).min(shape_zyx[axis]);
                end.saturating_sub(start_zyx[axis]).max(1)
            }),
        };
        let window = grown(&inner, [pad_voxels; 3], shape_zyx);
        let target = window.geometry(image.geometry())?;
        return Ok((crop_image(image, &window)?, mask.resampled(&target)?));
    }
    let target = pyradiomics_grid_around(&mask.geometry, spacing_zyx_mm, region, pad_voxels)?;
    let resampled = resample_part(
        image,
        &target,
        &Resampling {
            interpolation: interpolation(how.interpolator),
            precision: Precision::Double,
            output: Output::AsInput,
            outside: 0.0,
        },
    )?;
    Ok((resampled, mask.resampled(&target)?))
}

fn interpolation(interpolator: Interpolator) -> Interpolation {
    match interpolator {
        Interpolator::Nearest => Interpolation::Nearest,
        Interpolator::Linear => Interpolation::Linear,
        Interpolator::BSpline => Interpolation::CubicBSpline,
    }
}

/// Resample from the part of the image that the target can feel. Nearest neighbours read no
/// more than they need anyway, and take positions on the whole image: on the grid of a part
/// they would round otherwise, and halves would fall the other way.
fn resample_part(
    image: &Image,
    target: &Geometry,
    how: &Resampling,
) -> Result<Image, RadiomicsError> {
    if how.interpolation == Interpolation::Nearest {
        return Ok(resample_image(image, target, how)?);
    }
    let grid = image.geometry();
    let whole = BoundingBox {
        start_zyx: [0; 3],
        shape_zyx: target.shape_zyx,
    };
    let (lower, upper) = reach_in(target, &whole, grid);
    let margin = SPLINE_SUPPORT_VOXELS as f64;
    let start_zyx: [usize; 3] = std::array::from_fn(|axis| {
        let last = grid.shape_zyx[axis] - 1;
        ((lower[axis] - margin).floor().max(0.0) as usize).min(last)
    });
    let part = BoundingBox {
        start_zyx,
        shape_zyx: std::array::from_fn(|axis| {
            let end = (upper[axis] + margin).ceil().max(0.0) as usize + 1;
            end.clamp(start_zyx[axis] + 1, grid.shape_zyx[axis]) - start_zyx[axis]
        }),
    };
    if part.shape_zyx == grid.shape_zyx {
        return Ok(resample_image(image, target, how)?);
    }
    Ok(resample_image(&crop_image(image, &part)?, target, how)?)
}

/// IBSI: the grids' centres aligned, intensities rounded where asked for, the mask interpolated
/// linearly and cut at one half. Filters see the whole image, other features only the region
/// and what local intensity looks at.
fn resample_as_ibsi(
    parameters: &Parameters,
    image: &Image,
    mask: &Mask,
    region: &BoundingBox,
    how: &ResamplingParameters,
    label: u16,
) -> Result<(Image, LabelMap), RadiomicsError> {
    let grid = image.geometry();
    let spacing_zyx_mm: [f64; 3] = std::array::from_fn(|axis| match how.spacing_zyx_mm[axis] {
        0.0 => grid.spacing_zyx_mm[axis],
        mm => mm,
    });
    let whole = GridRule::Ibsi.grid(grid, spacing_zyx_mm)?;
    let around_region = parameters
        .images
        .iter()
        .all(|image| image.image_type == ImageType::Original);
    let target = if around_region {
        let (lower, upper) = reach_in(&mask.geometry, region, &whole);
        let first: [usize; 3] = std::array::from_fn(|axis| lower[axis].floor().max(0.0) as usize);
        let inner = BoundingBox {
            start_zyx: first,
            shape_zyx: std::array::from_fn(|axis| {
                let last = (upper[axis].ceil().max(0.0) as usize).min(whole.shape_zyx[axis] - 1);
                (last + 1).saturating_sub(first[axis]).max(1)
            }),
        };
        let margin = std::array::from_fn(|axis| {
            let local = (LOCAL_INTENSITY_MM / spacing_zyx_mm[axis]).ceil() as usize;
            local.max(parameters.preprocessing.pad_distance_voxels)
        });
        grown(&inner, margin, whole.shape_zyx).geometry(&whole)?
    } else {
        whole
    };
    let real = |interpolation, outside| Resampling {
        interpolation,
        precision: Precision::Double,
        output: Output::Real,
        outside,
    };
    // Where the grids' rims differ, the image goes on as the least it has: air in CT.
    let least = with_image!(image, volume => {
        volume.voxels().iter().fold(f64::INFINITY, |least, &v| least.min(Into::<f64>::into(v)))
    });
    let intensities = real(interpolation(how.interpolator), least);
    let mut resampled = resample_part(image, &target, &intensities)?;
    if how.round_intensities {
        resampled = Image::F64(resampled.to_f64().map(|x| x.round()));
    }
    let inside = Image::F32(
        mask.labels
            .volume
            .map(|&value| f32::from(u8::from(value == label))),
    );
    let inside = resample_part(&inside, &target, &real(Interpolation::Linear, 0.0))?;
    // Half-way between centres is inside, in spite of rounding.
    let volume = with_image!(&inside, volume => {
        volume.map(|&share| if Into::<f64>::into(share) >= 0.5 - 1e-9 { label } else { 0 })
    });
    let names = mask.labels.names.clone();
    Ok((resampled, LabelMap { volume, names }))
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
