//! The curves of a training as a picture.

use plotters::prelude::*;

use crate::record::Epoch;

const WIDTH: u32 = 900;
const PANEL: u32 = 260;
const FONT: (&str, i32) = ("sans-serif", 13);

/// A line of a panel.
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

struct Panel {
    title: &'static str,
    lines: Vec<Line>,
    /// Ends of the vertical axis, where they are fixed.
    ends: Option<[f64; 2]>,
}

/// Loss, Dice, learning rate and gates over the epochs, a panel each.
pub fn draw(epochs: &[Epoch], classes: &[String]) -> Result<String, String> {
    let mut networks: Vec<&str> = Vec::new();
    for epoch in epochs {
        if !networks.contains(&epoch.network.as_str()) {
            networks.push(&epoch.network);
        }
    }
    let several = networks.len() > 1;
    let of = |network: &str, what: String| {
        if several {
            format!("{network} {what}").trim().to_owned()
        } else {
            what
        }
    };
    let mut panels = [
        ("Loss (Dice + cross-entropy), mean of the epoch", None),
        (
            "Dice of held-out crops (of patches where none are held out)",
            Some([0.0, 1.0]),
        ),
        ("Learning rate", None),
        ("Gates of the auxiliary column", None),
    ]
    .map(|(title, ends)| Panel {
        title,
        lines: Vec::new(),
        ends,
    });
    for network in networks {
        let own: Vec<&Epoch> = epochs.iter().filter(|e| e.network == network).collect();
        let line = |name: String, value: &dyn Fn(&Epoch) -> Option<f64>| Line {
            name,
            points: own
                .iter()
                .filter_map(|epoch| Some((epoch.row.epoch as f64 + 1.0, value(epoch)?)))
                .filter(|(_, y)| y.is_finite())
                .collect(),
        };
        let [loss, dice, rate, gates] = &mut panels;
        loss.lines
            .push(line(of(network, "loss".to_owned()), &|e| Some(e.row.loss)));
        let validated = own.iter().any(|e| !e.row.validation_dice.is_empty());
        for (k, class) in classes.iter().enumerate() {
            dice.lines.push(line(of(network, class.clone()), &|e| {
                let list = if validated {
                    &e.row.validation_dice
                } else {
                    &e.row.patch_dice
                };
                list.get(k).copied().flatten()
            }));
        }
        rate.lines.push(line(of(network, "rate".to_owned()), &|e| {
            Some(e.row.learning_rate)
        }));
        let levels = own.iter().map(|e| e.gates.len()).max().unwrap_or(0);
        for level in 0..levels {
            gates
                .lines
                .push(line(of(network, format!("level {level}")), &|e| {
                    e.gates.get(level).copied().map(f64::from)
                }));
        }
    }
    let shown: Vec<&Panel> = panels.iter().filter(|p| !p.lines.is_empty()).collect();
    let mut picture = String::new();
    {
        let size = (WIDTH, PANEL * shown.len().max(1) as u32);
        let root = SVGBackend::with_string(&mut picture, size).into_drawing_area();
        root.fill(&WHITE).map_err(|e| e.to_string())?;
        for (area, panel) in root.split_evenly((shown.len().max(1), 1)).iter().zip(shown) {
            draw_panel(area, panel)?;
        }
        root.present().map_err(|e| e.to_string())?;
    }
    Ok(picture)
}

fn draw_panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    panel: &Panel,
) -> Result<(), String> {
    let points = || panel.lines.iter().flat_map(|line| &line.points);
    let last = points().map(|p| p.0).fold(2.0, f64::max);
    let [low, high] = panel.ends.unwrap_or_else(|| {
        let low = points().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let high = points().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        if low.is_finite() && high > low {
            let air = 0.05 * (high - low);
            [low - air, high + air]
        } else if low.is_finite() {
            [low - 0.5, low + 0.5]
        } else {
            [0.0, 1.0]
        }
    });
    let mut chart = ChartBuilder::on(area)
        .caption(panel.title, FONT)
        .margin(8)
        .x_label_area_size(28)
        .y_label_area_size(60)
        // Room for the names beside the lines.
        .build_cartesian_2d(1.0..last + 0.25 * (last - 1.0), low..high)
        .map_err(|e| e.to_string())?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .light_line_style(WHITE)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .draw()
        .map_err(|e| e.to_string())?;
    for (k, line) in panel.lines.iter().enumerate() {
        let color = Palette99::pick(k).to_rgba();
        chart
            .draw_series(LineSeries::new(
                line.points.iter().copied(),
                color.stroke_width(2),
            ))
            .map_err(|e| e.to_string())?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], color.stroke_width(2)));
    }
    // More names than this hide the lines; history.csv has them all.
    if panel.lines.len() <= 12 {
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.2))
            .label_font(FONT)
            .draw()
            .map_err(|e| e.to_string())?;
    }
    Ok(())
}
