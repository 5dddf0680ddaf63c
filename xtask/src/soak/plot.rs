//! The memory of the servers over a run, as an SVG: a line a server, a mark an event.

use std::fmt::Write as _;

use super::record::Done;
use super::unit::Sample;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 380.0;
/// Left, top, right, bottom.
const MARGIN: (f64, f64, f64, f64) = (56.0, 28.0, 110.0, 40.0);
/// Told apart also by those who do not see red and green.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// Where things are drawn.
struct Scale {
    seconds: f64,
    mb: f64,
}

impl Scale {
    fn x(&self, seconds: f64) -> f64 {
        MARGIN.0 + seconds / self.seconds * (WIDTH - MARGIN.0 - MARGIN.2)
    }

    fn y(&self, mb: f64) -> f64 {
        HEIGHT - MARGIN.3 - mb / self.mb * (HEIGHT - MARGIN.1 - MARGIN.3)
    }
}

/// Draws the courses of memory of all servers.
pub(crate) fn draw(courses: &[(&str, Vec<Sample>)], events: &[Done]) -> String {
    let all = || courses.iter().flat_map(|(_, samples)| samples);
    let seconds = all().map(|s| s.at.as_secs_f64()).fold(1.0, f64::max);
    let most = all().map(|s| s.resident_mb).fold(1.0, f64::max);
    let step = nice(most / 5.0);
    let scale = Scale { seconds, mb: (most / step).ceil() * step };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>Memory of the servers in MB over the run</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n",
    );
    let _ = writeln!(svg, "<text x=\"{}\" y=\"18\">Resident memory, MB</text>", MARGIN.0);
    axes(&mut svg, &scale, step);
    for (at, (name, samples)) in courses.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        for life in samples.chunk_by(|a, b| a.life == b.life) {
            let points: Vec<String> = life
                .iter()
                .map(|s| {
                    format!("{:.1},{:.1}", scale.x(s.at.as_secs_f64()), scale.y(s.resident_mb))
                })
                .collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
                points.join(" ")
            );
        }
        let y = MARGIN.1 + 16.0 * (at as f64 + 1.0);
        let x = WIDTH - MARGIN.2 + 12.0;
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\">{name}</text>");
        marks(&mut svg, &scale, (name, colour), events, at);
    }
    svg + "</svg>\n"
}

/// Restarts as full marks, everything else as faint ones, a row of marks a server.
fn marks(
    svg: &mut String,
    scale: &Scale,
    (name, colour): (&str, &str),
    events: &[Done],
    row: usize,
) {
    let y = HEIGHT - MARGIN.3 - 4.0 - 5.0 * row as f64;
    for event in events.iter().filter(|event| event.server == name) {
        let restart = event.event.contains("restart");
        let opacity = if restart { 1.0 } else { 0.35 };
        let x = scale.x(event.at.as_secs_f64());
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"2\" height=\"4\" fill=\"{colour}\" opacity=\"{opacity}\">\
             <title>{}</title></rect>",
            event.event
        );
    }
}

fn axes(svg: &mut String, scale: &Scale, step: f64) {
    let mut mb = 0.0;
    while mb <= scale.mb + 1e-9 {
        let y = scale.y(mb);
        let _ = writeln!(
            svg,
            "<line x1=\"{}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{mb:.0}</text>",
            MARGIN.0,
            WIDTH - MARGIN.2,
            MARGIN.0 - 6.0,
            y + 4.0
        );
        mb += step;
    }
    let minutes = scale.seconds / 60.0;
    let step = nice(minutes / 8.0);
    let mut minute = 0.0;
    while minute <= minutes + 1e-9 {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            scale.x(minute * 60.0),
            HEIGHT - MARGIN.3 + 18.0,
            (minute * 100.0).round() / 100.0
        );
        minute += step;
    }
    let x = (MARGIN.0 + WIDTH - MARGIN.2) / 2.0;
    let y = HEIGHT - 6.0;
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">minutes</text>");
}

/// A round step that is not less: 1, 2 or 5 and zeros.
fn nice(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= least).unwrap_or(power)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_a_life_within_the_picture() {
        let sample = |second, mb, life| Sample {
            at: Duration::from_secs(second),
            resident_mb: mb,
            handles: 1,
            threads: 1,
            life,
        };
        let samples = vec![sample(0, 50.0, 1), sample(5, 80.0, 1), sample(10, 60.0, 2)];
        let event = Done {
            at: Duration::from_secs(7),
            took: Duration::ZERO,
            server: "drug",
            event: "kill -9 and restart",
            note: String::new(),
        };
        let svg = draw(&[("drug", samples)], &[event]);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("kill -9 and restart") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("points=\"56.0,") && !svg.contains("NaN"));
        assert_eq!((nice(0.3), nice(1.0), nice(17.0), nice(600.0)), (0.5, 1.0, 20.0, 1000.0));
    }
}
