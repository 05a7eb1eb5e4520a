//! Which call a request is.

use hyper::Method;

use super::problem::Problem;
use crate::domain::{ContactId, JobId, Operation};

/// A call that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `POST /api/contacts/bulk/new`, `PUT|PATCH /api/contacts/bulk/edit`.
    Bulk(Operation),
    /// `GET /api/contacts/job/{id}`; `None` if what stands there is no id.
    ReadJob(Option<JobId>),
    /// `DELETE /api/contacts/job/{id}`.
    DeleteJob(Option<JobId>),
    /// `GET /api/contacts`.
    ListContacts,
    /// `GET /api/contacts/{id}`.
    ReadContact(ContactId),
}

impl Route {
    /// Finds the call.
    ///
    /// # Errors
    /// 404 for an unknown path, 405 for a known one with another method.
    pub(super) fn find(method: &Method, path: &str) -> Result<Self, Problem> {
        let unknown = || Problem::unknown_path(path);
        let rest = path.strip_prefix("/api/contacts").ok_or_else(unknown)?;
        if rest.is_empty() {
            return match *method {
                Method::GET => Ok(Self::ListContacts),
                _ => Err(Problem::wrong_method(method.as_str(), "GET")),
            };
        }
        let rest = rest.strip_prefix('/').ok_or_else(unknown)?;
        match rest {
            "bulk/new" => match *method {
                Method::POST => Ok(Self::Bulk(Operation::Create)),
                _ => Err(Problem::wrong_method(method.as_str(), "POST")),
            },
            "bulk/edit" => match *method {
                Method::PUT => Ok(Self::Bulk(Operation::Replace)),
                Method::PATCH => Ok(Self::Bulk(Operation::Update)),
                _ => Err(Problem::wrong_method(method.as_str(), "PUT, PATCH")),
            },
            _ => match rest.strip_prefix("job/") {
                Some(id) if !id.contains('/') => match *method {
                    Method::GET => Ok(Self::ReadJob(JobId::parse(id))),
                    Method::DELETE => Ok(Self::DeleteJob(JobId::parse(id))),
                    _ => Err(Problem::wrong_method(method.as_str(), "GET, DELETE")),
                },
                _ => {
                    let id = contact_id(rest).ok_or_else(unknown)?;
                    match *method {
                        Method::GET => Ok(Self::ReadContact(id)),
                        _ => Err(Problem::wrong_method(method.as_str(), "GET")),
                    }
                }
            },
        }
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

    use super::Route;
    use crate::domain::{ContactId, JobId, Operation};

    #[test]
    fn calls_are_found_by_method_and_path() {
        let id = JobId::random();
        let job = format!("/api/contacts/job/{id}");
        for (method, path, route) in [
            (Method::POST, "/api/contacts/bulk/new", Route::Bulk(Operation::Create)),
            (Method::PUT, "/api/contacts/bulk/edit", Route::Bulk(Operation::Replace)),
            (Method::PATCH, "/api/contacts/bulk/edit", Route::Bulk(Operation::Update)),
            (Method::GET, job.as_str(), Route::ReadJob(Some(id))),
            (Method::DELETE, job.as_str(), Route::DeleteJob(Some(id))),
            (Method::GET, "/api/contacts/job/nonsense", Route::ReadJob(None)),
            (Method::GET, "/api/contacts/job/", Route::ReadJob(None)),
            (Method::GET, "/api/contacts", Route::ListContacts),
            (Method::GET, "/api/contacts/17", Route::ReadContact(ContactId(17))),
        ] {
            assert_eq!(Route::find(&method, path).unwrap(), route, "{method} {path}");
        }
    }

    #[test]
    fn the_rest_is_told_apart() {
        for (method, path, status) in [
            (Method::GET, "/", 404),
            (Method::GET, "/api", 404),
            (Method::GET, "/api/contactsx", 404),
            (Method::GET, "/api/contacts/", 404),
            (Method::GET, "/api/contacts/x", 404),
            (Method::GET, "/api/contacts/1/2", 404),
            (Method::GET, "/api/contacts/job/a/b", 404),
            (Method::GET, "/api/contacts/99999999999999999999", 404),
            (Method::GET, "/api/contacts/bulk/new", 405),
            (Method::POST, "/api/contacts/bulk/edit", 405),
            (Method::POST, "/api/contacts/job/x", 405),
            (Method::PUT, "/api/contacts", 405),
            (Method::PUT, "/api/contacts/1", 405),
        ] {
            let reply = Route::find(&method, path).unwrap_err().into_reply();
            assert_eq!(reply.status().as_u16(), status, "{method} {path}");
            assert_eq!(reply.headers().contains_key("allow"), status == 405, "{method} {path}");
        }
    }
}
