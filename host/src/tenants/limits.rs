//! The limits of a tenant. All limits are here, each with its range and its default.

use serde::Serialize;

use crate::operator_json::{JsonError, JsonText};

/// A limit as an operator sees it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct LimitRule {
    /// Its name in JSON.
    pub name: &'static str,
    /// The smallest value.
    pub least: u64,
    /// The value unless an operator sets another.
    pub default: u64,
    /// The largest value.
    pub most: u64,
    /// What it limits in which unit, and what happens above it.
    pub what: &'static str,
}

/// Why limits cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// The text is not a JSON object of limits.
    #[error(transparent)]
    Shape(#[from] JsonError),
    /// A limit is out of range.
    #[error("{name}: must be from {least} to {most}, not {found}")]
    Range {
        /// The limit's name.
        name: &'static str,
        /// The smallest value.
        least: u64,
        /// The largest value.
        most: u64,
        /// The value that was given.
        found: u64,
    },
}

macro_rules! limits {
    ($($field:ident $name:literal $least:literal <= $default:literal <= $most:literal $what:literal;)*) => {
        /// The limits of a tenant.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub struct TenantLimits {
            $(#[doc = $what] #[serde(rename = $name)] pub $field: u64,)*
        }

        impl Default for TenantLimits {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl TenantLimits {
            /// All limits.
            pub const RULES: &[LimitRule] = &[
                $(LimitRule { name: $name, least: $least, default: $default, most: $most, what: $what },)*
            ];

            const NAMES: &[&str] = &[$($name),*];

            fn read(text: &str) -> Result<Self, JsonError> {
                let mut limits = Self::default();
                let mut members = JsonText::parse(text)?.object(Self::NAMES)?;
                $(
                    if let Some(value) = members.take($name) {
                        limits.$field = value.whole_number(u64::MAX)?;
                    }
                )*
                Ok(limits)
            }

            fn check(&self) -> Result<(), LimitsError> {
                $(
                    if !($least..=$most).contains(&self.$field) {
                        return Err(LimitsError::Range { name: $name, least: $least, most: $most, found: self.$field });
                    }
                )*
                Ok(())
            }
        }
    };
}

limits! {
    memory_mib "memoryMiB" 1 <= 256 <= 1_024 "MiB of memory of one component; above it, the item fails as out of memory.";
    table_elements "tableElements" 1_000 <= 20_000 <= 20_000 "Elements of each table of a component; above it, growing a table fails.";
    call_millis "callMillis" 10 <= 500 <= 5_000 "Milliseconds that each call into a component may take, plus `itemMillis` for each item; above them, the item fails as timed out.";
    item_millis "itemMillis" 0 <= 3 <= 20 "Milliseconds that a call into a component may take more for each of its items.";
    job_seconds "jobSeconds" 1 <= 120 <= 3_600 "Seconds that the components of one job may compute in total; above it, the rest of the job fails.";
    reply_mib "replyMiB" 1 <= 32 <= 64 "MiB of one reply of a component; above it, the item fails as reply too large.";
    objections "objectionsPerItem" 1 <= 16 <= 64 "Objections of a validator to one item; above it, the validator broke the contract.";
    objection_bytes "objectionBytes" 100 <= 1_000 <= 4_000 "Bytes of one objection's text; above it, the validator broke the contract.";
    log_kib "logKiB" 0 <= 64 <= 1_024 "KiB of the log of one job's components; the rest of their output is dropped.";
    queued_jobs "queuedJobs" 1 <= 1_000 <= 100_000 "Unfinished jobs; above it, a request gets 429.";
    queued_mib "queuedMiB" 1 <= 2_048 <= 65_536 "MiB of unprocessed items, compressed; above it, a request gets 429.";
    jobs_per_minute "jobsPerMinute" 1 <= 600 <= 1_000_000 "Jobs per minute on average; those of a whole minute may come at once; above it, a request gets 429.";
    contacts_per_minute "contactsPerMinute" 0 <= 0 <= 100_000_000 "Contacts per minute on average in bulk requests; those of a whole minute, and a larger request if nothing else was sent, may come at once; above it, a request gets 429. 0 means no limit.";
    running_jobs "runningJobs" 1 <= 1 <= 32 "Jobs that run at once; with more than one, a job may finish before an earlier one.";
    results_mib "resultsMiB" 1 <= 8 <= 1_024 "MiB of the results of one job, compressed; above it, rows of failed items keep their status and lose the details.";
    stored_mib "storedMiB" 1 <= 65_536 <= 67_108_864 "MiB of contacts, and of jobs with their items, results, logs, before-images, profiles and idempotency keys; above it, a bulk request gets 507, and items that would write a contact fail with status 507.";
    stored_contacts "storedContacts" 1 <= 10_000_000 <= 1_000_000_000 "Contacts; above it, items that would create a contact fail with status 507.";
    undo_days "undoDays" 0 <= 7 <= 90 "Days for which what a job changed is kept, so that the job can be undone. 0 means that nothing is kept.";
    kept_mib "keptMiB" 1 <= 256 <= 65_536 "MiB of what is kept to undo jobs, compressed; above it, what is kept of the oldest jobs is deleted. Twice as much while jobs run.";
    tokens "tokens" 1 <= 1_000 <= 100_000 "Tokens at a time, and as many refresh tokens; above it, those that expire first are deleted.";
    tokens_per_minute "tokensPerMinute" 1 <= 600 <= 1_000_000 "Tokens issued or refreshed per minute on average; those of a whole minute may come at once; above it, a request gets 429.";
}

impl TenantLimits {
    /// Parses limits from JSON. A limit that the text does not name has its default.
    ///
    /// # Errors
    /// Which limit is wrong, and its range.
    pub fn parse(text: &str) -> Result<Self, LimitsError> {
        let limits = Self::read(text)?;
        limits.check()?;
        Ok(limits)
    }

    /// Parses limits from a text that the store has. If a newer server stored limits that this server does not know, the
    /// defaults apply and the log says so.
    pub fn parse_stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|error| {
            tracing::error!(event = "tenant_limits_unreadable", %error, "a tenant's limits cannot be read; the defaults apply");
            Self::default()
        })
    }
}

/// Limits as an operator sets them. The store keeps the text, so that a limit that the text does not name has the default
/// of the server that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    limits: TenantLimits,
    text: String,
}

impl LimitSettings {
    /// Parses limits from JSON.
    ///
    /// # Errors
    /// See [`TenantLimits::parse`].
    pub fn parse(text: &str) -> Result<Self, LimitsError> {
        Ok(Self { limits: TenantLimits::parse(text)?, text: text.to_owned() })
    }

    /// Returns the limits, with the defaults for those that the text does not name.
    pub fn limits(&self) -> TenantLimits {
        self.limits
    }

    /// Returns the text that the limits were read from.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::TenantLimits;

    #[test]
    fn limits_have_a_default_and_a_range() {
        assert_eq!(TenantLimits::parse("{}").unwrap(), TenantLimits::default());
        let limits = TenantLimits::parse(r#"{"memoryMiB":64,"runningJobs":4}"#).unwrap();
        assert_eq!((limits.memory_mib, limits.running_jobs, limits.call_millis), (64, 4, 500));
        assert!(TenantLimits::default().check().is_ok());
        for (text, part) in [
            (r#"{"memoryMiB":2048}"#, "memoryMiB: must be from 1 to 1024, not 2048"),
            (r#"{"memoryMiB":-1}"#, "memoryMiB: this must be a whole number"),
            (r#"{"memoryMiB":"64"}"#, "memoryMiB: this must be a whole number, not a text"),
            (r#"{"memoryMiB":64,"memoryMiB":64}"#, "memoryMiB: this is given twice"),
            (r#"{"memory":1}"#, "memory: there is no such member; those that there are: memoryMiB, tableElements, "),
            ("[3]", "this must be an object, not a list"),
            ("[]", "this must be an object, not a list"),
            ("{} {}", "there is more text"),
        ] {
            let message = TenantLimits::parse(text).unwrap_err().to_string();
            assert!(message.starts_with(part), "{text}: {message}");
        }
    }
}
