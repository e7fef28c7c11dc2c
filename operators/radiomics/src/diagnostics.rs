//! What was computed on what: the columns that let a reader trust a row, named as PyRadiomics
//! names its own.

use std::fmt::Display;

use petgraph::unionfind::UnionFind;
use renalflow_imaging::{Geometry, Image, with_image};

use crate::{
    Mask, Parameters, Region,
    error::RadiomicsError,
    prepare::Prepared,
    roi,
    simd::{Kernel, run_widest},
    statistics::sum_of,
};

/// A diagnostics column and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// Name, such as `diagnostics_Mask-original_VoxelNum`.
    pub column: String,
    /// Value.
    pub value: DiagnosticValue,
}

/// The value of a diagnostics column. Tuples are text, in the order x, y, z, as in
/// PyRadiomics' tables.
#[derive(Debug, Clone, PartialEq)]
pub enum DiagnosticValue {
    /// A name, a version, a digest, a tuple.
    Text(String),
    /// A number of voxels or volumes.
    Count(u64),
    /// An intensity.
    Real(f64),
}

fn diagnostic(name: impl Display, value: DiagnosticValue) -> Diagnostic {
    Diagnostic {
        column: format!("diagnostics_{name}"),
        value,
    }
}

/// `(x, y, z)` of an array in the order z, y, x.
fn tuple<T: Display>(zyx: [T; 3]) -> DiagnosticValue {
    let [z, y, x] = zyx;
    DiagnosticValue::Text(format!("({x}, {y}, {z})"))
}

/// Versions and parameters.
pub(crate) fn describe_configuration(parameters: &Parameters) -> Vec<Diagnostic> {
    let text = parameters.to_yaml();
    let types: Vec<String> = parameters.images.iter().flat_map(|i| i.names()).collect();
    let digest = blake3::hash(text.as_bytes()).to_hex().to_string();
    [
        ("Versions_renalflow", env!("CARGO_PKG_VERSION").to_owned()),
        ("Configuration_Settings", one_line(&text)),
        ("Configuration_Digest", digest),
        ("Configuration_EnabledImageTypes", types.join(" ")),
    ]
    .into_iter()
    .map(|(name, text)| diagnostic(name, DiagnosticValue::Text(text)))
    .collect()
}

/// A parameter file on one line, for a table's cell. Block style goes two levels deep there,
/// mappings and under them lists; the rest is in flow style already.
fn one_line(text: &str) -> String {
    let mut flow = String::from("{");
    let mut closing: Vec<char> = Vec::new();
    let mut first = true;
    for line in text.lines() {
        let entry = line.trim_start();
        let depth = (line.len() - entry.len()) / 2;
        while closing.len() > depth {
            flow.extend(closing.pop());
            first = false;
        }
        if !first {
            flow.push_str(", ");
        }
        first = false;
        match (entry.strip_prefix("- "), entry.strip_suffix(':')) {
            (Some(item), _) => flow.push_str(item),
            (None, Some(key)) => {
                let (open, close) = if depth == 0 { ('{', '}') } else { ('[', ']') };
                flow.push_str(key);
                flow.push_str(": ");
                flow.push(open);
                closing.push(close);
                first = true;
            }
            (None, None) => flow.push_str(entry),
        }
    }
    flow.extend(closing.into_iter().rev());
    flow.push('}');
    flow
}

/// What is said of the image as it was given, whatever the label.
pub(crate) struct ImageSummary {
    image: Vec<Diagnostic>,
}

impl ImageSummary {
    pub fn of(image: &Image) -> Self {
        let (digest, range) = rayon::join(|| image_digest(image), || range(image));
        let mut diagnostics = vec![diagnostic(
            "Image-original_Hash",
            DiagnosticValue::Text(digest),
        )];
        describe_image("original", image, range, &mut diagnostics);
        Self { image: diagnostics }
    }

    /// Add what is known of every stage of preparation.
    pub fn describe(
        &self,
        parameters: &Parameters,
        given: &Image,
        mask: &Mask,
        label: u16,
        prepared: &Prepared<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<(), RadiomicsError> {
        diagnostics.extend(self.image.iter().cloned());
        diagnostics.push(diagnostic(
            "Mask-original_Hash",
            DiagnosticValue::Text(mask.digest.clone()),
        ));
        let how = &parameters.preprocessing;
        let moved = how.resampling.is_some() || how.pre_crop || prepared.mask_was_corrected;
        if moved {
            let any_size = crate::Settings {
                minimum_roi_dimensions: 0,
                minimum_roi_voxels: 0,
                ..parameters.settings.clone()
            };
            let original = mask.region(label, &any_size)?;
            let image = (!prepared.mask_was_corrected && how.resampling.is_none()).then_some(given);
            describe_mask("original", image, &mask.geometry, &original, diagnostics);
        } else {
            let region = &prepared.morphological;
            describe_mask("original", Some(given), &mask.geometry, region, diagnostics);
        }
        let grid = prepared.image.geometry();
        if how.resampling.is_some() {
            let image = &prepared.image;
            describe_image("interpolated", image, range(image), diagnostics);
        }
        if how.resampling.is_some() || prepared.mask_was_corrected {
            let stage = if prepared.mask_was_corrected {
                "corrected"
            } else {
                "interpolated"
            };
            let region = &prepared.morphological;
            describe_mask(stage, Some(&prepared.image), grid, region, diagnostics);
        }
        if how.resegmentation.is_some() || how.outlier_deviations.is_some() {
            let region = &prepared.region;
            describe_mask(
                "resegmented",
                Some(&prepared.image),
                grid,
                region,
                diagnostics,
            );
        }
        Ok(())
    }
}

fn describe_image(
    stage: &str,
    image: &Image,
    [mean, minimum, maximum]: [f64; 3],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let geometry = image.geometry();
    let mut put = |name: &str, value| {
        diagnostics.push(diagnostic(format_args!("Image-{stage}_{name}"), value));
    };
    put("Spacing", tuple(geometry.spacing_zyx_mm));
    put("Size", tuple(geometry.shape_zyx));
    put("Mean", DiagnosticValue::Real(mean));
    put("Minimum", DiagnosticValue::Real(minimum));
    put("Maximum", DiagnosticValue::Real(maximum));
}

/// Mean, minimum and maximum.
fn range(image: &Image) -> [f64; 3] {
    match image {
        Image::I16(volume) => run_widest(IntegerRange(volume.voxels())),
        Image::F32(volume) => run_widest(RealRange(volume.voxels())),
        Image::F64(volume) => run_widest(RealRange(volume.voxels())),
    }
}

/// Mean, minimum and maximum, in integers, which are exact in any order.
struct IntegerRange<'a>(&'a [i16]);

impl Kernel for IntegerRange<'_> {
    type Output = [f64; 3];

    #[inline(always)]
    fn run(self) -> [f64; 3] {
        // As many as a 32-bit sum surely holds.
        const BLOCK: usize = 1 << 16;
        let mut sum = 0i64;
        let (mut minimum, mut maximum) = (i16::MAX, i16::MIN);
        for block in self.0.chunks(BLOCK) {
            let (mut of_block, mut lowest, mut highest) = (0i32, i16::MAX, i16::MIN);
            for &x in block {
                of_block = of_block.wrapping_add(i32::from(x));
                lowest = lowest.min(x);
                highest = highest.max(x);
            }
            sum += i64::from(of_block);
            minimum = minimum.min(lowest);
            maximum = maximum.max(highest);
        }
        let mean = sum as f64 / self.0.len() as f64;
        [mean, f64::from(minimum), f64::from(maximum)]
    }
}

/// Mean, minimum and maximum of real numbers in lanes of their own, so that the order of
/// summation is the same whatever the vectors.
struct RealRange<'a, T>(&'a [T]);

impl<T: Copy + Into<f64>> Kernel for RealRange<'_, T> {
    type Output = [f64; 3];

    #[inline(always)]
    fn run(self) -> [f64; 3] {
        // A block is in the cache when it is read again. In one loop the compiler does not find
        // the vectors.
        const BLOCK: usize = 128;
        let mut sums = [0.0; LANES];
        let mut minima = [f64::INFINITY; LANES];
        let mut maxima = [f64::NEG_INFINITY; LANES];
        let (chunks, rest) = self.0.as_chunks::<LANES>();
        for (lane, &x) in rest.iter().enumerate() {
            let x = x.into();
            sums[lane] = x;
            minima[lane] = x;
            maxima[lane] = x;
        }
        for block in chunks.chunks(BLOCK) {
            fold_lanes(block, &mut sums, |sum, x| sum + x);
            // These pass a NaN over.
            fold_lanes(block, &mut minima, f64::min);
            fold_lanes(block, &mut maxima, f64::max);
        }
        [
            sums.iter().sum::<f64>() / self.0.len() as f64,
            minima.into_iter().fold(f64::INFINITY, f64::min),
            maxima.into_iter().fold(f64::NEG_INFINITY, f64::max),
        ]
    }
}

/// Numbers that are folded side by side: enough vectors of them that none waits for the one
/// before.
const LANES: usize = 32;

#[inline(always)]
fn fold_lanes<T: Copy + Into<f64>>(
    chunks: &[[T; LANES]],
    lanes: &mut [f64; LANES],
    fold: impl Fn(f64, f64) -> f64,
) {
    let mut so_far = *lanes;
    for chunk in chunks {
        for (lane, &x) in so_far.iter_mut().zip(chunk) {
            *lane = fold(*lane, x.into());
        }
    }
    *lanes = so_far;
}

/// What is said of a mask at one stage; its intensities where the image is on its grid.
fn describe_mask(
    stage: &str,
    image: Option<&Image>,
    grid: &Geometry,
    region: &Region,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut put = |name: &str, value| {
        diagnostics.push(diagnostic(format_args!("Mask-{stage}_{name}"), value));
    };
    put("Spacing", tuple(grid.spacing_zyx_mm));
    put("Size", tuple(grid.shape_zyx));
    let [z, y, x] = region.bounding_box.start_zyx;
    let [nz, ny, nx] = region.bounding_box.shape_zyx;
    let box_text = format!("({x}, {y}, {z}, {nx}, {ny}, {nz})");
    put("BoundingBox", DiagnosticValue::Text(box_text));
    put(
        "VoxelNum",
        DiagnosticValue::Count(region.voxel_count as u64),
    );
    let parts = part_count(region) as u64;
    put("VolumeNum", DiagnosticValue::Count(parts));
    let center_zyx = center_of_mass(region);
    put("CenterOfMassIndex", tuple(center_zyx));
    let [x, y, z] = grid.world_from_voxel(center_zyx);
    put("CenterOfMass", tuple([z, y, x]));
    let Some(image) = image.filter(|image| image.geometry().shape_zyx == grid.shape_zyx) else {
        return;
    };
    let x = roi::intensities(image, region);
    let mean = sum_of(&x, |x| x) / x.len() as f64;
    put("Mean", DiagnosticValue::Real(mean));
    let minimum = x.iter().copied().fold(f64::INFINITY, f64::min);
    let maximum = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    put("Minimum", DiagnosticValue::Real(minimum));
    put("Maximum", DiagnosticValue::Real(maximum));
}

/// Number of parts of a region, neighbours by a corner joined.
fn part_count(region: &Region) -> usize {
    // The runs of each row, so that a run is compared with those of the four rows before it.
    let [nz, ny, _] = region.bounding_box.shape_zyx;
    let mut first_of_row = vec![0usize; nz * ny + 1];
    for run in &region.runs {
        first_of_row[run.start_zyx[0] * ny + run.start_zyx[1] + 1] += 1;
    }
    for row in 0..nz * ny {
        first_of_row[row + 1] += first_of_row[row];
    }
    let mut parts = UnionFind::<usize>::new(region.runs.len());
    let mut count = region.runs.len();
    for (i, run) in region.runs.iter().enumerate() {
        let [z, y, x] = run.start_zyx;
        for (dz, dy) in [(0, 1), (1, 0), (1, 1), (1, 2)] {
            // Rows (z, y - 1), (z - 1, y), (z - 1, y - 1), (z - 1, y + 1).
            let row = match (z.checked_sub(dz), dy) {
                (Some(z), 0) => Some((z, y)),
                (Some(z), 1) => y.checked_sub(1).map(|y| (z, y)),
                (Some(z), _) if y + 1 < ny => Some((z, y + 1)),
                _ => None,
            };
            let Some((z, y)) = row else { continue };
            let runs = first_of_row[z * ny + y]..first_of_row[z * ny + y + 1];
            for j in runs {
                let other = &region.runs[j];
                let from = other.start_zyx[2];
                if from <= x + run.len && x <= from + other.len && parts.union(i, j) {
                    count -= 1;
                }
            }
        }
    }
    count
}

/// Mean index of a region's voxels in its volume.
fn center_of_mass(region: &Region) -> [f64; 3] {
    let mut sums = [0.0f64; 3];
    for run in &region.runs {
        let n = run.len as f64;
        let [z, y, x] = run.start_zyx.map(|i| i as f64);
        sums[0] += n * z;
        sums[1] += n * y;
        sums[2] += n * (x + (n - 1.0) / 2.0);
    }
    std::array::from_fn(|axis| {
        region.bounding_box.start_zyx[axis] as f64 + sums[axis] / region.voxel_count as f64
    })
}

fn image_digest(image: &Image) -> String {
    with_image!(image, volume => digest(volume.voxels()))
}

/// BLAKE3 of the voxels' bytes, little endian.
fn digest<T: bytemuck::NoUninit>(voxels: &[T]) -> String {
    blake3::Hasher::new()
        .update_rayon(bytemuck::cast_slice(voxels))
        .finalize()
        .to_hex()
        .to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ranges_pass_nan_over_and_take_every_length() {
        for len in [1usize, 31, 32, 33, 4095, 4096, 4128, 9001] {
            let x: Vec<f32> = (0..len).map(|i| (i * 7919 % 4099) as f32 - 700.0).collect();
            let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / len as f64;
            let least = x.iter().copied().fold(f32::INFINITY, f32::min);
            let most = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let [of_x, minimum, maximum] = run_widest(RealRange(&x));
            assert!((of_x - mean).abs() <= 1e-12 * mean.abs(), "{len}");
            assert_eq!([minimum, maximum], [f64::from(least), f64::from(most)]);
        }
        let mut x = vec![3.0; 20];
        x[2] = f64::NAN;
        x[19] = f64::NAN;
        x[9] = -1.0;
        let [mean, minimum, maximum] = run_widest(RealRange(&x));
        assert!(mean.is_nan());
        assert_eq!([minimum, maximum], [-1.0, 3.0]);
    }

    #[test]
    fn parameters_on_one_line_are_read_back() {
        let text = "imageType:\n  Original: {}\n  Mean:\n    - {supportVoxels: 3}\n    \
                    - {supportVoxels: 5}\nsetting:\n  binWidth: 10\n";
        assert_eq!(
            one_line(text),
            "{imageType: {Original: {}, Mean: [{supportVoxels: 3}, {supportVoxels: 5}]}, \
             setting: {binWidth: 10}}"
        );
        let (parameters, _) = Parameters::from_text(text, "a").unwrap();
        let line = one_line(&parameters.to_yaml());
        assert_eq!(Parameters::from_text(&line, "b").unwrap().0, parameters);
    }
}
