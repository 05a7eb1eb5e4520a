//! The list of registered components.

use maud::{Markup, html};

use super::Asked;
use super::links::{component_path, short};
use crate::http::console::page::{Page, Place};
use crate::http::console::words::{count, moment, size};
use crate::http::problem::Problem;
use crate::store::ComponentRecord;

/// Returns the page; blocks.
pub(super) fn page(asked: &Asked) -> Result<Page, Problem> {
    let mut components = asked.operations.components()?;
    components.reverse();
    let default = asked.service.default_processor();
    let content = html! {
        @if components.is_empty() {
            div.empty { p { "No component is registered. " code { "bulkhead component add" } " registers one." } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Components" {
                table {
                    thead { tr {
                        th scope="col" { "Component" } th scope="col" { "Digest" } th scope="col" { "World" } th.number scope="col" { "Size" }
                        th scope="col" { "Registered" } th.number scope="col" { "Tenants" } th.number scope="col" { "Unfinished jobs" }
                    } }
                    tbody { @for component in &components { (row(component, component.digest == default)) } }
                }
            }
            p.quiet { (count(components.len() as u64, "component", "components")) ". " code { "bulkhead component add" } " registers another." }
        }
    };
    Ok(Page::new("Components", content).at(Place::Components))
}

fn row(component: &ComponentRecord, is_default: bool) -> Markup {
    html! {
        tr {
            th scope="row" { a href=(component_path(component.digest)) { (component.name.as_deref().unwrap_or(if is_default { "the default processor" } else { "without a name" })) } }
            td { code { (short(component.digest)) } }
            td { (component.world.as_str()) }
            td.number { (size(component.size)) }
            td { (moment(component.added_at)) }
            td.number { @if is_default { "all others" } @else { (component.tenants.len()) } }
            td.number { (component.jobs) }
        }
    }
}
