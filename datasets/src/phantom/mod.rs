//! Synthetic patients: abdominal CTs with a kidney tumour, made from a seed.
//!
//! A patient is a scene of solids (torso, viscera, kidneys, tumour) under a smooth warp. A
//! domain's scanner samples it: each voxel blends tissues by coverage (partial
//! volume), slices integrate over their thickness, the plane is blurred by the point-spread
//! function, and correlated quantum noise is added before rounding to whole HU.
//!
//! Ground truth, in KiTS19's labels: 1 is kidney (cortex, medulla and simple cysts; not the
//! sinus fat, pelvis and vessels), 2 is tumour. A voxel is labelled where half of it or more
//! is kidney or tumour, before blur and noise.
//!
//! The same specification gives the same bytes on every machine and for every number of
//! threads: random numbers are ChaCha8, transcendental functions are `libm`'s, and every
//! other operation is one that IEEE 754 defines.

mod anatomy;
mod field;
mod kidney;
mod noise;
mod paint;
pub(crate) mod random;
mod scanner;
mod shape;
mod tissue;
mod torso;
mod tumour;
mod viscera;
mod warp;

use std::path::PathBuf;

use rayon::prelude::*;
use renalflow_imaging::{Geometry, GeometryError, ReadError, Volume, geometry::IDENTITY};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use scanner::Domain;
pub use tissue::{Phase, Subtype};
pub use tumour::{Pole, Side, TumourDesign};

use anatomy::Anatomy;
use paint::{Plane, Scene};
use random::Stream;
use torso::Habitus;
use warp::Warp;

/// Part of every phantom's content digest: raised when a change alters the bytes.
pub const GENERATOR_VERSION: u32 = 1;

/// Part of the digest of those with real anatomy alone: raised when a change alters their bytes
/// and not those of the drawn ones.
pub const ANATOMY_VERSION: u32 = 2;

/// A synthetic patient, fully specified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhantomSpec {
    /// Scanner and protocol.
    pub domain: Domain,
    /// Number of the patient in the cohort.
    pub index: u32,
    /// The cohort's seed.
    pub seed: u64,
    /// Class of the tumour.
    pub malignant: bool,
    /// Number of voxels; the domain's by default.
    pub shape_zyx: Option<[usize; 3]>,
    /// Voxel size; by default the domain's slice spacing, and in the plane what fits the
    /// patient into the field of view.
    pub spacing_zyx_mm: Option<[f64; 3]>,
    /// Contrast phase; the domain's by default.
    pub phase: Option<Phase>,
    /// A real mask in KiTS19's labels whose kidneys and tumour take the place of the
    /// synthetic ones, in the mask's own world coordinates.
    pub anatomy: Option<PathBuf>,
}

/// A synthetic patient.
#[derive(Debug, Clone, PartialEq)]
pub struct Phantom {
    /// The scan, HU.
    pub image: Volume<i16>,
    /// Ground truth on the same grid: 1 kidney, 2 tumour.
    pub labels: Volume<u16>,
    /// What was drawn and what came of it.
    pub truth: Truth,
}

/// What is true of a synthetic patient.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// What was drawn for the tumour. With real anatomy its size, margin and place are not
    /// used; [`Truth::side`] and [`Truth::pole`] say where the real one is.
    pub design: TumourDesign,
    /// Contrast phase of the scan.
    pub phase: Phase,
    /// Kidney with the tumour.
    pub side: Side,
    /// Third of the kidney with the tumour's centre.
    pub pole: Pole,
    /// Volume of the tumour within the field of view, mL, counting partial voxels by share.
    pub tumour_volume_ml: f64,
    /// Share of the tumour beyond the kidney's outline; unknown for real anatomy.
    pub exophytic_fraction: Option<f64>,
}

/// Twice a full-resolution CT of 1024 slices.
const MOST_VOXELS: usize = 1 << 29;

/// Why a phantom could not be made.
#[derive(Debug, Error)]
pub enum PhantomError {
    /// The grid is unusable.
    #[error("phantom grid: {0}")]
    Grid(#[from] GeometryError),
    /// A grid that no scanner has and that would not fit in memory or time.
    #[error(
        "phantom grid: shape_zyx {shape_zyx:?} of {spacing_zyx_mm:?} mm; give at most \
         {MOST_VOXELS} voxels of 0.1 to 50 mm"
    )]
    Size {
        /// The shape asked for.
        shape_zyx: [usize; 3],
        /// The spacing asked for.
        spacing_zyx_mm: [f64; 3],
    },
    /// The kidneys of the real anatomy are larger than a patient.
    #[error(
        "phantom anatomy {}: kidneys and tumour span {span_xyz_mm:.0?} mm; check the mask's \
         spacing and labels", file.display()
    )]
    Span {
        /// The mask.
        file: PathBuf,
        /// Size of the box around the labels.
        span_xyz_mm: [f64; 3],
    },
    /// The mask of the real anatomy could not be read.
    #[error("phantom anatomy: {0}")]
    Anatomy(#[from] ReadError),
    /// The mask of the real anatomy has no kidney or no tumour.
    #[error(
        "phantom anatomy {}: no voxel is labelled {label} ({name}); choose a mask in KiTS19's labels",
        file.display()
    )]
    NoLabel {
        /// The mask.
        file: PathBuf,
        /// The label that is missing.
        label: u16,
        /// Its name.
        name: &'static str,
    },
}

impl PhantomSpec {
    /// `phantom_primary_0007`.
    #[must_use]
    pub fn case_id(&self) -> String {
        format!("phantom_{}_{:04}", self.domain.name(), self.index)
    }

    /// The patient's own seed.
    fn patient_seed(&self) -> u64 {
        let purpose = format!("patient {} {}", self.domain.name(), self.index);
        Stream::new(self.seed, &purpose).word()
    }

    /// What is drawn for the tumour; cheap, nothing is painted.
    #[must_use]
    pub fn design(&self) -> TumourDesign {
        TumourDesign::draw(self.malignant, self.patient_seed())
    }

    /// The contrast phase that applies.
    #[must_use]
    pub fn effective_phase(&self) -> Phase {
        self.phase.unwrap_or(self.domain.protocol().phase)
    }

    /// Make the patient.
    ///
    /// # Errors
    /// A grid that cannot be, or real anatomy that cannot be read or lacks a label.
    pub fn generate(&self) -> Result<Phantom, PhantomError> {
        let seed = self.patient_seed();
        let design = self.design();
        let phase = self.effective_phase();
        let protocol = self.domain.protocol();
        let mut stream = Stream::new(seed, "patient");
        let mut habitus = Habitus::draw(&mut stream);
        let anatomy = match &self.anatomy {
            Some(mask) => Anatomy::real(mask, &mut habitus, &design, phase, seed)?,
            None => Anatomy::synthetic(&habitus, &design, phase, seed),
        };

        // The scene's origin lies somewhere in the scanner's coordinates.
        let scene_xyz_mm = anatomy.origin_xyz_mm.unwrap_or_else(|| {
            let couch = stream.between(-160.0, -120.0);
            [0.0, couch, stream.between(-500.0, -250.0)].map(|v: f64| v.round())
        });
        let (geometry, plane) = self.grid(&habitus, scene_xyz_mm)?;
        let [nz, ny, nx] = geometry.shape_zyx;
        let spacing_z = geometry.spacing_zyx_mm[0];

        let mut parts = torso::Torso::build(&habitus, phase, &anatomy.keep, seed);
        parts.extend(anatomy.parts);
        let warp = if self.anatomy.is_some() {
            // Real organs stay where they are.
            Warp::none()
        } else {
            Warp::draw(seed)
        };
        let scene = Scene::new(parts, warp);
        let samples = protocol.slice_samples_mm();
        let kernel = noise::gaussian_kernel(
            protocol.kernel_sigma_mm / geometry.spacing_zyx_mm[1].min(geometry.spacing_zyx_mm[2]),
        );
        let quantum = protocol
            .noise
            .render(geometry.shape_zyx, geometry.spacing_zyx_mm[2], seed);

        let mut voxels = vec![0i16; nz * ny * nx];
        let mut labels = vec![0u16; nz * ny * nx];
        let tumour_voxels: Vec<f64> = voxels
            .par_chunks_exact_mut(ny * nx)
            .zip(labels.par_chunks_exact_mut(ny * nx))
            .zip(quantum.par_chunks_exact(ny * nx))
            .enumerate()
            .map(|(index, ((voxels, labels), quantum))| {
                let z = ((index as f64 - (nz - 1) as f64 / 2.0) * spacing_z) as f32;
                let slice = scene.paint(&plane, z, &samples);
                let blurred = noise::convolve(
                    &padded(&slice.hu, ny, nx, kernel.len() / 2),
                    ny,
                    nx,
                    &kernel,
                );
                for (i, voxel) in voxels.iter_mut().enumerate() {
                    // Twelve bits, as scanners store.
                    *voxel = (blurred[i] + quantum[i]).round().clamp(-1024.0, 3071.0) as i16;
                    labels[i] = label(slice.kidney[i], slice.tumour[i]);
                }
                slice.tumour.iter().map(|&share| f64::from(share)).sum()
            })
            .collect();

        let tumour_volume_ml =
            tumour_voxels.iter().sum::<f64>() * geometry.voxel_volume_mm3() / 1000.0;
        Ok(Phantom {
            image: Volume::new(geometry.clone(), voxels)?,
            labels: Volume::new(geometry, labels)?,
            truth: Truth {
                side: anatomy.side,
                pole: anatomy.pole,
                exophytic_fraction: anatomy.exophytic_fraction,
                design,
                phase,
                tumour_volume_ml,
            },
        })
    }

    /// The scan's grid and its pixels in the scene.
    fn grid(
        &self,
        habitus: &Habitus,
        scene_xyz_mm: [f64; 3],
    ) -> Result<(Geometry, Plane), PhantomError> {
        let protocol = self.domain.protocol();
        let shape_zyx = self.shape_zyx.unwrap_or(protocol.shape_zyx);
        let spacing_zyx_mm = self.spacing_zyx_mm.unwrap_or_else(|| {
            // The default shape fits the patient's width; other shapes cut or add margin.
            let width = 2.0 * f64::from(habitus.half_size_mm()[0]) * 1.07;
            let pixel = (width / protocol.shape_zyx[2] as f64 * 1024.0).ceil() / 1024.0;
            [protocol.slice_spacing_mm, pixel, pixel]
        });
        let first: [f64; 3] = std::array::from_fn(|axis| {
            let (n, spacing) = (shape_zyx[2 - axis], spacing_zyx_mm[2 - axis]);
            -((n.max(1) - 1) as f64) / 2.0 * spacing
        });
        let geometry = Geometry {
            shape_zyx,
            spacing_zyx_mm,
            origin_xyz_mm: std::array::from_fn(|axis| scene_xyz_mm[axis] + first[axis]),
            direction: IDENTITY,
        };
        geometry.validate()?;
        let fine = spacing_zyx_mm.iter().all(|mm| (0.1..=50.0).contains(mm));
        if geometry.len() > MOST_VOXELS || !fine {
            return Err(PhantomError::Size {
                shape_zyx,
                spacing_zyx_mm,
            });
        }
        let along = |axis: usize| -> Vec<f32> {
            (0..shape_zyx[2 - axis])
                .map(|i| (first[axis] + i as f64 * spacing_zyx_mm[2 - axis]) as f32)
                .collect()
        };
        let plane = Plane {
            xs: along(0),
            ys: along(1),
            pixel_mm: (0.5 * (spacing_zyx_mm[1] + spacing_zyx_mm[2])) as f32,
        };
        Ok((geometry, plane))
    }
}

/// The label of a voxel from its shares.
fn label(kidney: f32, tumour: f32) -> u16 {
    if kidney + tumour < 0.5 {
        0
    } else if tumour >= kidney {
        2
    } else {
        1
    }
}

/// A plane with its border repeated `margin` times on every side.
///
/// # Shapes
/// `plane`: `[ny, nx]`; returns `[ny + 2 margin, nx + 2 margin]`.
fn padded(plane: &[f32], ny: usize, nx: usize, margin: usize) -> Vec<f32> {
    let inside = |i: usize, n: usize| i.saturating_sub(margin).min(n - 1);
    let mut out = Vec::with_capacity((ny + 2 * margin) * (nx + 2 * margin));
    for y in 0..ny + 2 * margin {
        let row = &plane[inside(y, ny) * nx..][..nx];
        out.extend((0..nx + 2 * margin).map(|x| row[inside(x, nx)]));
    }
    out
}
