//! How a client wants a file of contacts to be read: parameters of the query, or fields of the form that brings the file.

use super::dry_run::{DIFF, DRY_RUN, DryRunSettings, refuse_misspelt};
use super::problem::Problem;
use crate::domain::WriteMode;
use crate::import::{ColumnMapping, CsvOptions, delimiter};

/// The settings of a bulk request. Those of a table have no meaning for other bodies.
#[derive(Debug, Default)]
pub(super) struct ImportSettings {
    /// Which contacts the items may be applied to.
    pub(super) mode: WriteMode,
    /// Whether nothing is stored.
    pub(super) dry_run: DryRunSettings,
    /// Whether a file with too many rows for one job becomes several.
    pub(super) splits: bool,
    /// The charset of the file.
    pub(super) charset: Option<String>,
    /// How a table is read.
    pub(super) table: CsvOptions,
    /// The settings that were given.
    given: Vec<&'static str>,
    /// The first parameter of the query that is no setting.
    unknown: Option<String>,
}

/// The settings that there are.
const NAMES: [&str; 9] = ["mode", "mapping", "delimiter", "charset", "header", "blank", "split", DRY_RUN, DIFF];
/// The settings that have a meaning for all bodies.
const FOR_ALL: [&str; 3] = ["mode", DRY_RUN, DIFF];
/// Characters that are shown of what a client sent.
const MAX_SHOWN_CHARS: usize = 50;

impl ImportSettings {
    /// Reads a query. Other parameters have no meaning here, unless the body is a file.
    ///
    /// # Errors
    /// 400 if a setting is there twice, or has no value that it can have.
    pub(super) fn of_query(query: Option<&str>) -> Result<Self, Problem> {
        let mut settings = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !settings.add(&name, &value)? && !value.trim().is_empty() {
                settings.unknown.get_or_insert_with(|| shown(&name));
            }
        }
        Ok(settings)
    }

    /// Adds the fields of a form.
    ///
    /// # Errors
    /// As [`Self::of_query`], and 400 for a field that is none of these, or that the query has.
    pub(super) fn add_fields(&mut self, fields: &[(String, String)]) -> Result<(), Problem> {
        for (name, value) in fields {
            if !self.add(name, value)? {
                return Err(Problem::bad_request(format!(
                    "'{}' is no field of this form. Nothing was stored. Send file, and if need be mapping, mode, delimiter, charset, header, blank, split, dryRun and diff.",
                    shown(name)
                )));
            }
        }
        Ok(())
    }

    /// Takes what the type of a table says, where no setting says something else.
    pub(super) fn add_type(&mut self, has_no_header: bool, is_tab_separated: bool) {
        if !self.given.contains(&"header") {
            self.table.has_no_header = has_no_header;
        }
        if is_tab_separated {
            self.table.delimiter.get_or_insert(b'\t');
        }
    }

    /// Refuses parameters of the query that are no settings: a misspelt one would change how a file is read.
    ///
    /// # Errors
    /// 400 if there are any.
    pub(super) fn refuse_unknown(&self) -> Result<(), Problem> {
        match &self.unknown {
            Some(name) => Err(Problem::bad_request(format!(
                "'{name}' is no parameter of a file. Nothing was stored. Use {}.",
                NAMES.join(", ")
            ))),
            None => Ok(()),
        }
    }

    /// Refuses settings that have no meaning for a body that is no file.
    ///
    /// # Errors
    /// 400 if there are any.
    pub(super) fn refuse_file_settings(&self) -> Result<(), Problem> {
        match self.given.iter().find(|name| !FOR_ALL.contains(name)) {
            Some(name) => Err(Problem::bad_request(format!(
                "'{name}' is for files, and the body is none. Nothing was stored. Send the body as text/csv or application/x-ndjson, or leave '{name}' out."
            ))),
            None => Ok(()),
        }
    }

    /// Refuses settings that have a meaning for tables alone.
    ///
    /// # Errors
    /// 400 if there are any.
    pub(super) fn refuse_table_settings(&self) -> Result<(), Problem> {
        let is_for_tables = |name: &&&str| !FOR_ALL.contains(*name) && !["split", "charset"].contains(*name);
        match self.given.iter().find(is_for_tables) {
            Some(name) => Err(Problem::bad_request(format!(
                "'{name}' is for tables, and the body is none. Nothing was stored. Send the body as text/csv, or leave '{name}' out."
            ))),
            None => Ok(()),
        }
    }

    /// Takes a parameter. Returns whether it is one of these. One without a value is as if it were not there, but for those of dry
    /// runs: who began to write one wants nothing to be stored.
    fn add(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        refuse_misspelt(name)?;
        let Some(name) = NAMES.into_iter().find(|known| *known == name) else { return Ok(false) };
        // A tab is a delimiter.
        let value = if name == "delimiter" { value } else { value.trim() };
        if value.is_empty() && ![DRY_RUN, DIFF].contains(&name) {
            return Ok(true);
        }
        if self.given.contains(&name) {
            return Err(Problem::repeated_parameter(name));
        }
        self.given.push(name);
        let wrong = |expected: &str| {
            let value = shown(value);
            Problem::bad_request(format!("'{name}' must be {expected}, not '{value}'. Nothing was stored."))
        };
        match name {
            DRY_RUN | DIFF => self.dry_run.add(name, value)?,
            "mode" => self.mode = WriteMode::parse(value).ok_or_else(|| wrong("create, update or upsert"))?,
            "split" => self.splits = switch(value, "0", "1").ok_or_else(|| wrong("0 or 1"))?,
            "charset" => self.charset = Some(value.to_owned()),
            "mapping" => self.table.mapping = Some(ColumnMapping::parse(value)?),
            "delimiter" => {
                let expected = "one sign such as , ; or |, or one of comma, semicolon, tab and pipe";
                self.table.delimiter = Some(delimiter(value).ok_or_else(|| wrong(expected))?);
            }
            "header" => {
                self.table.has_no_header =
                    switch(value, "present", "absent").ok_or_else(|| wrong("present or absent"))?;
            }
            _ => self.table.blank_clears = switch(value, "keep", "clear").ok_or_else(|| wrong("keep or clear"))?,
        }
        Ok(true)
    }
}

/// Returns the beginning of what a client sent.
fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN_CHARS).collect()
}

fn switch(value: &str, off: &str, on: &str) -> Option<bool> {
    if value == on { Some(true) } else { (value == off).then_some(false) }
}

#[cfg(test)]
mod tests {
    use super::ImportSettings;
    use crate::domain::WriteMode;

    #[test]
    fn settings_are_read_from_a_query() {
        let settings =
            ImportSettings::of_query(Some("mode=create&delimiter=%3B&header=absent&blank=clear&split=1&x=y&charset="))
                .unwrap();
        assert_eq!((settings.mode, settings.splits, settings.charset), (WriteMode::Create, true, None));
        assert_eq!((settings.table.delimiter, settings.table.has_no_header), (Some(b';'), true));
        assert!(settings.table.blank_clears);
        for (text, delimiter) in [("tab", b'\t'), ("%09", b'\t'), ("%5Ct", b'\t'), ("pipe", b'|'), ("^", b'^')] {
            let settings = ImportSettings::of_query(Some(&format!("delimiter={text}"))).unwrap();
            assert_eq!(settings.table.delimiter, Some(delimiter), "{text}");
        }
    }

    #[test]
    fn other_values_are_refused_by_name() {
        for (query, part) in [
            ("mode=replace", "'mode' must be"),
            ("delimiter=ab", "'delimiter'"),
            ("delimiter=%22", "'delimiter'"),
            ("delimiter=a", "'delimiter'"),
            ("header=yes", "'header'"),
            ("blank=1", "'blank'"),
            ("split=true", "'split'"),
            ("mapping=x", "mapping must be a JSON object"),
            ("mode=create&mode=update", "twice"),
        ] {
            let refused = ImportSettings::of_query(Some(query)).unwrap_err();
            assert!(refused.message().contains(part), "{query}: {}", refused.message());
        }
    }

    #[test]
    fn a_setting_is_given_once() {
        let field = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let mut settings = ImportSettings::of_query(Some("mode=create&blank=&mdoe=update&x=1")).unwrap();
        assert!(settings.add_fields(&field("mode", "create")).unwrap_err().message().contains("'mode'"));
        assert!(settings.add_fields(&field("blank", "clear")).is_ok() && settings.table.blank_clears);
        assert!(settings.add_fields(&field("Mode", "create")).unwrap_err().message().contains("'Mode'"));
        assert!(settings.refuse_unknown().unwrap_err().message().contains("'mdoe'"));
        assert!(ImportSettings::of_query(Some("mode=create&x=&_")).unwrap().refuse_unknown().is_ok());
    }

    #[test]
    fn a_type_says_what_no_setting_says() {
        for (query, has_no_header, delimiter) in
            [("", true, b'\t'), ("header=present&delimiter=;", false, b';'), ("header=absent", true, b'\t')]
        {
            let mut settings = ImportSettings::of_query(Some(query)).unwrap();
            settings.add_type(true, true);
            assert_eq!((settings.table.has_no_header, settings.table.delimiter), (has_no_header, Some(delimiter)));
        }
    }
}
