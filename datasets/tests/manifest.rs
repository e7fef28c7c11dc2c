//! Manifests, tables and splits: what is right is read, what is wrong is named.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{fs, path::Path};

use renalflow_datasets::{
    CaseError, CaseSource, CaseSpec, DatasetError, Manifest, Split, Value, load_case,
    phantom::{Domain, PhantomSpec},
    write_kits19,
};
use renalflow_imaging::{Geometry, Image, LabelMap, LabelNames, Volume, nifti};
use tempfile::TempDir;

fn nothing(_: &str) -> Option<String> {
    None
}

fn manifest(folder: &Path, text: &str) -> Result<Manifest, DatasetError> {
    let path = folder.join("data.yml");
    fs::write(&path, text).unwrap();
    Manifest::read(path, &nothing)
}

fn message<T>(result: Result<T, DatasetError>) -> String {
    match result {
        Ok(_) => panic!("expected an error"),
        Err(error) => error.to_string(),
    }
}

/// A pair of NIfTI files in `folder/case`, and the mask's shape can be made to differ.
fn pair(folder: &Path, case: &str, mask_shape: [usize; 3]) {
    let at = folder.join(case);
    fs::create_dir_all(&at).unwrap();
    let grid = |shape| Geometry::upright(shape, [2.0, 1.0, 1.0]).unwrap();
    let image = Volume::new(grid([2, 3, 4]), vec![7i16; 24]).unwrap();
    nifti::write_image(at.join("image.nii.gz"), &Image::I16(image)).unwrap();
    let labels = vec![1u16; mask_shape.iter().product()];
    let mask = LabelMap {
        volume: Volume::new(grid(mask_shape), labels).unwrap(),
        names: LabelNames::new(),
    };
    nifti::write_label_map(at.join("mask.nii.gz"), &mask).unwrap();
}

const PAIRS: &str = r#"
name: pairs
labels: {1: tumour}
source:
  pairs:
    root: .
    image: "{case}/image.nii.gz"
    mask: "{case}/mask.nii.gz"
"#;

fn with_table(text: &str) -> String {
    format!("target: malignant\n{PAIRS}    table: {{file: labels.csv{text}}}\n")
}

#[test]
fn a_misspelt_key_is_refused_with_the_line_and_the_nearest_one() {
    let folder = TempDir::new().unwrap();
    let text = message(manifest(
        folder.path(),
        &PAIRS.replace("labels:", "lables:"),
    ));
    assert!(text.contains("data.yml:3: "), "{text}");
    assert!(text.contains("unknown field `lables`"), "{text}");
    assert!(text.contains("did you mean `labels`?"), "{text}");

    let nested = message(manifest(
        folder.path(),
        &PAIRS.replace("    mask:", "    maks:"),
    ));
    assert!(nested.contains("data.yml:8: "), "{nested}");
    assert!(nested.contains("did you mean `mask`?"), "{nested}");

    let kind = message(manifest(
        folder.path(),
        &PAIRS.replace("  pairs:", "  paris:"),
    ));
    assert!(kind.contains("did you mean `pairs`?"), "{kind}");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_the_line() {
    let folder = TempDir::new().unwrap();
    let text = message(manifest(
        folder.path(),
        "name: x\nsource:\n  phantom:\n    domain: primary\n    count: many\n    malignant: 1\n    seed: 1\n",
    ));
    assert!(text.contains("data.yml:5"), "{text}");
    let domain = message(manifest(
        folder.path(),
        "name: x\nsource:\n  phantom:\n    domain: primari\n    count: 2\n    malignant: 1\n    seed: 1\n",
    ));
    assert!(domain.contains("did you mean `primary`?"), "{domain}");
}

#[test]
fn variables_come_from_the_caller_and_have_defaults() {
    let folder = TempDir::new().unwrap();
    pair(&folder.path().join("here"), "a", [2, 3, 4]);
    let path = folder.path().join("data.yml");
    fs::write(&path, PAIRS.replace("root: .", "root: ${WHERE:-here}")).unwrap();
    assert_eq!(
        Manifest::read(&path, &nothing)
            .unwrap()
            .cases()
            .unwrap()
            .len(),
        1
    );
    let elsewhere = |name: &str| (name == "WHERE").then(|| "elsewhere".to_owned());
    let error = message(Manifest::read(&path, &elsewhere).unwrap().cases());
    assert!(error.contains("elsewhere"), "{error}");
    fs::write(&path, PAIRS.replace("root: .", "root: ${WHERE}")).unwrap();
    let error = message(Manifest::read(&path, &nothing));
    assert!(error.contains("WHERE is not set"), "{error}");
}

#[test]
fn pairs_are_found_joined_with_their_table_and_loaded() {
    let folder = TempDir::new().unwrap();
    for case in ["b", "a"] {
        pair(folder.path(), case, [2, 3, 4]);
    }
    fs::write(
        folder.path().join("labels.csv"),
        "case_id,patient,malignant,age,note\nb,p1,1,60,\"two, words\"\na,p2,0,NA,\n",
    )
    .unwrap();
    let manifest = manifest(folder.path(), &with_table(", patient: patient")).unwrap();
    let cases = manifest.cases().unwrap();
    let ids: Vec<&str> = cases.iter().map(|case| case.case_id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(cases[0].patient_id, "p2");
    assert_eq!(
        [cases[0].target, cases[1].target],
        [Some(false), Some(true)]
    );
    assert_eq!(cases[0].record.get("age"), Some(&Value::Missing));
    assert_eq!(
        cases[1].record.get("note"),
        Some(&Value::from("two, words"))
    );
    let loaded = load_case(&cases[1]).unwrap();
    assert_eq!(loaded.image.unwrap().geometry().shape_zyx, [2, 3, 4]);
    assert_eq!(loaded.mask.unwrap().names[&1], "tumour");
    // Same bytes, same digest, wherever they lie.
    assert_eq!(
        loaded.content_digest,
        load_case(&cases[0]).unwrap().content_digest
    );
}

#[test]
fn a_duplicate_row_is_named_with_both_lines() {
    let folder = TempDir::new().unwrap();
    pair(folder.path(), "a", [2, 3, 4]);
    fs::write(
        folder.path().join("labels.csv"),
        "case_id,malignant\na,1\nb,0\na,0\n",
    )
    .unwrap();
    let text = message(manifest(folder.path(), &with_table("")).unwrap().cases());
    assert!(
        text.contains("labels.csv:4: case a is listed twice, on lines 2 and 4"),
        "{text}"
    );
}

#[test]
fn a_case_without_a_row_is_an_error_unless_it_is_kept() {
    let folder = TempDir::new().unwrap();
    for case in ["a", "b"] {
        pair(folder.path(), case, [2, 3, 4]);
    }
    fs::write(folder.path().join("labels.csv"), "case_id,malignant\na,1\n").unwrap();
    let text = message(manifest(folder.path(), &with_table("")).unwrap().cases());
    assert!(text.contains("no row for b"), "{text}");
    assert!(text.contains("unlabelled: keep"), "{text}");
    let kept = manifest(folder.path(), &with_table(", unlabelled: keep")).unwrap();
    let cases = kept.cases().unwrap();
    assert_eq!([cases[0].target, cases[1].target], [Some(true), None]);
    let without = format!("exclude: [b]\n{}", with_table(""));
    assert_eq!(
        manifest(folder.path(), &without)
            .unwrap()
            .cases()
            .unwrap()
            .len(),
        1
    );
    let unknown = format!("exclude: [c]\n{}", with_table(", unlabelled: keep"));
    let text = message(manifest(folder.path(), &unknown).unwrap().cases());
    assert!(text.contains("`exclude` names c"), "{text}");
}

#[test]
fn a_row_without_files_is_a_case_that_fails_by_name() {
    let folder = TempDir::new().unwrap();
    pair(folder.path(), "a", [2, 3, 4]);
    fs::write(
        folder.path().join("labels.csv"),
        "case_id,malignant\na,1\nz,0\n",
    )
    .unwrap();
    let cases = manifest(folder.path(), &with_table(""))
        .unwrap()
        .cases()
        .unwrap();
    assert!(load_case(&cases[0]).is_ok());
    let error = load_case(&cases[1]).unwrap_err();
    assert_eq!(error.case_id(), "z");
    assert!(matches!(error, CaseError::Missing { role: "image", .. }));
    assert!(error.to_string().contains("z/image.nii.gz"), "{error}");
}

#[test]
fn bad_tables_are_named_by_line() {
    let folder = TempDir::new().unwrap();
    pair(folder.path(), "a", [2, 3, 4]);
    let case = |table: &str, option: &str| {
        fs::write(folder.path().join("labels.csv"), table).unwrap();
        message(
            manifest(folder.path(), &with_table(option))
                .unwrap()
                .cases(),
        )
    };
    let class = case("case_id,malignant\na,perhaps\n", "");
    assert!(class.contains("labels.csv:2: no class"), "{class}");
    let column = case("case,malignant\na,1\n", "");
    assert!(column.contains("did you mean `case`?"), "{column}");
    let target = case("case_id,malignent\na,1\n", "");
    assert!(target.contains("did you mean `malignent`?"), "{target}");
    let ragged = case("case_id,malignant\na,1,2\n", "");
    assert!(
        ragged.contains("labels.csv:2: 3 fields where the header has 2"),
        "{ragged}"
    );
    let empty = case("case_id,malignant\n,1\n", "");
    assert!(
        empty.contains("labels.csv:2: a row without a case"),
        "{empty}"
    );
    fs::remove_file(folder.path().join("labels.csv")).unwrap();
    let absent = message(manifest(folder.path(), &with_table("")).unwrap().cases());
    assert!(absent.contains("labels.csv"), "{absent}");
}

#[test]
fn image_and_mask_on_different_grids_are_refused_with_both_names() {
    let folder = TempDir::new().unwrap();
    pair(folder.path(), "a", [2, 3, 5]);
    let cases = manifest(folder.path(), PAIRS).unwrap().cases().unwrap();
    let text = load_case(&cases[0]).unwrap_err().to_string();
    assert!(
        text.contains("a/image.nii.gz") && text.contains("a/mask.nii.gz"),
        "{text}"
    );
    assert!(
        text.contains("2 x 3 x 4") && text.contains("2 x 3 x 5"),
        "{text}"
    );
}

#[test]
fn patterns_and_written_cases_exclude_each_other() {
    let folder = TempDir::new().unwrap();
    let both = format!("{PAIRS}    cases: [{{case: a, image: x.nii.gz}}]\n");
    let text = message(manifest(folder.path(), &both).unwrap().cases());
    assert!(text.contains("both `cases` and a pattern"), "{text}");
    let neither = "name: x\nsource:\n  pairs: {root: .}\n";
    let text = message(manifest(folder.path(), neither).unwrap().cases());
    assert!(text.contains("neither `cases` nor a pattern"), "{text}");
    let fixed = PAIRS.replace("{case}/mask", "mask");
    let text = message(manifest(folder.path(), &fixed).unwrap().cases());
    assert!(text.contains("has no {case}"), "{text}");
    let nothing = message(manifest(folder.path(), PAIRS).unwrap().cases());
    assert!(nothing.contains("no path matches"), "{nothing}");
}

/// Two small phantoms on disk.
fn kits(folder: &Path) {
    let spec = |index, malignant| PhantomSpec {
        domain: Domain::Auxiliary,
        index,
        seed: 5,
        malignant,
        shape_zyx: Some([10, 40, 52]),
        spacing_zyx_mm: Some([14.0, 7.0, 7.0]),
        phase: None,
        anatomy: None,
    };
    write_kits19(folder, &[spec(0, true), spec(1, false)]).unwrap();
}

#[test]
fn kits19_layout_is_read_back_as_written() {
    let folder = TempDir::new().unwrap();
    kits(folder.path());
    let text = "name: k\nlabels: {1: kidney, 2: tumour}\nsource:\n  kits19: {root: .}\n";
    let cases = manifest(folder.path(), text).unwrap().cases().unwrap();
    let ids: Vec<&str> = cases.iter().map(|case| case.case_id.as_str()).collect();
    assert_eq!(ids, ["case_00000", "case_00001"]);
    assert_eq!(
        [cases[0].target, cases[1].target],
        [Some(true), Some(false)]
    );
    let loaded = load_case(&cases[0]).unwrap();
    assert_eq!(loaded.image.unwrap().geometry().shape_zyx, [10, 40, 52]);
    assert!(loaded.mask.unwrap().counts()[&1] > 0);

    // Without images, the image is not looked for.
    fs::remove_file(folder.path().join("case_00001/imaging.nii.gz")).unwrap();
    assert!(
        load_case(&cases[1])
            .unwrap_err()
            .to_string()
            .contains("imaging.nii.gz")
    );
    let masks = text.replace("{root: .}", "{root: ., images: none}");
    let cases = manifest(folder.path(), &masks).unwrap().cases().unwrap();
    assert!(load_case(&cases[1]).unwrap().image.is_none());
}

#[test]
fn known_issues_are_noted_or_acted_upon() {
    let folder = TempDir::new().unwrap();
    kits(folder.path());
    fs::write(
        folder.path().join("issues.yml"),
        "- {case: case_00000, what: odd, action: note, sources: [here]}\n\
         - {case: case_00001, what: broken, action: exclude, sources: [there]}\n",
    )
    .unwrap();
    let text = "name: k\nknown_issues: issues.yml\nsource:\n  kits19: {root: .}\n";
    let manifest = manifest(folder.path(), text).unwrap();
    let cases = manifest.cases().unwrap();
    assert_eq!(cases.len(), 1);
    assert_eq!(cases[0].known_issue.as_deref(), Some("odd"));
    assert_eq!(
        cases[0].record.get("known_issue"),
        Some(&Value::from("odd"))
    );
    let shown: Vec<String> = manifest
        .known_issues()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(shown[1], "case_00001 (left out): broken [there]");
}

fn patients() -> Vec<(String, Option<bool>)> {
    (0..23)
        .map(|i| (format!("p{i:02}"), Some(i % 3 == 0)))
        .collect()
}

fn split(folds: u32, seed: u64) -> Split {
    let patients = patients();
    Split::stratified(patients.iter().map(|(p, c)| (p.as_str(), *c)), folds, seed).unwrap()
}

#[test]
fn a_split_is_stratified_seeded_and_even() {
    let split5 = split(5, 1);
    assert_eq!(split5, split(5, 1));
    assert_ne!(split5.fold_of, split(5, 2).fold_of);
    let patients = patients();
    for wanted in [None, Some(true), Some(false)] {
        let sizes: Vec<usize> = (0..5)
            .map(|fold| {
                patients
                    .iter()
                    .filter(|(p, c)| {
                        split5.fold_of[p] == fold && (wanted.is_none() || *c == wanted)
                    })
                    .count()
            })
            .collect();
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        assert!(most - least <= 1, "{wanted:?}: {sizes:?}");
    }
    let few = [("a", None), ("b", None)];
    assert!(Split::stratified(few, 3, 0).is_none());
    assert!(Split::stratified(few, 1, 0).is_none());
}

#[test]
fn a_split_that_does_not_fit_names_the_patient() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("split.yml");
    split(4, 9).write(&path).unwrap();
    let read = Split::read(&path).unwrap();
    assert_eq!(read, split(4, 9));
    let all = patients();
    let ids: Vec<&str> = all.iter().map(|(p, _)| p.as_str()).collect();
    read.verify(&path, ids.iter().copied()).unwrap();
    let missing = message(read.verify(&path, ids.iter().copied().chain(["new"])));
    assert!(missing.contains("no fold for new"), "{missing}");
    let extra = message(read.verify(&path, ids[1..].iter().copied()));
    assert!(
        extra.contains("a fold for p00, not in the data set"),
        "{extra}"
    );

    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("p03:", "p99:")).unwrap();
    assert!(message(Split::read(&path)).contains("patients_digest"));
    fs::write(&path, text.replace("p03: ", "p03: 7")).unwrap();
    assert!(message(Split::read(&path)).contains("p03"));
}

#[test]
fn a_phantom_cohort_that_cannot_be_is_refused() {
    let folder = TempDir::new().unwrap();
    let case = |options: &str| {
        let text =
            format!("name: x\nsource:\n  phantom: {{domain: primary, seed: 1, {options}}}\n");
        manifest(folder.path(), &text).unwrap().cases()
    };
    assert!(message(case("count: 0, malignant: 0")).contains("`count` is 0"));
    assert!(message(case("count: 2, malignant: 3")).contains("3 malignant of 2"));
    let anatomy = message(case("count: 2, malignant: 1, anatomy: ."));
    assert!(anatomy.contains("real anatomy for 0"), "{anatomy}");
    let cases = case("count: 9, malignant: 4").unwrap();
    assert_eq!(cases[7].case_id, "phantom_primary_0007");
    assert_eq!(
        cases
            .iter()
            .filter(|case| case.target == Some(true))
            .count(),
        4
    );
    let later = case("count: 9, malignant: 4, first: 100").unwrap();
    assert_eq!(later[7].case_id, "phantom_primary_0107");
    let most = message(case("count: 2, malignant: 1, first: 4294967295"));
    assert!(most.contains("lower `first`"), "{most}");
    let bad = case("count: 1, malignant: 1, shape_zyx: [0, 3, 3]").unwrap();
    assert!(
        load_case(&bad[0])
            .unwrap_err()
            .to_string()
            .contains("shape_zyx")
    );
}

#[test]
fn an_rtstruct_needs_the_names_of_its_regions() {
    let folder = TempDir::new().unwrap();
    let text = "name: x\nsource:\n  dicom:\n    root: .\n    cases: [{case: a, image: ct, rtstruct: rs.dcm}]\n";
    let error = message(manifest(folder.path(), text).unwrap().cases());
    assert!(
        error.contains("case a has an RTSTRUCT and no `rois`"),
        "{error}"
    );
    let named = format!("{text}    rois: {{GTV-1: 1}}\n");
    let cases = manifest(folder.path(), &named).unwrap().cases().unwrap();
    let error = load_case(&cases[0]).unwrap_err();
    assert!(
        matches!(error, CaseError::Missing { role: "image", .. }),
        "{error}"
    );
}

#[test]
fn a_truncated_mask_fails_its_case_by_name() {
    let folder = TempDir::new().unwrap();
    pair(folder.path(), "a", [2, 3, 4]);
    let mask = folder.path().join("a/mask.nii.gz");
    let bytes = fs::read(&mask).unwrap();
    fs::write(&mask, &bytes[..bytes.len() / 2]).unwrap();
    let cases: Vec<CaseSpec> = manifest(folder.path(), PAIRS).unwrap().cases().unwrap();
    assert!(matches!(cases[0].source, CaseSource::Files { .. }));
    let error = load_case(&cases[0]).unwrap_err();
    assert!(matches!(error, CaseError::Read { .. }));
    assert!(error.to_string().contains("a/mask.nii.gz"), "{error}");
}
