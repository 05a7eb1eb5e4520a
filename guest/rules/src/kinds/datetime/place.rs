//! The zones of the IANA database: their offsets from UTC since 1970.

#[rustfmt::skip]
#[allow(clippy::unreadable_literal, reason = "written by scripts/choice-lists")]
#[path = "../data/zone_offsets.rs"]
mod zone_offsets;

use std::cmp::Ordering;

use time::{Date, Duration, Month, PrimitiveDateTime, Time};

use zone_offsets::{NAMES, OFFSETS, PLACES};

/// Bits of a change that hold the index of its offset.
const OFFSET_BITS: u32 = 6;
/// More than any offset, in minutes.
const MAX_OFFSET: i64 = 15 * 60;

/// The offsets of one or several zones. Offsets and times are in minutes; offsets count to the east.
#[derive(Debug)]
pub(super) struct Place {
    /// The offset at the beginning of 1970.
    first: i16,
    /// The later changes: the minutes since 1970, and in the lowest six bits the index of the new offset.
    changes: &'static [u32],
    /// The rule after the last change, if the offset does not stay the same.
    daylight: Option<&'static Daylight>,
}

/// A daylight saving time that comes back each year.
#[derive(Debug)]
struct Daylight {
    standard: i16,
    daylight: i16,
    /// When the daylight saving time starts, by the clock of the standard time.
    starts: Moment,
    /// When the daylight saving time ends, by its own clock.
    ends: Moment,
}

/// A moment of each year, as POSIX describes it.
#[derive(Debug)]
struct Moment {
    month: u8,
    /// 1 is the first such weekday of the month, 5 is the last.
    week: u8,
    /// 0 is Sunday.
    weekday: u8,
    /// Minutes after midnight. They may be negative, or beyond the day.
    minute: i16,
}

impl Place {
    /// Returns the place of a zone's name, in any case, such as `Europe/Berlin` or `US/Eastern`.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        let folded = |text: &'static str| text.bytes().map(|byte| byte.to_ascii_lowercase());
        let compared = |known: &'static str| folded(known).cmp(name.bytes().map(|byte| byte.to_ascii_lowercase()));
        let index = NAMES.binary_search_by(|(known, _)| compared(known)).ok()?;
        let (_, place) = NAMES.get(index)?;
        PLACES.get(usize::from(*place))
    }

    /// Converts the time on the place's clocks to UTC. When clocks are put back, a time occurs twice; as in PHP, this
    /// returns its first occurrence.
    ///
    /// Returns `None` for a time that the clocks skip, and for a time before 1970.
    pub(super) fn to_utc(&self, local: PrimitiveDateTime) -> Option<PrimitiveDateTime> {
        let minutes = minutes_since_1970(local);
        let before = self.offset_at(minutes - MAX_OFFSET)?;
        let after = self.offset_at(minutes + MAX_OFFSET)?;
        let offset = [before, after].into_iter().find(|&offset| self.offset_at(minutes - offset) == Some(offset))?;
        local.checked_sub(Duration::minutes(offset))
    }

    /// Returns the offset at a time in UTC, and `None` for a time before 1970.
    pub(super) fn offset_at_utc(&self, utc: PrimitiveDateTime) -> Option<i64> {
        self.offset_at(minutes_since_1970(utc))
    }

    fn offset_at(&self, utc: i64) -> Option<i64> {
        // A day's grace, because the clocks of a place may show 1970 before or after UTC does.
        if utc < -2 * MAX_OFFSET {
            return None;
        }
        let later = self.changes.partition_point(|change| i64::from(change >> OFFSET_BITS) <= utc);
        match self.daylight {
            Some(rule) if later == self.changes.len() => rule.offset_at(utc),
            _ => {
                let change = later.checked_sub(1).and_then(|last| self.changes.get(last));
                let offset = change.map_or(Some(&self.first), |change| OFFSETS.get(offset_index(*change)));
                offset.map(|&offset| i64::from(offset))
            }
        }
    }
}

fn offset_index(change: u32) -> usize {
    usize::try_from(change & ((1 << OFFSET_BITS) - 1)).unwrap_or(usize::MAX)
}

impl Daylight {
    fn offset_at(&self, utc: i64) -> Option<i64> {
        let (standard, daylight) = (i64::from(self.standard), i64::from(self.daylight));
        let year = start_of_1970().checked_add(Duration::minutes(utc + standard))?.year();
        let starts = self.starts.minute_in(year)? - standard;
        let ends = self.ends.minute_in(year)? - daylight;
        let is_daylight = match starts.cmp(&ends) {
            Ordering::Less => (starts..ends).contains(&utc),
            _ => !(ends..starts).contains(&utc),
        };
        Some(if is_daylight { daylight } else { standard })
    }
}

impl Moment {
    /// Returns the moment of a year, in minutes since 1970 on the clocks of the place.
    fn minute_in(&self, year: i32) -> Option<i64> {
        let month = Month::try_from(self.month).ok()?;
        let first = Date::from_calendar_date(year, month, 1).ok()?;
        let to_weekday = (7 + self.weekday - first.weekday().number_days_from_sunday()) % 7;
        let day = 1 + to_weekday + 7 * (self.week - 1);
        let day = if day > month.length(year) { day - 7 } else { day };
        let date = Date::from_calendar_date(year, month, day).ok()?;
        Some(minutes_since_1970(PrimitiveDateTime::new(date, Time::MIDNIGHT)) + i64::from(self.minute))
    }
}

fn start_of_1970() -> PrimitiveDateTime {
    PrimitiveDateTime::new(time::UtcDateTime::UNIX_EPOCH.date(), Time::MIDNIGHT)
}

fn minutes_since_1970(datetime: PrimitiveDateTime) -> i64 {
    (datetime - start_of_1970()).whole_minutes()
}

#[cfg(test)]
mod tests {
    use super::{NAMES, OFFSETS, PLACES, Place, offset_index};

    const TIMEZONES: &str = include_str!("../data/timezones.txt");

    #[test]
    fn every_zone_of_the_list_is_found_in_any_case() {
        let listed = TIMEZONES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let names = NAMES.iter().map(|(name, _)| *name);
        for name in listed.chain(names) {
            let place = Place::named(name).unwrap();
            for other in [name.to_lowercase(), name.to_uppercase()] {
                assert!(std::ptr::eq(Place::named(&other).unwrap(), place), "{name}");
            }
            assert!(Place::named(&format!("{name}x")).is_none() && Place::named(&format!(" {name}")).is_none());
        }
        assert!(Place::named("").is_none() && Place::named("Europe/").is_none() && Place::named("Zürich").is_none());
    }

    #[test]
    fn changes_are_in_order_and_each_has_an_offset() {
        for place in &PLACES {
            assert!(place.changes.iter().map(|change| change >> 6).is_sorted_by(|earlier, later| earlier < later));
            assert!(place.changes.iter().all(|change| offset_index(*change) < OFFSETS.len()));
        }
    }
}
