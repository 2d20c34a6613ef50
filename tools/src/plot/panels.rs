//! Plots above each other, over the parts of a run.

use plotters::{
    chart::{ChartBuilder, ChartContext},
    coord::Shift,
    drawing::DrawingArea,
    element::{PathElement, Rectangle, Text},
    prelude::{Cartesian2d, IntoDrawingArea, SVGBackend},
    series::LineSeries,
    style::{BLACK, Color, RGBColor, WHITE},
};

use super::{COLOURS, PlotError, ticks};

/// A picture of a run: plots above each other, over one axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Panels {
    /// What it is of.
    pub title: String,
    /// What it depends on.
    pub subtitle: String,
    /// What the run is measured in.
    pub x_label: String,
    /// Where the parts of the run end, in their order; the first begins at 0.
    pub ends: Vec<f64>,
    /// The plots, the topmost first.
    pub panels: Vec<Panel>,
}

/// One plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What is measured, and in what.
    pub y_label: String,
    /// How its values are shown.
    pub form: Form,
    /// What is shown.
    pub series: Vec<PartSeries>,
}

/// How values are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A line each, which is level over each part.
    Steps,
    /// On top of each other: they are parts of a whole of 100.
    Stack,
}

/// A value for each part of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct PartSeries {
    /// What the legend calls it.
    pub name: String,
    /// As many as there are parts.
    pub values: Vec<f64>,
}

const WIDTH: u32 = 1000;
const PANEL_HEIGHT: u32 = 190;
/// For both lines of the title, and for what is below the last plot.
const HEAD_HEIGHT: u32 = 78;
const FOOT_HEIGHT: u32 = 28;
/// For the legends, beside the plots.
const LEGEND_WIDTH: i32 = 210;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<ticks::Axis, ticks::Axis>>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

impl Panels {
    /// Draws them. The same data give the same text.
    ///
    /// # Errors
    /// [`PlotError`] if the drawing library refuses.
    pub fn svg(&self) -> Result<String, PlotError> {
        let mut svg = String::new();
        self.draw(&mut svg)
            .map_err(|error| PlotError(error.to_string()))?;
        Ok(svg)
    }

    fn draw(&self, svg: &mut String) -> Drawn {
        let count = u32::try_from(self.panels.len())?;
        let height = HEAD_HEIGHT + count * PANEL_HEIGHT + FOOT_HEIGHT;
        let area = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
        area.fill(&WHITE)?;
        area.draw(&Text::new(
            self.title.as_str(),
            (20, 16),
            ("sans-serif", 26),
        ))?;
        let subtitle = Text::new(self.subtitle.as_str(), (20, 48), ("sans-serif", 16));
        area.draw(&subtitle)?;
        let mut rest = area.split_vertically(HEAD_HEIGHT).1;
        for (place, panel) in self.panels.iter().enumerate() {
            let is_last = place + 1 == self.panels.len();
            let (one, below) = if is_last {
                (rest.clone(), rest.clone())
            } else {
                rest.split_vertically(PANEL_HEIGHT)
            };
            self.draw_panel(&one, panel, is_last.then_some(&self.x_label))?;
            rest = below;
        }
        area.present()?;
        Ok(())
    }

    fn draw_panel(&self, area: &Area<'_>, panel: &Panel, x_label: Option<&String>) -> Drawn {
        let (width, _) = area.dim_in_pixel();
        let (plot, legend) = area.split_horizontally(i32::try_from(width)? - LEGEND_WIDTH);
        let x_axis = ticks::whole_of(self.ends.last().copied().unwrap_or(0.0));
        let y_axis = match panel.form {
            Form::Steps => ticks::values(panel.series.iter().flat_map(|one| &one.values).copied()),
            Form::Stack => ticks::whole_of(100.0),
        };
        let (x_ticks, y_ticks) = (x_axis.ticks.clone(), y_axis.ticks.clone());
        let mut chart = ChartBuilder::on(&plot)
            .margin_top(10)
            .margin_right(16)
            .margin_left(12)
            .x_label_area_size(if x_label.is_some() {
                FOOT_HEIGHT + 24
            } else {
                24
            })
            .y_label_area_size(80)
            .build_cartesian_2d(x_axis, y_axis)?;
        match panel.form {
            Form::Steps => self.draw_steps(&mut chart, &panel.series)?,
            Form::Stack => self.draw_stack(&mut chart, &panel.series)?,
        }
        let x_text = |&value: &f64| ticks::value_label(value, &x_ticks);
        let y_text = |&value: &f64| ticks::value_label(value, &y_ticks);
        let mut mesh = chart.configure_mesh();
        mesh.light_line_style(WHITE.mix(0.0))
            .bold_line_style(BLACK.mix(0.15))
            .y_desc(panel.y_label.as_str())
            .axis_desc_style(("sans-serif", 16))
            .label_style(("sans-serif", 14))
            .x_label_formatter(&x_text)
            .y_label_formatter(&y_text);
        if let Some(x_label) = x_label {
            mesh.x_desc(x_label.as_str());
        }
        mesh.draw()?;
        draw_legend(&legend, panel)
    }

    /// The parts, each with where it begins and ends.
    fn parts(&self) -> impl Iterator<Item = (f64, f64)> {
        let begins = std::iter::once(0.0).chain(self.ends.iter().copied());
        begins.zip(self.ends.iter().copied())
    }

    fn draw_steps(&self, chart: &mut Chart<'_, '_>, series: &[PartSeries]) -> Drawn {
        for (one, colour) in coloured(series) {
            let values = self.parts().zip(&one.values);
            let line = values.flat_map(|((begin, end), &value)| [(begin, value), (end, value)]);
            chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
        }
        Ok(())
    }

    fn draw_stack(&self, chart: &mut Chart<'_, '_>, series: &[PartSeries]) -> Drawn {
        let mut below = vec![0.0; self.ends.len()];
        for (one, colour) in coloured(series) {
            let values = self.parts().zip(&one.values).zip(&mut below);
            let bars = values.map(|(((begin, end), value), below)| {
                let top = *below + value;
                let bar = [(begin, *below), (end, top)];
                *below = top;
                Rectangle::new(bar, colour.mix(0.75).filled())
            });
            chart.draw_series(bars)?;
        }
        Ok(())
    }
}

/// The topmost of a stack is named first.
fn draw_legend(area: &Area<'_>, panel: &Panel) -> Drawn {
    let mut named: Vec<_> = coloured(&panel.series).collect();
    if panel.form == Form::Stack {
        named.reverse();
    }
    for ((one, colour), y) in named.into_iter().zip((22..).step_by(24)) {
        match panel.form {
            Form::Steps => {
                let line = PathElement::new([(4, y), (28, y)], colour.stroke_width(3));
                area.draw(&line)?;
            }
            Form::Stack => {
                let square = [(8, y - 7), (24, y + 7)];
                area.draw(&Rectangle::new(square, colour.mix(0.75).filled()))?;
            }
        }
        area.draw(&Text::new(
            one.name.as_str(),
            (36, y - 7),
            ("sans-serif", 15),
        ))?;
    }
    Ok(())
}

fn coloured(series: &[PartSeries]) -> impl Iterator<Item = (&PartSeries, RGBColor)> {
    series.iter().zip(COLOURS.iter().copied().cycle())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panels(ends: &[f64], series: &[(&str, &[f64])], form: Form) -> Panels {
        let series = series.iter().map(|(name, values)| PartSeries {
            name: (*name).into(),
            values: values.to_vec(),
        });
        Panels {
            title: "A run <of> it".into(),
            subtitle: "on a machine".into(),
            x_label: "accesses".into(),
            ends: ends.to_vec(),
            panels: vec![Panel {
                y_label: "faults".into(),
                form,
                series: series.collect(),
            }],
        }
    }

    #[test]
    fn panels_have_their_texts_and_repeat_to_the_byte() {
        let series: [(&str, &[f64]); 2] = [("soft", &[1.0, 2.0]), ("hard", &[40.0, 60.0])];
        for form in [Form::Steps, Form::Stack] {
            let drawn = panels(&[10.0, 20.0], &series, form);
            let svg = drawn.svg().unwrap();
            assert_eq!(drawn.svg().unwrap(), svg);
            for text in [
                "A run &lt;of&gt; it",
                "on a machine",
                "accesses",
                "faults",
                "soft",
                "hard",
            ] {
                assert!(svg.contains(text), "{text}: {svg}");
            }
        }
        let steps = panels(&[10.0, 20.0], &series, Form::Steps).svg().unwrap();
        assert!(steps.matches("<polyline").count() >= 2);
    }

    #[test]
    fn any_run_can_be_drawn() {
        for (ends, values) in [
            (&[][..], &[][..]),
            (&[0.0], &[0.0]),
            (&[1e18], &[1e18]),
            (&[1.0, 2.0], &[1.0]),
        ] {
            for form in [Form::Steps, Form::Stack] {
                assert!(panels(ends, &[("", values)], form).svg().is_ok());
            }
        }
    }
}
