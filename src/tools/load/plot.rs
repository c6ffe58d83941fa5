//! Latency over time, drawn with characters.

use std::time::Duration;

use super::timeline::{Point, Timeline};

/// A plot of `timeline` for people, on a logarithmic scale; nothing where no request was taken.
pub(super) fn plot(timeline: &Timeline) -> Option<String> {
    let (columns, width) = columns(timeline);
    let lowest = columns.iter().filter_map(|column| column.p50).min()?;
    let highest = columns.iter().filter_map(|column| column.max).max()?;
    let scale = Scale::new(lowest, highest);
    let mut text = String::from("latency over time: █ half of the requests, ▒ 99 in a hundred, · the slowest\n");
    for row in (0..ROWS).rev() {
        let line: String = columns.iter().map(|column| column.mark(row, &scale)).collect();
        text.push_str(&format!("{:>9} ┤{}\n", show(scale.top_of(row)), line.trim_end()));
    }
    let last = show(width * u32::try_from(columns.len()).unwrap_or(u32::MAX));
    text.push_str(&format!("{:>9} └{}\n", "", "─".repeat(columns.len())));
    text.push_str(&format!(
        "{:>11}0{:>width$}\n",
        "",
        last,
        width = columns.len().saturating_sub(1).max(last.len() + 1)
    ));
    Some(text)
}

/// A time with three significant digits: `820 us`, `1.25 ms`, `12.0 s`.
pub(super) fn show(time: Duration) -> String {
    let micros = time.as_micros() as f64;
    let (value, unit) = match micros {
        small if small < 1e3 => (small, "us"),
        medium if medium < 1e6 => (medium / 1e3, "ms"),
        large => (large / 1e6, "s"),
    };
    match value {
        _ if unit == "us" => format!("{value:.0} {unit}"),
        small if small < 10.0 => format!("{value:.2} {unit}"),
        medium if medium < 100.0 => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}

struct Column {
    p50: Option<Duration>,
    p99: Option<Duration>,
    max: Option<Duration>,
}

struct Scale {
    low: f64,
    step: f64,
}

impl Scale {
    fn new(lowest: Duration, highest: Duration) -> Scale {
        let (low, high) = (log(lowest), log(highest));
        // Not finer than a quarter in all, so that noise does not look like more.
        Scale { low, step: (high - low).max(0.25) / f64::from(ROWS - 1) }
    }

    /// The row that a latency belongs to.
    fn row_of(&self, latency: Duration) -> u32 {
        ((log(latency) - self.low) / self.step).round().max(0.0) as u32
    }

    fn top_of(&self, row: u32) -> Duration {
        Duration::from_micros(2_f64.powf(self.low + self.step * f64::from(row)).round() as u64)
    }
}

impl Column {
    fn mark(&self, row: u32, scale: &Scale) -> char {
        let reaches = |latency: Option<Duration>| latency.is_some_and(|latency| row <= scale.row_of(latency));
        match row {
            _ if reaches(self.p50) => '█',
            _ if reaches(self.p99) => '▒',
            _ if self.max.is_some_and(|max| scale.row_of(max) == row) => '·',
            _ => ' ',
        }
    }
}

/// As many columns as there is room for, and the time that each stands for.
fn columns(timeline: &Timeline) -> (Vec<Column>, Duration) {
    let each = timeline.points.len().div_ceil(COLUMNS).max(1);
    let columns = timeline.points.chunks(each).map(|points| {
        let mut sum = Point::new();
        points.iter().for_each(|point| sum.add(point));
        Column { p50: sum.latency.at(0.5), p99: sum.latency.at(0.99), max: sum.latency.longest() }
    });
    (columns.collect(), timeline.step * u32::try_from(each).unwrap_or(u32::MAX))
}

fn log(latency: Duration) -> f64 {
    (latency.as_micros().max(1) as f64).log2()
}

const COLUMNS: usize = 60;
const ROWS: u32 = 8;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_stall_stands_out_in_the_plot() {
        let mut timeline = Timeline::new();
        for place in 0..40 {
            let mut point = Point::new();
            let millis = if place == 20 { 2000 } else { 2 };
            (0..10).for_each(|_| point.latency.record(Duration::from_millis(millis)));
            timeline.points.push(point);
        }
        let plot = plot(&timeline).unwrap();
        let lines: Vec<&str> = plot.lines().collect();
        assert_eq!(lines.len(), 1 + ROWS as usize + 2, "{plot}");
        assert!(lines[1].contains("s ┤") && lines[1].ends_with('█'), "{plot}");
        assert_eq!(lines[1].chars().filter(|mark| *mark == '█').count(), 1, "{plot}");
        assert_eq!(lines[8].chars().filter(|mark| *mark == '█').count(), 40, "{plot}");
        assert!(lines[10].ends_with("4.00 s"), "{plot}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(plot(&Timeline::new()), None);
    }

    #[test]
    fn times_have_three_digits() {
        for (micros, shown) in [
            (7, "7 us"),
            (820, "820 us"),
            (1250, "1.25 ms"),
            (45_600, "45.6 ms"),
            (999_000, "999 ms"),
            (12_000_000, "12.0 s"),
        ] {
            assert_eq!(show(Duration::from_micros(micros)), shown);
        }
    }
}
