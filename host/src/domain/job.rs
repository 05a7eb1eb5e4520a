//! Jobs, their states, and the rows of their items.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{JobRemarks, Pinned, Source, Timestamp};

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

/// The public id of several jobs that one file became: a random UUID (version 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupId(pub Uuid);

impl GroupId {
    /// Makes a new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Parses the hyphenated form of a UUID. No other text is a group's id.
    pub fn parse(text: &str) -> Option<Self> {
        JobId::parse(text).map(|JobId(uuid)| Self(uuid))
    }
}

impl std::fmt::Display for GroupId {
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

/// Which contacts the items of `POST …/new` may be applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteMode {
    /// New ones, and existing ones that an item names by a unique field.
    #[default]
    Upsert,
    /// New ones alone: an item that names an existing contact is refused.
    Create,
    /// Existing ones alone: an item that names none is refused.
    Update,
}

impl WriteMode {
    /// Returns the mode's name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upsert => "upsert",
            Self::Create => "create",
            Self::Update => "update",
        }
    }

    /// Parses what [`Self::as_str`] returns.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Upsert, Self::Create, Self::Update].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// What a dry run does: its items are decided as those of any other job, and no contact is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DryRun {
    /// Whether the rows say which members of the contacts would change.
    pub shows_changes: bool,
}

/// What an undo does: it takes back what another job changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undo {
    /// The job that is undone.
    pub job: JobId,
    /// What becomes of contacts that were changed since that job.
    pub changed_since: ChangedSince,
}

impl Undo {
    /// The name of the operation of a job that undoes another one, on the wire and in the store.
    pub const OPERATION: &str = "undo";
}

/// What an undo does with contacts that were changed since the job that is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChangedSince {
    /// Leaves them as they are.
    #[default]
    Skip,
    /// Makes them as they were before the job all the same, so that later changes are lost.
    Restore,
}

impl ChangedSince {
    /// Returns the name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Restore => "restore",
        }
    }

    /// Parses what [`Self::as_str`] returns.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Skip, Self::Restore].into_iter().find(|changed| changed.as_str() == text)
    }
}

/// A job's state, in the order in which a job has them. There is no failed state, as only items fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobState {
    /// No worker has claimed the job.
    Queued,
    /// A worker has claimed the job, and some of its items may have taken effect.
    InProgress,
    /// Each item has a row, or the job was cancelled.
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
    /// Items that said what their contact had already, so that nothing was written.
    pub unchanged: u32,
    /// Items of an undo that deleted a contact.
    pub deleted: u32,
    /// Items that failed.
    pub failed: u32,
}

impl Counts {
    /// Adds the counts of another job.
    pub fn add(&mut self, other: Self) {
        self.created = self.created.saturating_add(other.created);
        self.updated = self.updated.saturating_add(other.updated);
        self.unchanged = self.unchanged.saturating_add(other.unchanged);
        self.deleted = self.deleted.saturating_add(other.deleted);
        self.failed = self.failed.saturating_add(other.failed);
    }

    /// Returns how many items have a row.
    pub fn processed(self) -> u32 {
        self.written().saturating_add(self.unchanged).saturating_add(self.failed)
    }

    /// Returns how many items changed what is stored.
    pub fn written(self) -> u32 {
        self.created.saturating_add(self.updated).saturating_add(self.deleted)
    }
}

/// What became of an item; of one of a dry run, what would become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The item created a contact.
    Create,
    /// The item changed a contact.
    Update,
    /// The item of an undo deleted a contact.
    Delete,
    /// The item said what its contact had already.
    Unchanged,
    /// The item failed.
    Refuse,
    /// The job was cancelled before the item's turn.
    NotProcessed,
}

impl Action {
    /// Returns the action's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Unchanged => "unchanged",
            Self::Refuse => "refuse",
            Self::NotProcessed => "not_processed",
        }
    }
}

/// A job as its client sees it.
#[derive(Debug, Clone)]
pub struct Job {
    /// The job's public id.
    pub id: JobId,
    /// What to do with the items.
    pub operation: Operation,
    /// Which contacts they may be applied to.
    pub mode: WriteMode,
    /// Whether the job stores no contact.
    pub dry_run: Option<DryRun>,
    /// The dry run whose items the job has, if it applies one.
    pub applies: Option<JobId>,
    /// The job that applies this dry run, if there was one.
    pub applied_as: Option<JobId>,
    /// What the job undoes, if it undoes another one.
    pub undoes: Option<Undo>,
    /// The last job that undoes this one, if there was one and what this one changed is still kept.
    pub undone_as: Option<JobId>,
    /// Until when the job can be undone; `None` if it cannot.
    pub undoable_until: Option<Timestamp>,
    /// The file that the job was made of, if it was made of one.
    pub source: Option<Source>,
    /// The group that the job belongs to, if its file became several jobs.
    pub group: Option<GroupId>,
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
    /// When the job's last item got its row, or the job was cancelled.
    pub finished_at: Option<Timestamp>,
    /// When the job was cancelled. The items that had no row then are not processed any more.
    pub cancelled_at: Option<Timestamp>,
    /// When the job's id expires.
    pub expires_at: Timestamp,
}

impl Job {
    /// Returns the name of what the job does, on the wire.
    pub fn operation_name(&self) -> &'static str {
        if self.undoes.is_some() { Undo::OPERATION } else { self.operation.as_str() }
    }

    /// Returns how far the job is, which grows with each change.
    pub fn progress(&self) -> (JobState, u32) {
        (self.state, self.counts.processed())
    }
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
        /// What is wrong with which field, for programs. Not in Mautic's shape.
        #[serde(skip)]
        codes: Vec<ErrorCode>,
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

/// What is wrong with an item, for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCode {
    /// The field's alias, unless the error is about the whole item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// At most 64 lower-case letters of ASCII, digits and `_`.
    pub code: String,
}

impl ItemError {
    /// Returns what is wrong, for programs.
    pub fn codes(&self) -> Vec<ErrorCode> {
        match self {
            Self::Validation { codes, .. } => codes.clone(),
            Self::Api { code, r#type, .. } => {
                let code = match (r#type.as_str(), code) {
                    ("api", 404) => String::from("not_found"),
                    ("api", _) => String::from("invalid"),
                    (other, _) => other.replace(' ', "_"),
                };
                vec![ErrorCode { field: None, code }]
            }
        }
    }

    /// Returns the bytes of its text.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Validation { message, details, r#type, codes, .. } => {
                let code = |one: &ErrorCode| one.code.len() + one.field.as_ref().map_or(0, String::len);
                let codes: usize = codes.iter().map(|one| size_of::<ErrorCode>() + code(one)).sum();
                message.len() + details.get().len() + r#type.as_ref().map_or(0, String::len) + codes
            }
            Self::Api { message, r#type, .. } => message.len() + r#type.len(),
        }
    }
}

/// What a dry run said would become of an item that came out otherwise. The members have the order of the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expected {
    /// The contact; none if the dry run would have created it.
    pub id: Option<u64>,
    /// The item's status.
    pub status_code: u16,
    /// What would become of the item.
    pub action: Action,
    /// What would be wrong with the item, if it would fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<ErrorCode>,
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
