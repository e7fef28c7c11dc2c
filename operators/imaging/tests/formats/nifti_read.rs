use std::fs;

use renalflow_imaging::{Image, LabelNames, ReadError, io::read_image, nifti};

use crate::build::{Folder, Nifti, gzip, ramp_i16};

fn read(header: &Nifti) -> Result<Image, ReadError> {
    let folder = Folder::new();
    nifti::read_image(folder.file("a.nii", &header.bytes()))
}

fn values(image: &Image) -> Vec<f64> {
    image.to_f64().voxels().to_vec()
}

fn ramp() -> Vec<f64> {
    (0..24).map(f64::from).collect()
}

/// An error whose text names the file, is short, and says what the test expects.
fn refused(result: Result<impl std::fmt::Debug, ReadError>, says: &[&str]) -> ReadError {
    let error = result.unwrap_err();
    let text = error.to_string();
    assert!(text.lines().count() <= 4 && text.len() < 700, "{text}");
    for part in says {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
    error
}

#[test]
fn both_versions_both_orders_plain_and_gzipped_read_alike() {
    let folder = Folder::new();
    for version in [1, 2] {
        for big_endian in [false, true] {
            let voxels = (0..24i16)
                .flat_map(|v| {
                    if big_endian {
                        v.to_be_bytes()
                    } else {
                        v.to_le_bytes()
                    }
                })
                .collect();
            let bytes = Nifti::new(4, voxels)
                .with(|h| (h.version, h.big_endian) = (version, big_endian))
                .bytes();
            let (head, tail) = bytes.split_at(200);
            let members = [gzip(head), gzip(tail)].concat();
            for (name, bytes) in [
                ("a.nii", bytes.clone()),
                ("a.nii.gz", gzip(&bytes)),
                ("b.nii.gz", members),
            ] {
                let image = nifti::read_image(folder.file(name, &bytes)).unwrap();
                assert_eq!(image.dtype(), "i16");
                assert_eq!(values(&image), ramp());
                let geometry = image.geometry();
                assert_eq!(geometry.shape_zyx, [2, 3, 4]);
                assert_eq!(geometry.spacing_zyx_mm, [3.0, 2.0, 1.0]);
                // RAS to LPS.
                assert_eq!(geometry.origin_xyz_mm, [-10.0, -20.0, 30.0]);
                assert_eq!(
                    geometry.direction,
                    [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
                );
            }
        }
    }
}

#[test]
fn every_type_reads_and_narrows_by_the_stated_rule() {
    fn le<T, const N: usize>(values: [T; 3], bytes: fn(T) -> [u8; N]) -> Vec<u8> {
        values.map(bytes).concat().repeat(8)
    }
    let cases: Vec<(i16, Vec<u8>, &str, [f64; 3])> = vec![
        (
            2,
            le([0u8, 200, 255], u8::to_le_bytes),
            "i16",
            [0.0, 200.0, 255.0],
        ),
        (
            256,
            le([-128i8, 0, 127], i8::to_le_bytes),
            "i16",
            [-128.0, 0.0, 127.0],
        ),
        (
            4,
            le([-32768i16, 0, 32767], i16::to_le_bytes),
            "i16",
            [-32768.0, 0.0, 32767.0],
        ),
        (
            512,
            le([0u16, 1, 32767], u16::to_le_bytes),
            "i16",
            [0.0, 1.0, 32767.0],
        ),
        (
            512,
            le([0u16, 1, 65535], u16::to_le_bytes),
            "f32",
            [0.0, 1.0, 65535.0],
        ),
        (
            8,
            le([-1024i32, 0, 3071], i32::to_le_bytes),
            "i16",
            [-1024.0, 0.0, 3071.0],
        ),
        (
            8,
            le([-1024i32, 0, 16_777_216], i32::to_le_bytes),
            "f32",
            [-1024.0, 0.0, 16_777_216.0],
        ),
        (
            8,
            le([-1024i32, 0, 16_777_217], i32::to_le_bytes),
            "f64",
            [-1024.0, 0.0, 16_777_217.0],
        ),
        (
            768,
            le([0u32, 1, u32::MAX], u32::to_le_bytes),
            "f64",
            [0.0, 1.0, 4_294_967_295.0],
        ),
        (
            1024,
            le([-5i64, 0, 1 << 53], i64::to_le_bytes),
            "f32",
            [-5.0, 0.0, 9_007_199_254_740_992.0],
        ),
        (
            1280,
            le([5u64, 0, 70_000], u64::to_le_bytes),
            "f32",
            [5.0, 0.0, 70_000.0],
        ),
        (
            16,
            le([0.1f32, -2.5, 1e30], f32::to_le_bytes),
            "f32",
            [f64::from(0.1f32), -2.5, f64::from(1e30f32)],
        ),
        (
            64,
            le([0.1f64, -2.5, 1e300], f64::to_le_bytes),
            "f64",
            [0.1, -2.5, 1e300],
        ),
    ];
    for (datatype, voxels, dtype, expected) in cases {
        let image = read(&Nifti::new(datatype, voxels)).unwrap();
        assert_eq!(image.dtype(), dtype, "datatype {datatype}");
        assert_eq!(values(&image), expected.repeat(8), "datatype {datatype}");
    }
    let voxels = le([0i64, 0, (1 << 53) + 1], i64::to_le_bytes);
    refused(read(&Nifti::new(1024, voxels)), &["[0, 0, 2]", "2^53"]);
}

#[test]
fn scaling_follows_the_stated_rule() {
    let scaled = |datatype, voxels: Vec<u8>, slope, intercept| {
        read(&Nifti::new(datatype, voxels).with(|h| (h.slope, h.intercept) = (slope, intercept)))
            .unwrap()
    };
    let whole = scaled(4, ramp_i16(), 2.0, -1024.0);
    assert_eq!(whole.dtype(), "i16");
    assert_eq!(values(&whole)[..3], [-1024.0, -1022.0, -1020.0]);
    for none in [0.0, f64::NAN, f64::INFINITY] {
        assert_eq!(values(&scaled(4, ramp_i16(), none, 7.0)), ramp());
    }
    let fraction = scaled(4, ramp_i16(), 0.5, 0.25);
    assert_eq!(fraction.dtype(), "f32");
    assert_eq!(values(&fraction)[3], 1.75);
    let wide: Vec<u8> = (0..24i32).flat_map(i32::to_le_bytes).collect();
    assert_eq!(scaled(8, wide, 0.5, 0.0).dtype(), "f64");
    let float: Vec<u8> = (0..24).flat_map(|v| (v as f32).to_le_bytes()).collect();
    assert_eq!(scaled(16, float, 2.0, 0.0).dtype(), "f64");
    let bad = Nifti::new(4, ramp_i16()).with(|h| h.intercept = f64::NAN);
    refused(read(&bad), &["scl_inter is NaN"]);
}

#[test]
fn nan_and_infinite_voxels_are_read() {
    let voxels: Vec<u8> = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY]
        .repeat(8)
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect();
    let voxels = values(&read(&Nifti::new(16, voxels)).unwrap());
    assert!(voxels[0].is_nan() && voxels[1] == f64::INFINITY && voxels[2] == f64::NEG_INFINITY);
}

#[test]
fn sform_comes_first_then_qform_then_the_array() {
    let both = Nifti::new(4, ramp_i16()).with(|h| {
        h.qform_code = 2;
        h.offset = [-1.0, -2.0, -3.0];
    });
    assert_eq!(
        read(&both).unwrap().geometry().origin_xyz_mm,
        [-10.0, -20.0, 30.0]
    );
    // A turn by 180 degrees about z, as most CTs have, and a left-handed third axis.
    let quaternion = both.clone().with(|h| {
        h.sform_code = 0;
        h.quaternion = [0.0, 0.0, 1.0];
        h.pixdim[0] = -1.0;
    });
    let geometry = read(&quaternion).unwrap().geometry().clone();
    assert_eq!(geometry.origin_xyz_mm, [1.0, 2.0, -3.0]);
    assert_eq!(
        geometry.direction,
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]
    );
    assert_eq!(geometry.spacing_zyx_mm, [3.0, 2.0, 1.0]);
    let neither = both.with(|h| (h.sform_code, h.qform_code) = (0, 0));
    let geometry = read(&neither).unwrap().geometry().clone();
    assert_eq!(geometry.origin_xyz_mm, [0.0; 3]);
    assert_eq!(geometry.direction, renalflow_imaging::geometry::IDENTITY);
}

#[test]
fn metres_and_micrometres_become_millimetres() {
    for (units, per_mm) in [(1, 1e-3), (3, 1e3)] {
        let header = Nifti::new(4, ramp_i16()).with(|h| {
            h.units = units;
            h.pixdim.iter_mut().skip(1).for_each(|v| *v *= per_mm);
            h.sform.iter_mut().flatten().for_each(|v| *v *= per_mm);
        });
        let geometry = read(&header).unwrap().geometry().clone();
        let expected = [3.0, 2.0, 1.0, -10.0, -20.0, 30.0];
        let found = [geometry.spacing_zyx_mm, geometry.origin_xyz_mm].concat();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}

#[test]
fn extensions_before_the_voxels_are_skipped() {
    let header =
        Nifti::new(4, [vec![9u8; 100], ramp_i16()].concat()).with(|h| h.vox_offset = Some(452));
    assert_eq!(values(&read(&header).unwrap()), ramp());
    for offset in [0, 100, -5, i64::MAX] {
        let header = Nifti::new(4, ramp_i16()).with(|h| h.vox_offset = Some(offset));
        refused(read(&header), &["vox_offset"]);
    }
}

#[test]
fn a_trailing_axis_of_one_is_read_and_a_series_refused() {
    let one = Nifti::new(4, ramp_i16()).with(|h| h.dim = vec![4, 4, 3, 2, 1, 1, 1, 1]);
    assert_eq!(values(&read(&one).unwrap()), ramp());
    let series = Nifti::new(4, ramp_i16()).with(|h| h.dim = vec![4, 4, 3, 1, 2, 1, 1, 1]);
    refused(read(&series), &["[4, 3, 1, 2]", "3D volume"]);
    let flat = Nifti::new(4, ramp_i16()).with(|h| h.dim = vec![2, 6, 4, 1, 1, 1, 1, 1]);
    refused(read(&flat), &["fewer than 3 axes"]);
}

#[test]
fn unusable_grids_are_refused() {
    for bad in [0.0, f64::NAN, -1.0, f64::INFINITY] {
        let header = Nifti::new(4, ramp_i16()).with(|h| h.pixdim[2] = bad);
        refused(
            read(&header),
            &["a.nii", "spacing_zyx_mm", "correct the header"],
        );
        let header = Nifti::new(4, ramp_i16()).with(|h| (h.pixdim[2], h.sform_code) = (bad, 0));
        refused(read(&header), &["spacing_zyx_mm"]);
    }
    let nan = Nifti::new(4, ramp_i16()).with(|h| h.sform[1][1] = f64::NAN);
    refused(read(&nan), &["spacing_zyx_mm"]);
    let origin = Nifti::new(4, ramp_i16()).with(|h| h.sform[1][3] = f64::NAN);
    refused(read(&origin), &["origin_xyz_mm"]);
    let sheared = Nifti::new(4, ramp_i16()).with(|h| h.sform[0][1] = 0.5);
    refused(read(&sheared), &["not perpendicular", "resample"]);
    let contrary = Nifti::new(4, ramp_i16()).with(|h| h.pixdim[3] = 5.0);
    refused(read(&contrary), &["pixdim says [1.0, 2.0, 5.0]"]);
}

#[test]
fn dims_that_overflow_or_exceed_the_file_are_refused_before_memory_is_taken() {
    let cases = [
        (
            1,
            vec![3, 32767, 32767, 32767, 1, 1, 1, 1],
            "the header promises",
        ),
        (1, vec![3, -1, 3, 2, 1, 1, 1, 1], "at least 1"),
        (1, vec![3, 0, 3, 2, 1, 1, 1, 1], "at least 1"),
        (1, vec![9, 4, 3, 2, 1, 1, 1, 1], ""),
        (2, vec![3, i64::MAX, i64::MAX, 2, 1, 1, 1, 1], "shape_zyx"),
        (2, vec![3, 1 << 31, 1 << 31, 2, 1, 1, 1, 1], "shape_zyx"),
        (
            2,
            vec![3, 1 << 20, 1 << 20, 1 << 10, 1, 1, 1, 1],
            "the header promises",
        ),
        (2, vec![3, i64::MIN, 3, 2, 1, 1, 1, 1], "at least 1"),
    ];
    let folder = Folder::new();
    for (version, dim, says) in cases {
        let bytes = Nifti::new(4, ramp_i16())
            .with(|h| (h.version, h.dim) = (version, dim.clone()))
            .bytes();
        refused(
            nifti::read_image(folder.file("a.nii", &bytes)),
            &["a.nii", says],
        );
        refused(
            nifti::read_image(folder.file("a.nii.gz", &gzip(&bytes))),
            &["a.nii.gz", says],
        );
    }
}

#[test]
fn a_file_cut_short_is_refused() {
    let folder = Folder::new();
    let bytes = Nifti::new(4, ramp_i16()).bytes();
    let error = refused(
        nifti::read_image(folder.file("a.nii", &bytes[..bytes.len() - 1])),
        &["promises 400 bytes", "only 399"],
    );
    assert!(matches!(error, ReadError::Short { .. }));
    refused(
        nifti::read_image(folder.file("a.nii", &bytes[..100])),
        &["only 100"],
    );
    refused(nifti::read_image(folder.file("a.nii", &[])), &["only 0"]);
    // Complete as gzip, but with fewer voxels than the header says.
    let error = refused(
        nifti::read_image(folder.file("a.nii.gz", &gzip(&bytes[..bytes.len() - 1]))),
        &["promises 400 bytes", "399"],
    );
    assert!(matches!(error, ReadError::Short { .. }));
    // The gzip stream itself cut short, at every length, down to its mark.
    let whole = gzip(&bytes);
    for length in 3..whole.len() {
        let result = nifti::read_image(folder.file("a.nii.gz", &whole[..length]));
        let error = refused(result, &["a.nii.gz", "again"]);
        assert!(
            matches!(
                error,
                ReadError::Compression { .. } | ReadError::Short { .. }
            ),
            "{error}"
        );
    }
    // A flipped bit in the checksum.
    let mut damaged = whole.clone();
    let at = damaged.len() - 6;
    damaged[at] ^= 1;
    let error = refused(
        nifti::read_image(folder.file("a.nii.gz", &damaged)),
        &["damaged"],
    );
    assert!(matches!(error, ReadError::Compression { .. }));
}

/// A file of one member is decoded at once, any other by the reader that streams: both read the
/// same, and say the same of what is wrong.
#[test]
fn members_and_what_follows_them_read_alike() {
    let folder = Folder::new();
    for (datatype, voxels) in [
        (2, (0..24).collect::<Vec<u8>>()),
        (4, ramp_i16()),
        (
            16,
            (0..24)
                .flat_map(|i| (i as f32 + 0.5).to_le_bytes())
                .collect(),
        ),
    ] {
        let header = Nifti::new(datatype, voxels);
        let bytes = header.bytes();
        let read = |zipped: &[u8]| nifti::read_image(folder.file("a.nii.gz", zipped));
        let plain = nifti::read_image(folder.file("a.nii", &bytes)).unwrap();
        let whole = gzip(&bytes);
        assert_eq!(read(&whole).unwrap(), plain);
        // Cut anywhere, into two members, even within the header.
        for at in [1, 100, 352, 353, bytes.len() - 1] {
            let members = [gzip(&bytes[..at]), gzip(&bytes[at..])].concat();
            assert_eq!(read(&members).unwrap(), plain, "cut at {at}");
        }
        // More than the voxels, in the same member, in another, or one that repeats the file.
        let longer = gzip(&[bytes.clone(), vec![7; 50]].concat());
        assert_eq!(read(&longer).unwrap(), plain);
        assert_eq!(
            read(&[whole.clone(), gzip(&[7; 50])].concat()).unwrap(),
            plain
        );
        assert_eq!(
            read(&[whole.clone(), whole.clone()].concat()).unwrap(),
            plain
        );
        // What follows and is no gzip.
        refused(
            read(&[whole.clone(), vec![1; 30]].concat()),
            &["gzip stream"],
        );
        // Every byte of the stream damaged, but for the part of the header that says nothing.
        for at in 10..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            refused(read(&damaged), &["a.nii.gz"]);
        }
    }
}

#[test]
fn background_reads_alike_wherever_the_labels_lie() {
    // Several pieces of 64 KiB, in which a compressed map is converted in its own memory.
    const SHAPE_XYZ: [i64; 3] = [128, 128, 21];
    let count = SHAPE_XYZ.iter().product::<i64>() as usize;
    let folder = Folder::new();
    let at = |places: &[usize]| {
        let mut voxels = vec![0; count];
        for (i, &place) in places.iter().enumerate() {
            voxels[place] = 1 + i as u8;
        }
        voxels
    };
    let middle = count / 2;
    for voxels in [
        at(&[]),
        at(&[0, count - 1]),
        at(&[65_535, 65_536, 131_072]),
        at(&[middle - 1, middle, middle + 352, middle + 70_000]),
        vec![7; count],
    ] {
        let bytes = Nifti::new(2, voxels.clone())
            .with(|h| h.dim[1..4].copy_from_slice(&SHAPE_XYZ))
            .bytes();
        for (name, bytes) in [("a.nii", bytes.clone()), ("a.nii.gz", gzip(&bytes))] {
            let path = folder.file(name, &bytes);
            let labels = nifti::read_label_map(&path, LabelNames::new()).unwrap();
            let image = nifti::read_image(&path).unwrap();
            let stored = voxels.iter().copied();
            assert!(
                labels
                    .volume
                    .voxels()
                    .iter()
                    .copied()
                    .eq(stored.clone().map(u16::from)),
                "{name}"
            );
            assert!(
                values(&image).into_iter().eq(stored.map(f64::from)),
                "{name}"
            );
        }
    }
}

#[test]
fn what_is_no_nifti_is_refused() {
    let folder = Folder::new();
    let wrong = Nifti::new(4, ramp_i16()).with(|h| h.magic = Some(b"nx1\0".to_vec()));
    refused(read(&wrong), &["a.nii", "not a NIfTI file"]);
    let wrong = wrong.with(|h| (h.version, h.magic) = (2, Some(b"n+2\0\n\n\n\n".to_vec())));
    refused(read(&wrong), &["not a NIfTI file"]);
    refused(
        nifti::read_image(folder.file("a.nii", &[7; 1000])),
        &["not a NIfTI file"],
    );
    let pair = Nifti::new(4, ramp_i16()).with(|h| h.magic = Some(b"ni1\0".to_vec()));
    refused(read(&pair), &[".hdr and .img"]);
    refused(
        nifti::read_image(folder.path("absent.nii")),
        &["absent.nii", "check the path"],
    );
    refused(nifti::read_image(folder.path("")), &["expected a file"]);
    fs::create_dir(folder.path("folder.nii")).unwrap();
    refused(
        nifti::read_image(folder.path("folder.nii")),
        &["expected a file"],
    );
    refused(
        read_image(folder.path("folder.nii")),
        &["no DICOM image slices"],
    );
}

#[test]
fn types_without_one_real_number_a_voxel_are_refused() {
    for (datatype, name) in [
        (128, "RGB"),
        (2304, "RGBA"),
        (32, "complex"),
        (1792, "complex"),
        (1536, "128-bit"),
        (77, "not define"),
    ] {
        refused(
            read(&Nifti::new(datatype, vec![0; 1000])),
            &[name, "store the volume"],
        );
    }
}

#[test]
fn labels_are_whole_numbers_from_0_to_65535() {
    let folder = Folder::new();
    let names = LabelNames::from([(1, "kidney".to_owned()), (2, "tumour".to_owned())]);
    let read = |datatype, voxels: Vec<u8>, slope: f64| {
        let header = Nifti::new(datatype, voxels).with(|h| h.slope = slope);
        nifti::read_label_map(folder.file("seg.nii", &header.bytes()), names.clone())
    };
    let labels = read(2, [0u8, 1, 2].repeat(8), 1.0).unwrap();
    assert_eq!(
        labels.counts().into_iter().collect::<Vec<_>>(),
        [(1, 8), (2, 8)]
    );
    assert_eq!(labels.names[&2], "tumour");
    let f64s = |values: [f64; 3]| {
        values
            .repeat(8)
            .into_iter()
            .flat_map(f64::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    assert_eq!(
        read(64, f64s([0.0, 65535.0, 3.0]), 1.0)
            .unwrap()
            .volume
            .voxels()[..3],
        [0, 65535, 3]
    );
    assert_eq!(
        read(64, f64s([0.0, 0.5, 3.0]), 2.0)
            .unwrap()
            .volume
            .voxels()[..3],
        [0, 1, 6]
    );
    for (bad, shown) in [
        (0.5, "0.5"),
        (-1.0, "-1"),
        (65536.0, "65536"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
    ] {
        refused(
            read(64, f64s([0.0, 1.0, bad]), 1.0),
            &["seg.nii", "[z, y, x] = [0, 0, 2]", shown],
        );
    }
    let negative: Vec<u8> = (0..24i16)
        .map(|v| if v == 17 { -3 } else { v })
        .flat_map(i16::to_le_bytes)
        .collect();
    refused(read(4, negative, 1.0), &["[1, 1, 1]", "-3"]);
}
