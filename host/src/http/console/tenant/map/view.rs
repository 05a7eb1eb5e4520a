//! The page on which a person says what the columns of a file mean.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::choices::{CHARSETS, DELIMITERS, MODES, ReadingChoices};
use super::{Faults, ReadFile};
use crate::domain::StagedFileId;
use crate::harmless_text::one_line;
use crate::http::console::page::{Page, Place};
use crate::http::console::tenant::steps::Step;
use crate::http::console::words::{count, size};
use crate::import::{ImportError, OTHER_TARGETS, TablePreview, delimiter};
use crate::jobs::Fields;

/// Characters of a cell, and of a column's name, that are shown.
const MAX_SAMPLE_SIGNS: usize = 60;
const MAX_NAME_SIGNS: usize = 200;
/// Bytes that the choices of all columns may have in a page. Above them, all columns share one list.
const MAX_OPTION_BYTES: usize = 512 << 10;

/// Returns the page on which a person says what the columns mean.
pub(super) fn page(
    id: StagedFileId,
    read: &ReadFile,
    fields: &Fields,
    chosen: &[Option<String>],
    faults: &Faults,
) -> Page {
    let ReadFile { file, preview, choices, is_charset_guessed } = read;
    let content = html! {
        p.file {
            strong { bdi { (file.name) } } " · " (size(file.content.len() as u64))
            @if let Ok(preview) = preview { " · " (count(preview.rows as u64, "row", "rows")) }
        }
        @if let Some(fault) = &faults.general { p.note.bad role="alert" { (fault) } }
        @if *is_charset_guessed {
            p.note.warn { "The file is not in Unicode, so it was read as Western. Look whether names with accents are right; if not, choose another way under 'How the file is read'." }
        }
        form method="post" action=(format!("/files/{id}/map")) {
            @match preview {
                Err(error) => p.note.bad role="alert" { (told(error)) },
                Ok(preview) => {
                    @if let Some(fault) = &preview.fault { p.note.bad role="alert" { (told(fault)) } }
                    @if preview.whole_rows > 0 {
                        p.note.warn { (count(preview.whole_rows as u64, "row brings", "rows bring")) " a contact of its own as JSON, in the column 'bulkhead:item'. No choice here changes what it says; the next page shows what it would do." }
                    }
                    @if preview.is_own {
                        p.note { "Bulkhead wrote this file: the columns with what failed are passed over." }
                    }
                    (columns(preview, fields, chosen, faults))
                }
            }
            (settings(choices, preview.is_err()))
            div.actions {
                button.primary type="submit" disabled[preview.is_err()] { "Check" }
                a href="/upload" { "Choose another file" }
            }
            p.quiet { "Checking stores nothing: the next page says what would be created, updated and refused, and why." }
        }
    };
    Page::new("What do the columns mean?", content).under(Step::Map.list()).at(Place::Upload)
}

/// Says what is wrong with a file, by what the page has, where the error speaks of the API.
fn told(error: &ImportError) -> String {
    match error {
        ImportError::HeaderIsContact(value) => format!(
            "The first row has '{value}', so it seems to be a contact. Tick 'The first row is a contact' under 'How the file is read', and press 'Read the file again'."
        ),
        ImportError::NoRows => String::from(
            "The file has only a first row. If that row is a contact, tick 'The first row is a contact' under 'How the file is read'; else choose another file.",
        ),
        ImportError::NotText(_) => String::from(
            "The file is no table of text: perhaps a workbook (.xlsx), or compressed. Save it as CSV, or unpack it, and choose that file.",
        ),
        other => other.to_string(),
    }
}

/// The columns with their samples, each with the choice of a field.
fn columns(preview: &TablePreview, fields: &Fields, chosen: &[Option<String>], faults: &Faults) -> Markup {
    let is_wide = preview.columns.len() * options(fields, None).into_string().len() > MAX_OPTION_BYTES;
    html! {
        @if is_wide {
            p.note { "The file has many columns, so the field of each is written: begin with its name, and choose. Blank is not imported." }
            datalist id="fields" { (all_options(fields)) }
        }
        div.scroll tabindex="0" role="region" aria-label="Columns of the file" {
            table.map {
                thead { tr { th scope="col" { "Column" } th scope="col" { "In the first rows" } th scope="col" { "Becomes" } } }
                tbody {
                    @for (place, column) in preview.columns.iter().enumerate() {
                        @let chosen = chosen.get(place).and_then(Option::as_deref);
                        @let fault = faults.columns.get(&place);
                        tr data-skipped[chosen.is_none()] {
                            th scope="row" id=(format!("n{place}")) { bdi { (one_line(&column.name, MAX_NAME_SIGNS)) } }
                            td.samples {
                                @for sample in &column.samples {
                                    @if sample.is_empty() { span.blank { "blank" } } @else { bdi.cell { (one_line(sample, MAX_SAMPLE_SIGNS)) } }
                                }
                            }
                            td {
                                @if is_wide {
                                    input name=(format!("c{place}")) value=(chosen.unwrap_or_default()) list="fields" autocomplete="off"
                                        aria-labelledby=(format!("n{place}")) aria-invalid=[fault.map(|_| "true")] aria-describedby=[fault.map(|_| format!("f{place}"))];
                                } @else { select name=(format!("c{place}")) aria-labelledby=(format!("n{place}"))
                                    aria-invalid=[fault.map(|_| "true")] aria-describedby=[fault.map(|_| format!("f{place}"))] {
                                    (options(fields, chosen))
                                } }
                                @if let Some(fault) = fault { p.fault id=(format!("f{place}")) { (fault) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The fields that a column can become, in the groups of the processor.
fn options(fields: &Fields, chosen: Option<&str>) -> Markup {
    let mut groups: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for field in fields.iter() {
        groups.entry(&field.group).or_default().push((&field.alias, &field.label));
    }
    let option = |alias: &str, label: &str| html! { option value=(alias) selected[chosen == Some(alias)] { (label) } };
    html! {
        option value="" selected[chosen.is_none()] { "— not imported —" }
        @for (group, fields) in groups {
            optgroup label=(group_name(group)) { @for (alias, label) in fields { (option(alias, label)) } }
        }
        optgroup label="Beside the fields" { @for (alias, label) in OTHER_TARGETS { (option(alias, label)) } }
    }
}

/// All fields that a column can become, by alias.
fn all_options(fields: &Fields) -> Markup {
    html! {
        @for field in fields.iter() { option value=(field.alias) { (field.label) } }
        @for (alias, label) in OTHER_TARGETS { option value=(alias) { (label) } }
    }
}

fn group_name(group: &str) -> String {
    let mut signs = group.chars();
    let first = signs.next().map(|first| first.to_uppercase().to_string()).unwrap_or_else(|| String::from("Other"));
    first + signs.as_str()
}

/// How the file is read, and what becomes of its rows.
fn settings(choices: &ReadingChoices, is_open: bool) -> Markup {
    let sign = DELIMITERS.iter().map(|(value, _)| *value).find(|value| delimiter(value) == choices.options.delimiter);
    html! {
        fieldset.card {
            legend { "What should happen to the rows?" }
            @for (value, label) in MODES {
                label.choice { input type="radio" name="mode" value=(value) checked[choices.mode == value]; (label) }
            }
            label.choice {
                input type="checkbox" name="blank-clears" value="1" checked[choices.options.blank_clears];
                "A blank cell empties its field. Otherwise it leaves the field as it is."
            }
        }
        details.card open[is_open] {
            summary { "How the file is read" }
            div.fields {
                div {
                    label for="charset" { "Characters" }
                    select id="charset" name="charset" {
                        @for (value, label) in CHARSETS {
                            option value=(value) selected[choices.charset.as_deref().unwrap_or_default() == value] { (label) }
                        }
                    }
                }
                div {
                    label for="delimiter" { "Cells are separated by" }
                    select id="delimiter" name="delimiter" {
                        @for (value, label) in DELIMITERS { option value=(value) selected[sign == Some(value)] { (label) } }
                    }
                }
            }
            label.choice {
                input type="checkbox" name="no-header" value="1" checked[choices.options.has_no_header];
                "The first row is a contact, not the names of the columns"
            }
            button type="submit" name="again" value="1" { "Read the file again" }
        }
    }
}
