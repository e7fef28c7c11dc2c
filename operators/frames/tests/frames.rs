//! Stacking, joining and files, on tables with every kind of hole.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{path::Path, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch,
        StringArray,
    },
    datatypes::DataType,
};
use proptest::prelude::*;
use renalflow_frames::{
    FrameError, check_writable, detach, left_join, read_parquet, stack, write_file, write_parquet,
};

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

fn f64s(values: Vec<Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

fn i64s(values: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

fn bools(values: Vec<Option<bool>>) -> ArrayRef {
    Arc::new(BooleanArray::from(values))
}

fn texts(values: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

fn sample() -> RecordBatch {
    table(vec![
        ("case_id", texts(vec![Some("é/1"), Some(""), None])),
        ("volume_ml", f64s(vec![Some(f64::NAN), None, Some(-0.0)])),
        ("n", i64s(vec![Some(i64::MIN), None, Some(i64::MAX)])),
        ("malignant", bools(vec![Some(true), None, Some(false)])),
    ])
}

/// Bits and holes of a column: NaN equals NaN, and is not a hole.
fn bits(batch: &RecordBatch, name: &str) -> Vec<Option<u64>> {
    let array = batch
        .column_by_name(name)
        .unwrap()
        .as_any()
        .downcast_ref::<Float64Array>()
        .unwrap()
        .clone();
    array.iter().map(|value| value.map(f64::to_bits)).collect()
}

#[test]
fn a_file_gives_back_the_table_and_its_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.parquet");
    let metadata = vec![
        ("b".to_owned(), "{\"x\": \"ü\"}".to_owned()),
        ("a".to_owned(), String::new()),
    ];
    write_parquet(&sample(), &metadata, &path).unwrap();
    let (batch, read) = read_parquet(&path).unwrap();
    assert_eq!(read, [metadata[1].clone(), metadata[0].clone()]);
    assert_eq!(bits(&batch, "volume_ml"), bits(&sample(), "volume_ml"));
    for name in ["case_id", "n", "malignant"] {
        assert_eq!(
            batch.column_by_name(name),
            sample().column_by_name(name),
            "{name}"
        );
    }
    let names: Vec<_> = batch
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(
        names,
        ["case_id", "volume_ml", "n", "malignant"],
        "in the order given"
    );
}

#[test]
fn the_same_table_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = [("renalflow.version".to_owned(), "1".to_owned())];
    let many = stack(&vec![sample(); 500]).unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        write_parquet(&many, &metadata, &path).unwrap();
        std::fs::read(path).unwrap()
    };
    assert_eq!(write("one.parquet"), write("two.parquet"));
}

#[test]
fn a_table_without_rows_keeps_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.parquet");
    write_parquet(&sample().slice(0, 0), &[], &path).unwrap();
    let (batch, metadata) = read_parquet(&path).unwrap();
    assert_eq!(
        (batch.num_rows(), batch.num_columns(), metadata.len()),
        (0, 4, 0)
    );
}

#[test]
fn a_file_that_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no/such/folder/features.parquet");
    let error = write_parquet(&sample(), &[], &missing).unwrap_err();
    assert!(error.to_string().contains("no/such/folder"), "{error}");
    assert!(check_writable(&missing).is_err());

    // A folder stands where the file should: the rename fails after everything was written.
    let taken = folder.path().join("taken.parquet");
    std::fs::create_dir_all(taken.join("x")).unwrap();
    assert!(matches!(
        write_file(&taken, b"text"),
        Err(FrameError::Write { .. })
    ));
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file is left"
    );

    let fine = folder.path().join("fine.txt");
    check_writable(&fine).unwrap();
    write_file(&fine, b"one").unwrap();
    write_file(&fine, b"two").unwrap();
    assert_eq!(std::fs::read(&fine).unwrap(), b"two");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_full_disk_is_an_error_and_leaves_no_half_file() {
    // /dev/full refuses every byte, but a temporary file cannot live there, so the test needs a
    // small file system of its own; RENALFLOW_SMALL_DISK names one where there is one.
    let Some(disk) = std::env::var_os("RENALFLOW_SMALL_DISK") else {
        eprintln!("skipped: RENALFLOW_SMALL_DISK names no small file system");
        return;
    };
    let path = Path::new(&disk).join("features.parquet");
    std::fs::write(&path, b"earlier").unwrap();
    let error = write_file(&path, &vec![7; 1 << 28]).unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    assert_eq!(
        std::fs::read(&path).unwrap(),
        b"earlier",
        "the earlier file still stands"
    );
    assert_eq!(
        std::fs::read_dir(&disk)
            .unwrap()
            .filter(|e| e.as_ref().unwrap().path().is_file())
            .count(),
        1
    );
}

#[test]
fn files_that_are_not_parquet_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.parquet");
    assert!(matches!(read_parquet(&path), Err(FrameError::Open { .. })));
    for bytes in [&b""[..], b"case_id,volume\n1,2\n", b"PAR1PAR1"] {
        std::fs::write(&path, bytes).unwrap();
        let error = read_parquet(&path).unwrap_err();
        assert!(
            matches!(error, FrameError::NotParquet { .. }),
            "{bytes:?}: {error}"
        );
        assert!(error.to_string().contains("features.parquet"), "{error}");
    }
    write_parquet(&sample(), &[], &path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(
            read_parquet(&path).is_err(),
            "{length} of {} bytes",
            whole.len()
        );
    }
}

#[test]
fn columns_of_other_types_or_twice_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.parquet");
    let narrow = table(vec![("count", Arc::new(Int32Array::from(vec![1])))]);
    assert!(
        write_parquet(&narrow, &[], &path)
            .unwrap_err()
            .to_string()
            .contains("`count` has type Int32")
    );
    assert!(matches!(
        stack(&[narrow]),
        Err(FrameError::ColumnType { .. })
    ));
    let twice = table(vec![
        ("a", i64s(vec![None])),
        ("b", i64s(vec![None])),
        ("a", i64s(vec![None])),
    ]);
    let error = write_parquet(&twice, &[], &path).unwrap_err();
    assert!(
        error.to_string().contains("`a` is in the table twice"),
        "{error}"
    );
    assert!(!path.exists());
}

#[test]
fn stacking_goes_by_name_and_widens_types() {
    let one = table(vec![
        ("a", i64s(vec![Some(1)])),
        ("b", f64s(vec![None])),
        ("d", bools(vec![Some(true)])),
    ]);
    let two = table(vec![
        ("b", texts(vec![Some("x"), None])),
        ("c", f64s(vec![Some(f64::NAN), None])),
        ("a", f64s(vec![Some(0.5), None])),
        ("d", i64s(vec![Some(7), None])),
    ]);
    let both = stack(&[one, two]).unwrap();
    let schema = both.schema();
    let columns: Vec<_> = schema
        .fields()
        .iter()
        .map(|f| (f.name().as_str(), f.data_type().clone()))
        .collect();
    let expected = [
        ("a", DataType::Float64),
        ("b", DataType::Utf8),
        ("d", DataType::Utf8),
        ("c", DataType::Float64),
    ];
    assert_eq!(columns, expected);
    assert_eq!(
        both.column(0).as_ref(),
        f64s(vec![Some(1.0), Some(0.5), None]).as_ref()
    );
    assert_eq!(
        both.column(1).as_ref(),
        texts(vec![None, Some("x"), None]).as_ref()
    );
    assert_eq!(
        both.column(2).as_ref(),
        texts(vec![Some("true"), Some("7"), None]).as_ref()
    );
    assert_eq!(bits(&both, "c"), [None, Some(f64::NAN.to_bits()), None]);
    assert_eq!(stack(&[]).unwrap().num_rows(), 0);
}

#[test]
fn a_column_without_values_keeps_its_type() {
    let empty = table(vec![("cause", texts(vec![None]))]);
    let both = stack(&[empty.clone(), empty]).unwrap();
    assert_eq!(both.column(0).data_type(), &DataType::Utf8);
}

#[test]
fn a_left_join_keeps_rows_and_order_of_the_left() {
    let left = table(vec![
        (
            "case_id",
            texts(vec![Some("c"), Some("a"), Some("b"), Some("a"), None]),
        ),
        (
            "roi",
            texts(vec![Some("x"), Some("y"), Some("x"), Some("x"), None]),
        ),
    ]);
    let right = table(vec![
        (
            "v",
            f64s(vec![
                Some(1.0),
                Some(2.0),
                Some(f64::NAN),
                Some(4.0),
                Some(5.0),
            ]),
        ),
        (
            "roi",
            texts(vec![Some("x"), Some("y"), Some("x"), None, Some("x")]),
        ),
        (
            "case_id",
            texts(vec![Some("a"), Some("a"), Some("c"), None, Some("z")]),
        ),
    ]);
    let joined = left_join(&left, &right, &["case_id", "roi"]).unwrap();
    assert_eq!(joined.num_rows(), 5);
    assert_eq!(joined.column(0), left.column(0));
    let expected = [Some(f64::NAN), Some(2.0), None, Some(1.0), Some(4.0)];
    assert_eq!(bits(&joined, "v"), expected.map(|v| v.map(f64::to_bits)));
}

#[test]
fn joins_that_would_lose_or_multiply_rows_are_refused() {
    let left = table(vec![
        ("case_id", texts(vec![Some("a")])),
        ("v", f64s(vec![None])),
    ]);
    let clash = table(vec![
        ("case_id", texts(vec![Some("a")])),
        ("v", f64s(vec![None])),
    ]);
    let error = left_join(&left, &clash, &["case_id"]).unwrap_err();
    assert!(
        matches!(&error, FrameError::Clash(name) if name == "v"),
        "{error}"
    );
    let keyless = table(vec![("patient", texts(vec![Some("a")]))]);
    let error = left_join(&left, &keyless, &["case_id"])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no column `case_id`") && error.contains("patient"),
        "{error}"
    );
    let twice = table(vec![
        ("case_id", texts(vec![Some("a"), Some("a")])),
        ("w", f64s(vec![None, None])),
    ]);
    assert!(matches!(
        left_join(&left, &twice, &["case_id"]),
        Err(FrameError::SharedKey { .. })
    ));
    let number = table(vec![("case_id", i64s(vec![Some(1)]))]);
    assert!(left_join(&left, &number, &["case_id"]).is_err());
}

#[test]
fn a_detached_table_shares_no_memory() {
    let values = Float64Array::from(vec![1.0, 2.0, 3.0]);
    let before = values.values().as_ptr();
    let batch = table(vec![("v", Arc::new(values))]);
    let copy = detach(&batch).unwrap();
    assert_eq!(copy, batch);
    let after = copy
        .column(0)
        .as_any()
        .downcast_ref::<Float64Array>()
        .unwrap()
        .values()
        .as_ptr();
    assert_ne!(before, after);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_table_survives_a_file(
        rows in prop::collection::vec(
            (any::<Option<f64>>(), any::<Option<i64>>(), any::<Option<bool>>(), any::<Option<String>>()), 0..40),
        value in any::<String>(),
    ) {
        let batch = table(vec![
            ("f", f64s(rows.iter().map(|row| row.0).collect())),
            ("i", i64s(rows.iter().map(|row| row.1).collect())),
            ("b", bools(rows.iter().map(|row| row.2).collect())),
            ("t", texts(rows.iter().map(|row| row.3.as_deref()).collect())),
        ]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let metadata = [("key".to_owned(), value)];
        write_parquet(&batch, &metadata, &path).unwrap();
        let (read, read_metadata) = read_parquet(&path).unwrap();
        prop_assert_eq!(bits(&read, "f"), bits(&batch, "f"));
        for name in ["i", "b", "t"] {
            prop_assert_eq!(read.column_by_name(name), batch.column_by_name(name));
        }
        prop_assert_eq!(read_metadata, metadata.to_vec());
    }
}
