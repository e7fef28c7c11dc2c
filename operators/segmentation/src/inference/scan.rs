//! From a CT on its own grid to labels on that grid.

use renalflow_imaging::{Geometry, Image, LabelMap, LabelNames, Volume, boxes::BoundingBox};

use super::{
    decision::{Decision, LabelSlices},
    error::{BoxedError, InferenceError},
    network::NetworkPredictor,
    original_grid::OriginalGrid,
    sliding_window::{SliceSink, slide},
    source::PatchSource,
    windows::{SlidingWindow, WindowPlan},
};
use crate::{
    network::{Domain, Plan, SegmentationNetwork, plan::LabelSet},
    prepare::{Region, beyond_zyx_mm, image_bytes, image_on, meanings, working_grid},
    weights::plan_differences,
};

/// How a scan is segmented.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScanOptions {
    /// The largest step between windows as a fraction of the patch, over 0 and at most 1.
    pub step_fraction: f64,
    /// Axes along which patches are also predicted mirrored: two forwards for each axis set.
    pub mirror_zyx: [bool; 3],
    /// Size of the crop around the middle of each region, in mm along the axes nearest to S,
    /// P and L; without one, the region itself.
    pub crop_size_zyx_mm: Option<[f64; 3]>,
    /// As which data set the networks see the scan.
    pub domain: Domain,
}

impl Default for ScanOptions {
    /// Half a patch a step, no mirroring, regions as they are, primary.
    fn default() -> Self {
        Self {
            step_fraction: 0.5,
            mirror_zyx: [false; 3],
            crop_size_zyx_mm: None,
            domain: Domain::Primary,
        }
    }
}

/// What segmenting a scan will do.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanPlan {
    original: Geometry,
    crops: Vec<Crop>,
}

/// One working grid and its windows.
#[derive(Debug, Clone, PartialEq)]
struct Crop {
    working: Geometry,
    windows: WindowPlan,
    beyond_zyx_mm: [f64; 3],
}

impl ScanPlan {
    /// Forward passes of all crops, windows, mirrorings and networks.
    #[must_use]
    pub fn forwards(&self) -> usize {
        self.crops.iter().map(|crop| crop.windows.forwards()).sum()
    }

    /// The grids that the networks see.
    #[must_use]
    pub fn working_grids(&self) -> Vec<&Geometry> {
        self.crops.iter().map(|crop| &crop.working).collect()
    }

    /// How far each region reaches beyond its crop along the working grid's axes, in mm: not 0
    /// only where crops have a fixed size.
    #[must_use]
    pub fn beyond_zyx_mm(&self) -> Vec<[f64; 3]> {
        self.crops.iter().map(|crop| crop.beyond_zyx_mm).collect()
    }

    /// Most bytes that segmenting allocates beside the scan itself: labels of the scan's size,
    /// and for the largest crop its image, the probabilities that windows still reach, and what
    /// a forward is said to take.
    #[must_use]
    pub fn peak_bytes(&self) -> usize {
        let labels = self.original.len() * size_of::<u16>();
        let largest = self.crops.iter().map(|crop| {
            let image = crop.working.len() * size_of::<f32>();
            let slice = OriginalGrid::slice_bytes(&crop.working, crop.windows.classes());
            let sliding = image + crop.windows.peak_bytes() + slice;
            sliding.max(image_bytes(&self.original, &crop.working))
        });
        labels + largest.max().unwrap_or(0)
    }
}

/// A volume that is planned for before it is there.
struct NotYet {
    channels: usize,
    shape_zyx: [usize; 3],
}

impl PatchSource for NotYet {
    fn channels(&self) -> usize {
        self.channels
    }

    fn shape_zyx(&self) -> [usize; 3] {
        self.shape_zyx
    }

    fn read_row(&self, _: usize, _: usize, _: usize, _: std::ops::Range<usize>, row: &mut [f32]) {
        row.fill(0.0);
    }
}

/// Say what segmenting a scan will do, before a voxel of it is needed.
///
/// # Errors
/// No network, networks of different plans, regions that are not on the scan, and options that
/// make no windows.
pub fn plan_scan<N: SegmentationNetwork + Sync>(
    original: &Geometry,
    regions: &[BoundingBox],
    networks: &[N],
    how: &ScanOptions,
) -> Result<ScanPlan, InferenceError> {
    let plan = common_plan(networks)?;
    let predictors = predictors(networks, how.domain);
    let regions: Vec<(Option<BoundingBox>, Region)> = if regions.is_empty() {
        vec![(None, Region::Whole)]
    } else {
        let seen = regions.iter().map(|&around| {
            let region = match how.crop_size_zyx_mm {
                Some(size_zyx_mm) => Region::Fixed {
                    around,
                    size_zyx_mm,
                },
                None => Region::Box(around),
            };
            (Some(around), region)
        });
        seen.collect()
    };
    let crops = regions.into_iter().map(|(around, region)| {
        let working = working_grid(original, region, plan)?;
        let not_yet = NotYet {
            channels: 1,
            shape_zyx: working.shape_zyx,
        };
        Ok(Crop {
            windows: sliding(how).plan(&not_yet, &predictors)?,
            beyond_zyx_mm: match around {
                Some(region) => beyond_zyx_mm(&region, original, &working)?,
                None => [0.0; 3],
            },
            working,
        })
    });
    Ok(ScanPlan {
        original: original.clone(),
        crops: crops.collect::<Result<_, InferenceError>>()?,
    })
}

/// Segment a scan, or regions of it, with an ensemble of networks.
///
/// Each region is prepared as the networks' plan says ([`crate::prepare`]), windows are slid
/// over it and blended with Gaussian weights, networks and mirrorings are averaged, and the
/// probabilities go onto the scan's own grid slice by slice: classes x volume is never held.
/// Outside the regions all is background; where crops overlap, a voxel belongs to the one in
/// which it lies deepest.
///
/// `progress` hears `(forwards done, of all)` after each window.
///
/// # Shapes
/// Returns labels on the image's grid, `[z, y, x]`, with the names of the plan.
///
/// # Errors
/// As [`plan_scan`], NaN or infinity in the image or from a network, and what networks say.
pub fn segment_scan<N: SegmentationNetwork + Sync>(
    image: &Image,
    regions: &[BoundingBox],
    networks: &[N],
    how: &ScanOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<LabelMap, InferenceError> {
    let original = image.geometry();
    let scan = plan_scan(original, regions, networks, how)?;
    let plan = common_plan(networks)?;
    let classes = plan.labels.value.channels();
    let (decision, names) = answer(plan)?;
    let predictors = predictors(networks, how.domain);
    let of = scan.forwards();
    let mut before = 0;
    let mut labels = Volume::new(original.clone(), vec![0u16; original.len()])?;
    for (c, crop) in scan.crops.iter().enumerate() {
        let others = scan.crops.iter().enumerate();
        let others: Vec<Geometry> = others
            .filter(|(other, _)| *other != c)
            .map(|(_, other)| other.working.clone())
            .collect();
        let shown = image_on(image, &crop.working, &plan.window.value)?;
        let mut sink = Heard {
            onto: OriginalGrid::onto(labels, &crop.working, classes, decision.clone())?
                .beside(&others),
            progress,
            before,
            of,
        };
        slide(&crop.windows, &shown, &predictors, &mut sink)?;
        labels = sink.onto.finish()?;
        before += crop.windows.forwards();
    }
    Ok(LabelMap {
        volume: labels,
        names,
    })
}

/// Segment the whole scan and leave the labels on the networks' own grid: what a coarse network
/// is for, whose boxes [`super::coarse::box_on`] puts onto the scan. Nothing of the scan's size
/// is made but the scan on the coarse grid.
///
/// # Shapes
/// Returns labels on the working grid, `[z, y, x]`, with the names of the plan.
///
/// # Errors
/// As [`segment_scan`].
pub fn segment_on_working_grid<N: SegmentationNetwork + Sync>(
    image: &Image,
    networks: &[N],
    how: &ScanOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<LabelMap, InferenceError> {
    let scan = plan_scan(image.geometry(), &[], networks, how)?;
    let plan = common_plan(networks)?;
    let (decision, names) = answer(plan)?;
    let predictors = predictors(networks, how.domain);
    let crop = scan.crops.first().ok_or(InferenceError::NoPredictor)?;
    let shown = image_on(image, &crop.working, &plan.window.value)?;
    let classes = plan.labels.value.channels();
    let mut sink = Heard {
        onto: LabelSlices::new(&crop.working, classes, decision)?,
        progress,
        before: 0,
        of: scan.forwards(),
    };
    slide(&crop.windows, &shown, &predictors, &mut sink)?;
    Ok(LabelMap {
        volume: sink.onto.finish()?,
        names,
    })
}

/// How probabilities become the labels of a plan, and what these are called.
fn answer(plan: &Plan) -> Result<(Decision, LabelNames), InferenceError> {
    let meanings = meanings(&plan.labels.value)?;
    let decision = match &plan.labels.value {
        LabelSet::Classes(names) => Decision::classes(names.len()),
        LabelSet::Regions(_) => Decision::Nested {
            labels: meanings.iter().map(|m| u16::from(m.label)).collect(),
        },
    };
    let names = meanings.into_iter().map(|m| (u16::from(m.label), m.name));
    Ok((decision, names.collect()))
}

/// A sink whose progress is heard as part of a larger whole.
struct Heard<'a, S> {
    onto: S,
    progress: &'a mut dyn FnMut(usize, usize),
    before: usize,
    of: usize,
}

impl<S: SliceSink> SliceSink for Heard<'_, S> {
    fn take(&mut self, z: usize, probabilities: &[f32]) -> Result<(), BoxedError> {
        self.onto.take(z, probabilities)
    }

    fn progressed(&mut self, done: usize, _: usize) -> Result<(), BoxedError> {
        (self.progress)(self.before + done, self.of);
        Ok(())
    }
}

/// Windows over an image of 0..1, around which lies the lower end of the window.
fn sliding(how: &ScanOptions) -> SlidingWindow {
    SlidingWindow {
        step_fraction: how.step_fraction,
        mirror_zyx: how.mirror_zyx,
        padding: 0.0,
    }
}

fn predictors<N: SegmentationNetwork + Sync>(
    networks: &[N],
    domain: Domain,
) -> Vec<NetworkPredictor<'_, N>> {
    let new = |network| NetworkPredictor::new(network, domain);
    networks.iter().map(new).collect()
}

/// The plan of all networks of an ensemble.
fn common_plan<N: SegmentationNetwork>(networks: &[N]) -> Result<&Plan, InferenceError> {
    let first = networks.first().ok_or(InferenceError::NoPredictor)?.plan();
    for (index, network) in networks.iter().enumerate().skip(1) {
        if let Some(difference) = plan_differences(network.plan(), first).first() {
            return Err(InferenceError::Ensemble {
                index,
                expected: format!("{} {}", difference.field, difference.expected),
                found: format!("{} {}", difference.field, difference.found),
            });
        }
    }
    Ok(first)
}
