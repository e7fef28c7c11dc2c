//! RTSTRUCT built here, and the segmentations that `golden/make_dicom.py` made with highdicom.

use std::path::PathBuf;

use dicom_core::{DataElement, PrimitiveValue, VR, value::DataSetSequence};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use renalflow_imaging::{
    Geometry, Image, LabelMap, ReadError,
    dicom::{RtStruct, SeriesSelector, read_segmentation, read_series},
};

use crate::{build::Folder, dicom_series::Slice};

type Contour = (&'static str, Vec<[f64; 3]>);

fn text(tag: dicom_core::Tag, vr: VR, value: &str) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, vr, PrimitiveValue::from(value))
}

fn sequence(tag: dicom_core::Tag, items: Vec<InMemDicomObject>) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, VR::SQ, DataSetSequence::from(items))
}

fn rtstruct(path: PathBuf, regions: &[(&str, Vec<Contour>)]) {
    let item = InMemDicomObject::from_element_iter::<Vec<_>>;
    let mut names = Vec::new();
    let mut contours = Vec::new();
    for (i, (name, drawn)) in regions.iter().enumerate() {
        let number = (i + 1).to_string();
        names.push(item(vec![
            text(tags::ROI_NUMBER, VR::IS, &number),
            text(tags::ROI_NAME, VR::LO, name),
        ]));
        let drawn = drawn.iter().map(|(kind, points)| {
            let points: Vec<String> = points.iter().flatten().map(ToString::to_string).collect();
            item(vec![
                text(tags::CONTOUR_GEOMETRIC_TYPE, VR::CS, kind),
                text(tags::CONTOUR_DATA, VR::DS, &points.join("\\")),
            ])
        });
        contours.push(item(vec![
            text(tags::REFERENCED_ROI_NUMBER, VR::IS, &number),
            sequence(tags::CONTOUR_SEQUENCE, drawn.collect()),
        ]));
    }
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    item(vec![
        text(tags::SOP_CLASS_UID, VR::UI, uids::RT_STRUCTURE_SET_STORAGE),
        text(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3.5"),
        sequence(tags::STRUCTURE_SET_ROI_SEQUENCE, names),
        sequence(tags::ROI_CONTOUR_SEQUENCE, contours),
    ])
    .with_meta(meta)
    .unwrap()
    .write_to_file(path)
    .unwrap();
}

/// A square from `low` to `high` mm in x and y, in the plane `z`.
fn square(z: f64, low: f64, high: f64) -> Contour {
    let points = [[low, low], [low, high], [high, high], [high, low]];
    ("CLOSED_PLANAR", points.map(|[x, y]| [x, y, z]).to_vec())
}

fn grid() -> Geometry {
    Geometry::upright([4, 8, 8], [2.0, 1.0, 1.0]).unwrap()
}

fn draw(
    regions: &[(&str, Vec<Contour>)],
    names: &[&str],
    grid: &Geometry,
) -> Result<LabelMap, ReadError> {
    let folder = Folder::new();
    let path = folder.path("rs.dcm");
    rtstruct(path.clone(), regions);
    RtStruct::open(path)?.label_map(names, grid)
}

fn refused<T: std::fmt::Debug>(result: Result<T, ReadError>, says: &[&str]) {
    let text = result.unwrap_err().to_string();
    assert!(text.lines().count() <= 4, "{text}");
    for part in says {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

#[test]
fn contours_fill_voxels_whose_centres_they_enclose() {
    let regions = [(
        "kidney",
        vec![
            square(2.0, 0.5, 6.5),
            square(4.0, 0.5, 6.5),
            square(4.0, 2.5, 4.5),
        ],
    )];
    let labels = draw(&regions, &["kidney"], &grid()).unwrap();
    assert_eq!(labels.names[&1], "kidney");
    for ((z, y, x), &label) in labels.volume.view().indexed_iter() {
        let outer = (1..=6).contains(&y) && (1..=6).contains(&x);
        let hole = (3..=4).contains(&y) && (3..=4).contains(&x);
        let inside = (z == 1 && outer) || (z == 2 && outer && !hole);
        assert_eq!(label, u16::from(inside), "{z} {y} {x}");
    }
}

#[test]
fn later_regions_cover_earlier_ones() {
    let regions = [
        ("tumour", vec![square(2.0, 1.5, 3.5)]),
        ("kidney", vec![square(2.0, 0.5, 5.5)]),
    ];
    let labels = draw(&regions, &["kidney", "tumour"], &grid()).unwrap();
    assert_eq!(
        labels.counts().into_iter().collect::<Vec<_>>(),
        [(1, 21), (2, 4)]
    );
    assert_eq!(labels.names[&2], "tumour");
}

#[test]
fn the_array_may_be_stored_along_any_axis() {
    // The same world, the array's first axis along the patient's x.
    let regions = [("kidney", vec![square(2.0, 0.5, 6.5), square(4.0, 0.5, 3.5)])];
    let upright = draw(&regions, &["kidney"], &grid()).unwrap();
    let turned = Geometry {
        shape_zyx: [8, 8, 4],
        spacing_zyx_mm: [1.0, 1.0, 2.0],
        origin_xyz_mm: [7.0, 0.0, 0.0],
        // Array x runs along world z, y along y, z against x.
        direction: [[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
    };
    let sagittal = draw(&regions, &["kidney"], &turned).unwrap();
    for ((z, y, x), &label) in upright.volume.view().indexed_iter() {
        assert_eq!(label, sagittal.volume.view()[[7 - x, y, z]], "{z} {y} {x}");
    }
    assert_eq!(upright.counts()[&1], 36 + 9);
}

#[test]
fn contours_off_the_grid_are_refused() {
    let one = |contour| {
        draw(
            &[("kidney", vec![square(2.0, 0.5, 3.5), contour])],
            &["kidney"],
            &grid(),
        )
    };
    assert!(
        one(square(4.15, 0.5, 3.5)).is_ok(),
        "a tenth of a slice is 0.2 mm here"
    );
    refused(
        one(square(4.5, 0.5, 3.5)),
        &["contour 2 of region \"kidney\"", "0.500 mm", "tenth"],
    );
    refused(
        one(square(8.0, 0.5, 3.5)),
        &["slice 4.00 of 0 to 3", "drawn on"],
    );
    refused(one(square(-2.0, 0.5, 3.5)), &["slice -1.00"]);
    let oblique = (
        "CLOSED_PLANAR",
        vec![[0.0, 0.0, 0.0], [5.0, 1.0, 3.0], [2.0, 6.0, 4.0]],
    );
    refused(one(oblique), &["do not run along planes"]);
    let point = ("POINT", vec![[1.0, 1.0, 2.0]]);
    refused(
        draw(&[("iso", vec![point])], &["iso"], &grid()),
        &["no closed contour (1 points"],
    );
    let broken = ("CLOSED_PLANAR", vec![]);
    refused(
        draw(&[("x", vec![broken])], &["x"], &grid()),
        &["rs.dcm", "ContourData"],
    );
}

#[test]
fn an_unknown_region_is_answered_with_the_nearest() {
    let regions = [
        ("spleen", vec![]),
        ("Left Kidney", vec![]),
        ("GTV-1", vec![]),
    ];
    refused(
        draw(&regions, &["left kidny"], &grid()),
        &["no region named \"left kidny\"; it holds \"Left Kidney\", "],
    );
    let folder = Folder::new();
    Slice::at(0.0).write(folder.path("ct.dcm"));
    refused(
        RtStruct::open(folder.path("ct.dcm")),
        &["ct.dcm", "not that of an RTSTRUCT"],
    );
    refused(
        RtStruct::open(folder.path("absent.dcm")),
        &["check the path"],
    );
    refused(
        RtStruct::open(folder.file("text.dcm", b"no DICOM")),
        &["text.dcm"],
    );
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/dicom")).join(name)
}

fn golden_series() -> Image {
    let (image, report) = read_series(golden(""), &SeriesSelector::Only).unwrap();
    let reasons: Vec<&str> = report.skipped.iter().map(|s| s.reason.as_str()).collect();
    assert_eq!(reasons, ["DICOM-SEG"; 3]);
    image
}

/// The formulas of `golden/make_dicom.py`.
fn segments(z: usize, y: usize, x: usize) -> [bool; 2] {
    [
        (1..=3).contains(&z) && (1..=5).contains(&y) && (2..=7).contains(&x),
        (2..=3).contains(&z) && x + y >= 9,
    ]
}

#[test]
fn a_series_made_by_another_library_reads_as_its_formula() {
    let image = golden_series();
    let geometry = image.geometry();
    assert_eq!(geometry.shape_zyx, [5, 7, 10]);
    assert_eq!(geometry.spacing_zyx_mm, [2.5, 0.8, 0.5]);
    assert_eq!(geometry.origin_xyz_mm, [-12.5, 30.25, 100.0]);
    assert!(
        (geometry.direction[1][0] - 0.5).abs() < 1e-7,
        "{:?}",
        geometry.direction
    );
    let Image::I16(volume) = &image else {
        panic!("{}", image.dtype())
    };
    for ((z, y, x), &value) in volume.view().indexed_iter() {
        assert_eq!(value as usize + 24, 100 * z + 10 * y + x);
    }
}

#[test]
fn segmentations_made_by_another_library_fall_on_the_grid() {
    let image = golden_series();
    for name in ["seg_binary.dcm", "seg_labelmap.dcm"] {
        let labels = read_segmentation(golden(name), image.geometry()).unwrap();
        assert_eq!(labels.names[&1], "kidney", "{name}");
        assert_eq!(labels.names[&2], "tumour", "{name}");
        for ((z, y, x), &label) in labels.volume.view().indexed_iter() {
            let expected = match segments(z, y, x) {
                [_, true] => 2,
                [true, false] => 1,
                _ => 0,
            };
            assert_eq!(label, expected, "{name} {z} {y} {x}");
        }
    }
}

#[test]
fn a_segmentation_of_a_part_falls_into_a_larger_and_turned_grid() {
    let image = golden_series();
    let own = read_segmentation(golden("seg_binary.dcm"), image.geometry()).unwrap();
    // Two voxels more on each side, and the array's x and z run the other way.
    let wide = image.geometry().window([-2, -2, -2], [9, 11, 14]);
    let turned = Geometry {
        origin_xyz_mm: wide.world_from_voxel([8.0, 0.0, 13.0]),
        direction: wide.direction.map(|[x, y, z]| [-x, y, -z]),
        ..wide
    };
    let labels = read_segmentation(golden("seg_binary.dcm"), &turned).unwrap();
    assert_eq!(labels.counts(), own.counts());
    for ((z, y, x), &label) in own.volume.view().indexed_iter() {
        assert_eq!(
            labels.volume.view()[[8 - (z + 2), y + 2, 13 - (x + 2)]],
            label
        );
    }
}

#[test]
fn segmentations_that_do_not_fit_are_refused() {
    let image = golden_series();
    let grid = image.geometry();
    refused(
        read_segmentation(golden("seg_fractional.dcm"), grid),
        &["FRACTIONAL", "threshold"],
    );
    let off = Geometry {
        origin_xyz_mm: [-12.3, 30.25, 100.0],
        ..grid.clone()
    };
    refused(
        read_segmentation(golden("seg_binary.dcm"), &off),
        &["frame 1", "from a voxel centre"],
    );
    let coarse = Geometry {
        spacing_zyx_mm: [2.5, 0.8, 0.25],
        shape_zyx: [5, 7, 20],
        ..grid.clone()
    };
    refused(
        read_segmentation(golden("seg_binary.dcm"), &coarse),
        &["not the grid's voxels"],
    );
    let cropped = grid.window([0, 0, 0], [2, 7, 10]);
    refused(
        read_segmentation(golden("seg_binary.dcm"), &cropped),
        &["falls on voxel", "[2, 7, 10]"],
    );
    refused(
        read_segmentation(golden("slice_1.dcm"), grid),
        &["not that of a segmentation"],
    );
    let bytes = std::fs::read(golden("seg_binary.dcm")).unwrap();
    let folder = Folder::new();
    let cut = folder.file("cut.dcm", &bytes[..bytes.len() - 10]);
    refused(read_segmentation(cut, grid), &["cut.dcm"]);
}
