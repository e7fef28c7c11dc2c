//! From a case to its volumes.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use renalflow_imaging::{
    Geometry, Image, LabelMap, LabelNames, ReadError,
    dicom::{RtStruct, SeriesSelector, read_segmentation, read_series},
    io::{read_image, read_label_map},
};

use crate::{
    case::{CaseSource, CaseSpec, DicomMask, DicomMaskKind},
    error::CaseError,
    phantom::{ANATOMY_VERSION, GENERATOR_VERSION, PhantomSpec},
    phantom_cohort,
    record::Record,
};

/// A case with its volumes.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedCase {
    /// The image, if the data set has images.
    pub image: Option<Image>,
    /// The mask, if the data set has masks, with the data set's label names.
    pub mask: Option<LabelMap>,
    /// Clinical data and labels; for a phantom, completed with what came of it.
    pub record: Record,
    /// BLAKE3 (hex) of the source files' bytes; for a phantom, of its specification, the
    /// generator's version and the bytes of its real anatomy.
    pub content_digest: String,
}

/// Read (or make) the volumes of a case.
///
/// # Errors
/// A file that is not there or that its reader refuses, named; image and mask on different
/// grids; a phantom that cannot be made.
pub fn load_case(case: &CaseSpec) -> Result<LoadedCase, CaseError> {
    match &case.source {
        CaseSource::Files { image, mask } => files(case, image.as_deref(), mask.as_deref()),
        CaseSource::Dicom { image, mask } => dicom(case, image, mask.as_ref()),
        CaseSource::Phantom(spec) => phantom(case, spec),
    }
}

fn files(
    case: &CaseSpec,
    image_path: Option<&Path>,
    mask_path: Option<&Path>,
) -> Result<LoadedCase, CaseError> {
    let mut digest = Digest::new(case);
    let there = |path: &Path, role, absent: &str| present(case, path, role, absent);
    let image = image_path
        .map(|path| {
            there(
                path,
                "image",
                "copy it there, or use a data set without images (`images: none`)",
            )?;
            digest.file("image", path)?;
            read_image(path).map_err(|e| read_error(case, e))
        })
        .transpose()?;
    let mask = mask_path
        .map(|path| {
            there(path, "mask", "copy it there, or exclude the case")?;
            digest.file("mask", path)?;
            read_label_map(path, case.labels.clone()).map_err(|e| read_error(case, e))
        })
        .transpose()?;
    if let (Some(image), Some(mask)) = (&image, &mask) {
        same_grid(
            case,
            image.geometry(),
            mask.geometry(),
            image_path,
            mask_path,
        )?;
    }
    Ok(LoadedCase {
        image,
        mask,
        record: case.record.clone(),
        content_digest: digest.finish(),
    })
}

fn dicom(
    case: &CaseSpec,
    folder: &Path,
    mask: Option<&DicomMask>,
) -> Result<LoadedCase, CaseError> {
    let mut digest = Digest::new(case);
    present(case, folder, "image", "give the folder of the DICOM series")?;
    digest.folder("image", folder)?;
    let (image, _) = read_series(folder, &SeriesSelector::Only).map_err(|e| read_error(case, e))?;
    let mask = mask
        .map(|mask| {
            present(
                case,
                &mask.file,
                "mask",
                "give the RTSTRUCT or SEG file, or exclude the case",
            )?;
            digest.file("mask", &mask.file)?;
            digest.text(&format!("{:?}", mask.rois));
            dicom_mask(mask, image.geometry(), &case.labels).map_err(|e| read_error(case, e))
        })
        .transpose()?;
    Ok(LoadedCase {
        image: Some(image),
        mask,
        record: case.record.clone(),
        content_digest: digest.finish(),
    })
}

/// Draw a DICOM mask on a grid with the data set's labels.
fn dicom_mask(
    mask: &DicomMask,
    grid: &Geometry,
    names: &LabelNames,
) -> Result<LabelMap, ReadError> {
    let drawn = match mask.kind {
        DicomMaskKind::RtStruct => {
            let set = RtStruct::open(&mask.file)?;
            // In the order of labels, so that the higher one is drawn last.
            let mut order: Vec<(&str, u16)> = mask
                .rois
                .iter()
                .map(|(name, label)| (name.as_str(), *label))
                .collect();
            order.sort_by_key(|(_, label)| *label);
            let regions: Vec<&str> = order.iter().map(|(name, _)| *name).collect();
            let drawn = set.label_map(&regions, grid)?;
            let table: Vec<u16> = std::iter::once(0)
                .chain(order.iter().map(|(_, l)| *l))
                .collect();
            relabelled(drawn, |label| {
                table.get(usize::from(label)).copied().unwrap_or(0)
            })
        }
        DicomMaskKind::Segmentation => {
            let read = read_segmentation(&mask.file, grid)?;
            if mask.rois.is_empty() {
                read
            } else {
                let segments = read.names.clone();
                if let Some(absent) = mask
                    .rois
                    .keys()
                    .find(|roi| !segments.values().any(|s| s == *roi))
                {
                    return Err(ReadError::UnknownRegion {
                        path: mask.file.clone(),
                        wanted: absent.clone(),
                        known: segments.into_values().collect(),
                    });
                }
                relabelled(read, |segment| {
                    segments
                        .get(&segment)
                        .and_then(|name| mask.rois.get(name))
                        .copied()
                        .unwrap_or(0)
                })
            }
        }
    };
    let names = if names.is_empty() {
        drawn.names
    } else {
        names.clone()
    };
    Ok(LabelMap {
        volume: drawn.volume,
        names,
    })
}

/// The same map with other labels; names follow their labels.
fn relabelled(labels: LabelMap, new: impl Fn(u16) -> u16) -> LabelMap {
    let table: Vec<u16> = (0..=u16::MAX).map(new).collect();
    LabelMap {
        volume: labels.volume.map(|label| table[usize::from(*label)]),
        names: labels
            .names
            .into_iter()
            .map(|(label, name)| (table[usize::from(label)], name))
            .collect(),
    }
}

fn phantom(case: &CaseSpec, spec: &PhantomSpec) -> Result<LoadedCase, CaseError> {
    let mut digest = Digest::new(case);
    digest.text(&format!("phantom generator {GENERATOR_VERSION}"));
    // The anatomy counts by its bytes, not by where it lies.
    let placeless = PhantomSpec {
        anatomy: None,
        ..spec.clone()
    };
    digest.text(&format!("{placeless:?}"));
    if let Some(mask) = &spec.anatomy {
        present(
            case,
            mask,
            "mask",
            "point `anatomy` to masks in KiTS19's layout",
        )?;
        digest.text(&format!("real anatomy {ANATOMY_VERSION}"));
        digest.file("anatomy", mask)?;
    }
    let phantom = spec.generate().map_err(|source| CaseError::Phantom {
        case: case.case_id.clone(),
        source: Box::new(source),
    })?;
    let mut record = case.record.clone();
    phantom_cohort::complete(&mut record, &phantom);
    let names = if case.labels.is_empty() {
        phantom_labels()
    } else {
        case.labels.clone()
    };
    Ok(LoadedCase {
        image: Some(Image::I16(phantom.image)),
        mask: Some(LabelMap {
            volume: phantom.labels,
            names,
        }),
        record,
        content_digest: digest.finish(),
    })
}

/// The phantom's labels, which are KiTS19's.
pub(crate) fn phantom_labels() -> LabelNames {
    LabelNames::from([(1, "kidney".to_owned()), (2, "tumour".to_owned())])
}

fn present(case: &CaseSpec, path: &Path, role: &'static str, fix: &str) -> Result<(), CaseError> {
    match path.try_exists() {
        Ok(false) => Err(CaseError::Missing {
            case: case.case_id.clone(),
            role,
            path: path.to_owned(),
            fix: fix.to_owned(),
        }),
        // Whatever else is wrong, reading it says so better.
        Ok(true) | Err(_) => Ok(()),
    }
}

fn read_error(case: &CaseSpec, source: ReadError) -> CaseError {
    CaseError::Read {
        case: case.case_id.clone(),
        source: Box::new(source),
    }
}

fn same_grid(
    case: &CaseSpec,
    image: &Geometry,
    mask: &Geometry,
    image_path: Option<&Path>,
    mask_path: Option<&Path>,
) -> Result<(), CaseError> {
    if image.coincides_with(mask) {
        return Ok(());
    }
    let describe = |geometry: &Geometry| {
        let [z, y, x] = geometry.shape_zyx;
        let [dz, dy, dx] = geometry.spacing_zyx_mm;
        format!("{z} x {y} x {x} voxels of {dz:.4} x {dy:.4} x {dx:.4} mm")
    };
    let difference = match image.distance(mask) {
        Some(distance) => format!(
            "{:.4} mm ({:.4} voxels) apart",
            distance.mm, distance.voxels
        ),
        None => "their shapes differ".to_owned(),
    };
    Err(CaseError::Grids {
        case: case.case_id.clone(),
        image: image_path.unwrap_or(Path::new("")).to_owned(),
        mask: mask_path.unwrap_or(Path::new("")).to_owned(),
        image_grid: describe(image),
        mask_grid: describe(mask),
        difference,
    })
}

/// The digest of a case's content.
struct Digest<'a> {
    case: &'a CaseSpec,
    hasher: blake3::Hasher,
}

impl<'a> Digest<'a> {
    fn new(case: &'a CaseSpec) -> Self {
        Self {
            case,
            hasher: blake3::Hasher::new(),
        }
    }

    /// Add a text; its length keeps neighbours apart.
    fn text(&mut self, text: &str) {
        self.hasher.update(&(text.len() as u64).to_le_bytes());
        self.hasher.update(text.as_bytes());
    }

    /// Add a file's bytes under a role; its name does not count.
    fn file(&mut self, role: &str, path: &Path) -> Result<(), CaseError> {
        self.text(role);
        let hashed = (|| {
            let mut file = fs::File::open(path)?;
            let mut hasher = blake3::Hasher::new();
            let mut buffer = vec![0u8; 1 << 18];
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    n => hasher.update(&buffer[..n]),
                };
            }
            io::Result::Ok(hasher.finalize())
        })()
        .map_err(|source| CaseError::Io {
            case: self.case.case_id.clone(),
            path: path.to_owned(),
            source,
        })?;
        self.hasher.update(hashed.as_bytes());
        Ok(())
    }

    /// Add every file of a folder in the order of their names.
    fn folder(&mut self, role: &str, folder: &Path) -> Result<(), CaseError> {
        let io = |source| CaseError::Io {
            case: self.case.case_id.clone(),
            path: folder.to_owned(),
            source,
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.is_file() {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths {
            self.file(role, &path)?;
        }
        Ok(())
    }

    fn finish(self) -> String {
        self.hasher.finalize().to_string()
    }
}
