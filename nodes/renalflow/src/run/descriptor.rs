//! The descriptor that the daemon gets: a graph with what only this run knows.

use std::path::Path;

use renalflow_graph::{COMMAND, Graph};
use serde_yaml::{Mapping, Value as Yaml};

/// This executable for `renalflow`, absolute paths for other executables in the graph's
/// folder, and the run's folders in every node's environment.
pub fn for_run(graph: &Graph, run_dir: &Path, strict: bool) -> String {
    let mut document: Yaml = serde_yaml::from_str(&graph.to_descriptor_yaml()).unwrap_or_default();
    let folder = std::path::absolute(graph.folder()).unwrap_or_else(|_| graph.folder().to_owned());
    if let Some(nodes) = document.get_mut("nodes").and_then(Yaml::as_sequence_mut) {
        for node in nodes {
            if let Some(Yaml::String(path)) = node.get_mut("path") {
                *path = executable(path, &folder);
            }
        }
    }
    if let Some(document) = document.as_mapping_mut() {
        let mut environment = document
            .get("env")
            .and_then(Yaml::as_mapping)
            .cloned()
            .unwrap_or_default();
        set(
            &mut environment,
            renalflow_sdk::RUN_DIR,
            &run_dir.display().to_string(),
        );
        set(
            &mut environment,
            renalflow_sdk::GRAPH_DIR,
            &folder.display().to_string(),
        );
        if strict {
            set(&mut environment, renalflow_sdk::STRICT, "1");
        }
        document.insert("env".into(), Yaml::Mapping(environment));
    }
    serde_yaml::to_string(&document).unwrap_or_default()
}

fn set(environment: &mut Mapping, name: &str, value: &str) {
    environment.insert(name.into(), value.into());
}

/// dora looks an executable up in its working folder, which for a run is the run's folder.
fn executable(path: &str, folder: &Path) -> String {
    let found = if path == COMMAND {
        std::env::current_exe().ok()
    } else {
        Some(folder.join(path))
    };
    match found {
        Some(found) if found.exists() => found.display().to_string(),
        _ => path.to_owned(),
    }
}
