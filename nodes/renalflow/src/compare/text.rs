//! A comparison as text: for a terminal, or as Markdown for a paper.

use std::{collections::BTreeMap, fmt::Write};

use clap::builder::styling::{AnsiColor, Style};
use renalflow_learning::Difference;

use super::{
    Comparison,
    block::{Block, Row, mean_and_sd},
    variants::Variant,
};

/// The widest line of a table.
const WIDTH: usize = 100;

/// The cells of a row: metric, variant, seeds, mean, difference, p.
type Cells = [String; 6];

/// Columns that end on the right.
const RIGHT: [bool; 6] = [false, false, true, false, false, true];

/// The whole comparison for a terminal, no line of a table wider than 100 columns.
pub fn terminal(comparison: &Comparison, colour: bool) -> String {
    let mut labels = names(comparison);
    let titles = titles(comparison);
    let (mut tables, mut widths) = laid_out(comparison, &titles, &labels);
    if widths.iter().map(|width| width + 2).sum::<usize>() > WIDTH {
        labels = letters(labels.len());
        (tables, widths) = laid_out(comparison, &titles, &labels);
    }
    let mut text = head(comparison, &labels);
    let bold = if colour {
        Style::new().bold()
    } else {
        Style::new()
    };
    for (block, table) in comparison.blocks.iter().zip(tables) {
        let _ = writeln!(
            text,
            "\n{bold}{}, {}: {}{bold:#}",
            block.set,
            block.region,
            block.size()
        );
        let _ = writeln!(text, "{}", aligned(&titles, &widths, Style::new()));
        for (row, cells) in block.rows.iter().zip(table) {
            let style = if colour {
                style(row, comparison.method.confidence)
            } else {
                Style::new()
            };
            let _ = writeln!(text, "{}", aligned(&cells, &widths, style));
        }
    }
    text.push_str(&gates(comparison, &labels));
    text.push_str(&notes(comparison));
    text.trim_end().to_owned()
}

/// The cells of each block, and how wide each column is.
fn laid_out(
    comparison: &Comparison,
    titles: &Cells,
    labels: &[String],
) -> (Vec<Vec<Cells>>, [usize; 6]) {
    let tables: Vec<Vec<Cells>> = comparison
        .blocks
        .iter()
        .map(|block| {
            let rows = block.rows.iter();
            rows.map(|row| cells(comparison, block, row, labels))
                .collect()
        })
        .collect();
    let mut widths = titles.each_ref().map(|title| title.chars().count());
    for row in tables.iter().flatten() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    (tables, widths)
}

/// One Markdown table a block.
pub fn markdown(comparison: &Comparison) -> String {
    let labels: Vec<String> = names(comparison);
    let mut text = String::new();
    let titles = titles(comparison);
    for block in &comparison.blocks {
        let _ = writeln!(
            text,
            "### {}, {} ({})\n",
            block.set,
            block.region,
            block.size()
        );
        let _ = writeln!(text, "| {} |", titles.join(" | "));
        let rules = RIGHT.map(|right| if right { "---:" } else { "---" });
        let _ = writeln!(text, "| {} |", rules.join(" | "));
        for row in &block.rows {
            let cells = cells(comparison, block, row, &labels).map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{}", wrapped(&method(comparison), "", ""));
    text.push_str(&notes(comparison));
    text.trim_end().to_owned()
}

fn head(comparison: &Comparison, labels: &[String]) -> String {
    let runs: usize = comparison
        .variants
        .iter()
        .map(|variant| variant.runs.len())
        .sum();
    let mut text = format!("{} variants of {runs} runs", comparison.variants.len());
    if comparison.variants.len() == 1 {
        text = format!("one variant of {runs} runs, which differ in seeds only");
    }
    text.push_str("\n\n");
    let names = names(comparison);
    let width = labels
        .iter()
        .map(|label| label.chars().count())
        .max()
        .unwrap_or(0);
    for ((variant, label), name) in comparison.variants.iter().zip(labels).zip(&names) {
        let runs: Vec<&str> = variant.runs.iter().map(|run| run.name.as_str()).collect();
        // A letter needs its name, unless the only run says it.
        let full = if label == name || runs == [name.as_str()] {
            String::new()
        } else {
            format!("{name}: ")
        };
        let _ = writeln!(
            text,
            "  {label:width$}  {full}{}",
            clipped(&runs, WIDTH - width - 4)
        );
        if !variant.differs.is_empty() {
            let differs: Vec<&str> = variant.differs.iter().map(String::as_str).collect();
            let _ = writeln!(
                text,
                "  {:width$}  {}",
                "",
                clipped(&differs, WIDTH - width - 4)
            );
        }
    }
    let _ = writeln!(text, "\n{}", wrapped(&method(comparison), "", ""));
    text
}

/// How differences were made, in a sentence.
fn method(comparison: &Comparison) -> String {
    let several = comparison
        .variants
        .iter()
        .any(|variant| variant.runs.len() > 1);
    let spread = if several {
        " ± is the standard deviation between seeds."
    } else {
        ""
    };
    let Some(first) = comparison
        .variants
        .first()
        .filter(|_| comparison.variants.len() > 1)
    else {
        return spread.trim().to_owned();
    };
    format!(
        "Differences are from {}, on the cases that all runs share: {:.0} % interval and two-sided \
         p by the paired bootstrap over patients ({} replicates, seed {}). p is not corrected for \
         the number of comparisons.{spread}",
        first.name,
        100.0 * comparison.method.confidence,
        comparison.method.replicates,
        comparison.method.seed
    )
}

fn names(comparison: &Comparison) -> Vec<String> {
    comparison
        .variants
        .iter()
        .map(|variant| variant.name.clone())
        .collect()
}

/// What tables call the variants where their names leave no room.
fn letters(count: usize) -> Vec<String> {
    (0..count)
        .map(|at| match u8::try_from(at) {
            Ok(at) if at < 26 => char::from(b'A' + at).to_string(),
            _ => format!("V{}", at + 1),
        })
        .collect()
}

fn titles(comparison: &Comparison) -> Cells {
    let several = comparison
        .variants
        .iter()
        .any(|variant| variant.runs.len() > 1);
    let mean = if several { "mean ± sd" } else { "mean" };
    ["metric", "variant", "seeds", mean, "difference", "p"].map(str::to_owned)
}

fn cells(comparison: &Comparison, block: &Block, row: &Row, labels: &[String]) -> Cells {
    let digits = row.metric.digits();
    let mut mean = match (row.mean, row.sd) {
        (Some(mean), Some(sd)) => format!("{mean:.digits$} ± {sd:.digits$}"),
        (Some(mean), None) => format!("{mean:.digits$}"),
        _ => "not defined".to_owned(),
    };
    if row.defined < block.cases {
        let _ = write!(mean, " (n {})", row.defined);
    }
    let difference = match row.difference {
        Some(difference) => shown(&difference, digits),
        None if row.variant > 0 => "not defined".to_owned(),
        None => String::new(),
    };
    let p = row.difference.and_then(|difference| difference.p);
    let metric = if row.variant == 0 {
        row.metric.title()
    } else {
        ""
    };
    let label = labels.get(row.variant).cloned().unwrap_or_default();
    [
        metric.to_owned(),
        label,
        comparison.variants[row.variant].runs.len().to_string(),
        mean,
        difference,
        p.map_or_else(String::new, |p| {
            if p < 0.001 {
                "<0.001".to_owned()
            } else {
                format!("{p:.3}")
            }
        }),
    ]
}

fn shown(difference: &Difference, digits: usize) -> String {
    let interval = difference.interval.map_or_else(String::new, |interval| {
        let (low, high) = (signed(interval.low, digits), signed(interval.high, digits));
        format!(" ({low} to {high})")
    });
    format!("{}{interval}", signed(difference.value, digits))
}

/// With its sign, unless it rounds to zero.
fn signed(value: f64, digits: usize) -> String {
    let text = format!("{value:+.digits$}");
    if text.contains(|c: char| c.is_ascii_digit() && c != '0') {
        text
    } else {
        text.trim_start_matches(['+', '-']).to_owned()
    }
}

/// Green where a variant is better than the first, red where it is worse, beyond chance.
fn style(row: &Row, confidence: f64) -> Style {
    let Some(difference) = row.difference else {
        return Style::new();
    };
    let beyond_chance = difference.p.is_some_and(|p| p < 1.0 - confidence);
    match row.metric.more_is_better().filter(|_| beyond_chance) {
        Some(more) if more == (difference.value > 0.0) => AnsiColor::Green.on_default(),
        Some(_) => AnsiColor::Red.on_default(),
        None => Style::new(),
    }
}

/// Cells in columns; the style is that of the difference and its p.
fn aligned(cells: &Cells, widths: &[usize; 6], style: Style) -> String {
    let mut line = String::from(" ");
    for (at, (cell, &width)) in cells.iter().zip(widths).enumerate() {
        let space = " ".repeat(width - cell.chars().count());
        line.push_str(if at == 0 { " " } else { "  " });
        let (before, after) = if RIGHT[at] {
            (space.as_str(), "")
        } else {
            ("", space.as_str())
        };
        line.push_str(before);
        if at >= 4 && !cell.is_empty() {
            let _ = write!(line, "{style}{cell}{style:#}");
        } else {
            line.push_str(cell);
        }
        line.push_str(after);
    }
    line.trim_end().to_owned()
}

/// As many items as fit, and how many more there are.
fn clipped(items: &[&str], width: usize) -> String {
    let mut text = String::new();
    for (at, item) in items.iter().enumerate() {
        let left = items.len() - at;
        let more = format!(", and {left} more");
        let separator = if at == 0 { "" } else { ", " };
        let length = |text: &str| text.chars().count();
        let room = if left == 1 { 0 } else { length(&more) };
        if at > 0 && length(&text) + length(item) + 2 + room > width {
            return text + &more;
        }
        text.push_str(separator);
        text.push_str(item);
    }
    text
}

/// Broken at spaces into lines of the width, after what the first and the later ones begin with.
fn wrapped(text: &str, first: &str, later: &str) -> String {
    let mut lines = vec![first.to_owned()];
    let mut empty = true;
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if !empty && line + 1 + word.chars().count() > WIDTH {
            lines.push(later.to_owned());
            empty = true;
        }
        if let Some(line) = lines.last_mut() {
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
        }
        empty = false;
    }
    lines.join("\n")
}

/// The gates of the variants that have some.
fn gates(comparison: &Comparison, labels: &[String]) -> String {
    let of = |variant: &Variant| -> BTreeMap<usize, Vec<Option<f64>>> {
        let mut levels: BTreeMap<usize, Vec<Option<f64>>> = BTreeMap::new();
        for (&level, &gate) in variant.runs.iter().flat_map(|run| &run.gates) {
            levels.entry(level).or_default().push(Some(gate));
        }
        levels
    };
    let mut text = String::new();
    for (variant, label) in comparison.variants.iter().zip(labels) {
        let words: Vec<String> = of(variant)
            .into_iter()
            .map(|(level, gates)| match mean_and_sd(&gates) {
                (Some(mean), Some(sd)) => format!("level {level} {mean:.3} ± {sd:.3}"),
                (mean, _) => format!("level {level} {:.3}", mean.unwrap_or(f64::NAN)),
            })
            .collect();
        if !words.is_empty() {
            let _ = writeln!(
                text,
                "{}",
                wrapped(&format!("{label}: {}", words.join(", ")), "  ", "    ")
            );
        }
    }
    if text.is_empty() {
        return text;
    }
    format!("\nfinal gates, mean over networks and seeds (0 borrows nothing)\n{text}")
}

fn notes(comparison: &Comparison) -> String {
    let mut text = String::new();
    if !comparison.notes.is_empty() {
        text.push_str("\nnotes\n");
    }
    for note in &comparison.notes {
        let _ = writeln!(text, "{}", wrapped(note, "- ", "  "));
    }
    text
}
