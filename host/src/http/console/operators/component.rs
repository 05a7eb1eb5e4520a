//! One component: what it is, who uses it, the steps of its check, and giving it to a tenant.

use maud::{Markup, html};

use super::links::{component_path, tenant_link, tenant_names, tenant_path};
use super::{Answer, Asked, looks_only};
use crate::http::console::page::{Page, Place};
use crate::http::console::words::{count, moment, short_time, size};
use crate::http::problem::Problem;
use crate::sandbox::{Inspected, Probed, Refusal};
use crate::store::ComponentRecord;

/// Tenants of a component that are named at most.
const MAX_NAMED: usize = 100;
/// The steps of a check, in their order: the names that a refusal has, and what each makes sure of.
const STEPS: [(&[&str], &str); 6] = [
    (&["size", "kind"], "The bytes are a component of the component model"),
    (&["world", "imports"], "It exports a world of the contract, and imports nothing that the sandbox does not have"),
    (&["resources"], "Its memory and its tables fit into the limits"),
    (&["compile"], "It compiles in time"),
    (&["instantiate"], "It starts"),
    (&["batch"], "It survives a batch of ordinary and odd items"),
];

/// Returns the page of a component; blocks.
pub(super) fn page(asked: &Asked, reference: &str) -> Result<Page, Problem> {
    show(asked, reference, None, None)
}

/// Checks a component once more, and returns its page with the steps; blocks until that is done.
pub(super) fn check(asked: &Asked, reference: &str) -> Result<Page, Problem> {
    show(asked, reference, Some(asked.operations.check_component(reference)?), None)
}

/// Leads to the page of a tenant, where the component is chosen and what it would replace is seen; blocks.
pub(super) fn propose(asked: &Asked, reference: &str) -> Result<Answer, Problem> {
    let component = asked.operations.component(reference)?;
    let name = asked.query.text("tenant").unwrap_or_default().trim();
    match asked.operations.stored_tenant(name) {
        Ok(_) => {
            let (path, field) = (tenant_path(name), component.world.as_str());
            Ok(Answer::Elsewhere(format!("{path}?{field}={}#components", component.digest)))
        }
        Err(error) => show(asked, reference, None, Some(&error.into())).map(Answer::from),
    }
}

/// Returns the page, with what a check found, or with why it leads to no tenant.
fn show(
    asked: &Asked,
    reference: &str,
    checked: Option<Result<Probed, Refusal>>,
    refused: Option<&Problem>,
) -> Result<Page, Problem> {
    let component = asked.operations.component(reference)?;
    let path = component_path(component.digest);
    let content = html! {
        p { a href="/ops/components" { "All components" } }
        @if let Some(problem) = refused { p.note.bad role="alert" { (problem.message()) } }
        dl.facts {
            div { dt { "Digest" } dd { code { (component.digest) } } }
            div { dt { "World" } dd { (component.world.as_str()) } }
            div { dt { "Size" } dd { (size(component.size)) } }
            div { dt { "Registered" } dd { (moment(component.added_at)) } }
            @if let Some(Ok(Probed { inspected, .. })) = &checked { (needs(inspected)) }
        }
        h2 id="check" { "Its check" }
        @match &checked {
            None => p { "It passed its check when it was registered." },
            Some(Ok(probed)) => {
                (steps(None))
                p.quiet { "It was ready to run after " (short_time(probed.compiled_in)) "." }
            }
            Some(Err(refusal)) => {
                (steps(Some(refusal)))
                pre.note.bad { (refusal.found) "\n" (refusal.advice) }
            }
        }
        @if asked.may_change {
            form method="post" action={ (path) "/check#check" } { button type="submit" { "Check it again on this server" } }
        }
        h2 { "Who uses it" }
        (users(&component, component.digest == asked.service.default_processor()))
        @if asked.may_change {
            form.card.narrow method="get" action={ (path) "/assign" } {
                label for="tenant" { "Give it to the tenant" }
                input id="tenant" name="tenant" list="tenants" value=(asked.query.raw("tenant")) autocapitalize="none" spellcheck="false" required;
                (tenant_names(asked)?)
                p.quiet { "The tenant's page shows what it would replace." }
                button.primary type="submit" { "Continue" }
            }
        } @else { (looks_only()) }
    };
    let title = component.name.unwrap_or_else(|| {
        let is_default = component.digest == asked.service.default_processor();
        String::from(if is_default { "The default processor" } else { "Component without a name" })
    });
    let page = Page::new(title, content).at(Place::Components);
    Ok(match refused {
        Some(problem) => page.with_status(problem.status()),
        None => page,
    })
}

fn needs(inspected: &Inspected) -> Markup {
    html! {
        div { dt { "Contract" } dd { (inspected.contract) } }
        div { dt { "Memory at the start" } dd { (size(inspected.memory)) } }
        div { dt { "Imports" } dd { @if inspected.imports.is_empty() { "nothing" } @else { ul.plain { @for import in &inspected.imports { li { code { (import) } } } } } } }
    }
}

/// The steps of a check: those that it passed, the one that refused it, and those that were not reached.
fn steps(refusal: Option<&Refusal>) -> Markup {
    let failed = refusal.and_then(|refusal| STEPS.iter().position(|(names, _)| names.contains(&refusal.step)));
    html! {
        ol.timeline {
            @for (place, (_, what)) in STEPS.iter().enumerate() {
                @let (state, words) = match failed {
                    Some(failed) if place == failed => ("stopped", "refused"),
                    Some(failed) if place > failed => ("waiting", "not reached"),
                    _ => ("done", "passed"),
                };
                li data-state=(state) { (what) ": " strong { (words) } }
            }
        }
    }
}

fn users(component: &ComponentRecord, is_default: bool) -> Markup {
    html! {
        @if is_default { p { "It decides for all tenants that have no processor of their own." } }
        @if component.tenants.is_empty() {
            p { "No tenant has it as its own, or could go back to it." }
        } @else {
            p { "These tenants have it, or could go back to it:" }
            ul.columns { @for tenant in component.tenants.iter().take(MAX_NAMED) { li { (tenant_link(tenant)) } } }
            @if component.tenants.len() > MAX_NAMED { p.quiet { "And " (component.tenants.len() - MAX_NAMED) " more." } }
        }
        @if component.jobs > 0 { p { (count(component.jobs, "unfinished job needs it", "unfinished jobs need it")) "." } }
    }
}
