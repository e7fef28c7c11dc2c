//! What the suites share: a study in a temporary folder, run by the real executable.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use renalflow_imaging::{Geometry, Image, LabelMap, Volume, nifti};
use renalflow_segmentation::{
    network::{
        FsNet, Parameters, Plan, Scheme, Use,
        plan::{Fingerprint, LabelSet, PlanOptions},
    },
    weights::{self, Card},
};
use serde_json::Value as Json;

/// The executable under test.
pub fn renalflow() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_renalflow"));
    if let Some(shared) = shared_if_any() {
        command.env("RENALFLOW_SHARED", shared);
    }
    command
}

/// The example stage of the sdk, which passes cases on after a while.
pub fn delay() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_renalflow"))
        .with_file_name("examples")
        .join("delay");
    assert!(
        path.exists(),
        "{} is built by `cargo test --workspace`",
        path.display()
    );
    path
}

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Real data and reference values, where this machine has them; prints why not otherwise.
pub fn shared() -> Option<PathBuf> {
    let shared = shared_if_any();
    if shared.is_none() {
        eprintln!("skipped: no real data in ../shared (set RENALFLOW_SHARED)");
    }
    shared
}

fn shared_if_any() -> Option<PathBuf> {
    let named = std::env::var_os("RENALFLOW_SHARED").unwrap_or_else(|| "../shared".into());
    root()
        .join(named)
        .canonicalize()
        .ok()
        .filter(|path| path.is_dir())
}

/// A study in a folder of its own.
pub struct Study {
    pub dir: tempfile::TempDir,
}

/// What a run left.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub folder: PathBuf,
}

impl Study {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Write `count` small pairs with a ball of a tumour and a manifest for them.
    pub fn pairs(&self, count: usize) {
        for n in 0..count {
            self.pair(&format!("case_{n:04}"), |_| {});
        }
        self.manifest("");
    }

    pub fn manifest(&self, extra: &str) {
        self.write(
            "pairs.yml",
            &format!(
                "name: test\nlabels: {{1: tumour}}\nsource:\n  pairs:\n    root: data\n    \
                 image: '{{case}}/image.nii.gz'\n    mask: '{{case}}/mask.nii.gz'\n{extra}"
            ),
        );
    }

    /// Write one pair after a change to it.
    pub fn pair(&self, case: &str, change: impl FnOnce(&mut Pair)) {
        let mut pair = Pair::ball();
        change(&mut pair);
        let folder = self.path("data").join(case);
        fs::create_dir_all(&folder).unwrap();
        let image = Volume::new(pair.grid.clone(), pair.image).unwrap();
        nifti::write_image(folder.join("image.nii.gz"), &Image::F32(image)).unwrap();
        let volume = Volume::new(pair.mask_grid.unwrap_or(pair.grid), pair.mask).unwrap();
        nifti::write_label_map(
            folder.join("mask.nii.gz"),
            &LabelMap {
                volume,
                names: Default::default(),
            },
        )
        .unwrap();
    }

    /// Untrained weights of a small network of kidney and tumour at 6 mm.
    pub fn weights(&self) -> PathBuf {
        let labels = ["background", "kidney", "tumour"].map(str::to_owned);
        let mut options = PlanOptions::new("small", LabelSet::Classes(labels.to_vec()));
        options.base_features = 4;
        options.max_levels = 3;
        options.max_patch_voxels = 24 * 24 * 24;
        let fingerprint = Fingerprint {
            spacings_zyx_mm: vec![[6.0; 3]],
            shapes_zyx: vec![[32, 48, 64]],
        };
        let plan = Plan::derive(&fingerprint, &options).unwrap();
        let parameters = Parameters::new(1);
        FsNet::new(&plan, Scheme::Scratch, &parameters, Use::Inference).unwrap();
        let path = self.path("small.safetensors");
        let card = Card::new(plan, Scheme::Scratch, "untrained");
        weights::save(&path, &parameters, card).unwrap();
        path
    }

    pub fn graph(&self, text: &str) -> PathBuf {
        self.write("graph.yml", text)
    }

    pub fn command(&self, graph: &Path, args: &[&str]) -> Command {
        let mut command = renalflow();
        command
            .arg("run")
            .arg(graph)
            .args(args)
            .arg("--out")
            .arg(self.path("runs"));
        command
            .current_dir(self.dir.path())
            .env("PWD", self.dir.path());
        command
    }

    pub fn run(&self, graph: &Path, args: &[&str]) -> Ran {
        let output = self.command(graph, args).output().unwrap();
        self.ran(output)
    }

    pub fn start(&self, graph: &Path) -> Child {
        self.command(graph, &[])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub fn ran(&self, output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            folder: self.path("runs/graph"),
        }
    }

    pub fn check(&self, graph: &Path) -> Ran {
        let mut command = renalflow();
        command
            .arg("check")
            .arg(graph)
            .current_dir(self.dir.path())
            .env("PWD", self.dir.path());
        let output = command.output().unwrap();
        self.ran(output)
    }
}

/// An image and a mask to be.
pub struct Pair {
    pub grid: Geometry,
    pub image: Vec<f32>,
    pub mask: Vec<u16>,
    pub mask_grid: Option<Geometry>,
}

impl Pair {
    /// 12 x 16 x 16 voxels with a ball of radius 4 whose intensities vary.
    fn ball() -> Self {
        let grid = Geometry::upright([12, 16, 16], [2.0, 1.0, 1.0]).unwrap();
        let mut image = Vec::new();
        let mut mask = Vec::new();
        for z in 0..12i32 {
            for y in 0..16i32 {
                for x in 0..16i32 {
                    let inside = 4 * (z - 6).pow(2) + (y - 8).pow(2) + (x - 8).pow(2) <= 16;
                    mask.push(u16::from(inside));
                    image.push(
                        ((x * 31 + y * 17 + z * 7) % 101) as f32 + if inside { 40.0 } else { 0.0 },
                    );
                }
            }
        }
        Self {
            grid,
            image,
            mask,
            mask_grid: None,
        }
    }
}

impl Ran {
    /// `run.json`.
    pub fn record(&self) -> Json {
        let path = self.folder.join("run.json");
        let text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}\n{self:?}", path.display()));
        serde_json::from_str(&text).unwrap()
    }

    /// A column of a Parquet table in the run's folder, as text.
    pub fn column(&self, table: &str, column: &str) -> Vec<Option<String>> {
        let path = self.folder.join(table);
        let (batch, _) = renalflow_frames::read_parquet(&path)
            .unwrap_or_else(|error| panic!("{error}\n{self:?}"));
        renalflow_sdk::Table::from_batch(batch)
            .unwrap()
            .texts(column)
            .unwrap_or_else(|| panic!("{} has no column {column}", path.display()))
    }

    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "exit code {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.code, self.stdout, self.stderr
        )?;
        if let Ok(logs) = fs::read_dir(self.folder.join("logs")) {
            for log in logs.flatten() {
                writeln!(
                    f,
                    "--- {}\n{}",
                    log.path().display(),
                    fs::read_to_string(log.path()).unwrap_or_default()
                )?;
            }
        }
        Ok(())
    }
}

/// Processes that still have this text in their command line or environment.
pub fn processes_of(study: &Study) -> Vec<i32> {
    let wanted = study.dir.path().display().to_string();
    procfs::process::all_processes()
        .unwrap()
        .flatten()
        .filter(|process| process.pid() != std::process::id() as i32)
        .filter(|process| {
            process.environ().is_ok_and(|environment| {
                environment
                    .get(std::ffi::OsStr::new("RENALFLOW_RUN_DIR"))
                    .is_some_and(|dir| dir.to_string_lossy().starts_with(&wanted))
            })
        })
        .filter(|process| process.stat().is_ok_and(|stat| stat.state != 'Z'))
        .map(|process| process.pid())
        .collect()
}

/// Load, wait, measure, collect: the smallest graph with a source, two stages and a table.
pub fn small_graph(milliseconds: u64) -> String {
    format!(
        "nodes:
  - id: load
    path: renalflow
    args: node load --dataset pairs.yml
    inputs: {{ack: table/ack}}
    outputs: [image, mask, record]
  - id: slow
    path: {delay}
    args: --milliseconds {milliseconds}
    inputs:
      image: {{source: load/image, queue_size: 256}}
      mask: {{source: load/mask, queue_size: 256}}
    outputs: [image, mask]
  - id: radiomics
    path: renalflow
    args: node radiomics --regions tumour
    inputs:
      image: {{source: slow/image, queue_size: 256}}
      mask: {{source: slow/mask, queue_size: 256}}
    outputs: [features]
  - id: table
    path: renalflow
    args: node table
    inputs:
      features: {{source: radiomics/features, queue_size: 256}}
      record: {{source: load/record, queue_size: 256}}
    outputs: [ack]
",
        delay = delay().display()
    )
}
