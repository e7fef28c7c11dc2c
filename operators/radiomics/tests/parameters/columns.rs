//! The columns of a file are PyRadiomics', in its order.

use crate::read_with_warnings;

/// By PyRadiomics itself: see `make_columns.py`.
const GOLDEN: &str = include_str!("../golden/columns.txt");

#[test]
fn columns_come_in_the_order_of_pyradiomics() {
    let mut files = 0;
    for block in GOLDEN.split("=== ").skip(1) {
        let (file, columns) = block.split_once('\n').unwrap();
        let (parameters, _) = read_with_warnings(file);
        let columns: Vec<&str> = columns.lines().collect();
        assert_eq!(parameters.columns().unwrap(), columns, "{file}");
        files += 1;
    }
    assert_eq!(files, 3);
}
