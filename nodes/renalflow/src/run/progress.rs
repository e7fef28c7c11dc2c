//! One bar a node: cases done, rate, time left.

use std::{collections::BTreeMap, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::watch::{NodeState, Watch};

/// The bars of a run.
pub struct Bars {
    multi: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
}

impl Bars {
    /// A bar for each node, in this order; none are drawn when quiet or where standard error
    /// is not a terminal.
    pub fn new(nodes: &[String], quiet: bool) -> Self {
        let multi = MultiProgress::new();
        if quiet {
            multi.set_draw_target(ProgressDrawTarget::hidden());
        }
        let width = nodes.iter().map(|id| id.chars().count()).max().unwrap_or(0);
        let bars = nodes
            .iter()
            .map(|id| {
                let bar = multi.add(ProgressBar::new(0));
                bar.set_style(style("{prefix}  {spinner} {msg}"));
                bar.set_prefix(format!("{id:>width$}"));
                bar.set_message("starting");
                bar.enable_steady_tick(Duration::from_millis(120));
                (id.clone(), bar)
            })
            .collect();
        Self { multi, bars }
    }

    /// Show what is known.
    pub fn update(&self, watch: &Watch) {
        for (id, state) in &watch.nodes {
            if let Some(bar) = self.bars.get(id) {
                update(bar, state);
            }
        }
    }

    /// Print a line above the bars.
    pub fn println(&self, line: &str) {
        // With no terminal there are no bars to stay clear of.
        if self.multi.is_hidden() {
            crate::screen::remark(line);
        } else {
            let _ = self.multi.println(line);
        }
    }

    /// Leave the bars as they are.
    pub fn finish(&self) {
        for bar in self.bars.values() {
            bar.abandon();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key(
            "rate",
            |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = write!(out, "{:.1}/s", state.per_sec());
            },
        )
        .progress_chars("━━╌")
        .tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
}

fn update(bar: &ProgressBar, state: &NodeState) {
    if bar.is_finished() || (state.started.is_none() && state.end.is_none()) {
        return;
    }
    let failed = state.failed.len();
    let doing = match (&state.progress, &state.current) {
        (Some((text, Some(share))), _) => format!("{:.0} % {text}", 100.0 * share),
        (Some((text, None)), _) => text.clone(),
        (None, Some(case)) => case.clone(),
        (None, None) => String::new(),
    };
    let note = match (failed, &state.progress) {
        (0, _) => doing,
        (n, Some(_)) => format!("{n} failed  {doing}"),
        (n, None) => format!("{n} failed"),
    };
    if state.cohort.is_empty() {
        bar.set_message(if state.end.is_some() {
            "done"
        } else {
            "waiting for cases"
        });
        return;
    }
    if bar.length() != Some(state.cohort.len() as u64) {
        bar.set_length(state.cohort.len() as u64);
        bar.reset_elapsed();
        bar.set_style(style(
            "{prefix}  {bar:16.cyan/dim} {pos:>4}/{len}  {rate:>7}  {eta:>4} left  {msg:.dim}",
        ));
    }
    if state.progress.is_some() && state.cases_done() == state.cohort.len() {
        // All cases are in; what is left to do is one long step of all of them.
        bar.set_style(style(
            "{prefix}  {bar:16.cyan/dim} {pos:>4}/{len}  {msg:.dim}",
        ));
    }
    bar.set_position(state.cases_done() as u64);
    bar.set_message(note);
    if let Some(end) = &state.end
        && !bar.is_finished()
    {
        let color = match (&end.error, failed) {
            (Some(_), _) => "red",
            (None, 0) => "green",
            (None, _) => "yellow",
        };
        bar.set_style(style(&format!(
            "{{prefix}}  {{bar:16.{color}/dim}} {{pos:>4}}/{{len}}  {{msg}}"
        )));
        bar.abandon_with_message(match (&end.error, failed) {
            (Some(_), _) => "stopped with an error".to_owned(),
            (None, 0) => format!("{:.1} s at work", end.busy_seconds),
            (None, n) => format!("{:.1} s at work, {n} failed", end.busy_seconds),
        });
    }
}
