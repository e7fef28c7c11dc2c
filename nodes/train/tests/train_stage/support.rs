//! Small synthetic scans, and runs of the stage over them.

use std::{collections::BTreeMap, path::PathBuf};

use renalflow_frames::read_parquet;
use renalflow_imaging::{Geometry, Image, LabelMap, Volume};
use renalflow_sdk::{
    Context, Table, Value,
    journal::{Entry, Journal},
    replay::Replay,
};
use renalflow_stage_train::PLUGIN;

pub const SHAPE: [usize; 3] = [20, 22, 24];

/// Two balls in noise, one within the other, and a case's number in where they are.
pub fn scan(id: usize, labels: &[(u16, &str)]) -> (Value, Value) {
    let geometry = Geometry::upright(SHAPE, [2.0; 3]).unwrap();
    let centre = [9 + id % 3, 11, 11 + id % 4].map(|c| c as f64);
    let d2 = |i: usize| -> f64 {
        let at = [
            i / (SHAPE[1] * SHAPE[2]),
            i / SHAPE[2] % SHAPE[1],
            i % SHAPE[2],
        ];
        at.iter()
            .zip(centre)
            .map(|(a, c)| (*a as f64 - c).powi(2))
            .sum()
    };
    let n: usize = SHAPE.iter().product();
    let hu = |i: usize| {
        let noise = ((i * 7919 + id * 104_729) % 61) as i16 - 30;
        noise
            + if d2(i) < 9.0 {
                180
            } else if d2(i) < 42.0 {
                100
            } else {
                -60
            }
    };
    let label = |i: usize| {
        let ball = if d2(i) < 9.0 {
            2
        } else {
            u16::from(d2(i) < 42.0)
        };
        labels
            .get(usize::from(ball).wrapping_sub(1))
            .map_or(0, |(label, _)| *label)
    };
    let image = Volume::new(geometry.clone(), (0..n).map(hu).collect::<Vec<i16>>()).unwrap();
    let volume = Volume::new(geometry, (0..n).map(label).collect::<Vec<u16>>()).unwrap();
    let names: BTreeMap<u16, String> = labels
        .iter()
        .map(|(label, name)| (*label, (*name).to_owned()))
        .collect();
    (
        Value::Image(Image::I16(image)),
        Value::Labels(LabelMap { volume, names }),
    )
}

/// A scan with a voxel that is no number.
pub fn nan() -> Value {
    let (Value::Image(Image::I16(hu)), _) = scan(9, BOTH) else {
        unreachable!()
    };
    let mut voxels: Vec<f32> = hu.voxels().iter().map(|&v| f32::from(v)).collect();
    voxels[4000] = f32::NAN;
    Value::Image(Image::F32(
        Volume::new(hu.geometry().clone(), voxels).unwrap(),
    ))
}

pub const BOTH: &[(u16, &str)] = &[(1, "kidney"), (2, "tumour")];

/// One run of the stage.
pub struct Run {
    pub folder: tempfile::TempDir,
    pub cases: Vec<(&'static str, String, Value, Value)>,
    /// Group, case and patient of each record; a group has records for all its cases or none.
    pub patients: Vec<(&'static str, String, &'static str)>,
}

impl Run {
    pub fn new(primary: usize, auxiliary: usize, test: usize) -> Self {
        let mut run = Self {
            folder: tempfile::tempdir().unwrap(),
            cases: Vec::new(),
            patients: Vec::new(),
        };
        for (prefix, count) in [("", primary), ("auxiliary-", auxiliary), ("test-", test)] {
            for id in 0..count {
                let (image, mask) = scan(id + prefix.len(), BOTH);
                run.cases
                    .push((prefix, format!("{prefix}c{id}"), image, mask));
            }
        }
        run
    }

    pub fn add(&mut self, prefix: &'static str, name: &str, (image, mask): (Value, Value)) {
        self.cases.push((prefix, name.to_owned(), image, mask));
    }

    pub fn go(&self, args: &str) -> Result<(Vec<String>, Vec<Entry>), String> {
        self.go_for(args, 2, 3)
    }

    pub fn go_for(
        &self,
        args: &str,
        epochs: usize,
        steps: usize,
    ) -> Result<(Vec<String>, Vec<Entry>), String> {
        self.play(&format!(
            "{SMALL} --epochs {epochs} --steps-per-epoch {steps} {args}"
        ))
    }

    /// With other options than the usual ones.
    pub fn go_with(&self, usual: &str, args: &str) -> Result<(Vec<String>, Vec<Entry>), String> {
        self.play(&format!("{usual} --epochs 2 --steps-per-epoch 3 {args}"))
    }

    fn play(&self, args: &str) -> Result<(Vec<String>, Vec<Entry>), String> {
        let groups: Vec<(&str, Vec<String>)> = ["", "auxiliary-", "test-"]
            .into_iter()
            .filter(|group| self.cases.iter().any(|(of, ..)| of == group))
            .map(|group| {
                let recorded = self.patients.iter().any(|(of, ..)| *of == group);
                let ports = ["image", "mask"]
                    .into_iter()
                    .chain(recorded.then_some("record"));
                (group, ports.map(|port| format!("{group}{port}")).collect())
            })
            .collect();
        let inputs: Vec<String> = groups.iter().flat_map(|(_, ports)| ports.clone()).collect();
        let outputs = ["ack", "ack-auxiliary", "ack-test"];
        let mut replay = Replay::new(inputs.iter().map(String::as_str), outputs);
        for (group, ports) in &groups {
            let own: Vec<_> = self.cases.iter().filter(|(of, ..)| of == group).collect();
            let names: Vec<&str> = own.iter().map(|(_, name, ..)| name.as_str()).collect();
            for port in ports {
                replay.begin(port, &names);
            }
            for (_, name, image, mask) in own {
                replay.value(&ports[0], name, image.clone());
                replay.value(&ports[1], name, mask.clone());
            }
            for (_, name, patient) in self.patients.iter().filter(|(of, ..)| of == group) {
                let row = serde_json::json!({"case_id": name, "patient_id": patient});
                let record = Table::from_rows(&[row.as_object().unwrap().clone()]).unwrap();
                replay.value(&ports[2], name, Value::Table(record));
            }
            for port in ports {
                replay.end(port);
            }
        }
        let context = Context {
            node_id: "train".to_owned(),
            run_dir: self.folder.path().to_owned(),
            strict: false,
            inputs,
            outputs: Vec::new(),
        };
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        let mut journal = Journal::open(self.folder.path(), "train");
        PLUGIN
            .run_on(&mut replay, &args, &context, &mut journal)
            .map_err(|error| error.to_string())?;
        let text = std::fs::read_to_string(self.path("journal/train.jsonl")).unwrap();
        let entries = text.lines().map(|l| serde_json::from_str(l).unwrap());
        let acknowledged = replay.acknowledged().into_iter().map(str::to_owned);
        Ok((acknowledged.collect(), entries.collect()))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }
}

pub const SMALL: &str = "--crop none --spacing-mm 2 --max-patch-voxels 4096 --base-features 4 \
                     --max-levels 2 --learning-rate 0.02";

pub fn results(entries: &[Entry]) -> String {
    let lines = entries.iter().filter_map(|entry| match entry {
        Entry::Result { text } => Some(text.as_str()),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

pub fn failures(entries: &[Entry]) -> String {
    let lines = entries.iter().filter_map(|entry| match entry {
        Entry::Failed {
            case, cause, fix, ..
        } => Some(format!("{case}: {cause}; {fix}")),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
pub fn says(text: &str, phrases: &[&str]) {
    for phrase in phrases {
        assert!(text.contains(phrase), "`{phrase}` is not in\n{text}");
    }
}

/// A table of the run.
pub fn parquet(run: &Run, name: &str) -> Table {
    let (batch, _) = read_parquet(&run.path(name)).unwrap();
    Table::from_batch(batch).unwrap()
}

pub fn column(table: &Table, name: &str) -> Vec<String> {
    let texts = table.texts(name).unwrap().into_iter();
    texts
        .map(|text| text.unwrap_or_else(|| "-".to_owned()))
        .collect()
}
