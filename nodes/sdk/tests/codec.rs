//! Values to messages and back.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use renalflow_imaging::{Geometry, Image, LabelMap, Volume, Voxels};
use renalflow_sdk::{
    Table, Value, Weights,
    codec::{Assembler, MAX_SLABS, Message, SLAB_BYTES, encode},
    envelope::Envelope,
    lineage::Key,
};
use serde_json::json;

fn grid(shape_zyx: [usize; 3]) -> Geometry {
    Geometry {
        origin_xyz_mm: [-120.5, 33.0, 7.25],
        direction: [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]],
        ..Geometry::upright(shape_zyx, [2.5, 0.75, 0.8]).unwrap()
    }
}

fn round_trip(value: Value) -> (Value, usize) {
    let messages = encode("case", value, &Key::of_content(b"x")).unwrap();
    let count = messages.len();
    let mut assembler = Assembler::default();
    for message in messages {
        assert!(message.payload.get_array_memory_size() > 0);
        // Through dora's metadata, as on an edge.
        let envelope = Envelope::from_parameters(&message.envelope.to_parameters()).unwrap();
        assert_eq!(envelope, message.envelope);
        if let Some((value, key)) = assembler
            .push(Message {
                envelope,
                payload: message.payload,
            })
            .unwrap()
        {
            assert_eq!(key, Key::of_content(b"x"));
            return (value, count);
        }
    }
    panic!("the value never completed");
}

#[test]
fn volumes_of_every_type_come_back_as_they_went() {
    let shape = [3, 4, 5];
    let i16s = Image::I16(Volume::new(grid(shape), (0..60).collect::<Vec<i16>>()).unwrap());
    let f32s = Image::F32(
        Volume::new(
            grid(shape),
            (0..60).map(|v| v as f32 / 7.0).collect::<Vec<_>>(),
        )
        .unwrap(),
    );
    let f64s = Image::F64(
        Volume::new(
            grid(shape),
            (0..60).map(|v| f64::from(v) / 7.0).collect::<Vec<_>>(),
        )
        .unwrap(),
    );
    for image in [i16s, f32s, f64s] {
        let (back, count) = round_trip(Value::Image(image.clone()));
        assert_eq!((back, count), (Value::Image(image), 1));
    }
    let labels = LabelMap {
        volume: Volume::new(grid(shape), (0..60).map(|v| v * 1000).collect::<Vec<u16>>()).unwrap(),
        names: [(1, "kidney".to_owned()), (2, "tumour".to_owned())].into(),
    };
    assert_eq!(
        round_trip(Value::Labels(labels.clone())).0,
        Value::Labels(labels)
    );
}

#[test]
fn a_large_volume_travels_in_slabs_of_whole_slices() {
    // 40 slices of 1024 x 1024 x 2 bytes: 80 MiB, three slabs.
    let shape = [40, 1024, 1024];
    let voxels: Vec<i16> = (0..shape.iter().product::<usize>())
        .map(|v| (v % 30_011) as i16)
        .collect();
    let image = Image::I16(Volume::new(grid(shape), voxels).unwrap());
    let messages = encode("case", Value::Image(image.clone()), &Key::of_content(b"x")).unwrap();
    assert_eq!(messages.len(), 3);
    for message in &messages {
        let bytes = message.payload.len() * 2;
        assert!(
            bytes <= SLAB_BYTES && bytes % (1024 * 1024 * 2) == 0,
            "{bytes}"
        );
    }
    assert_eq!(
        round_trip(Value::Image(image.clone())).0,
        Value::Image(image)
    );
}

#[test]
fn one_slab_is_not_copied() {
    let voxels = vec![5i16; 1000];
    let at = voxels.as_ptr();
    let image = Image::I16(Volume::new(grid([10, 10, 10]), voxels).unwrap());
    match round_trip(Value::Image(image)).0 {
        Value::Image(Image::I16(volume)) => assert_eq!(volume.voxels().as_ptr(), at),
        other => panic!("{other:?}"),
    }
}

#[test]
fn slabs_out_of_turn_are_refused() {
    let image = Image::I16(Volume::new(grid([40, 1024, 1024]), vec![0; 40 << 20]).unwrap());
    let messages = encode("case", Value::Image(image), &Key::of_content(b"x")).unwrap();
    let mut assembler = Assembler::default();
    assembler.push(messages[0].clone()).unwrap();
    let error = assembler.push(messages[2].clone()).unwrap_err().to_string();
    assert!(
        error.contains("slab 2 of 3 arrived where slab 1 was due"),
        "{error}"
    );
}

#[test]
fn what_is_too_large_is_refused_with_the_limit() {
    let weights = Weights {
        safetensors: Voxels::Owned(vec![0; MAX_SLABS * SLAB_BYTES + 1]),
        card: json!({}),
    };
    let error = encode("case", Value::Weights(weights), &Key::of_content(b"x"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("2147483649 bytes"), "{error}");
}

#[test]
fn weights_and_tables_come_back_as_they_went() {
    let weights = Weights {
        safetensors: Voxels::Owned(vec![1, 2, 3]),
        card: json!({"window_hu": [-100, 300]}),
    };
    assert_eq!(
        round_trip(Value::Weights(weights.clone())).0,
        Value::Weights(weights)
    );
    let rows: Vec<_> = (0..3)
        .map(|n| {
            json!({"case_id": format!("c{n}"), "x": f64::from(n) / 3.0, "n": n})
                .as_object()
                .unwrap()
                .clone()
        })
        .collect();
    let table = Table::from_rows(&rows).unwrap();
    assert_eq!(
        round_trip(Value::Table(table.clone())).0,
        Value::Table(table)
    );
}

#[test]
fn metadata_of_another_protocol_is_refused() {
    let image = Image::I16(Volume::new(grid([1, 1, 1]), vec![0]).unwrap());
    let message = encode("case", Value::Image(image), &Key::of_content(b"x"))
        .unwrap()
        .remove(0);
    let mut parameters = message.envelope.to_parameters();
    parameters.remove("renalflow");
    assert!(
        Envelope::from_parameters(&parameters)
            .unwrap_err()
            .to_string()
            .contains("`renalflow`")
    );
    let mut parameters = message.envelope.to_parameters();
    parameters.insert(
        "kind".to_owned(),
        dora_node_api::Parameter::String("imago".to_owned()),
    );
    assert!(
        Envelope::from_parameters(&parameters)
            .unwrap_err()
            .to_string()
            .contains("imago")
    );
}
