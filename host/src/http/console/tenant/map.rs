//! The second step: a person says what the columns of a file mean.

mod choices;
mod view;

use std::collections::{BTreeMap, HashMap};

use hyper::StatusCode;

use self::choices::{EDIT, READING, ReadingChoices, USUAL_CHARSET};
use self::view::page;
use super::upload::LIKE;
use super::work::Work;
use crate::domain::{DryRun, ItemList, JobId, Source, StagedFileId};
use crate::http::bulk::targets;
use crate::http::console::Console;
use crate::http::console::form::Form;
use crate::http::console::page::{Page, see_other};
use crate::http::console::session::Visitor;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::import::{
    ColumnMapping, CsvOptions, ImportError, ImportLimits, OTHER_TARGETS, TablePreview, decode_within, read_csv,
};
use crate::jobs::{Accepted, Call, Fields, MAX_GROUP_ITEMS, Service, Submission};
use crate::store::{StagedFile, Tenant};

/// Rows whose cells are shown.
const SAMPLES: usize = 3;
/// What a column of contacts' ids becomes.
const ID: &str = "id";
/// The parameter that says that the choices were sent, so that the page says what is wrong with them.
const CHECKED: &str = "checked";
/// Bytes of choices that an address has.
const MAX_QUERY_BYTES: usize = 4 << 10;

/// A file, and how it was read.
struct ReadFile {
    file: StagedFile,
    preview: Result<TablePreview, ImportError>,
    choices: ReadingChoices,
    /// Whether nobody said which charset the file has, and it is not Unicode.
    is_charset_guessed: bool,
}

/// What became of a mapping.
enum Mapped {
    /// The dry run began.
    Begun(Work),
    /// The mapping has faults, which the page says again if it is asked for.
    Faulty(Box<Page>),
    /// The file was refused.
    Refused(Box<Page>),
}

/// What keeps a mapping from being sent.
#[derive(Debug, Default)]
struct Faults {
    /// What concerns the file as a whole.
    general: Option<String>,
    /// What concerns columns, by their places.
    columns: BTreeMap<usize, String>,
}

impl Console {
    /// Returns the page on which a person says what the columns mean.
    pub(super) async fn map_page(
        &self,
        visitor: &Visitor,
        tenant: Tenant,
        id: StagedFileId,
        query: Form,
    ) -> Result<Reply, Problem> {
        let like = query.text(LIKE).map(|text| JobId::parse(text).ok_or_else(Problem::unknown_job)).transpose()?;
        let fields = self.fields(tenant.clone()).await?;
        let max_bytes = self.client.bodies().max_bytes();
        let turn = self.file_turns.take(tenant.id).await?;
        let page = self.in_turn(&tenant, move |service, tenant| {
            let _turn = turn;
            let choices = ReadingChoices::of_form(&query)?;
            let mut read = read_file(service, tenant, id, choices, &fields, max_bytes)?;
            if query.is_on(CHECKED) {
                let chosen = chosen(&read, &query);
                return Ok(page(id, &read, &fields, &chosen, &faults(&read, &fields, &chosen)));
            }
            let chosen = match like {
                Some(like) => of_earlier(&read, service.job(tenant.id, like)?.and_then(|job| job.source)),
                None => guesses(&read),
            };
            // Who has a column of ids means these contacts.
            if query.text("mode").is_none() && chosen.iter().flatten().any(|field| field == ID) {
                read.choices.mode = EDIT;
            }
            Ok(page(id, &read, &fields, &chosen, &Faults::default()))
        });
        Ok(page.await?.reply(visitor))
    }

    /// Takes what a person said. Begins the dry run; or sends the browser to the page that reads the file again, or that says what is
    /// wrong.
    pub(super) async fn send_mapping(
        &self,
        visitor: &Visitor,
        tenant: Tenant,
        id: StagedFileId,
        form: Form,
    ) -> Result<Reply, Problem> {
        let again = |query: &str| Ok(see_other(&format!("/files/{id}/map?{query}")));
        if form.is_on("again") {
            // What is no choice of the page is not repeated.
            ReadingChoices::of_form(&form)?;
            return again(&form.only(&READING).to_query());
        }
        let fields = self.fields(tenant.clone()).await?;
        let max_bytes = self.client.bodies().max_bytes();
        let query = format!("{}&{CHECKED}=1", form.to_query());
        let turn = self.file_turns.take(tenant.id).await?;
        let outcome = self.in_turn(&tenant, move |service, tenant| {
            let _turn = turn;
            let choices = ReadingChoices::of_form(&form)?;
            let read = read_file(service, tenant, id, choices, &fields, max_bytes)?;
            let chosen = chosen(&read, &form);
            let faults = faults(&read, &fields, &chosen);
            if faults.general.is_some() || !faults.columns.is_empty() {
                let page = page(id, &read, &fields, &chosen, &faults).with_status(StatusCode::BAD_REQUEST);
                return Ok(Mapped::Faulty(Box::new(page)));
            }
            match submit(service, tenant, &read, &fields, &chosen, max_bytes) {
                Ok(Accepted::Job(id)) => Ok(Mapped::Begun(Work::Job(id))),
                Ok(Accepted::Group(id, _)) => Ok(Mapped::Begun(Work::Group(id))),
                Err(problem) if problem.status() == StatusCode::BAD_REQUEST => {
                    let faults = Faults { general: Some(problem.message().to_owned()), ..Faults::default() };
                    let page = page(id, &read, &fields, &chosen, &faults).with_status(StatusCode::BAD_REQUEST);
                    Ok(Mapped::Refused(Box::new(page)))
                }
                Err(problem) => Err(problem),
            }
        });
        match outcome.await? {
            Mapped::Begun(work) => Ok(see_other(&work.path("check"))),
            // So that the way back leads to pages alone. The address of a very wide table would be too long.
            Mapped::Faulty(_) if query.len() <= MAX_QUERY_BYTES => again(&query),
            Mapped::Faulty(page) | Mapped::Refused(page) => Ok(page.reply(visitor)),
        }
    }

    /// Asks the tenant's processor for the fields that columns can become.
    async fn fields(&self, tenant: Tenant) -> Result<Fields, Problem> {
        let permit = self.client.call_permit(tenant.id).await?;
        let read = move |call: &Call<'_>| {
            let _permit = permit;
            call.fields()
        };
        Ok(self.client.service().run_call(tenant, read).await??)
    }
}

/// Reads the file, in the charset that is likely if nobody named one; blocks.
fn read_file(
    service: &Service,
    tenant: &Tenant,
    id: StagedFileId,
    mut choices: ReadingChoices,
    fields: &Fields,
    max_bytes: usize,
) -> Result<ReadFile, Problem> {
    let file = service
        .staged_file(tenant.id, id)?
        .ok_or_else(|| Problem::not_found("The file is not here any more: a file is kept for an hour, and only the newest eight are. Bring it again by 'New import'."))?;
    let targets = targets(fields);
    let read = |charset: Option<&str>| {
        let text = decode_within(&file.content, charset, max_bytes)?;
        TablePreview::read(&text, &choices.options, &targets, SAMPLES)
    };
    let mut preview = read(choices.charset.as_deref());
    let is_charset_guessed = choices.charset.is_none() && matches!(preview, Err(ImportError::NotUtf8 { .. }));
    if is_charset_guessed {
        preview = read(Some(USUAL_CHARSET));
        choices.charset = Some(USUAL_CHARSET.to_owned());
    }
    Ok(ReadFile { file, preview, choices, is_charset_guessed })
}

/// Returns the fields that a person chose.
fn chosen(read: &ReadFile, form: &Form) -> Vec<Option<String>> {
    let count = read.preview.as_ref().map_or(0, |preview| preview.columns.len());
    (0..count).map(|place| form.text(&format!("c{place}")).map(str::to_owned)).collect()
}

/// Returns the fields that the columns' names mean.
fn guesses(read: &ReadFile) -> Vec<Option<String>> {
    let columns = read.preview.iter().flat_map(|preview| &preview.columns);
    columns.map(|column| column.field.clone()).collect()
}

/// Returns the fields that the columns became in an earlier file, and where it had no such column, those that their names mean.
fn of_earlier(read: &ReadFile, earlier: Option<Source>) -> Vec<Option<String>> {
    let earlier: HashMap<String, Option<String>> =
        earlier.into_iter().flat_map(|source| source.columns).map(|column| (column.column, column.field)).collect();
    let columns = read.preview.iter().flat_map(|preview| &preview.columns);
    columns.map(|column| earlier.get(&column.name).cloned().unwrap_or_else(|| column.field.clone())).collect()
}

/// Returns what keeps a mapping from being sent.
fn faults(read: &ReadFile, fields: &Fields, chosen: &[Option<String>]) -> Faults {
    let mut faults = Faults::default();
    let Ok(preview) = &read.preview else {
        // The page says why the file cannot be read.
        return Faults { general: Some(String::from("The file cannot be read as it is.")), ..faults };
    };
    let is_known = |alias: &str| {
        fields.iter().any(|field| field.alias == alias) || OTHER_TARGETS.iter().any(|(other, _)| *other == alias)
    };
    let mut taken: HashMap<&str, usize> = HashMap::new();
    for (place, alias) in chosen.iter().enumerate().filter_map(|(place, alias)| Some((place, alias.as_deref()?))) {
        if !is_known(alias) {
            faults.columns.insert(place, String::from("There is no such field any more. Choose another one."));
        } else if let Some(other) = taken.insert(alias, place) {
            let text = |place: usize| {
                let name = preview.columns.get(place).map(|column| column.name.as_str()).unwrap_or_default();
                format!("'{name}' becomes the same field. One of the two must become another, or none.")
            };
            faults.columns.insert(place, text(other));
            faults.columns.insert(other, text(place));
        }
    }
    if taken.is_empty() && !preview.is_own && faults.columns.is_empty() {
        faults.general = Some(String::from(
            "No column becomes a field. Choose one for at least one column, such as the e-mail address.",
        ));
    }
    let is_edit = read.choices.mode == EDIT;
    if is_edit && !taken.contains_key(ID) && !preview.is_own {
        faults.general =
            Some(String::from("To change contacts by their id, one column must become 'Id of the contact'."));
    }
    if let (false, Some(place)) = (is_edit, taken.get(ID)) {
        let text = "The id counts only with 'Change contacts by their id'. Choose that below, or let the column be not imported.";
        faults.columns.insert(*place, String::from(text));
    }
    faults
}

/// Begins the dry run of a file; blocks.
fn submit(
    service: &Service,
    tenant: &Tenant,
    read: &ReadFile,
    fields: &Fields,
    chosen: &[Option<String>],
    max_bytes: usize,
) -> Result<Accepted, Problem> {
    let ReadFile { file, preview, choices, .. } = read;
    let columns = preview.iter().flat_map(|preview| &preview.columns);
    let pairs: serde_json::Map<String, serde_json::Value> =
        columns.zip(chosen).filter_map(|(column, field)| Some((column.name.clone(), field.clone()?.into()))).collect();
    let mapping = ColumnMapping::parse(&serde_json::Value::from(pairs).to_string())?;
    let options = CsvOptions { mapping: Some(mapping), ..choices.options.clone() };
    let (operation, mode) = choices.operation();
    let text = decode_within(&file.content, choices.charset.as_deref(), max_bytes)?;
    let limits = ImportLimits { rows: MAX_GROUP_ITEMS, bytes: max_bytes };
    let import = read_csv(&text, &options, &targets(fields), limits)?;
    drop(text);
    let items = ItemList { items: import.items, keys: None };
    let submission = Submission::of_file(operation, items, None, import.source)?.with_mode(mode);
    Ok(service.submit(tenant, submission.with_dry_run(Some(DryRun { shows_changes: true })))?)
}
