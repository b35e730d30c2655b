//! Plots as SVG: latency by percentile, and events over time.

use plotters::prelude::*;

use crate::book::Timeline;
use crate::target::Failure;

/// A plot's size, in pixels of the page.
const SIZE: (u32, u32) = (560, 260);
/// One colour a system, told apart by people who see few colours too.
pub(super) const COLOURS: [&str; 8] =
    ["#0b63ce", "#d1741b", "#198754", "#8e44ad", "#b02a37", "#5c6b73", "#a67c00", "#0f8a8a"];

/// Latency curves by percentile, one a system: the rare and late are what the scale makes room for.
pub(super) fn latency(curves: &[(usize, &[(f64, f64)])]) -> Result<String, Failure> {
    // Each nine of the percentile takes as much room as the one before it.
    let nines = |quantile: f64| -(1.0 - quantile).max(1e-4).log10();
    let all = curves.iter().flat_map(|(_, curve)| curve.iter().map(|(_, ms)| *ms));
    let (least, most) = all
        .filter(|ms| *ms > 0.0)
        .fold((f64::MAX, 0.01), |(low, high), ms| (f64::min(low, ms), f64::max(high, ms)));
    let mut text = String::new();
    draw(&mut text, |root| {
        let range = (least.min(most) * 0.8..most * 1.2).log_scale();
        let mut chart = axes(root).build_cartesian_2d(0.0..4.0, range)?;
        chart
            .configure_mesh()
            .x_labels(5)
            .x_label_formatter(&|nines| percentile(*nines))
            .y_label_formatter(&|ms| format!("{ms} ms"))
            .light_line_style(WHITE)
            .draw()?;
        for (colour, curve) in curves {
            let points = curve.iter().map(|(quantile, ms)| (nines(*quantile), ms.max(least)));
            chart.draw_series(LineSeries::new(points, stroke(*colour)))?;
        }
        Ok(())
    })?;
    Ok(text)
}

/// Events a second over the last round, one line a system.
pub(super) fn timeline(timelines: &[(usize, &Timeline)]) -> Result<String, Failure> {
    let seconds = |line: &Timeline| line.slice_s * line.rates.len() as f64;
    let longest = timelines.iter().map(|(_, line)| seconds(line)).fold(0.1, f64::max);
    let rates = timelines.iter().flat_map(|(_, line)| line.rates.iter().copied());
    let most = rates.fold(1.0, f64::max);
    let mut text = String::new();
    draw(&mut text, |root| {
        let mut chart = axes(root).build_cartesian_2d(0.0..longest, 0.0..most * 1.1)?;
        chart
            .configure_mesh()
            .x_label_formatter(&|seconds| format!("{seconds:.1} s"))
            .y_label_formatter(&|rate| super::table::number(*rate))
            .light_line_style(WHITE)
            .draw()?;
        for (colour, line) in timelines {
            let points = line.rates.iter().enumerate();
            let points = points.map(|(at, rate)| ((at as f64 + 0.5) * line.slice_s, *rate));
            chart.draw_series(LineSeries::new(points, stroke(*colour)))?;
        }
        Ok(())
    })?;
    Ok(text)
}

type Root<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(text: &mut String, plot: impl FnOnce(&Root<'_>) -> Drawn) -> Result<(), Failure> {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    let drawn = root.fill(&WHITE).map_err(Into::into).and_then(|()| plot(&root));
    drawn.and_then(|()| Ok(root.present()?)).map_err(|error| Failure::new(error.to_string()))
}

fn axes<'a, 'b>(root: &'a Root<'b>) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut chart = ChartBuilder::on(root);
    chart.margin(10).margin_right(28).x_label_area_size(28).y_label_area_size(64);
    chart
}

fn stroke(colour: usize) -> ShapeStyle {
    let hex = COLOURS[colour % COLOURS.len()];
    let part = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap_or(0);
    RGBColor(part(1), part(3), part(5)).stroke_width(2)
}

/// A percentile by its nines: 1 is p90, 2 is p99.
fn percentile(nines: f64) -> String {
    let names = ["min", "p90", "p99", "p99.9", "p99.99"];
    let marks = [0.0, 1.0, 2.0, 3.0, 4.0];
    let at = marks.iter().position(|mark| (nines - mark).abs() < 0.5);
    at.map_or_else(String::new, |at| names[at].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_have_their_names() {
        let names = [0.0, 1.0, 2.0, 3.0, 4.0].map(percentile);
        assert_eq!(names, ["min", "p90", "p99", "p99.9", "p99.99"]);
    }

    #[test]
    fn every_curve_is_drawn() {
        let curve = [(0.5, 1.0), (0.99, 3.0), (1.0, 9.0)];
        let svg = latency(&[(0, &curve), (1, &curve)]).unwrap();
        assert!(svg.matches("<polyline").count() >= 2, "{svg}");
        assert!(svg.contains("#0B63CE") && svg.contains("#D1741B"), "{svg}");
        let line = Timeline { slice_s: 0.1, rates: vec![1.0, 5.0, 2.0] };
        assert!(timeline(&[(2, &line)]).unwrap().contains("#198754"));
    }
}
