//! What one tenant may use. All limits are here, each with its default and the most that can be given to a tenant.

use serde::{Deserialize, Serialize};

/// A limit as an operator sees it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct LimitRule {
    /// As it is spelled in JSON.
    pub name: &'static str,
    /// The least it can be set to.
    pub least: u64,
    /// What it is unless it is set.
    pub default: u64,
    /// The most it can be set to.
    pub most: u64,
    /// What it limits, and what happens when it is exceeded.
    pub what: &'static str,
}

/// A limit that cannot be set so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// It is not the JSON it should be.
    #[error("{path}: {message}")]
    Shape {
        /// Where.
        path: String,
        /// What was found and what was expected.
        message: String,
    },
    /// Out of range.
    #[error("{name}: must be from {least} to {most}, not {found}")]
    Range {
        /// Which.
        name: &'static str,
        /// From.
        least: u64,
        /// To.
        most: u64,
        /// What was asked for.
        found: u64,
    },
}

macro_rules! limits {
    ($($field:ident $name:literal $least:literal <= $default:literal <= $most:literal $what:literal;)*) => {
        /// One tenant's limits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct TenantLimits {
            $(#[doc = $what] #[serde(rename = $name)] pub $field: u64,)*
        }

        impl Default for TenantLimits {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl TenantLimits {
            /// Every limit there is.
            pub const RULES: &[LimitRule] = &[
                $(LimitRule { name: $name, least: $least, default: $default, most: $most, what: $what },)*
            ];

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
    memory_mib "memoryMiB" 1 <= 256 <= 1_024 "MiB of all memories of one component together; above it, the item fails as out of memory.";
    table_elements "tableElements" 1_000 <= 20_000 <= 20_000 "Elements of each table of a component; above it, growing a table fails.";
    call_millis "callMillis" 10 <= 500 <= 5_000 "Milliseconds that one call into a component may take, and";
    item_millis "itemMillis" 0 <= 3 <= 20 "milliseconds more for each item the call is about; above it, the item fails as timed out.";
    job_seconds "jobSeconds" 1 <= 120 <= 3_600 "Seconds that the components of one job may take in all, not counting the server's own work; above it, the job's rest fails.";
    reply_mib "replyMiB" 1 <= 32 <= 64 "MiB of one answer of a component; above it, the item fails as reply too large.";
    objections "objectionsPerItem" 1 <= 16 <= 64 "Objections that a validator may have to one item; above it, it broke the contract.";
    objection_bytes "objectionBytes" 100 <= 1_000 <= 4_000 "Bytes of one objection's text; above it, the validator broke the contract.";
    log_kib "logKiB" 0 <= 64 <= 1_024 "KiB kept of what the components of one job print; the rest is dropped.";
    queued_jobs "queuedJobs" 1 <= 1_000 <= 100_000 "Unfinished jobs; above it, a request gets 429.";
    queued_mib "queuedMiB" 1 <= 2_048 <= 65_536 "MiB of unprocessed items, as stored; above it, a request gets 429.";
    running_jobs "runningJobs" 1 <= 1 <= 32 "Jobs that run at once; with more than one, jobs may overtake each other.";
}

impl TenantLimits {
    /// Reads limits from JSON; what is not named has its default.
    ///
    /// # Errors
    /// Says which limit is wrong, and what it can be.
    pub fn parse(text: &str) -> Result<Self, LimitsError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let limits: Self = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| LimitsError::Shape {
            path: error.path().to_string(),
            message: error.inner().to_string(),
        })?;
        deserializer
            .end()
            .map_err(|error| LimitsError::Shape { path: String::from("."), message: error.to_string() })?;
        limits.check()?;
        Ok(limits)
    }

    /// Reads limits from a text that the store has. They were checked before they were stored, but a newer server may have
    /// stored limits that this one does not know: then the defaults apply, and the log says so.
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
    /// Reads limits from JSON.
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
    fn what_is_not_named_has_its_default_and_all_have_a_range() {
        assert_eq!(TenantLimits::parse("{}").unwrap(), TenantLimits::default());
        let limits = TenantLimits::parse(r#"{"memoryMiB":64,"runningJobs":4}"#).unwrap();
        assert_eq!((limits.memory_mib, limits.running_jobs, limits.call_millis), (64, 4, 500));
        assert!(TenantLimits::default().check().is_ok());
        for (text, part) in [
            (r#"{"memoryMiB":2048}"#, "memoryMiB: must be from 1 to 1024, not 2048"),
            (r#"{"memoryMiB":-1}"#, "memoryMiB: invalid value"),
            (r#"{"memory":1}"#, "memory: unknown field `memory`"),
            ("{} {}", ".: trailing characters"),
        ] {
            let message = TenantLimits::parse(text).unwrap_err().to_string();
            assert!(message.starts_with(part), "{text}: {message}");
        }
    }
}
