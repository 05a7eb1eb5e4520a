//! One tenant: what it uses of its limits, and its settings with the forms that change them.

use std::collections::HashMap;

use hyper::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

use super::links::{assigned_link, component_names, encoded, tenant_path};
use super::settings::{Part, SEEN};
use super::{Asked, looks_only, webhooks};
use crate::domain::{Digest, World};
use crate::http::console::form::Form;
use crate::http::console::page::{Page, Place};
use crate::http::console::words::{moment, size};
use crate::http::problem::Problem;
use crate::operations::{SettingsVersion, StoredTenant};
use crate::plain_words::grouped;
use crate::store::{ComponentRecord, SecretRecord, Usage};
use crate::tenants::{LimitRule, TenantLimits};

/// Percent of a limit from which on a tenant is shown as nearly full.
const NEARLY_FULL: u128 = 90;

/// What the page says of what was just done, or was not.
#[derive(Default)]
pub(super) struct Said<'a> {
    /// The address's query, which can propose components.
    pub(super) proposed: Option<&'a Form>,
    /// The part that was changed.
    pub(super) changed: Option<Part>,
    /// A part that was tried, what it would do or why it was refused, and the form as it was sent.
    pub(super) tried: Option<(Part, Result<String, Problem>, &'a Form)>,
}

impl<'a> Said<'a> {
    /// Reads what the address says: what was changed before the browser was sent here, or what is proposed.
    pub(super) fn of(query: &'a Form) -> Self {
        Self { proposed: Some(query), changed: query.text("changed").and_then(Part::parse), tried: None }
    }

    /// Returns the form with a part's values as they were sent.
    fn sent(&self, part: Part) -> Option<&Form> {
        self.tried.as_ref().filter(|(tried, ..)| *tried == part).map(|(_, _, form)| *form)
    }

    /// The settings that the sender of a part's form saw: those of the page on which it was, also if others were refused or tried
    /// meanwhile.
    fn seen(&self, part: Part, stored: &StoredTenant) -> Markup {
        let seen = self.sent(part).and_then(|form| form.text(SEEN)).map(str::to_owned);
        let seen = seen.unwrap_or_else(|| SettingsVersion::of(&stored.tenant).to_string());
        html! { input type="hidden" name=(SEEN) value=(seen); }
    }

    /// Says beside a part's form what came of it.
    fn note(&self, part: Part) -> Markup {
        let tried = self.tried.as_ref().filter(|(tried, ..)| *tried == part);
        html! {
            @match tried {
                Some((_, Ok(words), _)) => p.note.good role="status" { (words) },
                Some((_, Err(problem), _)) => {
                    pre.note.bad role="alert" { (problem.message()) }
                    @if problem.status() == StatusCode::CONFLICT { p { a href="?" { "Open the page again" } } }
                }
                None => {}
            }
        }
    }
}

/// Returns the page of a tenant; blocks.
pub(super) fn page(asked: &Asked, name: &str, said: &Said<'_>) -> Result<Page, Problem> {
    let stored = asked.operations.stored_tenant(name)?;
    let components = asked.operations.components()?;
    let names = component_names(asked)?;
    let secrets = asked.operations.secrets(name)?;
    let webhooks = asked.operations.tenants_webhooks(name)?.list()?;
    let status = match &said.tried {
        Some((_, Err(problem), _)) => Some(problem.status()),
        _ => None,
    };
    let content = html! {
        p { a href="/ops/tenants" { "All tenants" } }
        @if let Some(part) = said.changed { p.note.good role="status" { (part.done()) } }
        p.quiet { "Client id " code { (stored.summary.client_id) } }
        (usage(&stored.usage, &stored.tenant.limits))
        p.actions {
            a href={ "/ops/jobs?tenant=" (encoded(name)) } { "Its jobs" }
            a href={ "/ops/audit?tenant=" (encoded(name)) } { "What operators did to it" }
        }
        (components_part(asked, &stored, &components, &names, said))
        (profile_part(asked, &stored, said))
        (limits_part(asked, &stored, said))
        (secrets_part(&secrets))
        @if !webhooks.is_empty() {
            h2 { "Its webhooks" }
            (webhooks::table(webhooks.iter().map(|webhook| (Some(name), webhook))))
        }
    };
    let page = Page::new(name, content).at(Place::Tenants);
    Ok(match status {
        Some(status) => page.with_status(status),
        None => page,
    })
}

/// What a tenant uses of the limits of what it keeps.
fn usage(usage: &Usage, limits: &TenantLimits) -> Markup {
    const MIB: u64 = 1 << 20;
    let bytes = |used: u64, most: u64| (size(used), size(most.saturating_mul(MIB)), used, most.saturating_mul(MIB));
    let things = |used: u64, most: u64| (grouped(used), grouped(most), used, most);
    let rows = [
        ("Contacts", "storedContacts", things(usage.contacts, limits.stored_contacts)),
        ("Stored", "storedMiB", bytes(usage.stored_bytes, limits.stored_mib)),
        ("Kept to undo jobs", "keptMiB", bytes(usage.kept_bytes, limits.kept_mib)),
        ("Unfinished jobs", "queuedJobs", things(usage.unfinished_jobs, limits.queued_jobs)),
        ("Tokens", "tokens", things(usage.tokens, limits.tokens)),
    ];
    html! {
        h2 id="use" { "What it uses" }
        div.scroll tabindex="0" role="region" aria-labelledby="use" {
            table.use {
                thead { tr { th scope="col" { "What" } th.number scope="col" { "Used" } th.number scope="col" { "Limit" } th scope="col" { "Share" } } }
                tbody { @for (what, limit, (used, most, part, whole)) in &rows {
                    tr {
                        th scope="row" { (what) }
                        td.number { (used) }
                        td.number { (most) br; span.quiet { (limit) } }
                        td data-full[percent(*part, *whole) >= NEARLY_FULL] { progress max="100" value=(percent(*part, *whole)) aria-label={ (what) ": share of the limit" } {} " " (percent(*part, *whole)) " %" @if percent(*part, *whole) >= 100 { strong { ", full" } } }
                    }
                } }
            }
        }
    }
}

fn percent(part: u64, whole: u64) -> u128 {
    u128::from(part) * 100 / u128::from(whole.max(1))
}

fn components_part(
    asked: &Asked,
    stored: &StoredTenant,
    components: &[ComponentRecord],
    names: &HashMap<Digest, String>,
    said: &Said<'_>,
) -> Markup {
    let path = tenant_path(&stored.summary.tenant);
    let default = asked.service.default_processor();
    let sent = said.sent(Part::Components);
    let select = |field: &str, label: &str, world: World, none: (&str, &str), assigned: Option<Digest>| {
        let assigned = assigned.map_or_else(|| none.0.to_owned(), |digest| digest.to_string());
        let proposed = sent.or(said.proposed).and_then(|form| form.text(field));
        let chosen = proposed.unwrap_or(&assigned);
        html! {
            div {
                label for=(field) { (label) }
                select id=(field) name=(field) {
                    option value=(none.0) selected[chosen == none.0] { (none.1) }
                    @for component in components.iter().filter(|component| component.world == world && component.digest != default) {
                        @let digest = component.digest.to_string();
                        option value=(digest) selected[chosen == digest] { (component.name.as_deref().unwrap_or(&digest)) }
                    }
                }
            }
        }
    };
    let assigned = stored.summary.assigned;
    html! {
        @if !asked.may_change { (looks_only()) }
        h2 id="components" { "Its components" }
        (said.note(Part::Components))
        @if said.proposed.is_some_and(|query| query.is_on("processor") || query.is_on("validator")) {
            p.note role="status" { "The component is chosen below. Assign it, or only try it first." }
        }
        @if asked.may_change {
            form.card method="post" action={ (path) "/components#components" } {
                (said.seen(Part::Components, stored))
                div.fields {
                    (select("processor", "Processor", World::Processor, ("default", "the default"), assigned.processor))
                    (select("validator", "Validator", World::Validator, ("none", "none"), assigned.validator))
                }
                p.quiet { "They are tried together with the profile and the limits before they apply. Jobs that were accepted before keep theirs." }
                (buttons("Assign"))
            }
        } @else {
            dl.facts {
                div { dt { "Processor" } dd { (assigned_link(names, assigned.processor, "the default")) } }
                div { dt { "Validator" } dd { (assigned_link(names, assigned.validator, "none")) } }
            }
        }
        @if let Some(previous) = stored.summary.previous {
            details.card id="before" open[said.tried.as_ref().is_some_and(|(part, ..)| *part == Part::RollBack)] {
                summary { "What it had before" }
                (said.note(Part::RollBack))
                dl.facts {
                    div { dt { "Processor" } dd { (assigned_link(names, previous.processor, "the default")) } }
                    div { dt { "Validator" } dd { (assigned_link(names, previous.validator, "none")) } }
                }
                @if asked.may_change {
                    form method="post" action={ (path) "/rollback#before" } {
                        (said.seen(Part::RollBack, stored))
                        button.danger type="submit" { "Roll back to these" }
                    }
                }
            }
        }
    }
}

fn profile_part(asked: &Asked, stored: &StoredTenant, said: &Said<'_>) -> Markup {
    let path = tenant_path(&stored.summary.tenant);
    let text = said.sent(Part::Profile).map_or_else(|| stored.tenant.profile.text(), |form| form.raw("profile"));
    html! {
        h2 id="profile-part" { "Its profile" }
        (said.note(Part::Profile))
        @if asked.may_change {
            form.card method="post" action={ (path) "/profile#profile-part" } {
                (said.seen(Part::Profile, stored))
                label for="profile" { "Fields, owners, stages and settings, as JSON" }
                // A browser drops the first line break in it.
                textarea id="profile" name="profile" rows="16" spellcheck="false" autocapitalize="none" { "\n" (text) }
                p.quiet { "The tenant's processor judges it: only the processor knows its fields." }
                (buttons("Save"))
            }
        } @else {
            pre.log tabindex="0" role="region" aria-label="Profile" { (text) }
        }
    }
}

fn limits_part(asked: &Asked, stored: &StoredTenant, said: &Said<'_>) -> Markup {
    let path = tenant_path(&stored.summary.tenant);
    let values = serde_json::to_value(stored.tenant.limits).unwrap_or_default();
    let current = |rule: &LimitRule| values.get(rule.name).and_then(Value::as_u64).unwrap_or(rule.default);
    let sent = said.sent(Part::Limits);
    let shown =
        |rule: &LimitRule| sent.map_or_else(|| current(rule).to_string(), |form| form.raw(rule.name).to_owned());
    html! {
        details.card id="limits" open[sent.is_some()] {
            summary { h2 { "Its limits" } }
            (said.note(Part::Limits))
            @if asked.may_change {
                form method="post" action={ (path) "/limits#limits" } {
                    (said.seen(Part::Limits, stored))
                    div.fields.limits {
                        @for rule in TenantLimits::RULES {
                            div {
                                label for=(rule.name) { (rule.name) }
                                input id=(rule.name) name=(rule.name) inputmode="numeric" value=(shown(rule)) aria-describedby={ (rule.name) "-what" };
                                p.quiet id={ (rule.name) "-what" } { (about(rule)) }
                            }
                        }
                    }
                    p.quiet { "A limit without a value gets its default." }
                    (buttons("Save"))
                }
            } @else {
                dl.facts { @for rule in TenantLimits::RULES { div { dt { (rule.name) } dd { (grouped(current(rule))) " " span.quiet { (about(rule)) } } } } }
            }
        }
    }
}

fn about(rule: &LimitRule) -> String {
    let LimitRule { least, default, most, what, .. } = *rule;
    format!("{} {} to {}; by default {}.", what.replace('`', ""), grouped(least), grouped(most), grouped(default))
}

fn buttons(save: &str) -> Markup {
    html! {
        p.actions {
            button.primary type="submit" { (save) }
            button type="submit" name="try" value="1" { "Only try" }
        }
    }
}

fn secrets_part(secrets: &[SecretRecord]) -> Markup {
    html! {
        h2 id="secrets" { "Its secrets" }
        @if secrets.is_empty() {
            p { "It has none, so nobody can use it. " code { "bulkhead tenant secret add" } " makes one." }
        } @else {
            div.scroll tabindex="0" role="region" aria-labelledby="secrets" {
                table {
                    thead { tr {
                        th scope="col" { "Secret" } th scope="col" { "Allows" } th scope="col" { "Made" } th scope="col" { "Expires" } th scope="col" { "Last used" }
                    } }
                    tbody { @for secret in secrets {
                        tr {
                            th scope="row" { @if let Some(name) = &secret.name { (name.as_str()) " " } code { (secret.id) } }
                            td { (secret.scope.as_str()) }
                            td { (moment(secret.created_at)) }
                            td { (secret.expires_at.map_or_else(|| String::from("never"), moment)) }
                            td { (secret.used_at.map_or_else(|| String::from("never"), |day| day.to_rfc3339().chars().take(10).collect())) }
                        }
                    } }
                }
            }
            p.quiet { code { "bulkhead tenant secret revoke" } " ends one at once, with the sessions and tokens that it began." }
        }
    }
}
