//! Finds what every node runs, and what it says of itself.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use super::CheckOptions;
use renalflow_findings::{Finding, did_you_mean};

use crate::{
    graph::{COMMAND, Graph, Node},
    stage::{Known, Registry, Spec, declared},
};

/// What is known of every node. Executables that are not ours are asked.
pub(super) fn resolve<'a>(
    graph: &Graph,
    plugins: &'a Registry,
    options: &CheckOptions,
    findings: &mut Vec<Finding>,
) -> Vec<Known<'a>> {
    let mut all = declared(graph, plugins);
    for (node, known) in graph.nodes.iter().zip(&mut all) {
        if node.is_ours() {
            if known.plugin.is_none() {
                findings.push(unknown_stage(graph, node, plugins));
            }
            continue;
        }
        match foreign(graph, node, options) {
            Ok(spec) => {
                findings.extend(spec.refused.as_deref().map(|why| refused(graph, node, why)));
                known.spec = Some(spec);
            }
            Err(finding) => findings.push(finding),
        }
    }
    all
}

/// Arguments that an executable that is not ours refuses, in its own words.
fn refused(graph: &Graph, node: &Node, why: &str) -> Finding {
    let spot = node.args_spot.unwrap_or(node.id.spot);
    let mut lines = why
        .trim()
        .trim_start_matches("error: ")
        .lines()
        .filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or("it does not say why");
    let path = node.path().unwrap_or_default();
    graph
        .error(node, spot, format!("node `{}`: {first}", node.id()))
        .fix(format!("`{path} --help` lists its options"))
}

fn unknown_stage(graph: &Graph, node: &Node, plugins: &Registry) -> Finding {
    let names = || plugins.iter().map(|plugin| plugin.declaration().name);
    if let Some(stage) = node.stage() {
        return Finding::error(format!("there is no stage `{stage}`"))
            .at(graph.place_of(&node.args[1]))
            .of(node.id())
            .fix(did_you_mean(stage, "stages", names()));
    }
    let stages: Vec<_> = names().collect();
    let spot = node
        .args_spot
        .or(node.path.as_ref().map(|path| path.spot))
        .unwrap_or(node.id.spot);
    graph
        .error(
            node,
            spot,
            format!(
                "node `{}` runs `{COMMAND}` without saying which stage",
                node.id()
            ),
        )
        .fix(format!(
            "write `args: node STAGE ...`; the stages are {}",
            stages.join(", ")
        ))
}

/// The declaration of an executable that is not ours.
fn foreign(graph: &Graph, node: &Node, options: &CheckOptions) -> Result<Spec, Finding> {
    let spot = node.path.as_ref().unwrap_or(&node.id).spot;
    let unchecked = |why: &str| {
        Finding::warning(format!(
            "the ports and options of node `{}` are not checked: {why}",
            node.id()
        ))
        .at(graph.place(spot))
        .of(node.id())
    };
    let Some(path) = node.path() else {
        return Err(unchecked("dora starts it in another way than by `path`"));
    };
    if matches!(path, "dynamic" | "shell")
        || path.starts_with("http://")
        || path.starts_with("https://")
    {
        return Err(unchecked("it is not an executable on this machine"));
    }
    let Some(executable) = find(path, &graph.folder) else {
        if node.has_key("build") || node.has_key("git") || node.has_key("deploy") {
            return Err(unchecked("its executable is built later or elsewhere"));
        }
        let message = format!("node `{}` runs `{path}`, which is not there", node.id());
        let fix = format!(
            "looked in {} and on the PATH; correct the path or install it",
            graph.folder.display()
        );
        return Err(graph.error(node, spot, message).fix(fix));
    };
    describe(&executable, node, &graph.folder, options.describe_timeout).map_err(|why| match why {
        Silence::NotStarted(error) => {
            let message = format!(
                "node `{}` runs {}, which cannot be started: {error}",
                node.id(),
                executable.display()
            );
            graph
                .error(node, spot, message)
                .fix(format!("is it executable? chmod +x {path}"))
        }
        Silence::NoAnswer(why) => unchecked(&why),
    })
}

/// An executable as dora finds it: in the folder of the graph, then on the PATH.
fn find(path: &str, folder: &Path) -> Option<PathBuf> {
    let near = folder.join(path);
    if near.exists() {
        return Some(near);
    }
    if path.contains('/') {
        return None;
    }
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join(path))
        .find(|file| file.is_file())
}

/// Why an executable did not describe itself.
enum Silence {
    NotStarted(std::io::Error),
    NoAnswer(String),
}

fn describe(
    executable: &Path,
    node: &Node,
    folder: &Path,
    timeout: Duration,
) -> Result<Spec, Silence> {
    let python = executable
        .extension()
        .is_some_and(|extension| extension == "py");
    let mut command = if python {
        Command::new("python3")
    } else {
        Command::new(executable)
    };
    if python {
        command.arg(executable);
    }
    let mut child = command
        .args(node.args())
        .arg("--describe")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(Silence::NotStarted)?;
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        // A thread, because a child of the child can hold the pipe open for ever.
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.take(1 << 20).read_to_string(&mut text);
            let _ = sender.send(text);
        });
    }
    let started = Instant::now();
    let text = receiver.recv_timeout(timeout);
    while text.is_ok() && started.elapsed() < timeout && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Whatever it is doing now, it is not needed any more.
    let _ = child.kill();
    let _ = child.wait();
    match text {
        Ok(text) => Spec::parse(&text)
            .ok_or_else(|| Silence::NoAnswer("it has no answer to `--describe`".to_owned())),
        Err(_) => {
            let seconds = timeout.as_secs_f64();
            Err(Silence::NoAnswer(format!(
                "it did not answer `--describe` within {seconds} s"
            )))
        }
    }
}
