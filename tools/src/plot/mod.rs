//! Curves over the size of a working set, and what a run came to over time, as SVG. The same data
//! give the same text.

mod panels;
mod ticks;

use plotters::{
    chart::{ChartBuilder, SeriesLabelPosition},
    element::{Circle, PathElement},
    prelude::{IntoDrawingArea, SVGBackend},
    series::LineSeries,
    style::{BLACK, Color, RGBColor, WHITE},
};

use crate::byte_size::ByteSize;
pub use panels::{Form, Panel, Panels, PartSeries};

/// A line of a plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Its points. One at a working set of nothing, or at no finite number, is left out.
    pub points: Vec<(ByteSize, f64)>,
}

/// A plot cannot be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plot cannot be drawn: {0}")]
pub struct PlotError(String);

const SIZE: (u32, u32) = (960, 600);

/// Colours that people who see few colours tell apart too (Okabe and Ito, "Color Universal
/// Design", 2008), without their yellow, which is faint on white.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
];

/// Draws one line for each series over a logarithmic axis of working-set sizes.
///
/// # Errors
/// [`PlotError`] if the drawing library refuses.
pub fn curve(
    title: &str,
    x_label: &str,
    y_label: &str,
    series: &[Series],
) -> Result<String, PlotError> {
    let mut svg = String::new();
    draw(&mut svg, [title, x_label, y_label], series)
        .map_err(|error| PlotError(error.to_string()))?;
    Ok(svg)
}

fn draw(
    svg: &mut String,
    [title, x_label, y_label]: [&str; 3],
    series: &[Series],
) -> Result<(), Box<dyn std::error::Error>> {
    let lines: Vec<_> = series.iter().map(points).collect();
    let all = || lines.iter().flatten();
    let x_axis = ticks::sizes(all().map(|&(size, _)| size));
    let y_axis = ticks::values(all().map(|&(_, value)| value));
    let y_ticks = y_axis.ticks.clone();

    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 26))
        .margin(16)
        .margin_right(36)
        .x_label_area_size(56)
        .y_label_area_size(76)
        .build_cartesian_2d(x_axis, y_axis)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(BLACK.mix(0.15))
        .x_desc(x_label)
        .y_desc(y_label)
        .axis_desc_style(("sans-serif", 20))
        .label_style(("sans-serif", 17))
        .x_label_formatter(&|&size| ticks::size_label(size))
        .y_label_formatter(&|&value| ticks::value_label(value, &y_ticks))
        .draw()?;
    for ((line, series), colour) in lines.iter().zip(series).zip(COLOURS.iter().cycle()) {
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(line.iter().copied(), style))?
            .label(&series.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], style));
        let dots = line
            .iter()
            .map(|&point| Circle::new(point, 3, colour.filled()));
        chart.draw_series(dots)?;
    }
    if !series.is_empty() {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .legend_area_size(32)
            .margin(12)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 17))
            .draw()?;
    }
    area.present()?;
    drop(chart);
    Ok(())
}

/// The points that have a place, from left to right, with logarithms to the base 2 for sizes.
fn points(series: &Series) -> Vec<(f64, f64)> {
    let points = series.points.iter();
    let mut points: Vec<_> = points
        .filter(|(size, value)| size.0 > 0 && value.is_finite())
        .map(|&(size, value)| ((size.0 as f64).log2(), value.max(0.0)))
        .collect();
    points.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, points: &[(u64, f64)]) -> Series {
        Series {
            name: name.into(),
            points: points
                .iter()
                .map(|&(size, value)| (ByteSize(size), value))
                .collect(),
        }
    }

    #[test]
    fn a_plot_has_its_texts_and_repeats_to_the_byte() {
        let lines = [
            series("4 KiB <pages> & more", &[(16 << 10, 5.0), (1 << 30, 160.0)]),
            series("2 MiB pages", &[(16 << 10, 5.0), (1 << 30, 100.0)]),
        ];
        let svg = curve("Chase", "working set", "cycles", &lines).unwrap();
        assert_eq!(
            curve("Chase", "working set", "cycles", &lines).unwrap(),
            svg
        );
        assert!(
            svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
            "{svg}"
        );
        for text in [
            "Chase",
            "working set",
            "cycles",
            "16 KiB",
            "1 GiB",
            "2 MiB pages",
            "100",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(svg.contains("4 KiB &lt;pages&gt; &amp; more"), "{svg}");
        assert!(svg.matches("<polyline").count() >= 2);
    }

    #[test]
    fn anything_can_be_drawn() {
        let odd = [
            (0, 1.0),
            (4096, f64::NAN),
            (4096, f64::INFINITY),
            (4096, -1.0),
        ];
        for lines in [
            &[][..],
            &[series("", &[])],
            &[series("one", &[(4096, 0.0)])],
            &[series("odd", &odd)],
            &[series("all", &[(1, 1e-9), (u64::MAX, 1e18)])],
        ] {
            assert!(curve("", "", "", lines).is_ok());
        }
    }
}
