//! A request that is refused, as a page.

use maud::html;

use super::page::Page;
use super::session::Visitor;
use crate::http::problem::Problem;
use crate::http::reply::Reply;

/// Returns the page that says why a request was refused.
pub(super) fn page(visitor: &Visitor, problem: Problem) -> Reply {
    let status = problem.status();
    let title = match status.as_u16() {
        403 => "That is not allowed",
        404 => "There is no such page",
        405 => "That cannot be done here",
        408 => "That took too long",
        413 => "The file is too large",
        429 => "Too many at once",
        500 => "Something is wrong here",
        503 => "Not at the moment",
        _ => "That did not work",
    };
    let mut reply = Page::new(
        title,
        html! {
            p.note.bad role="alert" { (problem.message()) }
            p { a href="/" { "Back to the beginning" } }
        },
    )
    .with_status(status)
    .reply(visitor);
    problem.tell(&mut reply);
    reply
}
