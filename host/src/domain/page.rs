//! Pages of a job's rows.

use std::ops::Range;

/// Rows of a page unless the client asks for another number.
const DEFAULT_PAGE_ROWS: u32 = 100;
/// Rows of a page at most.
const MAX_PAGE_ROWS: u32 = 1_000;

/// A page of a job's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    number: u32,
    limit: u32,
}

/// Why query parameters name no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// `page` is not a number from 1.
    #[error("'page' must be a whole number from 1, not '{0}'.")]
    Number(String),
    /// `limit` is not a number in range.
    #[error("'limit' must be a whole number from 1 to {MAX_PAGE_ROWS}, not '{0}'.")]
    Limit(String),
}

impl Page {
    /// Parses the query parameters `page` and `limit`, which default to 1 and 100.
    ///
    /// # Errors
    /// If a parameter is not a number in range, so that a client never takes a part of a list for the whole.
    pub fn parse(number: Option<&str>, limit: Option<&str>) -> Result<Self, PageError> {
        let number = match number {
            None => 1,
            Some(text) => parse_in(text, u32::MAX).ok_or_else(|| PageError::Number(text.to_owned()))?,
        };
        let limit = match limit {
            None => DEFAULT_PAGE_ROWS,
            Some(text) => parse_in(text, MAX_PAGE_ROWS).ok_or_else(|| PageError::Limit(text.to_owned()))?,
        };
        Ok(Self { number, limit })
    }

    /// Returns the places of the page's rows in a list of `total` rows, from 0. A page past the end has none.
    pub fn rows(self, total: u32) -> Range<u64> {
        let total = u64::from(total);
        self.first().min(total)..(self.first() + u64::from(self.limit)).min(total)
    }

    fn first(self) -> u64 {
        u64::from(self.number - 1) * u64::from(self.limit)
    }

    /// Returns the next page, if a list of `total` rows has it.
    #[must_use]
    pub fn next(self, total: u32) -> Option<Self> {
        let number = self.number.checked_add(1)?;
        (self.first() + u64::from(self.limit) < u64::from(total)).then_some(Self { number, limit: self.limit })
    }

    /// Returns the query parameters of this page: `page=2`, and `&limit=…` unless the limit is the default.
    pub fn to_query(self) -> String {
        if self.limit == DEFAULT_PAGE_ROWS {
            format!("page={}", self.number)
        } else {
            format!("page={}&limit={}", self.number, self.limit)
        }
    }
}

fn parse_in(text: &str, max: u32) -> Option<u32> {
    text.parse().ok().filter(|number| (1..=max).contains(number))
}

#[cfg(test)]
mod tests {
    use super::{Page, PageError};

    #[test]
    fn consecutive_pages_have_no_gap_or_overlap() {
        for (total, limit) in [(0_u32, 100_u32), (1, 100), (100, 100), (101, 100), (250, 7), (10_000, 1_000)] {
            let mut page = Page::parse(None, Some(&limit.to_string())).unwrap();
            let mut seen = 0;
            loop {
                let rows = page.rows(total);
                assert_eq!(rows.start, seen);
                seen = rows.end;
                match page.next(total) {
                    Some(next) => page = next,
                    None => break,
                }
            }
            assert_eq!(seen, u64::from(total));
        }
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        for bad in ["0", "-1", "x", "", "1.5", "99999999999"] {
            assert_eq!(Page::parse(Some(bad), None), Err(PageError::Number(bad.to_owned())));
        }
        for bad in ["0", "1001", "all"] {
            assert_eq!(Page::parse(None, Some(bad)), Err(PageError::Limit(bad.to_owned())));
        }
        assert_eq!(Page::parse(Some("2"), Some("5")).unwrap().to_query(), "page=2&limit=5");
        assert_eq!(Page::parse(Some("2"), None).unwrap().to_query(), "page=2");
        let last = Page::parse(Some("4294967295"), None).unwrap();
        assert_eq!((last.next(u32::MAX), last.rows(7)), (None, 7..7));
    }
}
