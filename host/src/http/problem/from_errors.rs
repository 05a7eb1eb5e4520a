//! Errors become HTTP answers only here: the client gets a text that reveals nothing internal, and the log gets the error.

use hyper::StatusCode;

use super::Problem;
use crate::domain::{PageError, SearchError};
use crate::http::connections::Refusal;
use crate::http::head_scanner::HeadError;
use crate::http::problem_details::QUOTA_EXCEEDED_KIND;
use crate::import::ImportError;
use crate::jobs::{ServiceError, SubmissionError, WebhookError};
use crate::operations::{OperationError, OperatorsWebhookError};
use crate::sandbox::TrialError;
use crate::store::{ApplyRefusal, StoreError, UndoRefusal};

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Store(error @ StoreError::Unsure(_)) => {
                tracing::error!(event = "outcome_unknown", %error, "the store did not confirm whether a change was stored");
                Self::unavailable(
                    "The store did not confirm whether the request was stored. Check before you send it again. A bulk request that had an Idempotency-Key can be sent again with the same key: it is stored once.",
                )
            }
            ServiceError::Store(error) => {
                tracing::error!(event = "store_unavailable", %error, "the store is unavailable");
                Self::unavailable(match error {
                    StoreError::DiskFull { .. } => {
                        "The server's disk is full, or has no room for a request of this size. Nothing was stored; send the request again later. If this lasts, the operator has to make room."
                    }
                    StoreError::IndexBehind => {
                        "Lists and searches do not have all contacts of the last imports yet. Nothing was changed; send the request again in some seconds. A file of all contacts can be had at once."
                    }
                    _ => "The store is unavailable. Nothing was stored; send the request again.",
                })
            }
            ServiceError::Busy => Self::busy(),
            ServiceError::NoPermit => Self::no_permit(),
            ServiceError::StillCompiling => Self::still_compiling(),
            ServiceError::NoThread(error) => {
                tracing::error!(event = "call_thread_not_started", %error, "the system gave no thread for a call");
                Self::busy()
            }
            ServiceError::Panicked => Self::panicked(&"the thread of a call panicked"),
            ServiceError::Stalled => Self::unavailable(
                "The server lost track of this request, so whether contacts were stored is not known. Check before you send it again.",
            ),
            ServiceError::ShuttingDown => Self::shutting_down(),
            ServiceError::PartlyApplied(error) => {
                tracing::error!(event = "call_cut_short", %error, "a call failed after some of its items had been applied");
                Self::unavailable(
                    "Some of the contacts were stored before the request failed. Check which before you send the rest again.",
                )
            }
            ServiceError::Component(failure) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                failure.as_str(),
                "The component that decides on this tenant's contacts failed. Nothing was changed; the server's log says why.",
            ),
            ServiceError::Random(error) => {
                tracing::error!(event = "no_random_bytes", %error, "the operating system gives no random bytes");
                Self::internal()
            }
            ServiceError::Search(error) => Self::from(error),
            ServiceError::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "This Idempotency-Key was used for a different request. Use a new key for a new request.",
            ),
            ServiceError::NotApplicable(refusal) => Self::from(refusal),
            ServiceError::NotUndoable(refusal) => Self::from(refusal),
            error @ ServiceError::AlreadyUndone(_) => {
                Self::new(StatusCode::CONFLICT, "already_undone", error.to_string())
            }
            ServiceError::QueueFull => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                QUOTA_EXCEEDED_KIND,
                "Too many jobs or bytes are queued. Wait until some jobs are completed, or delete some.",
            )
            .retry(),
            ServiceError::StorageFull { limit_mib } => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "storage_full",
                format!(
                    "This tenant has stored as much as its limit allows ({limit_mib} MiB, storedMiB). Contacts count, and jobs with their items, results and logs. Nothing was stored. Delete contacts or jobs, or ask the operator for a higher limit."
                ),
            ),
            ServiceError::TooManyJobs { per_minute, retry_after } => Self::too_often(
                format!(
                    "This tenant sends more jobs than its limit allows ({per_minute} in a minute, jobsPerMinute). Nothing was stored; send the request again later, or put more items into one job."
                ),
                retry_after,
            ),
            ServiceError::TooManyContacts { per_minute, retry_after } => Self::too_often(
                format!(
                    "This tenant sends more contacts than its limit allows ({per_minute} in a minute, contactsPerMinute). Nothing was stored; send the request again later."
                ),
                retry_after,
            ),
            ServiceError::TooManyTokens { per_minute, retry_after } => Self::too_often(
                format!(
                    "This tenant requests more tokens than its limit allows ({per_minute} in a minute, tokensPerMinute). Use a token until it expires, and request another one later."
                ),
                retry_after,
            ),
            ServiceError::NoTenant => Self::wrong_credentials(),
        }
    }
}

impl From<ApplyRefusal> for Problem {
    fn from(refusal: ApplyRefusal) -> Self {
        let (kind, message) = match refusal {
            ApplyRefusal::Unknown => return Self::unknown_job(),
            ApplyRefusal::Unfinished => return Self::dry_run_unfinished(),
            ApplyRefusal::NoDryRun => (
                "no_dry_run",
                "This job is no dry run, so there is nothing to apply: its contacts are stored already. Only a job that was sent with dryRun=1 can be applied.",
            ),
            ApplyRefusal::Cancelled => (
                "dry_run_cancelled",
                "This dry run was cancelled, so it does not say what would become of all contacts. Nothing was stored. Send the contacts again with dryRun=1, and apply that job.",
            ),
            ApplyRefusal::AppliedAndGone => (
                "already_applied",
                "This dry run was applied before, and the job that applied it was deleted or has expired. Nothing was stored now. To store the contacts again, send them again.",
            ),
        };
        Self::new(StatusCode::CONFLICT, kind, message)
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Store(error) => ServiceError::from(error).into(),
            WebhookError::Random(error) => Self::panicked(&error),
            WebhookError::Unknown => Self::unknown_webhook(),
            WebhookError::UnknownMessage => Self::unknown_message(),
            WebhookError::Disabled => Self::webhook_disabled(),
            WebhookError::TooMany(limit) => Self::too_many_webhooks(limit),
            WebhookError::TooManyTests => Self::too_many_webhook_tests(),
        }
    }
}

impl From<OperatorsWebhookError> for Problem {
    fn from(error: OperatorsWebhookError) -> Self {
        match error {
            OperatorsWebhookError::Operation(error) => error.into(),
            OperatorsWebhookError::Webhook(error) => error.into(),
        }
    }
}

impl From<UndoRefusal> for Problem {
    fn from(refusal: UndoRefusal) -> Self {
        let message = refusal.to_string();
        let kind = match refusal {
            UndoRefusal::Unknown => return Self::unknown_job(),
            UndoRefusal::Unfinished => return Self::undone_unfinished(message),
            UndoRefusal::DryRun => "dry_run",
            UndoRefusal::NothingChanged => "nothing_changed",
            UndoRefusal::NotKept => "not_undoable",
            UndoRefusal::OtherProcessor => "other_processor",
            UndoRefusal::Redone(_) | UndoRefusal::RedoneBefore => "redone",
        };
        Self::new(StatusCode::CONFLICT, kind, message)
    }
}

impl From<OperationError> for Problem {
    fn from(error: OperationError) -> Self {
        let (status, kind) = match &error {
            OperationError::Store(error) => {
                tracing::error!(event = "store_unavailable", %error, "the store is unavailable");
                return Self::unavailable("The store is unavailable. Nothing was changed; try again.");
            }
            OperationError::Refused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "component_refused"),
            OperationError::Unfit(TrialError::NoRoom(_)) => return Self::unavailable(&error.to_string()),
            OperationError::NotLoaded(reason) if reason.is_temporary() => return Self::unavailable(&error.to_string()),
            OperationError::Unfit(_) | OperationError::NotLoaded(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "settings_refused")
            }
            OperationError::Load(_) | OperationError::Random(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            OperationError::NameTaken { .. }
            | OperationError::TenantExists(_)
            | OperationError::InUse(_)
            | OperationError::TooManySecrets(_)
            | OperationError::LastSecret(_)
            | OperationError::DisabledWebhook { .. }
            | OperationError::TooManyWebhooks { .. }
            | OperationError::TooManyWebhookTests(_)
            | OperationError::CompletedJob
            | OperationError::UnfinishedJob
            | OperationError::NotUndone(_)
            | OperationError::IsDefault => (StatusCode::CONFLICT, "conflict"),
            OperationError::UnknownComponent(_)
            | OperationError::TooFewDigits(_)
            | OperationError::UnknownTenant(_)
            | OperationError::UnknownSecret { .. }
            | OperationError::UnknownToken
            | OperationError::UnknownWebhook { .. }
            | OperationError::UnknownJob => (StatusCode::NOT_FOUND, "not_found"),
            OperationError::Outdated | OperationError::NotAsSeen(_) => (StatusCode::CONFLICT, "outdated"),
            OperationError::Name(_)
            | OperationError::Ambiguous(_)
            | OperationError::WrongWorld { .. }
            | OperationError::NothingBefore(_)
            | OperationError::Expiry(_)
            | OperationError::JobCount(_)
            | OperationError::AuditCount(_)
            | OperationError::SecretName(_)
            | OperationError::Scope(_)
            | OperationError::WebhookUrl(_)
            | OperationError::Profile(_)
            | OperationError::Limits(_) => (StatusCode::BAD_REQUEST, "bad_request"),
        };
        // Operators may read the whole error.
        Self::new(status, kind, error.to_string())
    }
}

impl From<HeadError> for Problem {
    fn from(error: HeadError) -> Self {
        if error.is_about_size() {
            Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", error.to_string())
        } else {
            Self::bad_request(error.to_string())
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Address => Self::too_many_connections(),
            Refusal::Total => Self::all_connections_busy(),
        }
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        if error.is_size() {
            Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", error.to_string())
        } else {
            Self::bad_request(format!("{error} Nothing was stored."))
        }
    }
}

impl From<SubmissionError> for Problem {
    fn from(error: SubmissionError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<PageError> for Problem {
    fn from(error: PageError) -> Self {
        Self::bad_request(error.to_string())
    }
}
