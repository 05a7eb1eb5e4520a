//! What the forms on a tenant's page do. A change is tried first, as on the command line, and refused on the page that has the form,
//! so that nothing of what was typed is lost.

use serde_json::{Map, Number, Value};

use super::tenant::{self, Said};
use super::{Answer, Asked, links};
use crate::domain::Digest;
use crate::http::console::form::Form;
use crate::http::problem::Problem;
use crate::operations::{ChangedTenant, ComponentChoice, OperationError, TenantSettings};
use crate::store::Tenant;
use crate::tenants::TenantLimits;

/// A part of a tenant's settings that has a form of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Components,
    RollBack,
    Profile,
    Limits,
}

impl Part {
    const ALL: [(Self, &str); 4] = [
        (Self::Components, "components"),
        (Self::RollBack, "rollback"),
        (Self::Profile, "profile"),
        (Self::Limits, "limits"),
    ];

    /// Reads a part's name in the address of the page.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(part, _)| part)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(part, _)| *part == self).map(|(_, name)| name).unwrap_or_default()
    }

    /// Says that the part was changed.
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Components => "The components are assigned. Jobs from now on use them.",
            Self::RollBack => "The tenant has the components that it had before.",
            Self::Profile => "The profile is saved. Jobs from now on use it.",
            Self::Limits => "The limits are saved.",
        }
    }
}

/// Returns what tells whether a part is still as a page showed it.
pub(super) fn fingerprint(part: Part, tenant: &Tenant) -> String {
    match part {
        Part::Components | Part::RollBack => {
            let digest = |digest: Option<Digest>| digest.map(|digest| digest.to_string()).unwrap_or_default();
            format!("{}+{}", digest(tenant.assigned.processor), digest(tenant.assigned.validator))
        }
        Part::Profile => tenant.profile.digest().to_string(),
        Part::Limits => {
            let limits = serde_json::to_vec(&tenant.limits).unwrap_or_default();
            Digest::of(&limits).to_string()
        }
    }
}

/// Changes or tries a tenant's profile; blocks.
pub(super) fn set_profile(asked: &Asked, name: &str) -> Result<Answer, Problem> {
    // A form's lines end as those of a letter do.
    let profile = asked.form.raw("profile").replace("\r\n", "\n");
    change(asked, name, Part::Profile, &TenantSettings { profile: Some(profile), ..TenantSettings::default() })
}

/// Changes or tries a tenant's limits; blocks.
pub(super) fn set_limits(asked: &Asked, name: &str) -> Result<Answer, Problem> {
    let limits = limits_of(&asked.form).to_string();
    change(asked, name, Part::Limits, &TenantSettings { limits: Some(limits), ..TenantSettings::default() })
}

/// Changes or tries a tenant's components; blocks.
pub(super) fn set_components(asked: &Asked, name: &str) -> Result<Answer, Problem> {
    let choice = |field: &str| asked.form.text(field).map(str::to_owned);
    let settings = TenantSettings {
        processor: choice("processor").map(ComponentChoice::processor),
        validator: choice("validator").map(ComponentChoice::validator),
        ..TenantSettings::default()
    };
    change(asked, name, Part::Components, &settings)
}

/// Gives a tenant the components that it had before; blocks.
pub(super) fn roll_back(asked: &Asked, name: &str) -> Result<Answer, Problem> {
    match asked.operations.roll_back_tenant(name) {
        Ok(changed) => Ok(done(asked, name, Part::RollBack, &changed)),
        Err(error) => told(asked, name, Part::RollBack, Err(error)),
    }
}

fn change(asked: &Asked, name: &str, part: Part, settings: &TenantSettings) -> Result<Answer, Problem> {
    let tenant = asked.operations.stored_tenant(name)?.tenant;
    if asked.form.text("was").is_some_and(|was| was != fingerprint(part, &tenant)) {
        return told(asked, name, part, Err(OperationError::Outdated));
    }
    if asked.form.is_on("try") {
        let tried = asked.operations.try_settings(name, settings);
        return told(asked, name, part, tried.map(|changed| would_work(&changed)));
    }
    match asked.operations.set_tenant(name, settings) {
        Ok(changed) => Ok(done(asked, name, part, &changed)),
        Err(error) => told(asked, name, part, Err(error)),
    }
}

/// Sends the browser to a page that says what was changed. A warning stays on the page of the form.
fn done(asked: &Asked, name: &str, part: Part, changed: &ChangedTenant) -> Answer {
    let path = format!("{}?changed={}", links::tenant_path(name), part.name());
    match &changed.refused_sample {
        None => Answer::Elsewhere(path),
        Some(refused) => {
            let words = format!("{} But {refused}", part.done());
            told(asked, name, part, Ok(words)).unwrap_or(Answer::Elsewhere(path))
        }
    }
}

fn would_work(changed: &ChangedTenant) -> String {
    match &changed.refused_sample {
        None => String::from("This would work. Nothing was changed."),
        Some(refused) => format!("This would run. But {refused} Nothing was changed."),
    }
}

/// Returns the tenant's page with what came of a form, and with the form as it was sent.
fn told(asked: &Asked, name: &str, part: Part, came: Result<String, OperationError>) -> Result<Answer, Problem> {
    let came = came.map_err(Problem::from);
    let said = Said { changed: None, tried: Some((part, came, &asked.form)) };
    tenant::page(asked, name, &said).map(Answer::from)
}

/// Returns the limits of a form that differ from their defaults, as JSON: the others follow the defaults of the server that reads
/// them.
fn limits_of(form: &Form) -> Value {
    let value = |text: &str| text.parse::<Number>().map_or_else(|_| Value::from(text), Value::Number);
    let given = TenantLimits::RULES.iter().filter_map(|rule| {
        let text = form.text(rule.name)?.trim();
        (!text.is_empty() && *text != rule.default.to_string()).then(|| (rule.name.to_owned(), value(text)))
    });
    Value::Object(given.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::limits_of;
    use crate::http::console::form::Form;
    use crate::tenants::TenantLimits;

    #[test]
    fn limits_that_differ_from_their_defaults_are_set() {
        for (form, expected) in [
            ("", Ok("{}")),
            ("memoryMiB=256&callMillis=+&other=3", Ok("{}")),
            ("memoryMiB=64&callMillis=+1000+", Ok(r#"{"memoryMiB":64,"callMillis":1000}"#)),
            ("memoryMiB=64,5", Err("memoryMiB: this must be a whole number, not a text")),
            ("memoryMiB=99999", Err("memoryMiB: must be from 1 to 1024, not 99999")),
        ] {
            let limits = limits_of(&Form::read(form.as_bytes()).unwrap()).to_string();
            match (TenantLimits::parse(&limits), expected) {
                (Ok(_), expected) => assert_eq!(Ok(&*limits), expected, "{form}"),
                (Err(error), expected) => assert_eq!(Err(&*error.to_string()), expected, "{form}"),
            }
        }
    }
}
