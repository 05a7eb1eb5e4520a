//! What the forms on a tenant's page do. A change is tried first, as on the command line, and refused on the page that has the form,
//! so that nothing of what was typed is lost.

use serde_json::{Map, Value};

use super::tenant::{self, Said};
use super::{Answer, Asked, links};
use crate::harmless_text::one_line;
use crate::http::console::form::Form;
use crate::http::problem::Problem;
use crate::operations::{ChangedTenant, ComponentChoice, SettingsVersion, TenantSettings};
use crate::tenants::TenantLimits;

/// The field that says which settings the page had. What others changed meanwhile is not overwritten.
pub(super) const SEEN: &str = "seen";

/// A part of a tenant's settings that has a form of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Components,
    RollBack,
    Profile,
    Limits,
}

/// Characters of a value that are repeated where it is refused.
const MAX_SHOWN_CHARS: usize = 40;

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

/// Changes or tries a tenant's profile; blocks.
pub(super) fn set_profile(asked: &Asked, name: &str) -> Result<Answer, Problem> {
    // A form's lines end as those of a letter do.
    let profile = asked.form.raw("profile").replace("\r\n", "\n");
    change(asked, name, Part::Profile, &TenantSettings { profile: Some(profile), ..TenantSettings::default() })
}

/// Changes or tries a tenant's limits; blocks.
pub(super) fn set_limits(asked: &Asked, name: &str) -> Result<Answer, Problem> {
    match limits_of(&asked.form) {
        Ok(limits) => {
            let settings = TenantSettings { limits: Some(limits.to_string()), ..TenantSettings::default() };
            change(asked, name, Part::Limits, &settings)
        }
        Err(problem) => told(asked, name, Part::Limits, Err(problem)),
    }
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
    match asked.operations.roll_back_tenant(name, Some(seen(&asked.form)?)) {
        Ok(changed) => Ok(done(asked, name, Part::RollBack, &changed)),
        Err(error) => told(asked, name, Part::RollBack, Err(error.into())),
    }
}

fn change(asked: &Asked, name: &str, part: Part, settings: &TenantSettings) -> Result<Answer, Problem> {
    let seen = seen(&asked.form)?;
    if asked.form.is_on("try") {
        let tried = asked.operations.try_settings(name, settings);
        return told(asked, name, part, tried.map(|changed| would_work(&changed)).map_err(Problem::from));
    }
    match asked.operations.set_tenant(name, settings, Some(seen)) {
        Ok(changed) => Ok(done(asked, name, part, &changed)),
        Err(error) => told(asked, name, part, Err(error.into())),
    }
}

/// Returns which settings the page had on which the form was.
fn seen(form: &Form) -> Result<SettingsVersion, Problem> {
    let seen = form.text(SEEN).and_then(SettingsVersion::parse);
    seen.ok_or_else(|| Problem::bad_request("The form is not whole. Nothing was changed. Open the page again."))
}

/// Sends the browser to a page that says what was changed. A warning stays on the page of the form.
fn done(asked: &Asked, name: &str, part: Part, changed: &ChangedTenant) -> Answer {
    let path = format!("{}?changed={}#main", links::tenant_path(name), part.name());
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
fn told(asked: &Asked, name: &str, part: Part, came: Result<String, Problem>) -> Result<Answer, Problem> {
    let said = Said { tried: Some((part, came, &asked.form)), ..Said::default() };
    tenant::page(asked, name, &said).map(Answer::from)
}

/// Returns the limits of a form that differ from their defaults, as JSON: the others follow the defaults of the server that reads
/// them.
///
/// # Errors
/// 400 if a limit is no whole number, or missing: then the form is not whole, and what it lacks would be reset.
fn limits_of(form: &Form) -> Result<Value, Problem> {
    let mut limits = Map::new();
    for rule in TenantLimits::RULES {
        let name = rule.name;
        let Some(text) = form.get(name).map(str::trim) else {
            return Err(Problem::bad_request(format!(
                "{name}: the form lacks it. Nothing was changed. Open the page again."
            )));
        };
        if text.is_empty() {
            continue;
        }
        let value: u64 = text.parse().map_err(|_| {
            let text = one_line(text, MAX_SHOWN_CHARS);
            Problem::bad_request(format!("{name}: this must be a whole number, not '{text}'. Nothing was changed."))
        })?;
        if value != rule.default {
            limits.insert(name.to_owned(), value.into());
        }
    }
    Ok(Value::Object(limits))
}

#[cfg(test)]
mod tests {
    use super::limits_of;
    use crate::http::console::form::Form;
    use crate::tenants::TenantLimits;

    /// A form with all limits, and with these values of some of them.
    fn form(values: &[(&str, &str)]) -> Form {
        let form = TenantLimits::RULES.iter().fold(Form::default(), |form, rule| form.with(rule.name, ""));
        values.iter().fold(form, |form, (name, value)| form.with(name, value))
    }

    #[test]
    fn limits_that_differ_from_their_defaults_are_set() {
        for (values, expected) in [
            (&[][..], Ok("{}")),
            (&[("memoryMiB", "256"), ("callMillis", " "), ("other", "3")], Ok("{}")),
            (&[("memoryMiB", "064"), ("callMillis", " 1000 ")], Ok(r#"{"memoryMiB":64,"callMillis":1000}"#)),
            (&[("undoDays", "0")], Ok(r#"{"undoDays":0}"#)),
            (&[("memoryMiB", "64,5")], Err("memoryMiB: this must be a whole number, not '64,5'. Nothing was changed.")),
            (&[("memoryMiB", "-1")], Err("memoryMiB: this must be a whole number, not '-1'. Nothing was changed.")),
            (
                &[("memoryMiB", "99999999999999999999")],
                Err("memoryMiB: this must be a whole number, not '99999999999999999999'. Nothing was changed."),
            ),
        ] {
            let limits = limits_of(&form(values)).map(|limits| limits.to_string());
            let limits = limits.map_err(|problem| problem.message().to_owned());
            assert_eq!(limits, expected.map(str::to_owned).map_err(str::to_owned), "{values:?}");
        }
        assert!(limits_of(&Form::read(b"memoryMiB=64").unwrap()).is_err(), "the others would be reset");
    }
}
