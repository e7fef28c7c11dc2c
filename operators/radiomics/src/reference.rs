//! The reference page of all features, made from their declarations.
//!
//! `docs/reference/features.md` is this text; a test fails where the two differ, and writes the
//! page where the variable `RENALFLOW_BLESS` is set. The page in full is [`page`].

use std::fmt::Write;

use crate::{CLASSES, Compute, FeatureClass, FeatureDoc, Ibsi, PyRadiomics};

#[doc = include_str!("../../../docs/reference/features.md")]
pub mod page {}

/// The page of the parameter file, `docs/reference/parameters.md`, as Markdown.
#[must_use]
pub fn parameters_markdown() -> String {
    crate::parameters::reference::markdown()
}

/// The page as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "# Features\n\n\
         Every feature by class, made from the declarations in `operators/radiomics` (do not edit \
         by hand). A column is named `<image type>_<class>_<feature>`, such as \
         `original_glcm_Contrast`.\n\n\
         *IBSI* is the code in the reference manual of the Image Biomarker Standardisation \
         Initiative (arXiv:1612.07003). *PyRadiomics* says whether PyRadiomics computes the feature \
         where its class is enabled (`default`), only where it is named (`disabled`), or not at all \
         (`absent`). Under `compat: ibsi` every feature with a code of its own is computed by \
         default. Grey levels count from 1.\n\n",
    );
    page.push_str("| class | features | needs | what it measures |\n|---|---|---|---|\n");
    for class in CLASSES {
        let needs = match class.compute {
            Compute::FromMask(_) => "mask",
            Compute::FromImage(_) => "image and mask",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| [`{0}`](#{1}) | {2} | {needs} | {3} |",
            class.name,
            class.name.to_lowercase(),
            (class.docs)().len(),
            class.title
        );
    }
    for class in CLASSES {
        section(&mut page, class);
    }
    page
}

fn section(page: &mut String, class: &FeatureClass) {
    let _ = write!(page, "\n## {}\n\n{}.\n", class.name, class.title);
    for doc in (class.docs)() {
        feature(page, doc);
    }
}

fn feature(page: &mut String, doc: &FeatureDoc) {
    let ibsi = match doc.ibsi {
        Ibsi::Same(code) => code.to_owned(),
        Ibsi::Differs(code, how) => format!("{code}, but {how}"),
        Ibsi::Duplicate(code, name) => format!("{code}, the same number as `{name}`"),
        Ibsi::Absent(why) => format!("none: {why}"),
    };
    let pyradiomics = match doc.pyradiomics {
        PyRadiomics::Default => format!("`{}`, default", doc.name),
        PyRadiomics::Disabled => format!("`{}`, disabled", doc.name),
        PyRadiomics::Absent => "absent".to_owned(),
    };
    let _ = write!(page, "\n### {}\n\n{}\n\n", doc.name, escape(doc.meaning));
    for (title, text) in [
        ("Formula", format!("`{}`", doc.formula)),
        ("Symbols", escape(doc.symbols)),
        ("Unit", escape(doc.unit)),
        ("IBSI", escape(&ibsi)),
        ("PyRadiomics", pyradiomics),
        ("Flat region, one voxel", escape(doc.degenerate)),
        ("Reference", escape(doc.reference)),
    ] {
        let _ = writeln!(page, "- {title}: {text}");
    }
}

/// Text that Markdown leaves alone.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '_' | '[' | ']' | '<' | '>' | '|') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
