//! Jobs, their states and the result of each item.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Pinned, Timestamp};

/// A job's public id: a random UUID (version 4), so that ids cannot be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub Uuid);

impl JobId {
    /// A new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Reads the hyphenated form; anything else is no job's id.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 36).then(|| Uuid::try_parse(text).ok().map(Self)).flatten()
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// What a job does with its items; the same for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST …/bulk/new`: make or merge.
    Create,
    /// `PUT …/bulk/edit`: replace by id.
    Replace,
    /// `PATCH …/bulk/edit`: change what was sent, by id.
    Update,
}

impl Operation {
    /// As the store and the log spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Update => "update",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Create, Self::Replace, Self::Update].into_iter().find(|operation| operation.as_str() == text)
    }
}

/// Where a job stands. There is no failed state: what fails is an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// No worker has begun it.
    Queued,
    /// Some of its items may have taken effect.
    InProgress,
    /// Each of its items has a result.
    Completed,
}

impl JobState {
    /// As the wire and the store spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::InProgress, Self::Completed].into_iter().find(|state| state.as_str() == text)
    }
}

/// How many items of a job came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Contacts made.
    pub created: u32,
    /// Contacts changed.
    pub updated: u32,
    /// Items refused.
    pub failed: u32,
}

impl Counts {
    /// Items that have a result.
    pub fn processed(self) -> u32 {
        self.created.saturating_add(self.updated).saturating_add(self.failed)
    }
}

/// A job as its client may see it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its public id.
    pub id: JobId,
    /// Where it stands.
    pub state: JobState,
    /// Items in the request.
    pub total: u32,
    /// What became of them so far.
    pub counts: Counts,
    /// The components that decide about this job.
    pub pinned: Pinned,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When a worker first claimed it.
    pub started_at: Option<Timestamp>,
    /// When its last item got a result.
    pub finished_at: Option<Timestamp>,
    /// When its id stops being known.
    pub expires_at: Timestamp,
}

/// What a failed item's row says, in one of the two shapes of Mautic's batch API. The order of the members is the
/// order on the wire.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum ItemError {
    /// Values that were refused.
    Validation {
        /// The item's status code once more.
        code: u16,
        /// All texts in one sentence.
        message: String,
        /// An object: field alias to list of texts.
        details: Box<RawValue>,
        /// Always null.
        r#type: Option<String>,
    },
    /// Items refused, or lost, before their values were looked at.
    Api {
        /// For people.
        message: String,
        /// The item's status code once more.
        code: u16,
        /// `api`, or the reason why a component could not decide.
        r#type: String,
    },
}

impl ItemError {
    /// Bytes of text in it.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Validation { message, details, r#type, .. } => {
                message.len() + details.get().len() + r#type.as_ref().map_or(0, String::len)
            }
            Self::Api { message, r#type, .. } => message.len() + r#type.len(),
        }
    }
}

/// The result of one item. The order of the members is the order on the wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResultRow {
    /// The contact; null if a create failed.
    pub id: Option<u64>,
    /// The item's own status, as if it had been sent alone.
    #[serde(rename = "statusCode")]
    pub status_code: u16,
    /// Why it failed: an [`ItemError`], as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Box<RawValue>>,
}

#[cfg(test)]
mod tests {
    use super::{JobId, ResultRow};

    #[test]
    fn only_the_hyphenated_form_is_a_job_id() {
        let id = JobId::random();
        assert_eq!(JobId::parse(&id.to_string()), Some(id));
        for text in ["", "1", "not-a-uuid", &id.0.simple().to_string(), &format!("{{{id}}}"), &format!("{id}0")] {
            assert_eq!(JobId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn rows_keep_their_shape_and_order() {
        for text in [
            r#"{"id":356,"statusCode":200}"#,
            r#"{"id":null,"statusCode":400,"errors":{"code":400,"message":"email: A valid email is required.","details":{"email":["A valid email is required."]},"type":null}}"#,
            r#"{"id":9,"statusCode":404,"errors":{"message":"Item was not found.","code":404,"type":"api"}}"#,
        ] {
            let row: ResultRow = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&row).unwrap(), text);
        }
    }
}
