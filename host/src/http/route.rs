//! Which endpoint a request is for.

use hyper::Method;

use super::api_description::DESCRIPTION_PATH;
use super::api_page::PAGE_PATH;
use super::path::decoded_path;
use super::problem::Problem;
use super::webhooks::WebhookCall;
use crate::domain::{ContactId, GroupId, JobId, Operation};

/// The methods of calls that edit contacts.
const EDIT_METHODS: &str = "PUT, PATCH";
/// Which of them a client wants.
const EDIT_ADVICE: &str =
    " PATCH changes the fields that are sent; PUT also empties the others, and makes a contact if none has the id.";

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `POST /api/contacts/bulk/new`, `PUT|PATCH /api/contacts/bulk/edit`.
    Bulk(Operation),
    /// `POST /api/contacts/importCsv`.
    ImportCsv,
    /// `POST /api/contacts/batch/new`, `PUT|PATCH /api/contacts/batch/edit`.
    Batch(Operation),
    /// `POST /api/contacts/new`, `PUT|PATCH /api/contacts/{id}/edit`.
    Single(Operation, Option<ContactId>),
    /// `GET /api/contacts/job/{id}`.
    ReadJob(JobId),
    /// `DELETE /api/contacts/job/{id}`.
    DeleteJob(JobId),
    /// `POST /api/contacts/job/{id}/cancel`.
    CancelJob(JobId),
    /// `POST /api/contacts/job/{id}/apply`.
    ApplyJob(JobId),
    /// `GET /api/contacts/job/{id}/undo`.
    CheckUndo(JobId),
    /// `POST /api/contacts/job/{id}/undo`.
    UndoJob(JobId),
    /// `GET /api/contacts/job/{id}/events`.
    JobEvents(JobId),
    /// `GET /api/contacts/jobs`.
    ListJobs,
    /// `GET /api/contacts/group/{id}`.
    ReadGroup(GroupId),
    /// `GET /api/contacts`.
    ListContacts,
    /// `GET /api/contacts/{id}`.
    ReadContact(ContactId),
    /// `DELETE /api/contacts/{id}/delete`.
    DeleteContact(ContactId),
    /// `DELETE /api/contacts/batch/delete`.
    DeleteBatch,
    /// `POST /api/contacts/{id}/dnc/{channel}/add|remove`, and with the last two words in the other order.
    DoNotContact(ContactId, String, ChannelChange),
    /// `GET /api/fields/contact`, `GET /api/contacts/list/fields`.
    Fields(FieldsForm),
    /// `GET /api/limits`.
    Limits,
    /// `GET /api/contacts/list/owners`, `GET /api/stages`, `GET /api/companies`, `GET /api/users/self`.
    Profile(ProfileList),
    /// `/api/webhooks`, and what is below it.
    Webhook(WebhookCall),
    /// `GET /openapi.json`, `GET /docs`.
    Public(PublicText),
}

/// What becomes of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChannelChange {
    /// The contact must not be contacted on it.
    Add,
    /// The contact may be contacted on it again.
    Remove,
}

impl ChannelChange {
    fn read(word: &str) -> Option<Self> {
        match word {
            "add" => Some(Self::Add),
            "remove" => Some(Self::Remove),
            _ => None,
        }
    }
}

/// What of the catalogue is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldsForm {
    /// Whole fields, in pages.
    Pages,
    /// The names of all fields, by id.
    Names,
}

/// What of a tenant's profile is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProfileList {
    /// Whom contacts may belong to.
    Owners,
    /// The stages of contacts.
    Stages,
    /// The companies of contacts.
    Companies,
    /// Whoever calls.
    Caller,
}

/// What everybody may read, also without credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PublicText {
    /// The description of the API, for programs.
    Description,
    /// The description of the API, for people.
    Page,
}

impl Route {
    /// Finds the endpoint that a method and a path name. Each part of the path may be in percent-encoding.
    ///
    /// # Errors
    /// 404 if the path is unknown, its encoding is wrong or its id cannot be that of anything, 405 if the path has no such method. An
    /// id that is no number makes the path unknown (404), a job's id that cannot be one does not (405), as in Mautic.
    pub(super) fn find(method: &Method, path: &str) -> Result<Self, Problem> {
        let unknown = || Problem::unknown_path(path);
        let decoded = decoded_path(path).ok_or_else(unknown)?;
        if let Some(route) = Self::of_texts(&decoded).or_else(|| Self::of_lists(&decoded)) {
            return get(method, route).ok_or_else(|| Problem::wrong_method(method.as_str(), "GET"));
        }
        if let Some(rest) = decoded.strip_prefix("/api/webhooks") {
            return WebhookCall::find(method, rest).unwrap_or_else(|| Err(unknown())).map(Self::Webhook);
        }
        let rest = decoded.strip_prefix("/api/contacts").ok_or_else(unknown)?;
        let parts: Vec<&str> = match rest.strip_prefix('/') {
            Some(rest) => rest.split('/').collect(),
            None if rest.is_empty() => Vec::new(),
            None => return Err(unknown()),
        };
        // A wrong method is reported even where the id cannot be one.
        let of_job = |right: Method, id: &str, route: fn(JobId) -> Self| {
            (*method == right).then(|| JobId::parse(id).map(route).ok_or_else(Problem::unknown_job)).transpose()
        };
        let (found, allowed) = match *parts.as_slice() {
            [] => (get(method, Self::ListContacts), "GET"),
            ["bulk", "new"] => (create(method).map(Self::Bulk), "POST"),
            ["bulk", "edit"] => (edit(method).map(Self::Bulk), EDIT_METHODS),
            ["importCsv"] => (create(method).map(|_| Self::ImportCsv), "POST"),
            ["batch", "new"] => (create(method).map(Self::Batch), "POST"),
            ["batch", "edit"] => (edit(method).map(Self::Batch), EDIT_METHODS),
            ["batch", "delete"] => ((*method == Method::DELETE).then_some(Self::DeleteBatch), "DELETE"),
            ["job", id] => {
                let read = of_job(Method::GET, id, Self::ReadJob)?;
                (read.or(of_job(Method::DELETE, id, Self::DeleteJob)?), "GET, DELETE")
            }
            ["job", id, "undo"] => {
                let check = of_job(Method::GET, id, Self::CheckUndo)?;
                (check.or(of_job(Method::POST, id, Self::UndoJob)?), "GET, POST")
            }
            ["job", id, "cancel"] => (of_job(Method::POST, id, Self::CancelJob)?, "POST"),
            ["job", id, "apply"] => (of_job(Method::POST, id, Self::ApplyJob)?, "POST"),
            ["job", id, "events"] => (of_job(Method::GET, id, Self::JobEvents)?, "GET"),
            ["group", id] => {
                let route = (*method == Method::GET)
                    .then(|| GroupId::parse(id).map(Self::ReadGroup).ok_or_else(Problem::unknown_group))
                    .transpose()?;
                (route, "GET")
            }
            ["jobs"] => (get(method, Self::ListJobs), "GET"),
            ["new"] => (create(method).map(|operation| Self::Single(operation, None)), "POST"),
            [id] => {
                let route = get(method, Self::ReadContact(contact_id(id).ok_or_else(unknown)?));
                return route.ok_or_else(|| {
                    let advice = format!(
                        " To change the contact, use PATCH /api/contacts/{id}/edit, and to delete it, DELETE /api/contacts/{id}/delete."
                    );
                    Problem::wrong_method_with(method.as_str(), "GET", &advice)
                });
            }
            [id, "edit"] => {
                let id = contact_id(id).ok_or_else(unknown)?;
                (edit(method).map(|operation| Self::Single(operation, Some(id))), EDIT_METHODS)
            }
            [id, "delete"] => {
                let id = contact_id(id).ok_or_else(unknown)?;
                ((*method == Method::DELETE).then_some(Self::DeleteContact(id)), "DELETE")
            }
            [id, "dnc", first, second] => {
                let id = contact_id(id).ok_or_else(unknown)?;
                // Earlier versions of Mautic had the channel last.
                let (channel, change) = match (ChannelChange::read(second), ChannelChange::read(first)) {
                    (Some(change), _) => (first, change),
                    (None, Some(change)) => (second, change),
                    (None, None) => return Err(unknown()),
                };
                if channel.is_empty() {
                    return Err(unknown());
                }
                let channel = channel.to_owned();
                ((*method == Method::POST).then_some(Self::DoNotContact(id, channel, change)), "POST")
            }
            _ => return Err(unknown()),
        };
        found.ok_or_else(|| {
            let advice = if allowed == EDIT_METHODS { EDIT_ADVICE } else { "" };
            Problem::wrong_method_with(method.as_str(), allowed, advice)
        })
    }

    /// Returns whether no parameter chooses what the call is about; then also the names of the members of its body that Mautic takes
    /// from the query, too.
    pub(super) fn members_without_query(&self) -> Option<&'static [&'static str]> {
        match self {
            Self::ReadJob(_)
            | Self::CheckUndo(_)
            | Self::UndoJob(_)
            | Self::ListJobs
            | Self::ListContacts
            | Self::DeleteBatch
            | Self::Fields(_)
            | Self::Profile(_) => None,
            Self::DoNotContact(..) => Some(&["reason", "comments", "channelId"]),
            // Bulk requests check the parameters that they have.
            Self::Bulk(_)
            | Self::ImportCsv
            | Self::Batch(_)
            | Self::Single(..)
            | Self::DeleteJob(_)
            | Self::CancelJob(_)
            | Self::ApplyJob(_)
            | Self::JobEvents(_)
            | Self::ReadGroup(_)
            | Self::Limits
            | Self::ReadContact(_)
            | Self::DeleteContact(_)
            | Self::Webhook(_)
            | Self::Public(_) => Some(&[]),
        }
    }

    /// Returns whether the call changes something, and cannot be a dry run.
    pub(super) fn cannot_be_dry_run(&self) -> bool {
        matches!(
            self,
            Self::DeleteJob(_)
                | Self::CancelJob(_)
                | Self::ApplyJob(_)
                | Self::UndoJob(_)
                | Self::DeleteContact(_)
                | Self::DeleteBatch
                | Self::DoNotContact(..)
        )
    }

    /// Finds the endpoint that everybody may read.
    fn of_texts(path: &str) -> Option<Self> {
        match path {
            DESCRIPTION_PATH => Some(Self::Public(PublicText::Description)),
            PAGE_PATH => Some(Self::Public(PublicText::Page)),
            _ => None,
        }
    }

    /// Finds the endpoint that lists what contacts may refer to or have.
    fn of_lists(path: &str) -> Option<Self> {
        Some(match path {
            "/api/fields/contact" => Self::Fields(FieldsForm::Pages),
            "/api/contacts/list/fields" => Self::Fields(FieldsForm::Names),
            "/api/contacts/list/owners" => Self::Profile(ProfileList::Owners),
            "/api/limits" => Self::Limits,
            "/api/stages" => Self::Profile(ProfileList::Stages),
            "/api/companies" => Self::Profile(ProfileList::Companies),
            "/api/users/self" => Self::Profile(ProfileList::Caller),
            _ => return None,
        })
    }
}

fn get(method: &Method, route: Route) -> Option<Route> {
    (*method == Method::GET).then_some(route)
}

fn create(method: &Method) -> Option<Operation> {
    (*method == Method::POST).then_some(Operation::Create)
}

fn edit(method: &Method) -> Option<Operation> {
    match *method {
        Method::PUT => Some(Operation::Replace),
        Method::PATCH => Some(Operation::Update),
        _ => None,
    }
}

fn contact_id(text: &str) -> Option<ContactId> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok().map(ContactId))
        .flatten()
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::{ChannelChange, FieldsForm, ProfileList, PublicText, Route};
    use crate::domain::{ContactId, JobId, Operation};

    #[test]
    fn a_method_and_a_path_name_a_call() {
        let id = JobId::random();
        let job = format!("/api/contacts/job/{id}");
        let (cancel, events) = (format!("{job}/cancel"), format!("{job}/events"));
        for (method, path, route) in [
            (Method::POST, "/api/contacts/bulk/new", Route::Bulk(Operation::Create)),
            (Method::PUT, "/api/contacts/bulk/edit", Route::Bulk(Operation::Replace)),
            (Method::PATCH, "/api/contacts/bulk/edit", Route::Bulk(Operation::Update)),
            (Method::GET, job.as_str(), Route::ReadJob(id)),
            (Method::DELETE, job.as_str(), Route::DeleteJob(id)),
            (Method::POST, format!("{job}/apply").as_str(), Route::ApplyJob(id)),
            (Method::POST, cancel.as_str(), Route::CancelJob(id)),
            (Method::GET, format!("{job}/undo").as_str(), Route::CheckUndo(id)),
            (Method::POST, format!("{job}/undo").as_str(), Route::UndoJob(id)),
            (Method::GET, events.as_str(), Route::JobEvents(id)),
            (Method::GET, "/api/contacts", Route::ListContacts),
            (Method::GET, "/api/contacts/17", Route::ReadContact(ContactId(17))),
            (Method::POST, "/api/contacts/batch/new", Route::Batch(Operation::Create)),
            (Method::PATCH, "/api/contacts/batch/edit", Route::Batch(Operation::Update)),
            (Method::POST, "/api/contacts/new", Route::Single(Operation::Create, None)),
            (Method::PUT, "/api/contacts/5/edit", Route::Single(Operation::Replace, Some(ContactId(5)))),
            (Method::DELETE, "/api/contacts/5/delete", Route::DeleteContact(ContactId(5))),
            (Method::DELETE, "/api/contacts/batch/delete", Route::DeleteBatch),
            (Method::GET, "/api/fields/contact", Route::Fields(FieldsForm::Pages)),
            (Method::GET, "/api/contacts/list/fields", Route::Fields(FieldsForm::Names)),
            (Method::GET, "/api/contacts/list/owners", Route::Profile(ProfileList::Owners)),
            (Method::GET, "/api/stages", Route::Profile(ProfileList::Stages)),
            (Method::GET, "/api/companies", Route::Profile(ProfileList::Companies)),
            (Method::GET, "/api/users/self", Route::Profile(ProfileList::Caller)),
            (Method::GET, "/openapi.json", Route::Public(PublicText::Description)),
            (Method::GET, "/docs", Route::Public(PublicText::Page)),
            (
                Method::POST,
                "/api/contacts/5/dnc/email/add",
                Route::DoNotContact(ContactId(5), String::from("email"), ChannelChange::Add),
            ),
            (
                Method::POST,
                "/api/contacts/5/dnc/remove/my%20sms",
                Route::DoNotContact(ContactId(5), String::from("my sms"), ChannelChange::Remove),
            ),
            (
                Method::POST,
                "/api/contacts/%35/dnc/100%2525/add",
                Route::DoNotContact(ContactId(5), String::from("100%25"), ChannelChange::Add),
            ),
            (Method::GET, "/api/contacts/1%37", Route::ReadContact(ContactId(17))),
            (Method::POST, "/api/contacts/b%75lk/new", Route::Bulk(Operation::Create)),
            (Method::GET, "/api/st%61ges", Route::Profile(ProfileList::Stages)),
        ] {
            assert_eq!(Route::find(&method, path).unwrap(), route, "{method} {path}");
        }
    }

    #[test]
    fn unknown_paths_return_404_and_wrong_methods_405() {
        for (method, path, status) in [
            (Method::GET, "/", 404),
            (Method::GET, "/api", 404),
            (Method::GET, "/api/contactsx", 404),
            (Method::GET, "/api/contacts/", 404),
            (Method::GET, "/api/contacts/x", 404),
            (Method::GET, "/api/contacts/1/2", 404),
            (Method::GET, "/api/contacts/job/a/b", 404),
            (Method::GET, "/api/contacts/job/nonsense", 404),
            (Method::GET, "/api/contacts/job/nonsense/events", 404),
            (Method::POST, "/api/contacts/job/nonsense/events", 405),
            (Method::GET, "/api/contacts/job/nonsense/cancel", 405),
            (Method::POST, "/api/contacts/job/nonsense/undo", 404),
            (Method::DELETE, "/api/contacts/job/nonsense/undo", 405),
            (Method::DELETE, "/api/contacts/job/", 404),
            (Method::GET, "/api/contacts/99999999999999999999", 404),
            (Method::GET, "/api/contacts/bulk/new", 405),
            (Method::POST, "/api/contacts/bulk/edit", 405),
            (Method::POST, "/api/contacts/job/x", 405),
            (Method::PUT, "/api/contacts", 405),
            (Method::PUT, "/api/contacts/1", 405),
            (Method::GET, "/api/contacts/new", 405),
            (Method::GET, "/api/contacts/batch/new", 405),
            (Method::POST, "/api/contacts/1/edit", 405),
            (Method::GET, "/api/contacts/1/delete", 405),
            (Method::DELETE, "/api/contacts/x/delete", 404),
            (Method::PUT, "/api/contacts/x/edit", 404),
            (Method::POST, "/api/contacts/batch/delete", 405),
            (Method::POST, "/api/stages", 405),
            (Method::POST, "/openapi.json", 405),
            (Method::DELETE, "/docs", 405),
            (Method::GET, "/openapi.yaml", 404),
            (Method::DELETE, "/api/contacts/list/fields", 405),
            (Method::GET, "/api/contacts/1/dnc/email/add", 405),
            (Method::POST, "/api/contacts/1/dnc/email/change", 404),
            (Method::POST, "/api/contacts/1/dnc/email", 404),
            (Method::POST, "/api/contacts/1/dnc//add", 404),
            (Method::POST, "/api/contacts/1/dnc/%FF/add", 404),
            (Method::POST, "/api/contacts/1/dnc/a%2Fb/add", 404),
            (Method::GET, "/api/contacts/1%2Fedit", 404),
            (Method::GET, "/api/contacts/%2531", 404),
            (Method::GET, "/api/contacts/1%", 404),
            (Method::POST, "/api/contacts/x/dnc/email/add", 404),
            (Method::GET, "/api/fields", 404),
            (Method::GET, "/api/fields/company", 404),
            (Method::GET, "/api/contacts/list/segments", 404),
            (Method::GET, "/api/users/1", 404),
        ] {
            let reply = Route::find(&method, path).unwrap_err().into_reply();
            assert_eq!(reply.status().as_u16(), status, "{method} {path}");
            assert_eq!(reply.headers().contains_key("allow"), status == 405, "{method} {path}");
        }
    }
}
