//! Jobs, their states, and the rows of their items.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{JobRemarks, Pinned, Timestamp};

/// A job's public id: a random UUID (version 4), which cannot be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub Uuid);

impl JobId {
    /// Makes a new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Parses the hyphenated form of a UUID. No other text is a job's id.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 36).then(|| Uuid::try_parse(text).ok().map(Self)).flatten()
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// What to do with the items of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST …/new`: creates contacts, or merges items into existing contacts.
    Create,
    /// `PUT …/edit`: replaces contacts by id.
    Replace,
    /// `PATCH …/edit`: changes the fields that were sent, by id.
    Update,
}

impl Operation {
    /// Returns the operation's name in the store and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Update => "update",
        }
    }

    /// Parses what [`Self::as_str`] returns.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Create, Self::Replace, Self::Update].into_iter().find(|operation| operation.as_str() == text)
    }
}

/// A job's state. There is no failed state, as only items fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// No worker has claimed the job.
    Queued,
    /// A worker has claimed the job, and some of its items may have taken effect.
    InProgress,
    /// Each item has a row.
    Completed,
}

impl JobState {
    /// Returns the state's name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
        }
    }

    /// Parses what [`Self::as_str`] returns.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::InProgress, Self::Completed].into_iter().find(|state| state.as_str() == text)
    }
}

/// How many items of a job have which result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Items that created a contact.
    pub created: u32,
    /// Items that changed a contact.
    pub updated: u32,
    /// Items that failed.
    pub failed: u32,
}

impl Counts {
    /// Returns how many items have a row.
    pub fn processed(self) -> u32 {
        self.created.saturating_add(self.updated).saturating_add(self.failed)
    }
}

/// A job as its client sees it.
#[derive(Debug, Clone)]
pub struct Job {
    /// The job's public id.
    pub id: JobId,
    /// The job's state.
    pub state: JobState,
    /// How many items the job has.
    pub total: u32,
    /// The results so far.
    pub counts: Counts,
    /// The remarks about the items so far.
    pub remarks: JobRemarks,
    /// The components that decide about this job.
    pub pinned: Pinned,
    /// When the job was accepted.
    pub created_at: Timestamp,
    /// When a worker first claimed the job.
    pub started_at: Option<Timestamp>,
    /// When the job's last item got its row.
    pub finished_at: Option<Timestamp>,
    /// When the job's id expires.
    pub expires_at: Timestamp,
}

/// The `errors` of a failed item's row, in one of the two shapes of Mautic's batch API. The members have the order of the
/// wire.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum ItemError {
    /// Values of the item are invalid.
    Validation {
        /// The item's status code.
        code: u16,
        /// All texts joined.
        message: String,
        /// A JSON object from field alias to list of texts.
        details: Box<RawValue>,
        /// Always null.
        r#type: Option<String>,
    },
    /// The item failed before its values were looked at.
    Api {
        /// A text for people.
        message: String,
        /// The item's status code.
        code: u16,
        /// `api`, or the reason why the component could not decide.
        r#type: String,
    },
}

impl ItemError {
    /// Returns the bytes of its text.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Validation { message, details, r#type, .. } => {
                message.len() + details.get().len() + r#type.as_ref().map_or(0, String::len)
            }
            Self::Api { message, r#type, .. } => message.len() + r#type.len(),
        }
    }
}

/// The row of an item. The members have the order of the wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResultRow {
    /// The contact. Null if the item should have created a contact and failed.
    pub id: Option<u64>,
    /// The status code that the item would have got alone.
    #[serde(rename = "statusCode")]
    pub status_code: u16,
    /// Why the item failed: a serialized [`ItemError`].
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
