//! Stages that run without a daemon, and how to run them.

use std::path::PathBuf;

use renalflow_imaging::{Geometry, Image, Volume};
use renalflow_sdk::{
    Cohort, Collecting, Context, Declaration, Failure, Inputs, Kind, NodeError, Outputs, PerCase,
    Plugin, Port, Problem, Role, Source, Stage, Table, Value, Work, clap, journal::Journal,
    lineage::Key, replay::Replay, table::Row,
};
use serde::Serialize;
use serde_json::json;
#[derive(clap::Args, Serialize)]
pub struct NoOptions {}

/// Adds 1 to every voxel; fails on `bad`, panics on `worse`.
pub struct AddOne;

impl Stage for AddOne {
    type Options = NoOptions;
    const DECLARATION: Declaration = Declaration {
        name: "add-one",
        version: "1",
        about: "adds one",
        role: Role::PerCase,
        inputs: &[
            Port::new("image", Kind::Image, "voxels"),
            Port::new("other", Kind::Image, "more voxels").optional(),
        ],
        outputs: &[Port::new("image", Kind::Image, "voxels plus one")],
    };
    fn build(_: NoOptions, _: &Context) -> Result<Work, Problem> {
        Ok(Work::PerCase(Box::new(Self)))
    }
}

impl PerCase for AddOne {
    fn process(&mut self, case_id: &str, mut inputs: Inputs) -> Result<Outputs, Problem> {
        if case_id == "bad" {
            return Err(Problem::new("the case is bad").fix("leave it out"));
        }
        assert!(case_id != "worse", "the case is worse than bad");
        let Image::I16(volume) = inputs.image("image")? else {
            return Err(Problem::new("not i16"));
        };
        Ok(Outputs::none().with("image", Value::Image(Image::I16(volume.map(|v| v + 1)))))
    }
}

/// Names ten cases, of which `c03` cannot be loaded.
pub struct Ten;

impl Stage for Ten {
    type Options = NoOptions;
    const DECLARATION: Declaration = Declaration {
        name: "ten",
        version: "1",
        about: "ten cases",
        role: Role::Source,
        inputs: &[],
        outputs: &[Port::new("image", Kind::Image, "voxels")],
    };
    fn build(_: NoOptions, _: &Context) -> Result<Work, Problem> {
        Ok(Work::Source(Box::new(Self)))
    }
}

impl Source for Ten {
    fn cases(&self) -> Vec<String> {
        (0..10).map(|n| format!("c{n:02}")).collect()
    }
    fn load(&mut self, case_id: &str) -> Result<(Outputs, Key), Problem> {
        if case_id == "c03" {
            return Err(Problem::new("the file is truncated"));
        }
        Ok((
            Outputs::none().with("image", image(7)),
            Key::of_content(case_id.as_bytes()),
        ))
    }
}

/// Lists what it has seen, as one table of the cohort.
#[derive(Default)]
pub struct List(Vec<Row>);

impl Stage for List {
    type Options = NoOptions;
    const DECLARATION: Declaration = Declaration {
        name: "list",
        version: "1",
        about: "lists",
        role: Role::Collecting,
        inputs: &[Port::new("image", Kind::Image, "voxels").many()],
        outputs: &[Port::new("table", Kind::Table, "one row a case")],
    };
    fn build(_: NoOptions, _: &Context) -> Result<Work, Problem> {
        Ok(Work::Collecting(Box::<Self>::default()))
    }
}

impl Collecting for List {
    fn collect(&mut self, case_id: &str, inputs: Result<Inputs, Failure>) -> Result<(), Problem> {
        let status = inputs.map_or_else(|failure| failure.cause, |_| "ok".to_owned());
        self.0.push(
            json!({"case_id": case_id, "status": status})
                .as_object()
                .unwrap()
                .clone(),
        );
        Ok(())
    }
    fn finish(&mut self, cohort: &Cohort) -> Result<Outputs, Problem> {
        self.0.sort_by_key(|row| {
            cohort
                .cases
                .iter()
                .position(|case| row["case_id"] == **case)
        });
        Ok(Outputs::none().with("table", Value::Table(Table::from_rows(&self.0)?)))
    }
}

/// Lists what it has seen of two sets of cases.
#[derive(Default)]
pub struct TwoSets(List);

impl Stage for TwoSets {
    type Options = NoOptions;
    const DECLARATION: Declaration = Declaration {
        name: "two-sets",
        version: "1",
        about: "lists two sets",
        role: Role::Collecting,
        inputs: &[
            Port::new("image", Kind::Image, "voxels"),
            Port::new("mask", Kind::Image, "more voxels"),
            Port::new("another-image", Kind::Image, "voxels").group("another"),
            Port::new("another-mask", Kind::Image, "more voxels").group("another"),
        ],
        outputs: &[Port::new("table", Kind::Table, "one row a case")],
    };
    fn build(_: NoOptions, _: &Context) -> Result<Work, Problem> {
        Ok(Work::Collecting(Box::<Self>::default()))
    }
}

impl Collecting for TwoSets {
    fn collect(&mut self, case_id: &str, inputs: Result<Inputs, Failure>) -> Result<(), Problem> {
        if let Ok(inputs) = &inputs {
            let expected = if case_id.starts_with('p') {
                ["image", "mask"]
            } else {
                ["another-image", "another-mask"]
            };
            assert_eq!(inputs.ports(), expected);
        }
        self.0.collect(case_id, inputs)
    }
    fn finish(&mut self, cohort: &Cohort) -> Result<Outputs, Problem> {
        self.0.finish(cohort)
    }
}

pub const BOTH_SETS: [&str; 4] = ["another-image", "another-mask", "image", "mask"];

pub fn two_sets() -> Replay {
    let outputs = ["table", "ack", "ack-another"];
    Replay::new(BOTH_SETS.into_iter().chain(["ack"]), outputs).acknowledging()
}

pub fn acknowledged<'a>(replay: &'a Replay, output: &str) -> Vec<&'a str> {
    let of_output = replay.sent.iter().filter(|(name, _)| name == output);
    of_output
        .map(|(_, message)| message.envelope.case_id.as_str())
        .collect()
}

pub fn listed(replay: &Replay) -> Vec<(String, String)> {
    let received = replay.received("table");
    let Ok(Value::Table(table)) = &received["cohort"] else {
        panic!("{received:?}")
    };
    let column = |name: &str| table.texts(name).unwrap().into_iter().flatten();
    let rows = column("case_id").zip(column("status"));
    rows.map(|(case, status)| (case.to_owned(), status.to_owned()))
        .collect()
}

pub fn image(value: i16) -> Value {
    let grid = Geometry::upright([2, 3, 4], [3.0, 1.0, 1.0]).unwrap();
    Value::Image(Image::I16(Volume::new(grid, vec![value; 24]).unwrap()))
}

pub fn run<S: Stage>(replay: &mut Replay, strict: bool) -> Result<(), NodeError> {
    let context = Context {
        node_id: "replayed".to_owned(),
        run_dir: PathBuf::from("."),
        strict,
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    Plugin::of::<S>().run_on(replay, &[], &context, &mut Journal::none())
}

pub fn first_voxel(value: &Result<Value, Failure>) -> i16 {
    match value {
        Ok(Value::Image(Image::I16(volume))) => volume.voxels()[0],
        other => panic!("{other:?}"),
    }
}
