//! This server, the servers beside it, and the leases of the jobs that workers run.

use maud::{Markup, html};

use super::Asked;
use super::links::{job_path, tenant_link};
use crate::http::console::page::{Page, Place};
use crate::http::console::words::{count, exact_moment};
use crate::http::problem::Problem;
use crate::plain_words::grouped;
use crate::store::{ConnectedServer, Lease};

/// Returns the page; blocks.
pub(super) fn page(asked: &Asked) -> Result<Page, Problem> {
    let service = &asked.service;
    let gauges = service.gauges();
    let content = html! {
        h2 { "This server" }
        dl.facts {
            div { dt { "Version" } dd { (env!("CARGO_PKG_VERSION")) } }
            div { dt { "Store" } dd { (service.store_description()) } }
            div { dt { "Workers" } dd { (gauges.busy_workers) " of " (gauges.workers) " are busy" @if gauges.stalled_workers > 0 { ", " (gauges.stalled_workers) " do not come back" } } }
            div { dt { "Connections to the store" } dd { (gauges.pool.busy) " of " (gauges.pool.most) " are in use" @if gauges.pool.waiting > 0 { ", and " (count(gauges.pool.waiting as u64, "thread waits", "threads wait")) " for one" } } }
            div { dt { "Clients that wait for jobs" } dd { (gauges.waiters) } }
        }
        (servers(&service.servers()?))
        (leases(asked, &service.leases()?))
    };
    Ok(Page::new("Servers", content).at(Place::Servers))
}

fn servers(servers: &[ConnectedServer]) -> Markup {
    html! {
        h2 id="servers" { "Servers of the store" }
        @if servers.is_empty() {
            p { "The store is a file, which this server has alone." }
        } @else {
            div.scroll tabindex="0" role="region" aria-labelledby="servers" {
                table {
                    thead { tr { th scope="col" { "Connected from" } th.number scope="col" { "Newest schema that it knows" } } }
                    tbody { @for server in servers { tr { th scope="row" { (server.address) } td.number { (server.schema) } } } }
                }
            }
            p.quiet { "A server that is gone stays until the database notices." }
        }
    }
}

fn leases(asked: &Asked, leases: &[Lease]) -> Markup {
    html! {
        h2 id="leases" { "Leases" }
        @if leases.is_empty() {
            p { "No worker has a job at the moment." }
        } @else {
            div.scroll tabindex="0" role="region" aria-labelledby="leases" {
                table {
                    thead { tr {
                        th scope="col" { "Job" } th scope="col" { "Tenant" } th scope="col" { "Where" } th.number scope="col" { "Claim" }
                        th scope="col" { "Ends unless renewed" } th.number scope="col" { "Processed" }
                    } }
                    tbody { @for lease in leases {
                        tr {
                            th scope="row" { a href=(job_path(lease.job)) { code { (lease.job) } } }
                            td { (tenant_link(&lease.tenant)) }
                            td { @if asked.service.runs(lease.job) { "here" } @else { "another server" } }
                            td.number { (lease.epoch) }
                            td { (exact_moment(lease.until)) }
                            td.number { (grouped(u64::from(lease.processed))) " of " (grouped(u64::from(lease.total))) }
                        }
                    } }
                }
            }
            p.quiet { "Times are UTC. When a lease ends, another worker takes the job, and the one before it can store nothing more." }
        }
    }
}
