//! The third step: what a file would do, which a dry run found out.

use maud::{Markup, html};

use super::reasons::Reasons;
use super::result::reasons_table;
use super::steps::Step;
use super::work::LoadedWork;
use crate::http::console::page::{self, Page, Place};
use crate::http::console::words::count;
use crate::plain_words::grouped;

/// Returns the page about a completed dry run.
pub(super) fn page(work: &LoadedWork, reasons: &Reasons, may_change: bool) -> Page {
    let counts = work.counts();
    let writes = u64::from(counts.written());
    let left = work.total().saturating_sub(work.processed());
    let content = html! {
        p { "Nothing is stored yet. Of " (count(work.total(), "row", "rows")) ":" }
        dl.counts {
            (figure("created", "would be created", counts.created))
            (figure("updated", "would be updated", counts.updated))
            (figure("unchanged", "would stay as they are", counts.unchanged))
            (figure("failed", "would be refused", counts.failed))
        }
        @if left > 0 { p.note.warn { "The check was stopped: " (count(left, "row was", "rows were")) " not looked at." } }
        @if work.is_applied() {
            p.note { "This file was run already. " a href=(work.work.path("run")) { "See what became of it" } }
        } @else if work.is_cancelled() {
            p { a.button href="/upload" { "Bring the file again" } }
        } @else if may_change {
            form.actions method="post" action=(work.work.path("check")) {
                @if writes > 0 {
                    button.primary type="submit" { "Run: change " (count(writes, "contact", "contacts")) }
                } @else {
                    p.note { "There is nothing to run: no contact would change." }
                }
                a href="/upload" { "Choose another file" }
            }
        }
        (reasons_table(work, reasons, "Rows that would be refused", may_change))
        (changes_table(reasons))
    };
    Page::new("This is what would happen", content).under(Step::Check.list()).at(Place::Upload)
}

/// A number of items with what it counts.
pub(super) fn figure(kind: &str, label: &str, value: u32) -> Markup {
    page::figure(kind, label, &grouped(u64::from(value)))
}

fn changes_table(reasons: &Reasons) -> Markup {
    html! {
        @if !reasons.changes.is_empty() {
            h2 id="changes" { "The first contacts that would change" }
            div.scroll tabindex="0" role="region" aria-labelledby="changes" {
                table {
                    thead { tr { th.number scope="col" { "Row" } th scope="col" { "Contact" } th scope="col" { "What would change" } } }
                    tbody {
                        @for change in &reasons.changes {
                            tr {
                                th.number scope="row" { (grouped(change.place)) }
                                td { @if let Some(id) = change.id { (id) } @else { "new" } }
                                td { dl.changes {
                                    @for (field, before, after) in &change.values {
                                        div {
                                            dt { (field) }
                                            dd {
                                                @if change.id.is_some() { del { (shown(before)) } " → " }
                                                ins { (shown(after)) }
                                            }
                                        }
                                    }
                                } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A value, or a word where there is none.
fn shown(value: &str) -> Markup {
    html! { @if value.is_empty() { span.blank { "blank" } } @else { bdi { (value) } } }
}
