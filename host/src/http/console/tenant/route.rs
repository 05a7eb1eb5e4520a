//! Which of a tenant's pages a request is for.

use hyper::Method;

use super::work::Work;
use crate::domain::{GroupId, JobId, StagedFileId};
use crate::tenants::Permission;

/// A page for a tenant, or what a page sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum TenantRoute {
    /// `GET /upload`.
    Upload,
    /// `POST /upload`.
    ReceiveFile,
    /// `GET /files/{id}/map`.
    Map(StagedFileId),
    /// `POST /files/{id}/map`.
    SendMapping(StagedFileId),
    /// `GET /jobs`.
    Jobs,
    /// `GET /jobs/{id}/…`, `GET /groups/{id}/…`.
    Work(Work, WorkPage),
    /// `POST /jobs/{id}/check`, `POST /groups/{id}/check`.
    Apply(Work),
    /// `POST /jobs/{id}/cancel`, `POST /groups/{id}/cancel`.
    Cancel(Work),
    /// `GET /jobs/{id}/undo`.
    ShowUndo(JobId),
    /// `POST /jobs/{id}/undo`.
    Undo(JobId),
}

/// A page about one job, or about the jobs of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum WorkPage {
    /// `…/check`: what a dry run shows.
    Check,
    /// `…/run`: the progress.
    Run,
    /// `…/progress`: the part of that page which changes.
    Progress,
    /// `…/result`.
    Result,
    /// `…/failures.csv`.
    Failures,
}

impl TenantRoute {
    /// Finds the page with a path, and the methods that the path has. `None` if there is no such path; a page of `None` if the path
    /// has no such method.
    pub(in crate::http::console) fn find(method: &Method, parts: &[&str]) -> Option<(Option<Self>, &'static str)> {
        let get = |route: Self| (*method == Method::GET).then_some(route);
        let post = |route: Self| (*method == Method::POST).then_some(route);
        Some(match *parts {
            ["upload"] => (get(Self::Upload).or(post(Self::ReceiveFile)), "GET, POST"),
            ["files", id, "map"] => {
                let id = StagedFileId::parse(id)?;
                (get(Self::Map(id)).or(post(Self::SendMapping(id))), "GET, POST")
            }
            ["jobs"] => (get(Self::Jobs), "GET"),
            ["jobs", id, "undo"] => {
                let id = JobId::parse(id)?;
                (get(Self::ShowUndo(id)).or(post(Self::Undo(id))), "GET, POST")
            }
            [kind, id, page] => {
                let work = match kind {
                    "jobs" => Work::Job(JobId::parse(id)?),
                    "groups" => Work::Group(GroupId::parse(id)?),
                    _ => return None,
                };
                match page {
                    "check" => (get(Self::Work(work, WorkPage::Check)).or(post(Self::Apply(work))), "GET, POST"),
                    "cancel" => (post(Self::Cancel(work)), "POST"),
                    "run" => (get(Self::Work(work, WorkPage::Run)), "GET"),
                    "progress" => (get(Self::Work(work, WorkPage::Progress)), "GET"),
                    "result" => (get(Self::Work(work, WorkPage::Result)), "GET"),
                    "failures.csv" => (get(Self::Work(work, WorkPage::Failures)), "GET"),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// Returns what the page does, as far as scopes differ in it. Each page of a file's way is for who may run the file.
    pub(super) fn permission(&self) -> Permission {
        match self {
            Self::Jobs | Self::Work(..) | Self::ShowUndo(_) => Permission::Read,
            Self::Upload
            | Self::ReceiveFile
            | Self::Map(_)
            | Self::SendMapping(_)
            | Self::Apply(_)
            | Self::Cancel(_)
            | Self::Undo(_) => Permission::Change,
        }
    }

    /// Returns the template of the path.
    pub(in crate::http::console) fn template(&self) -> &'static str {
        match self {
            Self::Upload | Self::ReceiveFile => "/upload",
            Self::Map(_) | Self::SendMapping(_) => "/files/{id}/map",
            Self::Jobs => "/jobs",
            Self::Work(Work::Job(_), page) => match page {
                WorkPage::Check => "/jobs/{id}/check",
                WorkPage::Run => "/jobs/{id}/run",
                WorkPage::Progress => "/jobs/{id}/progress",
                WorkPage::Result => "/jobs/{id}/result",
                WorkPage::Failures => "/jobs/{id}/failures.csv",
            },
            Self::Work(Work::Group(_), page) => match page {
                WorkPage::Check => "/groups/{id}/check",
                WorkPage::Run => "/groups/{id}/run",
                WorkPage::Progress => "/groups/{id}/progress",
                WorkPage::Result => "/groups/{id}/result",
                WorkPage::Failures => "/groups/{id}/failures.csv",
            },
            Self::Apply(Work::Job(_)) => "/jobs/{id}/check",
            Self::Apply(Work::Group(_)) => "/groups/{id}/check",
            Self::Cancel(Work::Job(_)) => "/jobs/{id}/cancel",
            Self::Cancel(Work::Group(_)) => "/groups/{id}/cancel",
            Self::ShowUndo(_) | Self::Undo(_) => "/jobs/{id}/undo",
        }
    }
}
