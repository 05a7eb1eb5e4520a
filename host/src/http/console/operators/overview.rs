//! The first page of an operator: whether something is wrong, what happens now, and what happened in the last hour.

use std::time::Duration;

use maud::{Markup, html};

use super::history::{History, INTERVAL, Sample};
use super::links::{component_link, job_path, tenant_link};
use crate::http::console::assets::{CHARTS, OVERVIEW};
use crate::http::console::page::{Page, Place, figure};
use crate::http::console::words::{clock, count, duration, exact_moment, size};
use crate::jobs::{RecentFailure, Service};
use crate::metrics::Gauges;
use crate::plain_words::grouped;
use crate::store::DiskState;

/// Beyond this, the oldest job waits for long.
const LONG_WAIT: Duration = Duration::from_secs(60);
/// Beyond this, the oldest message to an endpoint waits for long.
const LONG_DELIVERY: Duration = Duration::from_secs(3_600);
/// Failures that are shown.
const MAX_FAILURES: usize = 10;
/// Samples of a minute.
const MINUTE: usize = 60 / INTERVAL.as_secs() as usize;

/// Returns the page.
pub(super) fn page(history: &History, gauges: &Gauges, service: &Service, failing_webhooks: usize) -> Page {
    let samples = history.samples();
    let failures = service.recent_failures();
    let content = html! {
        div data-overview {
            (troubles(gauges, service, &failures, failing_webhooks))
            (figures(&samples, gauges))
            (failures_table(&failures))
            h2 id="charts" { "The last hour" }
            div.charts data-charts aria-hidden="true" {}
            (table(&samples))
        }
        p.actions {
            label.choice.hidden data-pause { input type="checkbox" checked; "Update every " (INTERVAL.as_secs()) " seconds" }
            a href=(super::links::OVERVIEW) { "Update now" }
        }
        p.quiet {
            "Times are UTC. Contacts and failures are those of this server, which started at " (exact_moment(history.begun_at()))
            " and knows of nothing before; jobs are those of all servers of the store."
        }
    };
    Page::new("Overview", content).at(Place::Overview).with_classic_script(&CHARTS).with_script(&OVERVIEW)
}

/// What is wrong, and the page that shows more of it.
type Trouble = (String, Option<&'static str>);

/// Says what is wrong, in the order in which it hurts.
fn troubles(gauges: &Gauges, service: &Service, failures: &[RecentFailure], failing_webhooks: usize) -> Markup {
    let statistics = gauges.statistics.map(|(statistics, _)| statistics).unwrap_or_default();
    let mut found: Vec<Trouble> = Vec::new();
    let mut tell = |words: String, path: Option<&'static str>| found.push((words, path));
    if !gauges.is_store_up {
        let words = "The store does not answer. The numbers of jobs, tenants and bytes are those that it told last.";
        tell(words.to_owned(), None);
    }
    match service.disk_state() {
        DiskState::Roomy => {}
        DiskState::Filling => tell(String::from("The store's disk is nearly full."), None),
        DiskState::Full => {
            let words = "The store's disk is full: new contacts are refused until somebody makes room.";
            tell(words.to_owned(), None);
        }
    }
    if gauges.stalled_workers > 0 {
        let workers = count(gauges.stalled_workers as u64, "worker does", "workers do");
        let words = format!("{workers} not come back from their jobs. Others stand in for them; a restart ends them.");
        tell(words, Some("/ops/servers"));
    }
    if let Some(wait) = statistics.oldest_queued.filter(|wait| *wait >= LONG_WAIT) {
        let words = format!("The oldest waiting job has waited for {}.", duration(wait.as_secs()));
        tell(words, Some("/ops/jobs?status=queued"));
    }
    let times: u64 = failures.iter().map(|failure| failure.times).sum();
    if times > 0 {
        let calls = count(times, "call into a component", "calls into components");
        tell(format!("{calls} failed in the last hour."), Some("#failures"));
    }
    if failing_webhooks > 0 {
        let webhooks = count(failing_webhooks as u64, "webhook fails or is", "webhooks fail or are");
        tell(format!("{webhooks} disabled."), Some("/ops/webhooks"));
    }
    if let Some(wait) = statistics.oldest_message.filter(|wait| *wait >= LONG_DELIVERY) {
        let words = format!("The oldest message to a webhook has waited for {}.", duration(wait.as_secs()));
        tell(words, Some("/ops/webhooks"));
    }
    html! {
        @if found.is_empty() {
            p.note.good role="status" { "Nothing is wrong here." }
        } @else {
            ul.note.warn.troubles { @for (words, path) in &found {
                li { (words) @if let Some(path) = path { " " a href=(path) { "Look at it" } } }
            } }
        }
    }
}

fn figures(samples: &[Sample], gauges: &Gauges) -> Markup {
    let statistics = gauges.statistics.map(|(statistics, _)| statistics).unwrap_or_default();
    let wait = statistics.oldest_queued.map_or_else(|| String::from("none"), |wait| duration(wait.as_secs()));
    let minute = samples.len().clamp(1, MINUTE);
    let rate: u64 =
        samples.iter().rev().take(minute).map(|sample| sample.contacts_per_second).sum::<u64>() / minute as u64;
    html! {
        dl.counts.eight {
            (figure("waiting", "jobs wait", &grouped(statistics.queued_jobs)))
            (figure("waiting", "oldest wait", &wait))
            (figure("running", "jobs in progress", &grouped(statistics.running_jobs)))
            (figure("running", "contacts a second, last minute", &grouped(rate)))
            (figure("running", "workers busy here", &format!("{} of {}", gauges.busy_workers, gauges.workers)))
            (figure("stored", "tenants", &grouped(statistics.tenants)))
            (figure("stored", "contacts", &grouped(statistics.contacts)))
            (figure("stored", "stored", &size(statistics.stored_bytes)))
        }
    }
}

/// Which components failed on this server in the last hour, and where.
fn failures_table(failures: &[RecentFailure]) -> Markup {
    html! {
        @if !failures.is_empty() {
            h2 id="failures" { "Components that failed in the last hour" }
            div.scroll tabindex="0" role="region" aria-labelledby="failures" {
                table {
                    thead { tr {
                        th scope="col" { "Tenant" } th scope="col" { "Component" } th scope="col" { "How" } th.number scope="col" { "Times" }
                        th scope="col" { "Last" } th scope="col" { "Last job" }
                    } }
                    tbody { @for failure in failures.iter().take(MAX_FAILURES) {
                        tr {
                            th scope="row" { (tenant_link(&failure.tenant)) }
                            td { (component_link(failure.component, None)) }
                            td { (failure.failure.replace('_', " ")) }
                            td.number { (grouped(failure.times)) }
                            td { (duration(failure.last.elapsed().as_secs())) " ago" }
                            td { @match failure.job { Some(job) => a href=(job_path(job)) { code { (job) } }, None => span.quiet { "in calls alone" } } }
                        }
                    } }
                }
            }
        }
    }
}

/// The numbers of the charts, for whoever does not see them or has no script. The charts are drawn from this table.
fn table(samples: &[Sample]) -> Markup {
    html! {
        details.card {
            summary { "The same as a table" }
            div.scroll tabindex="0" role="region" aria-labelledby="charts" {
                table data-history {
                    thead { tr {
                        th scope="col" { "At" }
                        th.number scope="col" { "Jobs that wait" }
                        th.number scope="col" { "Oldest wait, seconds" }
                        th.number scope="col" { "Contacts a second" }
                        th.number scope="col" { "Failed calls of components" }
                    } }
                    tbody { @for sample in samples.iter().rev() {
                        tr {
                            th scope="row" data-at=(sample.at.0 / 1_000_000) { (clock(sample.at)) }
                            @match sample.waiting {
                                Some((jobs, seconds)) => { td.number { (jobs) } td.number { (seconds) } }
                                None => { td.number { "–" } td.number { "–" } }
                            }
                            td.number { (sample.contacts_per_second) }
                            td.number { (sample.failures) }
                        }
                    } }
                }
            }
        }
    }
}
