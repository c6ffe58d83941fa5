//! How moments and lengths of time are written for people and machines: RFC 3339, Go's own layout, Go durations.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment in UTC; displayed as RFC 3339 with milliseconds: `2026-08-21T22:39:16.123Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Since 1970-01-01T00:00:00Z.
    unix_nanos: u64,
}

/// The fields of a calendar and a clock.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Moment {
    /// This moment.
    pub fn now() -> Moment {
        Moment::from(SystemTime::now())
    }

    /// So many nanoseconds after 1970-01-01T00:00:00Z, as OTLP writes its times.
    pub fn from_unix_nanos(unix_nanos: u64) -> Moment {
        Moment { unix_nanos }
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub fn unix_nanos(self) -> u64 {
        self.unix_nanos
    }

    /// How long after `earlier` this is; zero if it is not later.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.unix_nanos.saturating_sub(earlier.unix_nanos))
    }

    /// The moment that was `length` earlier.
    pub fn before(self, length: Duration) -> Moment {
        Moment { unix_nanos: self.unix_nanos.saturating_sub(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)) }
    }

    /// RFC 3339 with as many digits of the second as are needed: `2026-08-21T22:39:16.1Z`.
    pub fn rfc3339_nanos(self) -> impl fmt::Display {
        display(move |f| {
            let civil = self.civil();
            write!(f, "{}T{}{}Z", civil.date(), civil.time(), self.short_fraction())
        })
    }

    /// As Go prints a time: `2026-08-21 22:39:16.1 +0000 UTC`.
    pub fn go(self) -> impl fmt::Display {
        display(move |f| {
            let civil = self.civil();
            write!(f, "{} {}{} +0000 UTC", civil.date(), civil.time(), self.short_fraction())
        })
    }

    fn short_fraction(self) -> String {
        let digits = format!(".{:09}", self.unix_nanos % NANOS);
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    fn civil(self) -> Civil {
        let seconds = self.unix_nanos / NANOS;
        let (year, day_of_year) = year_and_day(seconds / DAY);
        let (month, day) = month_and_day(year, day_of_year);
        let of_day = seconds % DAY;
        Civil { year, month, day, hour: of_day / 3600, minute: of_day / 60 % 60, second: of_day % 60 }
    }
}

impl From<SystemTime> for Moment {
    /// A clock before 1970 is taken for 1970.
    fn from(time: SystemTime) -> Moment {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment { unix_nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.civil();
        write!(f, "{}T{}.{:03}Z", civil.date(), civil.time(), self.unix_nanos % NANOS / 1_000_000)
    }
}

impl Civil {
    fn date(&self) -> impl fmt::Display {
        let (year, month, day) = (self.year, self.month, self.day);
        display(move |f| write!(f, "{year:04}-{month:02}-{day:02}"))
    }

    fn time(&self) -> impl fmt::Display {
        let (hour, minute, second) = (self.hour, self.minute, self.second);
        display(move |f| write!(f, "{hour:02}:{minute:02}:{second:02}"))
    }
}

/// A length of time as Go prints it, without more digits than milliseconds: `1h2m3.5s`, `250ms`, `0s`.
pub fn go_duration(length: Duration) -> String {
    let millis = length.as_millis();
    if millis < 1000 {
        return if millis == 0 { "0s".to_owned() } else { format!("{millis}ms") };
    }
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let fraction = format!(".{:03}", millis % 1000);
    let seconds = format!("{}{}s", millis / 1000 % 60, fraction.trim_end_matches('0').trim_end_matches('.'));
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// Something that is written by a closure.
struct Written<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Written<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

fn display(write: impl Fn(&mut fmt::Formatter<'_>) -> fmt::Result) -> impl fmt::Display {
    Written(write)
}

/// The Gregorian year, and the day in it from 0, of a day counted from 1970-01-01.
fn year_and_day(days: u64) -> (u64, u64) {
    // 1601 begins a cycle of 400 years, and each cycle within it ends with its longest part.
    let mut rest = days + DAYS_1601_TO_1970;
    let mut year = 1601;
    for (length, years, most) in [(146_097, 400, u64::MAX), (36_524, 100, 3), (1_461, 4, 24), (365, 1, 3)] {
        let count = (rest / length).min(most);
        rest -= count * length;
        year += count * years;
    }
    (year, rest)
}

/// Month and day, both from 1.
fn month_and_day(year: u64, day_of_year: u64) -> (u64, u64) {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if leap { 29 } else { 28 };
    let mut rest = day_of_year;
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (month, rest + 1)
}

const NANOS: u64 = 1_000_000_000;
const DAY: u64 = 86_400;
const DAYS_1601_TO_1970: u64 = 134_774;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unix_seconds: u64, nanos: u64, rfc3339: &str, go: &str) {
        let moment = Moment::from_unix_nanos(unix_seconds * NANOS + nanos);
        assert_eq!(moment.rfc3339_nanos().to_string(), rfc3339);
        assert_eq!(moment.go().to_string(), go);
    }

    #[test]
    fn moments_are_written_in_utc() {
        check(0, 0, "1970-01-01T00:00:00Z", "1970-01-01 00:00:00 +0000 UTC");
        check(951_782_400, 0, "2000-02-29T00:00:00Z", "2000-02-29 00:00:00 +0000 UTC");
        check(951_868_799, 120_000_000, "2000-02-29T23:59:59.12Z", "2000-02-29 23:59:59.12 +0000 UTC");
        check(1_735_689_599, 1, "2024-12-31T23:59:59.000000001Z", "2024-12-31 23:59:59.000000001 +0000 UTC");
        check(4_107_542_400, 0, "2100-03-01T00:00:00Z", "2100-03-01 00:00:00 +0000 UTC");
        assert_eq!(Moment::from_unix_nanos(u64::MAX).to_string(), "2554-07-21T23:34:33.709Z");
    }

    #[test]
    fn every_day_follows_the_day_before() {
        let mut last = (1969, 12, 31);
        for day in 0..200_000 {
            let (year, of_year) = year_and_day(day);
            let (month, of_month) = month_and_day(year, of_year);
            let next = (year, month, of_month);
            let follows = next == (last.0, last.1, last.2 + 1)
                || next == (last.0, last.1 + 1, 1)
                || (next == (last.0 + 1, 1, 1) && last.1 == 12 && last.2 == 31);
            assert!(follows, "{last:?} {next:?}");
            last = next;
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (millis, text) in
            [(0, "0s"), (250, "250ms"), (7_000, "7s"), (62_300, "1m2.3s"), (3_600_000, "1h0m0s"), (5_273, "5.273s")]
        {
            assert_eq!(go_duration(Duration::from_millis(millis)), text);
        }
    }
}
