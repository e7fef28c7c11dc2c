use renalflow_imaging::{Image, LabelNames, ReadError, nrrd};

use crate::build::{Folder, gzip, ramp_i16};

const FIELDS: [(&str, &str); 7] = [
    ("type", "short"),
    ("dimension", "3"),
    ("space", "left-posterior-superior"),
    ("sizes", "4 3 2"),
    ("space directions", "(1,0,0) (0,2,0) (0,0,3)"),
    ("endian", "little"),
    ("encoding", "raw"),
];

/// A header with some fields changed (an empty value leaves the field out) or added.
fn header(changes: &[(&str, &str)]) -> String {
    let mut fields: Vec<(&str, &str)> = FIELDS.to_vec();
    fields.push(("space origin", "(10,20,30)"));
    for change in changes {
        match fields.iter_mut().find(|field| field.0 == change.0) {
            Some(field) => field.1 = change.1,
            None => fields.push(*change),
        }
    }
    let lines = fields
        .iter()
        .filter(|field| !field.1.is_empty())
        .map(|(name, value)| format!("{name}: {value}\n"));
    format!(
        "NRRD0004\n# a comment\nmodality:=CT\n{}\n",
        lines.collect::<String>()
    )
}

fn read_bytes(changes: &[(&str, &str)], voxels: &[u8]) -> Result<Image, ReadError> {
    let folder = Folder::new();
    let bytes = [header(changes).as_bytes(), voxels].concat();
    nrrd::read_image(folder.file("a.nrrd", &bytes))
}

fn read(changes: &[(&str, &str)]) -> Result<Image, ReadError> {
    read_bytes(changes, &ramp_i16())
}

fn refused(result: Result<impl std::fmt::Debug, ReadError>, says: &[&str]) {
    let text = result.unwrap_err().to_string();
    assert!(text.lines().count() <= 4 && text.len() < 700, "{text}");
    for part in says {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

fn is_ramp(image: &Image) -> bool {
    image
        .to_f64()
        .voxels()
        .iter()
        .zip(0..24)
        .all(|(&v, i)| v == f64::from(i))
}

#[test]
fn raw_and_gzip_of_either_order_read_alike() {
    let big: Vec<u8> = (0..24i16).flat_map(i16::to_be_bytes).collect();
    for (endian, voxels) in [("little", ramp_i16()), ("big", big)] {
        for (encoding, voxels) in [
            ("raw", voxels.clone()),
            ("gzip", gzip(&voxels)),
            ("gz", gzip(&voxels)),
        ] {
            let image = read_bytes(&[("endian", endian), ("encoding", encoding)], &voxels).unwrap();
            assert_eq!(image.dtype(), "i16");
            assert!(is_ramp(&image));
            let geometry = image.geometry();
            assert_eq!(geometry.shape_zyx, [2, 3, 4]);
            assert_eq!(geometry.spacing_zyx_mm, [3.0, 2.0, 1.0]);
            assert_eq!(geometry.origin_xyz_mm, [10.0, 20.0, 30.0]);
            assert_eq!(geometry.direction, renalflow_imaging::geometry::IDENTITY);
        }
    }
}

#[test]
fn worlds_are_brought_to_lps() {
    for (space, origin, x, y) in [
        ("right-anterior-superior", [-10.0, -20.0, 30.0], -1.0, -1.0),
        ("RAS", [-10.0, -20.0, 30.0], -1.0, -1.0),
        ("left-anterior-superior", [10.0, -20.0, 30.0], 1.0, -1.0),
        ("LPS", [10.0, 20.0, 30.0], 1.0, 1.0),
    ] {
        let geometry = read(&[("space", space)]).unwrap().geometry().clone();
        assert_eq!(geometry.origin_xyz_mm, origin, "{space}");
        assert_eq!(
            geometry.direction,
            [[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, 1.0]],
            "{space}"
        );
    }
    // Columns of the direction are the array's axes.
    let turned = read(&[("space directions", "(0,0,1) (0,2,0) (-3,0,0)")]).unwrap();
    assert_eq!(
        turned.geometry().direction,
        [[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    );
    let plain = [
        ("space", ""),
        ("space directions", ""),
        ("space origin", ""),
        ("spacings", "1 2 3"),
    ];
    assert_eq!(
        read(&plain).unwrap().geometry().spacing_zyx_mm,
        [3.0, 2.0, 1.0]
    );
    refused(read(&[("space", "scanner-xyz")]), &["scanner-xyz"]);
    refused(
        read(&[("space units", "\"m\" \"m\" \"m\"")]),
        &["space units"],
    );
    assert!(read(&[("space units", "\"mm\" \"mm\" \"mm\"")]).is_ok());
}

#[test]
fn a_detached_header_finds_its_data() {
    let folder = Folder::new();
    folder.file(
        "voxels.raw",
        &[b"a line\n".to_vec(), vec![1, 2, 3], ramp_i16()].concat(),
    );
    folder.file(
        "voxels.raw.gz",
        &gzip(&[vec![1, 2, 3], ramp_i16()].concat()),
    );
    let read = |changes: &[(&str, &str)]| {
        nrrd::read_image(folder.file("a.nhdr", header(changes).trim_end().as_bytes()))
    };
    let file = ("data file", "voxels.raw");
    assert!(is_ramp(
        &read(&[file, ("line skip", "1"), ("byte skip", "3")]).unwrap()
    ));
    assert!(is_ramp(&read(&[file, ("byte skip", "-1")]).unwrap()));
    let zipped = [
        ("data file", "voxels.raw.gz"),
        ("encoding", "gzip"),
        ("byteskip", "3"),
    ];
    assert!(is_ramp(&read(&zipped).unwrap()));
    refused(read(&[("data file", "absent.raw")]), &["absent.raw"]);
    refused(
        read(&[("data file", "slice%03d.raw 1 2 1")]),
        &["several data files"],
    );
    refused(read(&[file, ("byte skip", "999999999999")]), &["promises"]);
}

#[test]
fn types_read_under_their_many_names() {
    let voxels = vec![7u8; 24 * 8];
    for (name, dtype) in [
        ("uchar", "i16"),
        ("int8_t", "i16"),
        ("unsigned short int", "i16"),
        ("int", "f64"),
        ("uint32", "f64"),
        ("float", "f32"),
        ("double", "f64"),
    ] {
        assert_eq!(
            read_bytes(&[("type", name)], &voxels).unwrap().dtype(),
            dtype,
            "{name}"
        );
    }
    refused(read(&[("type", "block")]), &["block"]);
}

#[test]
fn headers_that_cannot_be_used_are_refused() {
    refused(read(&[("sizes", "4 3")]), &["sizes is \"4 3\""]);
    refused(read(&[("sizes", "4 3 x")]), &["sizes"]);
    refused(read(&[("sizes", "4 3 -2")]), &["sizes"]);
    refused(read(&[("sizes", "4 3 0")]), &["shape_zyx"]);
    refused(
        read(&[("sizes", "4294967296 4294967296 4294967296")]),
        &["shape_zyx"],
    );
    refused(read(&[("sizes", "100000 100000 100")]), &["promises"]);
    refused(read(&[("dimension", "4")]), &["dimension 4", "3D volume"]);
    refused(read(&[("encoding", "bzip2")]), &["bzip2", "raw or gzip"]);
    refused(read(&[("endian", "")]), &["endian is missing"]);
    refused(read(&[("type", "")]), &["no field \"type\""]);
    refused(
        read(&[("space directions", "(0,0,0) (0,2,0) (0,0,3)")]),
        &["spacing_zyx_mm"],
    );
    refused(
        read(&[("space directions", "(nan,0,0) (0,2,0) (0,0,3)")]),
        &["spacing_zyx_mm"],
    );
    refused(
        read(&[("space directions", "(1,1,0) (0,2,0) (0,0,3)")]),
        &["not perpendicular"],
    );
    refused(
        read(&[("space directions", "none (0,2,0) (0,0,3)")]),
        &["space directions"],
    );
    refused(
        read(&[("space directions", "")]),
        &["neither space directions nor spacings"],
    );
    refused(read(&[("space origin", "(1,2)")]), &["space origin"]);
}

#[test]
fn files_cut_short_or_of_another_kind_are_refused() {
    refused(
        read_bytes(&[], &ramp_i16()[..47]),
        &["promises 48 bytes", "only 47"],
    );
    let zipped = gzip(&ramp_i16());
    refused(
        read_bytes(&[("encoding", "gzip")], &zipped[..zipped.len() - 9]),
        &["a.nrrd", "again"],
    );
    refused(
        read_bytes(&[("encoding", "gzip")], &ramp_i16()),
        &["gzip stream"],
    );
    let folder = Folder::new();
    refused(
        nrrd::read_image(folder.file("a.nrrd", b"no such thing\n\n")),
        &["not an NRRD"],
    );
    refused(
        nrrd::read_image(folder.file("a.nrrd", b"")),
        &["not an NRRD"],
    );
    refused(
        nrrd::read_image(folder.file("a.nrrd", &[b'N'; 3 << 20])),
        &["not an NRRD"],
    );
    let endless = format!("NRRD0004\n{}", "a: b\n".repeat(300_000));
    refused(
        nrrd::read_image(folder.file("a.nrrd", endless.as_bytes())),
        &["no end"],
    );
    refused(
        nrrd::read_image(folder.path("absent.nrrd")),
        &["check the path"],
    );
    refused(nrrd::read_image(folder.path("")), &["expected a file"]);
}

#[test]
fn labels_are_checked() {
    let folder = Folder::new();
    let read = |voxels: Vec<u8>| {
        let bytes = [header(&[]).into_bytes(), voxels].concat();
        nrrd::read_label_map(folder.file("seg.nrrd", &bytes), LabelNames::new())
    };
    assert_eq!(read(ramp_i16()).unwrap().counts().len(), 23);
    refused(
        read((0..24i16).flat_map(|v| (-v).to_le_bytes()).collect()),
        &["[0, 0, 1]", "-1"],
    );
}

#[test]
fn a_channel_of_a_segmentation_is_chosen() {
    // Two layers of 4 x 3 x 2 voxels, interleaved: 0, 100, 1, 101, ...
    let voxels: Vec<u8> = (0..24).flat_map(|i| [i, 100 + i]).collect();
    let changes = [
        ("type", "uchar"),
        ("dimension", "4"),
        ("sizes", "2 4 3 2"),
        ("space directions", "none (1,0,0) (0,2,0) (0,0,3)"),
        ("kinds", "list domain domain domain"),
    ];
    let folder = Folder::new();
    let bytes = [header(&changes).as_bytes(), &voxels].concat();
    let path = folder.file("a.seg.nrrd", &bytes);
    let names = LabelNames::new();
    for (channel, first) in [(0, 0u16), (1, 100)] {
        let labels = nrrd::read_label_channel(&path, names.clone(), channel).unwrap();
        assert_eq!(labels.geometry().shape_zyx, [2, 3, 4]);
        let expected: Vec<u16> = (first..first + 24).collect();
        assert_eq!(labels.volume.voxels(), expected);
    }
    refused(
        nrrd::read_label_channel(&path, names.clone(), 2),
        &["channel 2", "has 2"],
    );
    refused(nrrd::read_label_map(&path, names), &["2 channels"]);
    refused(nrrd::read_image(&path), &["2 channels"]);
}
