//! The page of all features says what the code declares.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

#[test]
fn the_page_of_features_is_that_of_the_declarations() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/features.md");
    let page = renalflow_radiomics::reference::markdown();
    if std::env::var_os("RENALFLOW_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written == page,
        "docs/reference/features.md is out of date: run this test with RENALFLOW_BLESS=1"
    );
}
