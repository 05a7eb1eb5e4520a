//! The first page of an operator: whether something is wrong, what happens now, and what happened in the last hour.

use std::time::Duration;

use maud::{Markup, html};

use super::history::{History, INTERVAL, Sample};
use crate::http::console::assets::{CHARTS, OVERVIEW};
use crate::http::console::page::{Page, Place, figure};
use crate::http::console::words::{clock, count, duration, size};
use crate::jobs::Service;
use crate::metrics::Gauges;
use crate::plain_words::grouped;
use crate::store::DiskState;

/// Beyond this, the oldest job waits for long.
const LONG_WAIT: Duration = Duration::from_secs(60);
/// Beyond this, the oldest message to an endpoint waits for long.
const LONG_DELIVERY: Duration = Duration::from_secs(3_600);
/// Samples of a minute.
const MINUTE: usize = 60 / INTERVAL.as_secs() as usize;

/// Returns the page.
pub(super) fn page(history: &History, gauges: &Gauges, service: &Service) -> Page {
    let samples = history.samples();
    let content = html! {
        div data-overview {
            (troubles(&samples, gauges, service))
            (figures(&samples, gauges))
            h2 id="charts" { "The last hour" }
            div.charts data-charts aria-hidden="true" {}
            (table(&samples))
        }
        p.actions {
            label.choice.hidden data-pause { input type="checkbox" checked; "Update every " (INTERVAL.as_secs()) " seconds" }
            a href=(super::links::OVERVIEW) { "Update now" }
        }
        p.quiet { "Times are UTC. Contacts and failures are those of this server; jobs are those of all servers of the store." }
    };
    Page::new("Overview", content).at(Place::Overview).with_classic_script(&CHARTS).with_script(&OVERVIEW)
}

/// Says what is wrong, in the order in which it hurts.
fn troubles(samples: &[Sample], gauges: &Gauges, service: &Service) -> Markup {
    let statistics = gauges.statistics.map(|(statistics, _)| statistics).unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    if !gauges.is_store_up {
        found.push(String::from(
            "The store does not answer. The numbers of jobs, tenants and bytes are those that it told last.",
        ));
    }
    match service.disk_state() {
        DiskState::Roomy => {}
        DiskState::Filling => found.push(String::from("The store's disk is nearly full.")),
        DiskState::Full => {
            found.push(String::from("The store's disk is full: new contacts are refused until somebody makes room."))
        }
    }
    if gauges.stalled_workers > 0 {
        let workers = count(gauges.stalled_workers as u64, "worker does", "workers do");
        found.push(format!("{workers} not come back from their jobs. Others stand in for them; a restart ends them."));
    }
    if let Some(wait) = statistics.oldest_queued.filter(|wait| *wait >= LONG_WAIT) {
        found.push(format!("The oldest waiting job has waited for {}.", duration(wait.as_secs())));
    }
    let failures: u64 = samples.iter().map(|sample| sample.failures).sum();
    if failures > 0 {
        let failures = count(failures, "call into a component", "calls into components");
        found.push(format!("{failures} failed in the last hour. The log says which (component_failed)."));
    }
    if let Some(wait) = statistics.oldest_message.filter(|wait| *wait >= LONG_DELIVERY) {
        found.push(format!("The oldest message to a webhook has waited for {}.", duration(wait.as_secs())));
    }
    html! {
        @if found.is_empty() {
            p.note.good role="status" { "Nothing is wrong here." }
        } @else {
            ul.note.warn.troubles { @for trouble in &found { li { (trouble) } } }
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
