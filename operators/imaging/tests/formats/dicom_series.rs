use std::{fs, path::PathBuf};

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use renalflow_imaging::{
    Image, ReadError,
    dicom::{SeriesSelector, list_series, read_series, read_series_geometry},
};

use crate::build::Folder;

/// One CT slice of 2 rows and 3 columns; tests change what they are about.
#[derive(Clone)]
pub struct Slice {
    pub series: &'static str,
    pub class: &'static str,
    pub position: [f64; 3],
    pub orientation: [f64; 6],
    pub pixel_spacing: [f64; 2],
    pub slope: f64,
    pub intercept: f64,
    pub signed: bool,
    pub bits_stored: u16,
    pub photometric: &'static str,
    pub frames: u32,
    pub thickness: Option<f64>,
    pub pixels: Vec<u16>,
}

impl Slice {
    pub fn at(z_mm: f64) -> Self {
        Self {
            series: "1.2.3",
            class: uids::CT_IMAGE_STORAGE,
            position: [-10.0, 20.0, z_mm],
            orientation: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            pixel_spacing: [0.8, 0.5],
            slope: 1.0,
            intercept: -1024.0,
            signed: false,
            bits_stored: 12,
            photometric: "MONOCHROME2",
            frames: 1,
            thickness: None,
            pixels: (0..6).collect(),
        }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn write(&self, path: PathBuf) {
        let text = |tag, vr, value: &str| DataElement::new(tag, vr, PrimitiveValue::from(value));
        let short = |tag, value: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(value));
        let numbers = |tag, values: &[f64]| {
            let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
            text(tag, VR::DS, &texts.join("\\"))
        };
        let mut object = InMemDicomObject::from_element_iter([
            text(tags::SOP_CLASS_UID, VR::UI, self.class),
            text(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3.4"),
            text(tags::SERIES_INSTANCE_UID, VR::UI, self.series),
            text(tags::MODALITY, VR::CS, "CT"),
            text(tags::SERIES_DESCRIPTION, VR::LO, "arterial"),
            text(tags::NUMBER_OF_FRAMES, VR::IS, &self.frames.to_string()),
            text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, self.photometric),
            numbers(tags::IMAGE_POSITION_PATIENT, &self.position),
            numbers(tags::IMAGE_ORIENTATION_PATIENT, &self.orientation),
            numbers(tags::PIXEL_SPACING, &self.pixel_spacing),
            numbers(tags::RESCALE_SLOPE, &[self.slope]),
            numbers(tags::RESCALE_INTERCEPT, &[self.intercept]),
            short(tags::ROWS, 2),
            short(tags::COLUMNS, 3),
            short(tags::SAMPLES_PER_PIXEL, 1),
            short(tags::BITS_ALLOCATED, 16),
            short(tags::BITS_STORED, self.bits_stored),
            short(tags::HIGH_BIT, self.bits_stored - 1),
            short(tags::PIXEL_REPRESENTATION, self.signed.into()),
            DataElement::new(
                tags::PIXEL_DATA,
                VR::OW,
                PrimitiveValue::U16(self.pixels.clone().into()),
            ),
        ]);
        if let Some(thickness) = self.thickness {
            object.put(numbers(tags::SLICE_THICKNESS, &[thickness]));
        }
        let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
        object.with_meta(meta).unwrap().write_to_file(path).unwrap();
    }
}

fn folder(slices: &[Slice]) -> Folder {
    let folder = Folder::new();
    for (i, slice) in slices.iter().enumerate() {
        // The first slice gets the last name.
        slice.write(folder.path(&format!("{:03}.dcm", 999 - i)));
    }
    folder
}

fn read(slices: &[Slice]) -> Result<Image, ReadError> {
    read_series(folder(slices).path(""), &SeriesSelector::Only).map(|(image, _)| image)
}

fn refused<T: std::fmt::Debug>(result: Result<T, ReadError>, says: &[&str]) {
    let text = result.unwrap_err().to_string();
    assert!(text.lines().count() <= 4 && text.len() < 1200, "{text}");
    for part in says {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

#[test]
fn slices_are_ordered_by_position_whatever_their_names() {
    let slices = [5.0, 0.0, 2.5]
        .map(|z| Slice::at(z).with(|s| s.pixels = (0..6).map(|i| i + 10 * z as u16).collect()));
    let folder = folder(&slices);
    let (image, report) = read_series(folder.path(""), &SeriesSelector::Only).unwrap();
    let geometry = image.geometry();
    assert_eq!(geometry.shape_zyx, [3, 2, 3]);
    assert_eq!(geometry.spacing_zyx_mm, [2.5, 0.8, 0.5]);
    assert_eq!(geometry.origin_xyz_mm, [-10.0, 20.0, 0.0]);
    let Image::I16(volume) = &image else {
        panic!("{}", image.dtype())
    };
    assert_eq!(volume.voxels()[..3], [-1024, -1023, -1022]);
    assert_eq!(volume.voxels()[6], 20 - 1024);
    assert_eq!(volume.voxels()[12], 50 - 1024);
    assert_eq!(report.series.images, 3);
    assert_eq!(report.series.description, "arterial");
    let names: Vec<_> = report
        .files_along_z
        .iter()
        .map(|p| p.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["998.dcm", "997.dcm", "999.dcm"]);
    assert_eq!(
        &read_series_geometry(folder.path(""), &SeriesSelector::Only)
            .unwrap()
            .0,
        geometry
    );
}

#[test]
fn sagittal_slices_make_a_grid_of_their_own() {
    // Rows run to the head's foot, columns to the back: slices follow each other to the right.
    let orientation = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0];
    let slices = [0.0, 2.0, 4.0].map(|x| {
        Slice::at(0.0).with(|s| (s.position, s.orientation) = ([x, 0.0, 50.0], orientation))
    });
    let image = read(&slices).unwrap();
    let geometry = image.geometry();
    assert_eq!(
        geometry.direction,
        [[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
    );
    assert_eq!(geometry.origin_xyz_mm, [4.0, 0.0, 50.0]);
    assert_eq!(geometry.spacing_zyx_mm, [2.0, 0.8, 0.5]);
}

#[test]
fn stored_bits_and_signs_are_respected() {
    let pair = |change: fn(&mut Slice)| read(&[0.0, 1.0].map(|z| Slice::at(z).with(change)));
    // 12 signed bits; what lies above them (overlays once did) is not part of the value.
    let signed = pair(|s| {
        (s.signed, s.intercept, s.pixels) = (true, 0.0, vec![0xF800, 0x0800, 0x07FF, 0xFFFF, 0, 1])
    });
    assert_eq!(
        signed.unwrap().to_f64().voxels()[..6],
        [-2048.0, -2048.0, 2047.0, -1.0, 0.0, 1.0]
    );
    let unsigned =
        pair(|s| (s.intercept, s.pixels) = (0.0, vec![0xF800, 0x0800, 0x07FF, 0xFFFF, 0, 1]));
    assert_eq!(
        unsigned.unwrap().to_f64().voxels()[..6],
        [2048.0, 2048.0, 2047.0, 4095.0, 0.0, 1.0]
    );
    let wide = pair(|s| (s.bits_stored, s.pixels[0]) = (16, 65535)).unwrap();
    assert_eq!((wide.dtype(), wide.to_f64().voxels()[0]), ("f32", 64511.0));
    let big = pair(|s| (s.slope, s.pixels[0]) = (1_000_003.0, 4095)).unwrap();
    assert_eq!(
        (big.dtype(), big.to_f64().voxels()[0]),
        ("f64", 4095.0 * 1_000_003.0 - 1024.0)
    );
    let fraction = pair(|s| s.slope = 0.1).unwrap();
    assert_eq!(fraction.dtype(), "f32");
    assert_eq!(
        fraction.to_f64().voxels()[5],
        f64::from((0.1 * 5.0 - 1024.0) as f32)
    );
    // Each slice has its own slope, as in PET.
    let own =
        [1.0, 2.0].map(|slope| Slice::at(slope).with(|s| (s.slope, s.intercept) = (slope, 0.0)));
    assert_eq!(read(&own).unwrap().to_f64().voxels()[5..8], [5.0, 0.0, 2.0]);
    // MONOCHROME1 is a matter of display.
    let inverse = pair(|s| s.photometric = "MONOCHROME1").unwrap();
    assert_eq!(inverse.to_f64().voxels()[1], -1023.0);
    refused(pair(|s| s.photometric = "RGB"), &["RGB", "grey values"]);
    refused(
        pair(|s| s.pixels.truncate(3)),
        &["promises 12 bytes", "only 6"],
    );
}

#[test]
fn a_gap_names_where_and_how_wide() {
    let slices = [0.0, 2.5, 5.0, 12.5, 15.0].map(Slice::at);
    refused(
        read(&slices),
        &[
            "997.dcm",
            "996.dcm",
            "2 slice(s) missing",
            "5.000 mm",
            "12.500 mm",
            "2.500 mm apart",
        ],
    );
}

#[test]
fn repeated_uneven_shifted_and_unlike_slices_are_refused() {
    refused(
        read(&[0.0, 2.5, 2.5, 5.0].map(Slice::at)),
        &["998.dcm", "997.dcm", "same position", "2.500"],
    );
    refused(
        read(&[0.0, 2.5, 5.9, 8.0, 10.0].map(Slice::at)),
        &["997.dcm", "off the even grid"],
    );
    // Positions rounded to a tenth of a millimetre are even enough.
    assert!(read(&[0.0, 0.6, 1.3, 1.9, 2.5].map(Slice::at)).is_ok());
    let tilted = [0.0, 2.5, 5.0].map(|z| Slice::at(z).with(|s| s.position[1] += z / 5.0));
    refused(read(&tilted), &["sideways", "tilted gantry", "upright"]);
    let one_of = |change: fn(&mut Slice)| read(&[Slice::at(0.0), Slice::at(1.0).with(change)]);
    refused(
        one_of(|s| s.pixel_spacing = [0.8, 0.6]),
        &["999.dcm", "pixels are", "localiser"],
    );
    refused(
        one_of(|s| s.orientation[1] = 0.1),
        &["rows and columns run along"],
    );
    let all = |change: fn(&mut Slice)| read(&[0.0, 1.0].map(|z| Slice::at(z).with(change)));
    refused(all(|s| s.pixel_spacing = [0.0, 0.5]), &["spacing_zyx_mm"]);
    refused(all(|s| s.orientation = [0.0; 6]), &[]);
    refused(all(|s| s.orientation = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]), &[]);
    refused(all(|s| s.position[0] = f64::NAN), &["ImagePositionPatient"]);
}

#[test]
fn a_single_slice_needs_a_thickness() {
    refused(read(&[Slice::at(0.0)]), &["single slice"]);
    let image = read(&[Slice::at(0.0).with(|s| s.thickness = Some(4.0))]).unwrap();
    assert_eq!(image.geometry().spacing_zyx_mm[0], 4.0);
}

#[test]
fn several_series_are_listed_and_one_can_be_chosen() {
    let slices: Vec<Slice> = [
        ("1.2.3", 0.0),
        ("1.2.3", 2.0),
        ("1.2.9", 0.0),
        ("1.2.9", 3.0),
        ("1.2.9", 6.0),
    ]
    .map(|(series, z)| Slice::at(z).with(|s| s.series = series))
    .to_vec();
    let folder = folder(&slices);
    let choose = |selector| read_series(folder.path(""), &selector);
    refused(
        choose(SeriesSelector::Only),
        &[
            "2 series",
            "1.2.3 (CT \"arterial\", 2 images)",
            "1.2.9 (CT \"arterial\", 3 images)",
            "SeriesInstanceUID",
        ],
    );
    let (image, report) = choose(SeriesSelector::Uid("1.2.9".to_owned())).unwrap();
    assert_eq!(image.geometry().shape_zyx[0], 3);
    assert_eq!(report.series.series_uid, "1.2.9");
    refused(
        choose(SeriesSelector::Uid("7.7".to_owned())),
        &["no DICOM image slices of series 7.7", "1.2.9"],
    );
    assert_eq!(list_series(folder.path("")).unwrap().0.len(), 2);
}

#[test]
fn what_is_no_slice_is_listed() {
    let folder = folder(&[0.0, 2.0].map(Slice::at));
    folder.file("README.txt", b"not an image");
    folder.file("Thumbs.db", &[0; 200]);
    fs::create_dir(folder.path("masks")).unwrap();
    Slice::at(0.0)
        .with(|s| s.class = uids::RT_STRUCTURE_SET_STORAGE)
        .write(folder.path("rs.dcm"));
    Slice::at(0.0)
        .with(|s| s.class = uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
        .write(folder.path("screenshot"));
    let (image, report) = read_series(folder.path(""), &SeriesSelector::Only).unwrap();
    assert_eq!(image.geometry().shape_zyx[0], 2);
    let skipped: Vec<(String, &str)> = report
        .skipped
        .iter()
        .map(|s| {
            (
                s.path.file_name().unwrap().to_string_lossy().into_owned(),
                s.reason.as_str(),
            )
        })
        .collect();
    let expected = [
        ("README.txt", "not DICOM"),
        ("Thumbs.db", "not DICOM"),
        ("masks", "a folder"),
        ("rs.dcm", "RTSTRUCT"),
        (
            "screenshot",
            "DICOM object of class 1.2.840.10008.5.1.4.1.1.7",
        ),
    ];
    assert_eq!(
        skipped,
        expected.map(|(name, reason)| (name.to_owned(), reason))
    );
}

#[test]
fn damaged_files_are_named() {
    let whole = folder(&[0.0, 2.0].map(Slice::at));
    let bytes = fs::read(whole.path("998.dcm")).unwrap();
    for length in [0, 10, 131, 140, 200, 300, bytes.len() - 20, bytes.len() - 1] {
        fs::write(whole.path("998.dcm"), &bytes[..length]).unwrap();
        refused(
            read_series(whole.path(""), &SeriesSelector::Only),
            &["998.dcm"],
        );
    }
    fs::write(whole.path("998.dcm"), b"plain text under a DICOM name").unwrap();
    refused(
        read_series(whole.path(""), &SeriesSelector::Only),
        &["998.dcm"],
    );
}

#[test]
fn folders_that_hold_no_series_are_refused() {
    let folder = Folder::new();
    let selector = SeriesSelector::Only;
    refused(
        read_series(folder.path(""), &selector),
        &["no DICOM image slices", "none"],
    );
    let file = folder.file("README.txt", b"nothing here");
    refused(
        read_series(folder.path(""), &selector),
        &["README.txt (not DICOM)"],
    );
    refused(read_series(file, &selector), &["expected the folder"]);
    refused(
        read_series(folder.path("absent"), &selector),
        &["check the path"],
    );
    Slice::at(0.0)
        .with(|s| s.class = uids::ENHANCED_CT_IMAGE_STORAGE)
        .write(folder.path("enhanced.dcm"));
    refused(
        read_series(folder.path(""), &selector),
        &["enhanced.dcm", "multi-frame", "dcm2niix"],
    );
    let frames = Slice::at(0.0).with(|s| s.frames = 5);
    refused(read(&[frames]), &["NumberOfFrames", "more than one image"]);
}
