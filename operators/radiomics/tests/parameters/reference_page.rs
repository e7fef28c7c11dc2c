//! The page of the parameter file says what the code reads.

use std::path::Path;

#[test]
fn the_page_of_parameters_is_that_of_the_keys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/parameters.md");
    let page = renalflow_radiomics::reference::parameters_markdown();
    if std::env::var_os("RENALFLOW_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written == page,
        "docs/reference/parameters.md is out of date: run this test with RENALFLOW_BLESS=1"
    );
}
