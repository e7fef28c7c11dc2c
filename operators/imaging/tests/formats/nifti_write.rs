use std::{fs, path::PathBuf};

use renalflow_imaging::{
    Geometry, Image, LabelMap, LabelNames, Volume, WriteError,
    geometry::IDENTITY,
    nifti::{SlabWriter, read_image, read_label_map, write_image, write_label_map},
};

use crate::build::Folder;

/// A grid turned by 30 degrees about z, left-handed, off the origin.
pub fn oblique() -> Geometry {
    let (sin, cos) = (0.5, 0.75f64.sqrt());
    Geometry {
        shape_zyx: [2, 3, 4],
        spacing_zyx_mm: [3.0, 0.75, 0.5],
        origin_xyz_mm: [-100.5, 42.25, -7.0],
        direction: [[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, -1.0]],
    }
}

fn images() -> Vec<Image> {
    let i16s: Vec<i16> = (0..24).map(|v| v * 1000 - 12_000).collect();
    let f32s: Vec<f32> = (0..24).map(|v| v as f32 * 0.1 - 1.0).collect();
    let f64s: Vec<f64> = (0..24).map(|v| f64::from(v) * 0.1 - 1.0).collect();
    vec![
        Image::I16(Volume::new(oblique(), i16s).unwrap()),
        Image::F32(Volume::new(oblique(), f32s).unwrap()),
        Image::F64(Volume::new(oblique(), f64s).unwrap()),
    ]
}

fn labels(top: u16) -> LabelMap {
    let voxels: Vec<u16> = (0..24).map(|v| if v == 5 { top } else { v }).collect();
    LabelMap {
        volume: Volume::new(oblique(), voxels).unwrap(),
        names: LabelNames::new(),
    }
}

#[test]
fn what_was_written_is_read_back() {
    let folder = Folder::new();
    for image in images() {
        for name in ["a.nii", "a.nii.gz"] {
            write_image(folder.path(name), &image).unwrap();
            let back = read_image(folder.path(name)).unwrap();
            assert_eq!(back.dtype(), image.dtype());
            assert_eq!(back.to_f64().voxels(), image.to_f64().voxels());
            let distance = image.geometry().distance(back.geometry()).unwrap();
            assert!(distance.mm < 1e-5, "{distance:?}");
        }
    }
}

#[test]
fn labels_take_8_bits_where_they_fit() {
    let folder = Folder::new();
    for (top, datatype) in [(255u16, 2), (256, 512)] {
        let labels = labels(top);
        write_label_map(folder.path("seg.nii"), &labels).unwrap();
        assert_eq!(
            fs::read(folder.path("seg.nii")).unwrap()[70],
            datatype as u8
        );
        let back = read_label_map(folder.path("seg.nii"), LabelNames::new()).unwrap();
        assert_eq!(back.volume.voxels(), labels.volume.voxels());
    }
}

/// Files for `golden/check_nifti_writing.py`.
#[test]
#[ignore = "writes files for a check in Python"]
fn write_for_other_readers() {
    let folder = std::env::var_os("RENALFLOW_NIFTI_CHECK").map_or_else(
        || std::env::temp_dir().join("renalflow-nifti-check"),
        PathBuf::from,
    );
    fs::create_dir_all(&folder).unwrap();
    for ending in ["nii", "nii.gz"] {
        for image in images() {
            let name = format!("{}.{ending}", image.dtype());
            write_image(folder.join(name), &image).unwrap();
        }
        for (name, top) in [("u8", 255u16), ("u16", 256)] {
            write_label_map(folder.join(format!("{name}.{ending}")), &labels(top)).unwrap();
        }
    }
    eprintln!("{}", folder.display());
}

/// The header that `golden/check_nifti_writing.py` verified with nibabel and SimpleITK.
#[test]
fn the_header_is_the_one_that_itk_and_nibabel_were_shown() {
    let folder = Folder::new();
    write_image(folder.path("a.nii"), &images()[0]).unwrap();
    let bytes = fs::read(folder.path("a.nii")).unwrap();
    let hex: String = bytes[..352]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let golden = include_str!("../golden/nifti_header.hex");
    assert_eq!(hex, golden.split_whitespace().collect::<String>());
}

#[test]
fn the_same_image_gives_the_same_bytes() {
    let folder = Folder::new();
    let image = &images()[0];
    write_image(folder.path("a.nii.gz"), image).unwrap();
    write_image(folder.path("b.nii.gz"), image).unwrap();
    let bytes = fs::read(folder.path("a.nii.gz")).unwrap();
    assert_eq!(bytes, fs::read(folder.path("b.nii.gz")).unwrap());
    assert_eq!(
        bytes[3..8],
        [0; 5],
        "no name and no time in the gzip header"
    );
}

#[test]
fn slabs_make_the_volume_that_the_whole_makes() {
    let folder = Folder::new();
    let image = &images()[2];
    let volume = image.to_f64();
    for name in ["a.nii", "a.nii.gz"] {
        write_image(folder.path(name), image).unwrap();
        let whole = read_image(folder.path(name)).unwrap();
        fs::remove_file(folder.path(name)).unwrap();
        let mut writer = SlabWriter::create(folder.path(name), image.geometry()).unwrap();
        for slab in volume.voxels().chunks(5) {
            writer.append(slab).unwrap();
            assert!(!folder.path(name).exists());
        }
        writer.finish().unwrap();
        assert_eq!(read_image(folder.path(name)).unwrap(), whole);
    }
}

#[test]
fn slabs_that_do_not_add_up_leave_no_file() {
    let folder = Folder::new();
    let grid = oblique();
    let mut writer = SlabWriter::create(folder.path("a.nii.gz"), &grid).unwrap();
    writer.append(&[0.0; 20]).unwrap();
    let error = writer.append(&[0.0; 5]).unwrap_err();
    assert!(error.to_string().contains("4 voxels"), "{error}");
    let error = writer.finish().unwrap_err();
    assert!(matches!(error, WriteError::VoxelCount { missing: 4, .. }));
    drop(SlabWriter::create(folder.path("b.nii.gz"), &grid).unwrap());
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0);
}

#[test]
fn a_turn_keeps_its_quaternion() {
    // The qform alone must give the grid back, for turns about each axis by any angle.
    let folder = Folder::new();
    let mut bad: f64 = 0.0;
    for axis in 0..3 {
        for step in 0..24 {
            for flip in [1.0, -1.0] {
                let angle = f64::from(step) * std::f64::consts::TAU / 24.0;
                let mut direction = IDENTITY;
                let (j, k) = ((axis + 1) % 3, (axis + 2) % 3);
                direction[j][j] = angle.cos();
                direction[j][k] = -angle.sin();
                direction[k][j] = angle.sin();
                direction[k][k] = angle.cos();
                direction.iter_mut().for_each(|row| row[2] *= flip);
                let geometry = Geometry {
                    direction,
                    ..oblique()
                };
                let image = Image::I16(Volume::new(geometry.clone(), vec![0; 24]).unwrap());
                write_image(folder.path("a.nii"), &image).unwrap();
                let mut bytes = fs::read(folder.path("a.nii")).unwrap();
                bytes[254] = 0; // sform_code
                fs::write(folder.path("a.nii"), bytes).unwrap();
                let back = read_image(folder.path("a.nii")).unwrap();
                bad = bad.max(geometry.distance(back.geometry()).unwrap().mm);
            }
        }
    }
    assert!(bad < 2e-5, "{bad}");
}

#[test]
fn what_cannot_be_written_is_refused_and_leaves_no_file() {
    let folder = Folder::new();
    let image = &images()[0];
    let error = write_image(folder.path("a.mha"), image).unwrap_err();
    assert!(matches!(error, WriteError::Extension { .. }));
    let error = write_image(folder.path("absent/a.nii"), image).unwrap_err();
    assert!(error.to_string().contains("absent/a.nii"), "{error}");
    fs::create_dir_all(folder.path("taken.nii/inside")).unwrap();
    write_image(folder.path("taken.nii"), image).unwrap_err();
    assert!(!folder.path(".taken.nii.part").exists());
    let long = Geometry::upright([1, 1, 40_000], [1.0; 3]).unwrap();
    let long = Image::I16(Volume::new(long, vec![0; 40_000]).unwrap());
    let error = write_image(folder.path("a.nii"), &long).unwrap_err();
    assert!(error.to_string().contains("32767"), "{error}");
}
