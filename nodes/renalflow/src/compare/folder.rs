//! The folder of a run, as far as a comparison needs it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use renalflow_frames::read_parquet;
use renalflow_sdk::{Problem, Table};
use serde_json::Value as Json;

use super::{gates, predictions::Predictions, scores::Scores};

/// A finished run.
pub struct Run {
    /// Name of its folder.
    pub name: String,
    /// What it was told, by node and option, seeds left out.
    pub settings: BTreeMap<String, String>,
    /// Its seeds, by node and option.
    pub seeds: BTreeMap<String, String>,
    /// Scores of its masks.
    pub scores: Option<Scores>,
    /// Predictions of its classifier.
    pub predictions: Option<Predictions>,
    /// Final gates of its networks, by level.
    pub gates: BTreeMap<usize, f64>,
}

/// Options that say where and how fast, not what.
const NOT_A_SETTING: [&str; 3] = ["device", "resume", "max_memory_mib"];

impl Run {
    /// Read a folder.
    ///
    /// # Errors
    /// A folder that is not of a run, a run that is not finished or did not complete, tables
    /// that cannot be read.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let record = record(path)?;
        let (settings, seeds) = settings(&record);
        let table = |stages: &[&str], name: &str| -> Result<Option<(Table, PathBuf)>, Problem> {
            let Some(file) = file_of(&record, path, stages, name) else {
                return Ok(None);
            };
            let (batch, _) = read_parquet(&file)?;
            Ok(Some((Table::from_batch(batch)?, file)))
        };
        let in_file = |file: &Path| {
            let file = file.display().to_string();
            move |problem: Problem| problem.context(&file)
        };
        let scores = table(&["score", "train"], "scores.parquet")?
            .map(|(table, file)| Scores::read(&table).map_err(in_file(&file)))
            .transpose()?;
        let threshold = threshold(&record, path);
        let predictions = table(&["classify"], "predictions.parquet")?
            .map(|(table, file)| Predictions::read(&table, threshold).map_err(in_file(&file)))
            .transpose()?;
        if scores.is_none() && predictions.is_none() {
            return Err(Problem::new(format!(
                "{} has neither scores.parquet nor predictions.parquet",
                path.display()
            ))
            .fix("compare runs of graphs with a stage `score`, `train` or `classify`"));
        }
        Ok(Self {
            name: name(path),
            settings,
            seeds,
            scores,
            predictions,
            gates: gates::read(&path.join("gates.csv"))?,
        })
    }
}

/// The name of the folder, also where it was given as `.` or with a slash at its end.
fn name(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn record(path: &Path) -> Result<Json, Problem> {
    let shown = path.display();
    if !path.is_dir() {
        return Err(Problem::new(format!("there is no folder {shown}"))
            .fix("give folders of runs, such as runs/radiomics"));
    }
    let file = path.join("run.json");
    if !file.exists() {
        let began = ["journal", "logs"]
            .iter()
            .any(|inner| path.join(inner).is_dir());
        return Err(if began {
            Problem::new(format!(
                "the run {shown} is not finished: it has no run.json yet"
            ))
            .fix("wait for its end, or run it again")
        } else {
            Problem::new(format!(
                "{shown} is not the folder of a run: it has no run.json"
            ))
            .fix("give folders of runs, such as runs/radiomics")
        });
    }
    let text = fs::read_to_string(&file)
        .map_err(|error| Problem::new(format!("cannot read {}: {error}", file.display())))?;
    let record: Json = serde_json::from_str(&text).map_err(|error| {
        Problem::new(format!("{} is not JSON: {error}", file.display())).fix("run the graph again")
    })?;
    if record["complete"] != Json::Bool(true) {
        return Err(
            Problem::new(format!("the run {shown} did not complete{}", why(&record)))
                .fix("run it again; what is missing in it would count against it, or for it"),
        );
    }
    Ok(record)
}

/// Why a run did not complete, as far as it says so.
fn why(record: &Json) -> String {
    let missing = record["cases"]["missing"].as_object();
    let broken = record["broken_nodes"].as_object();
    match (record["stopped"].as_str(), broken, missing) {
        (Some(stopped), ..) => format!(": {stopped}"),
        (_, Some(broken), _) if !broken.is_empty() => {
            let nodes: Vec<&str> = broken.keys().map(String::as_str).collect();
            format!(": it broke in {}", nodes.join(", "))
        }
        (.., Some(missing)) if !missing.is_empty() => {
            format!(": {} cases have no result", missing.len())
        }
        _ => String::new(),
    }
}

/// The file that one of the stages wrote, or the one of the usual name.
fn file_of(record: &Json, folder: &Path, stages: &[&str], usual: &str) -> Option<PathBuf> {
    let named = record["nodes"]
        .as_object()
        .into_iter()
        .flatten()
        .find_map(|(_, node)| {
            let stage = node["stage"].as_str()?;
            let file = node["options"]["file"].as_str()?;
            stages.contains(&stage).then(|| folder.join(file))
        });
    [named, Some(folder.join(usual))]
        .into_iter()
        .flatten()
        .find(|file| file.exists())
}

/// The threshold of decisions that the run itself used.
fn threshold(record: &Json, folder: &Path) -> f64 {
    let file = record["nodes"]
        .as_object()
        .into_iter()
        .flatten()
        .find_map(|(_, node)| {
            (node["stage"] == "evaluate").then(|| node["options"]["file"].as_str())?
        });
    let text = fs::read_to_string(folder.join(file.unwrap_or("metrics.json")));
    text.ok()
        .and_then(|text| serde_json::from_str::<Json>(&text).ok())
        .and_then(|metrics| metrics["threshold"].as_f64())
        .unwrap_or(0.5)
}

type Settings = BTreeMap<String, String>;

/// What a run was told, and its seeds.
fn settings(record: &Json) -> (Settings, Settings) {
    let (mut settings, mut seeds) = (Settings::new(), Settings::new());
    let mut put = |key: String, value: String| {
        let option = key.rsplit('.').next().unwrap_or_default();
        if NOT_A_SETTING.contains(&option) {
            return;
        }
        if option == "seed" || option.ends_with("_seed") {
            seeds.insert(key, value);
            return;
        }
        let seedless = without_seed(&value);
        if seedless != value {
            seeds.insert(key.clone(), value);
        }
        settings.insert(key, seedless);
    };
    for (id, node) in record["nodes"].as_object().into_iter().flatten() {
        let (stage, version) = (text(&node["stage"]), text(&node["version"]));
        put(
            format!("{id}.stage"),
            format!("{stage} {version}").trim().to_owned(),
        );
        for (option, value) in node["options"].as_object().into_iter().flatten() {
            put(format!("{id}.{option}"), text(value));
        }
    }
    // Wiring, and the arguments of nodes that are not ours and so record no options.
    let graph = record["graph_resolved"].as_str().unwrap_or_default();
    let graph: Json = serde_yaml::from_str(graph).unwrap_or_default();
    for node in graph["nodes"].as_array().into_iter().flatten() {
        let id = text(&node["id"]);
        if !record["nodes"][&id]["options"].is_object() {
            put(format!("{id}.args"), text(&node["args"]));
        }
        for (port, input) in node["inputs"].as_object().into_iter().flatten() {
            let source = if input.is_object() {
                &input["source"]
            } else {
                input
            };
            put(format!("{id} <- {port}"), text(source));
        }
    }
    (settings, seeds)
}

/// A value as a person would write it.
fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// `seed-3` in a path or a list of arguments names a seed as the option does: weights of a
/// training run with another seed make a replicate, not another variant.
fn without_seed(text: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some(at) = rest.find("seed") {
        let (before, from) = rest.split_at(at + "seed".len());
        out.push_str(before);
        let after = from.strip_prefix(['-', '_', '=', ' ', '.']).unwrap_or(from);
        let end = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        if end > 0 {
            out.push('*');
            rest = &after[end..];
        } else {
            rest = from;
        }
    }
    out + rest
}
