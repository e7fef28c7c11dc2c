//! Every feature is documented, once.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::HashSet;

use renalflow_radiomics::{
    CLASSES, ClassSelection, Ibsi, RadiomicsError, Settings, Standard, columns,
};

#[test]
fn every_feature_documents_everything() {
    let mut columns = HashSet::new();
    for class in CLASSES {
        assert!(!class.title.is_empty(), "{}", class.name);
        for doc in (class.docs)() {
            let what = format!("{} {}", class.name, doc.name);
            for (field, text) in [
                ("name", doc.name),
                ("symbols", doc.symbols),
                ("formula", doc.formula),
                ("meaning", doc.meaning),
                ("unit", doc.unit),
                ("reference", doc.reference),
                ("degenerate", doc.degenerate),
            ] {
                assert!(!text.trim().is_empty(), "{what} has no {field}");
                assert!(!text.contains("  "), "{what}: {field} has a run of spaces");
            }
            assert!(
                doc.degenerate.to_lowercase().contains("one voxel")
                    || doc.degenerate.contains("either"),
                "{what} does not say what one voxel gives"
            );
            match doc.ibsi {
                Ibsi::Same(code) | Ibsi::Differs(code, _) | Ibsi::Duplicate(code, _) => assert!(
                    code.len() == 4
                        && code
                            .bytes()
                            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()),
                    "{what}: '{code}' is no IBSI code"
                ),
                Ibsi::Absent(_) => {}
            }
            if let Ibsi::Differs(_, why) | Ibsi::Absent(why) = doc.ibsi {
                assert!(
                    !why.trim().is_empty(),
                    "{what} does not say how it relates to IBSI"
                );
            }
            assert!(
                columns.insert((class.name, doc.name)),
                "{what} is declared twice"
            );
        }
    }
}

#[test]
fn two_features_share_an_ibsi_code_only_where_they_are_the_same_number() {
    let same = [("Id", "Homogeneity1"), ("Idm", "Homogeneity2")];
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for class in CLASSES {
        for doc in (class.docs)() {
            let (Ibsi::Same(code) | Ibsi::Differs(code, _)) = doc.ibsi else {
                continue;
            };
            if let Some((_, other)) = seen.iter().find(|(other, _)| *other == code) {
                let pair = |a, b| same.contains(&(a, b)) || same.contains(&(b, a));
                assert!(
                    pair(doc.name, *other),
                    "{} and {other} are both {code}",
                    doc.name
                );
            }
            seen.push((code, doc.name));
        }
    }
}

#[test]
fn features_are_selected_by_name() {
    let select = |class: &str, features: &[&str]| Settings {
        classes: vec![ClassSelection {
            class: class.to_owned(),
            features: features.iter().map(|&name| name.to_owned()).collect(),
        }],
        ..Settings::default()
    };
    assert_eq!(
        columns(&select("glcm", &["SumVariance", "Contrast"])).unwrap(),
        ["original_glcm_SumVariance", "original_glcm_Contrast"],
        "in the order in which they are named"
    );
    let error = columns(&select("glcm", &["Contrasts"])).unwrap_err();
    assert!(matches!(&error, RadiomicsError::UnknownFeature { name, .. } if name == "Contrasts"));
    assert!(error.to_string().contains("Contrast,"), "{error}");
    let error = columns(&select("gclm", &[])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("firstorder, shape, shape2D, glcm, glrlm"),
        "{error}"
    );
    assert!(
        columns(&Settings {
            classes: vec![],
            ..Settings::default()
        })
        .unwrap()
        .is_empty()
    );
}

#[test]
fn what_gldm_and_ngldm_share_is_computed_once() {
    let settings = |standard| Settings {
        standard,
        classes: CLASSES
            .iter()
            .map(|class| ClassSelection::defaults_of(class.name))
            .collect(),
        ..Settings::default()
    };
    let has = |standard, class: &str| {
        columns(&settings(standard))
            .unwrap()
            .iter()
            .any(|column| column.starts_with(&format!("original_{class}_")))
    };
    assert!(has(Standard::Ibsi, "ngldm") && !has(Standard::Ibsi, "gldm"));
    assert!(has(Standard::PyRadiomics, "gldm") && !has(Standard::PyRadiomics, "ngldm"));
    let docs_of = |class: &str| {
        let declared = CLASSES.iter().find(|c| c.name == class).unwrap();
        (declared.docs)()
    };
    for doc in docs_of("gldm") {
        let Ibsi::Duplicate(code, name) = doc.ibsi else {
            panic!("{} has no equal", doc.name);
        };
        let name = name.strip_prefix("ngldm ").unwrap();
        let equal = docs_of("ngldm").into_iter().find(|d| d.name == name);
        assert_eq!(equal.unwrap().ibsi, Ibsi::Same(code), "{}", doc.name);
    }
}
