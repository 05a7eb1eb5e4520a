//! The steps of a file, above the heading of each step's page.

use maud::{Markup, html};

/// A step of a file's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Upload,
    Map,
    Check,
    Run,
    Result,
}

impl Step {
    const ALL: [(Self, &str); 5] = [
        (Self::Upload, "Upload"),
        (Self::Map, "Map"),
        (Self::Check, "Check"),
        (Self::Run, "Run"),
        (Self::Result, "Result"),
    ];

    /// Returns the list of all steps, of which this one is the present one.
    pub(super) fn list(self) -> Markup {
        html! {
            ol.steps aria-label="Steps" {
                @for (step, name) in Self::ALL {
                    li aria-current=[(step == self).then_some("step")] data-state=(if step < self { "done" } else { "open" }) {
                        (name)
                        @if step < self { span.hidden { " (done)" } }
                    }
                }
            }
        }
    }
}
